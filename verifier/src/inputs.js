// The figures of one period, as a rule set takes them, read from the document that is hashed.

import { refuse } from "./errors.js";
import { parseNumber, sum } from "./fraction.js";
import { canonicalDigest } from "./json.js";
import { isMemberId } from "./rules.js";
import { isDate } from "./time.js";

const bad = (where, why) => refuse("malformed-rules", `inputs: ${where}: ${why}`);

// An integer as a number, a BigInt of the balances, or the text of one that is too large for JSON.
function quantity(value, where) {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? value : bad(where, "beyond ±(2**53 − 1)");
  }
  const number = parseNumber(value);
  return number.d === 1n ? number.n : bad(where, "a fraction");
}

function natural(value, where) {
  const number = quantity(value, where);
  return number < 0n ? bad(where, "negative") : number;
}

function table(map, where, read) {
  return new Map([...map].map(([name, value]) => [name, read(value, `${where}/${name}`)]));
}

function readRevenue(row, where) {
  const origin = row.get("origin");
  if (!["member", "other", "public"].includes(origin)) bad(`${where}/origin`, "no such origin");
  return { amount: quantity(row.get("amount_minor"), where), origin };
}

// The inputs that the ledger itself makes are always of this form; metered figures are whole.
export function readInputs(document) {
  const period = document.get("period");
  const start = period.get("start");
  const end = period.get("end");
  if (!isDate(start) || !isDate(end) || start >= end) bad("/period", "not two dates");
  const members = document.get("members");
  if (!members.length || !members.every(isMemberId)) bad("/members", "no members, or no ids");
  const known = new Set(members);
  const beside = document.get("beside") ?? [];
  if (!beside.every((id) => known.has(id))) bad("/beside", "not among the members");
  const perMember = (read) => (map, where) => {
    for (const id of map.keys()) if (!known.has(id)) bad(where, `${id} is not one of the members`);
    return table(map, where, read);
  };
  const field = (name, read) => table(document.get(name), `/${name}`, read);
  const inputs = {
    members, beside,
    totals: field("totals", perMember(quantity)),
    revenue: field("revenue", readRevenue),
    costs: field("costs", perMember(natural)),
    funding: field("funding", perMember(natural)),
    balances: field("balances", quantity),
    carry: field("carry", natural),
    owed: field("owed", perMember(natural)),
    opening: field("opening", quantity),
    document,
    hash: canonicalDigest(document),
  };
  checkTwice(inputs);
  checkOwed(inputs);
  return inputs;
}

function checkTwice({ totals, revenue }) {
  for (const name of totals.keys()) {
    if (name.startsWith("charge.") && revenue.has(name.slice(7))) {
      bad(`/revenue/${name}`, "it is metered as charges; the same money cannot be reported too");
    }
  }
}

function checkOwed({ owed, carry }) {
  for (const [step, amounts] of owed) {
    if (sum([...amounts.values()]) !== (carry.get(step) ?? 0n)) {
      bad(`/owed/${step}`, "the amounts do not add up to the carry");
    }
  }
}
