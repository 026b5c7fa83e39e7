// Rule sets: proposed with their text, adopted by the charter's quorum, in force from a date.

import { toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { propose } from "./proposals.js";
import { namesUsed, parseRules } from "./rules.js";
import { needsEverybody } from "./rules/profiles.js";
import { checkHeadcount } from "./rules/steps.js";
import { SUSPENSE, digitsOf, termsOf } from "./state.js";
import { ofRules } from "./subjects.js";
import { SALT_BYTES } from "./totals.js";

const COUNT = "count."; // count.trips is reported, and trips is the metric behind it

// Who must agree where the law asks for all partners, whatever quorum the charter names.
const EVERY_MEMBER = { roles: ["member"], threshold: "1/1" };

export function proposeRules(step, body) {
  if (step.right.approve === null) refuse("malformed-entry", "a rule set needs a quorum");
  const rules = parseRules(step.blob(body.text, "the rule set's text").subarray(SALT_BYTES));
  const found = [rules.ruleset, rules.version, rules.effective_from, toHex(rules.hash)];
  const stated = [body.ruleset, body.version, body.effective_from, body.rule_hash];
  if (stated.some((value, i) => value !== found[i])) {
    refuse("malformed-entry", `the entry says ${stated}, the rule set's text says ${found}`);
  }
  checkNames(step.state, rules);
  checkHeadcount(rules, sharingNow(step.state));
  checkSuccession(step.state, body);
  const subject = ofRules(body);
  const { rule_hash: subjectHash } = body;
  const quorum = needsEverybody(rules) ? EVERY_MEMBER : step.right.approve;
  return propose(step, quorum, { subject, subjectHash, body: step.entry.body });
}

// Who would share in a month of now: members in that role, and whoever funds an asset.
function sharingNow({ members, funding }) {
  const active = [...members].filter(([, { left, roles }]) =>
    left === null && roles.includes("member"));
  const funders = [...funding.values()].flatMap(({ amounts }) => [...amounts.keys()]);
  return [...active.map(([id]) => id), ...funders];
}

function checkNames(state, rules) {
  const { vocabulary, period, time_zone: zone } = termsOf(state);
  const used = namesUsed(rules);
  // What the charter lets nobody report: better known now than when the month is to be closed.
  const { authority } = termsOf(state);
  used.counts = new Set([...used.metrics].filter((name) => name.startsWith(COUNT)));
  used.metrics = new Set([...used.metrics].map((name) =>
    (used.counts.has(name) ? name.slice(COUNT.length) : name)));
  const reported = [
    ["kpi-reported", ["kpis"]], ["figures-reported", ["counts", "matrices", "games", "ballots"]],
  ];
  for (const [kind, registers] of reported) {
    const needed = registers.flatMap((register) => [...used[register]]);
    if (needed.length && !authority.has(kind)) refuse("unknown-field", `nobody reports ${needed}`);
  }
  const known = {
    metrics: vocabulary.metrics.map((term) => term.id),
    charges: vocabulary.charges.map((term) => term.id),
    members: [...state.members.keys(), SUSPENSE],
  };
  for (const [register, names] of Object.entries(known)) {
    const unknown = [...used[register]].filter((name) => !names.includes(name));
    if (unknown.length) refuse("unknown-field", `the rules use unknown ${register}: ${unknown}`);
  }
  const bad = (why) => refuse("malformed-rules", why);
  const digits = digitsOf(state, rules.currency);
  if (digits !== rules.minor_digits) bad("the digits are not the charter's");
  if (rules.late !== null) {
    const { grace_days: grace = 0, max_lookback_periods: lookback = 12 } = rules.late;
    if (grace !== period.grace_days || lookback !== period.lookback_periods) {
      bad("grace or look-back are not the charter's");
    }
  }
  if (rules.timezone !== zone) bad(`the time zone is ${zone}, not ${rules.timezone}`);
}

function checkSuccession(state, body) {
  if (state.rule_sets.some((adopted) => adopted.rule_hash === body.rule_hash)) {
    refuse("duplicate-id", "this very rule set is adopted already");
  }
  const last = state.rule_sets.at(-1);
  if (last && body.effective_from < last.effective_from) {
    refuse("conflict", `version ${last.version} holds from ${last.effective_from}; not earlier`);
  }
  if (last && (body.ruleset !== last.ruleset || body.version !== last.version + 1)) {
    refuse("conflict", `the next rule set is ${last.ruleset} version ${last.version + 1}`);
  }
  // A month that is not cut off yet may still be given rules, and the later ones keep theirs.
  const opened = [...state.periods.values()];
  const pending = opened.filter((period) => period.cut_off === null);
  for (const { id, cut_off: cut } of opened) {
    const isBlocked = cut !== null && !pending.some((earlier) => earlier.id < id);
    if (isBlocked && body.effective_from <= `${id}-01`) {
      refuse("conflict", `${id} is closed; a rule set cannot reach back into it`);
    }
  }
}

export function enactRules(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  checkSuccession(state, body);
  const { ruleset, version, effective_from, rule_hash } = body;
  const adopted = { ruleset, version, effective_from, rule_hash, text_sha256: body.text.sha256 };
  return { ...state, rule_sets: [...state.rule_sets, adopted] };
}

export function rulesInForce(state, period) {
  const firstDay = `${period.id}-01`;
  const fitting = state.rule_sets.filter((adopted) => adopted.effective_from <= firstDay);
  return fitting.at(-1) ?? refuse("infeasible", `no rule set is in force on ${firstDay}`);
}

// The rule set that the cut-off of a period fixed.
export function rulesOf(state, period, evidence) {
  const wanted = period.cut_off.rule_hash;
  const adopted = state.rule_sets.find((one) => one.rule_hash === wanted);
  return parseRules(evidence.blob(adopted.text_sha256).subarray(SALT_BYTES));
}
