// The figures of one period, as a rule set takes them, read from the document that is hashed.

import { refuse, recode } from "./errors.js";
import { ZERO, plus, sum } from "./fraction.js";
import { isMemberId } from "./ids.js";
import { readBallots } from "./inputs/ballots.js";
import { kpiReader, matrixReader, originReader, readPayments, readTax } from "./inputs/figures.js";
import { fundingReader } from "./inputs/funding.js";
import { gameReader } from "./inputs/games.js";
import { bad, count, fields, perMember, quantity, table, whole } from "./inputs/reader.js";
import { canonicalDigest } from "./json.js";
import { isDate } from "./time.js";

const MEMBERS_MAX = 200_000;
const KNOWN = new Set([
  "kyojo_inputs", "period", "members", "totals", "revenue", "costs", "funding", "balances", "carry",
  "owed", "opening", "beside", "recoup", "games", "ballots", "kpis", "matrices", "payments",
  "origins", "invoice",
]);

// Revenue is an integer, which members brought, or {amount_minor, origin}.
function readRevenue(row, where) {
  if (!(row instanceof Map)) return { amount: whole(row, where), origin: "member" };
  const given = fields(row, where, "amount_minor", "origin");
  const origin = given.get("origin");
  if (!["member", "other", "public"].includes(origin)) bad(`${where}/origin`, "no such origin");
  return { amount: whole(given.get("amount_minor"), where), origin };
}

function readPeriod(document) {
  const period = fields(document.get("period"), "/period", "start", "end");
  const [start, end] = [period.get("start"), period.get("end")];
  const isPeriod = typeof start === "string" && typeof end === "string" && isDate(start) &&
    isDate(end) && start < end;
  return isPeriod ? { start, end } : bad("/period", "not two dates");
}

function readMembers(document) {
  const members = document.get("members");
  if (!Array.isArray(members) || !members.length || members.length > MEMBERS_MAX) {
    bad("/members", "not a list of ids");
  }
  if (!members.every(isMemberId)) bad("/members", "not all are ids");
  if (new Set(members).size !== members.length) bad("/members", "an id stands twice");
  return members;
}

function readBeside(document, known) {
  const beside = document.get("beside") ?? (document.has("beside") ? null : []);
  if (!Array.isArray(beside)) bad("/beside", "not a list of ids");
  return beside.every((id) => known.has(id)) ? beside : bad("/beside", "not among the members");
}

export function readInputs(document) {
  return recode("malformed-rules", () => read(document));
}

function read(document) {
  if (!(document instanceof Map)) refuse("malformed-rules", "inputs are not an object");
  for (const name of document.keys()) if (!KNOWN.has(name)) bad(`/${name}`, "an unknown field");
  if (document.get("kyojo_inputs") !== 1) bad("/kyojo_inputs", "must be 1");
  const { start, end } = readPeriod(document);
  const members = readMembers(document);
  const known = new Set(members);
  const beside = readBeside(document, known);
  const section = (name) => document.get(name) ?? (document.has(name) ? null : new Map());
  const field = (name, reader) => table(section(name), `/${name}`, reader);
  const counts = perMember(known, count);
  const totals = field("totals", perMember(known, quantity));
  const inputs = {
    start, end, members, beside, totals,
    revenue: field("revenue", readRevenue),
    costs: field("costs", counts),
    funding: field("funding", fundingReader(known, start, end)),
    kpis: field("kpis", kpiReader(known)),
    matrices: field("matrices", matrixReader(known)),
    payments: readPayments(section("payments"), "/payments"),
    origins: field("origins", originReader(known, totals)),
    balances: field("balances", whole),
    carry: field("carry", count),
    owed: field("owed", counts),
    opening: field("opening", whole),
    recoup: counts(section("recoup"), "/recoup"),
    games: field("games", gameReader(known)),
    ballots: field("ballots", readBallots),
    tax: readTax(document.get("invoice")),
    document,
    hash: canonicalDigest(document),
  };
  checkCharges(inputs);
  checkOwed(inputs);
  return inputs;
}

// The same money must not be metered and reported; charges are whole.
function checkCharges({ totals, revenue }) {
  for (const [name, row] of totals) {
    if (!name.startsWith("charge.")) continue;
    if (revenue.has(name.slice(7))) {
      bad(`/revenue/${name}`, "it is metered as charges; the same money cannot be reported too");
    }
    for (const amount of row.values()) if (amount.d !== 1n) bad(`/totals/${name}`, "not whole");
  }
}

function checkOwed({ owed, carry }) {
  for (const [step, amounts] of owed) {
    if (sum([...amounts.values()]) !== (carry.get(step) ?? 0n)) {
      bad(`/owed/${step}`, "the amounts do not add up to the carry");
    }
  }
}

// The sum of a total's figures.
export const totalOf = (row) => [...(row?.values() ?? [])].reduce(plus, ZERO);
