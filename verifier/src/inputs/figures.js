// Smaller sections of the inputs: readings, matrices, payments, origins, an invoice.

import { ONE, ZERO, ceilOf, floorOf, fraction, isLess, parseNumber, plus, times } from
  "../fraction.js";
import { isMemberId } from "../ids.js";
import { TOWN } from "../scope.js";
import { bad, count, fields, perMember, quantity, rows, table, whole } from "./reader.js";

const PAYERS_MAX = 200_000;
const CELLS_MAX = 2_000_000;
const LINES_MAX = 10_000;

// The values by member, or for the whole town; all readings of one kpi have one scale.
export function kpiReader(known) {
  const reading = (value, where) => {
    const names = value instanceof Map && value.has("scale") ? ["value", "scale"] : ["value"];
    const found = fields(value, where, ...names);
    const scale = whole(found.get("scale") ?? (found.has("scale") ? null : 1), where);
    if (scale < 1n) bad(where, "a scale is at least 1");
    return [quantity(found.get("value"), where), scale];
  };
  const read = perMember(known, reading, TOWN);
  return (value, where) => {
    const found = [...read(value, where)];
    if (new Set(found.map(([, [, scale]]) => scale)).size > 1) bad(where, "different scales");
    return new Map(found.map(([id, [figure]]) => [id, figure]));
  };
}

function byPayer(value, where, read) {
  if (value instanceof Map && value.size > PAYERS_MAX) bad(where, "too many payers");
  const found = table(value, where, read);
  for (const payer of found.keys()) if (!isMemberId(payer)) bad(where, "not a payer's id");
  return found;
}

export function matrixReader(known) {
  const row = perMember(known, count);
  return (value, where) => {
    const found = byPayer(value, where, row);
    const cells = [...found.values()].reduce((all, uses) => all + uses.size, 0);
    return cells > CELLS_MAX ? bad(where, "too many figures") : found;
  };
}

export const readPayments = (value, where) => byPayer(value, where, count);

// What of the totals came from dealings with others or the public.
export function originReader(known, totals) {
  const split = perMember(known, (value, where) => {
    const part = quantity(value, where);
    return isLess(part, ZERO) ? bad(where, "negative") : part;
  });
  return (value, where) => {
    const found = table(value, where, split);
    const sums = new Map();
    for (const [origin, parts] of found) {
      if (origin !== "other" && origin !== "public") bad(where, "no origin that is split off");
      for (const [id, part] of parts) sums.set(id, plus(sums.get(id) ?? ZERO, part));
    }
    const own = totals.get(where.slice("/origins/".length)) ?? new Map();
    for (const [id, part] of sums) {
      if (isLess(own.get(id) ?? ZERO, part)) bad(where, `more is split off than ${id} has`);
    }
    return found;
  };
}

// The consumption tax of an invoice by rate, rounded once per rate; null without an invoice.
export function readTax(value) {
  if (value === undefined || value === null || (value instanceof Map && !value.size)) return null;
  const invoice = fields(value, "/invoice", "rounding", "lines");
  const rounding = invoice.get("rounding");
  if (!["floor", "half_up", "ceil"].includes(rounding)) bad("/invoice/rounding", "not known");
  const [seen, taxable] = [new Set(), new Map()];
  rows(invoice.get("lines"), "/invoice/lines", 0, LINES_MAX).forEach((row, at) => {
    const where = `/invoice/lines/${at}`;
    const line = fields(row, where, "id", "rate", "net_minor");
    const [id, rate] = [line.get("id"), line.get("rate")];
    if (typeof id !== "string" || seen.has(id)) bad(where, "no id, or one that stands twice");
    seen.add(id);
    const share = typeof rate === "string" ? parseNumber(rate) : bad(where, "no rate in quotes");
    if (isLess(share, ZERO) || isLess(ONE, share)) bad(where, "a rate is from 0 to 1");
    taxable.set(rate, (taxable.get(rate) ?? 0n) + whole(line.get("net_minor"), where));
  });
  return new Map([...taxable].map(([rate, amount]) => {
    const tax = roundTax(times(fraction(amount), parseNumber(rate)), rounding);
    return [rate, new Map([["taxable_minor", amount], ["tax_minor", tax]])];
  }));
}

// The tax of a credit note mirrors that of an invoice.
function roundTax(exact, rounding) {
  if (exact.n < 0n) return -roundTax({ n: -exact.n, d: exact.d }, rounding);
  if (rounding === "ceil") return ceilOf(exact);
  return floorOf(rounding === "floor" ? exact : plus(exact, fraction(1n, 2n)));
}
