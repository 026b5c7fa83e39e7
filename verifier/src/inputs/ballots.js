// Citizens' votes: who approves which projects, and what each voter gave to them.

import { compareText, sortedTexts } from "../bytes.js";
import { SPACE } from "../ids.js";
import { bad, count, fields, rows, table } from "./reader.js";

const PROJECTS_MAX = 1000;
const VOTES_MAX = 200_000;
const PROJECT = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const VOTER = new RegExp(`^[^${SPACE}]{1,128}$`, "u");

function costOf(value, where) {
  if (!(value instanceof Map)) bad(where, "a project is {cost}, or {}");
  if (!value.size) return null;
  const cost = count(fields(value, where, "cost").get("cost"), where);
  return cost || bad(where, "a project with a cost costs at least 1");
}

function readCosts(value, where) {
  const found = table(value, where, costOf);
  if (found.size > PROJECTS_MAX) bad(where, `more than ${PROJECTS_MAX} projects`);
  for (const name of found.keys()) if (!PROJECT.test(name)) bad(where, "not a project's name");
  return new Map([...found].sort(([a], [b]) => compareText(a, b)));
}

function approve(list, where, costs) {
  if (!Array.isArray(list)) bad(where, "a list of projects is expected");
  const named = new Set(list);
  if (named.size !== list.length) bad(where, "a project stands twice");
  for (const project of list) if (!costs.has(project)) bad(where, "there is no such project");
  return sortedTexts(named);
}

// Costs by project; approvals as [projects, number of voters]; contributions in ascending order.
export function readBallots(value, where) {
  const ballots = fields(value, where, "projects", "votes");
  const costs = readCosts(ballots.get("projects"), `${where}/projects`);
  const [voters, groups, given] = [new Set(), new Map(), new Map()];
  rows(ballots.get("votes"), `${where}/votes`, 0, VOTES_MAX).forEach((row, at) => {
    const place = `${where}/votes/${at}`;
    const isApproval = row instanceof Map && row.has("approve");
    const vote = fields(row, place, "voter", isApproval ? "approve" : "amounts");
    const voter = vote.get("voter");
    if (typeof voter !== "string" || !VOTER.test(voter)) bad(place, "not a voter's id");
    if (isApproval) {
      if (voters.has(voter)) bad(place, `${voter} approves twice`);
      voters.add(voter);
      const approved = approve(vote.get("approve"), place, costs);
      const key = approved.join("+");
      groups.set(key, [approved, (groups.get(key)?.[1] ?? 0n) + 1n]);
    } else {
      for (const [project, amount] of table(vote.get("amounts"), place, count)) {
        if (!costs.has(project)) bad(place, "there is no such project");
        const own = given.get(project) ?? new Map();
        given.set(project, own.set(voter, (own.get(voter) ?? 0n) + amount));
      }
    }
  });
  const contributions = new Map([...costs.keys()].map((project) => {
    const amounts = [...(given.get(project)?.values() ?? [])].filter((amount) => amount);
    return [project, amounts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))];
  }));
  return { costs, approvals: [...groups.values()], contributions };
}
