// The shape of settlements and statements that come from outside: closed and strict.

import { hash } from "./bodies.js";
import { refuse } from "./errors.js";
import { DIGITS_MAX, formatFraction, parseIntegerJson, parseNumber } from "./fraction.js";
import { HALF_EVEN } from "./rounding.js";
import {
  anything, integer, list, nullable, object, oneOf, reads, record, text, truth, tuple,
} from "./schema.js";
import { SHORT_RULES } from "./short.js";

const FRACTION_LENGTH_MAX = 2 * DIGITS_MAX + 2;
const bad = (why) => refuse("malformed-document", why);
const whole = reads(parseIntegerJson);
const natural = reads((value) => {
  const found = parseIntegerJson(value);
  return found < 1n ? bad("not a positive integer") : found;
});
const exact = reads((value) => {
  const found = typeof value === "string" ? parseNumber(value, FRACTION_LENGTH_MAX) : null;
  const isLowest = found !== null && formatFraction(found.n, found.d) === value;
  return isLowest ? found : bad("not a fraction in lowest terms");
});
const weight = reads((value) => {
  const faults = [];
  const found = exact(value, "", faults);
  return faults.length || found.n < 0n ? bad("not a fraction from 0 in lowest terms") : found;
});
const count = integer(0);
const positive = integer(1);
const any = text();
const amounts = record(whole);

// What exact amounts rest on where they are no plain proportion.
const basis = object({
  rule: oneOf(...SHORT_RULES, "bounds", "caps"), scale: nullable(weight), losses: truth,
  of_floors: truth, cap: nullable(whole), floor: nullable(whole), rest: whole,
  weight_total: weight, denominator: natural, commitment: hash,
});

const rounding = object(
  {
    method: oneOf("largest_remainder", "sequential", HALF_EVEN),
    tie_break: list(oneOf("weight_desc", "weight_asc", "member_asc", "member_desc", "declared")),
  },
  { half_even_residual_to: nullable(any) },
);

const division = object(
  {
    weight_total: weight, denominator: natural, commitment: hash, rounding, extra_units: count,
    cut_off: nullable(object({ unserved_below: weight, served_above: weight })),
    parts: list(object({ part: any, fraction: weight, weight_total: weight })),
  },
  {
    total: nullable(whole), recouped: whole, residual: nullable(whole), basis: nullable(basis),
  },
);

const step = object(
  {
    step: any, kind: any, source: any, available: whole, taken: whole, left: whole,
    notes: list(any), fund: nullable(any), division: nullable(division),
  },
  {
    payees: nullable(amounts), as: nullable(oneOf("charge")), unit: nullable(any),
    tax: nullable(oneOf("none", "taxable_sale", "sales_return", "purchase_return")),
  },
);

const unit = object({ in: whole, members: whole, left: whole, out: whole });
const totals = object(
  {
    paid_to_members: whole, paid_to_suspense: whole, charged_to_members: whole,
    funds: amounts, projects: amounts, pools_left: amounts, carry: amounts, in: whole, out: whole,
  },
  { recoup: whole, costs: amounts, units: record(unit) },
);

const required = {
  kyojo_settlement: oneOf(1), period: any, as_of_index: count, log_root: hash, state_hash: hash,
  ruleset: any, version: positive, rule_hash: hash, inputs_hash: hash,
  lines: object({ sha256: hash, bytes: count }), currency: any, minor_digits: integer(0, 9),
  member_count: count, account_count: positive, pools: amounts, steps: list(step),
  totals, seed_commitment: hash, weights_root: hash, amounts_root: hash,
  charges_root: nullable(hash),
};

export const settlementShape = object(required, {
  units: record(any), costs: amounts,
  tax: record(object({ taxable_minor: whole, tax_minor: whole })),
});

const proof = object({ salt: hash, siblings: list(object({ hash, sum: whole })) });
const sources = list(object({ where: any, value: exact }));
const labels = record(any);
const sum = object({ total_minor: whole, proof });

const line = object(
  {
    step: any, part: nullable(any), member: any, weight: exact, share: exact, exact,
    amount_minor: nullable(whole),
  },
  { recouped_minor: whole },
);
const ownBasis = object({
  weight_units: whole, cap: nullable(whole), floor: nullable(whole), proof,
});
const ownStep = object(
  {
    step: any, label: labels, takes_part: truth, weight_units: whole, quotient: whole,
    remainder: whole, extra: whole, rank: nullable(positive), amount_minor: whole, sources,
    parts: list(object({ part: any, label: labels, sources })), proof,
  },
  { recouped_minor: whole, basis: nullable(ownBasis) },
);

const requiredOfStatement = {
  kyojo_statement: oneOf(1), settlement_id: hash, settlement: record(), member: any,
  leaf_index: count, lines: list(line), steps: list(ownStep),
  amounts: sum, charges: nullable(sum), net_minor: whole,
  limits: list(object({ en: any, ja: any })),
};

export const statementShape = object(requiredOfStatement, {
  recoup: nullable(object({ before: whole, advanced: whole, after: whole })),
});

const payable = object({
  size: count, state_hash: hash, status: oneOf("proposed", "disputed", "approved", "settled"),
  net_minor: whole, repaid: list(object({ step: any, amount_minor: whole })),
  posted: list(
    object({ kind: oneOf("correction", "dispute"), id: hash, amount_minor: whole }),
  ),
  held: list(object({ dispute: hash, amount_minor: whole, posted_in: nullable(any) })),
  offset_minor: whole, owing_minor: whole, payable_minor: whole,
  limits: list(object({ en: any, ja: any })),
});

const inclusion = { index: count, entry: any, hashes: list(hash, 0, 63) };

const memberStatement = {
  kyojo_member_statement: oneOf(1), origin: any, genesis: hash, member: any, statement: record(),
  usage: object({
    batches: list(
      object({
        ...inclusion, count, root: hash, salt: hash,
        totals: list(tuple(any, any, any, any, integer())),
      }),
    ),
    totals: list(tuple(any, any, any, integer())),
  }),
  reports: list(object({ where: any, entries: list(count) })),
  proof: object({ ...inclusion, checkpoint: any }),
  anchors: list(record(anything)), names: record(anything),
};

const followed = object({ statement: record(), proof: object(inclusion) });

export const memberStatementShape = object(memberStatement, {
  payable: nullable(payable), corrections: nullable(list(followed, 1)),
});

const sides = {
  in: whole, raised: whole, lowered: whole, suspense: whole, funds: amounts, projects: amounts,
  charged: amounts, pools_left: amounts, carry: amounts,
};

export const correctionShape = object({
  kyojo_correction: oneOf(1), posted_in: any, currency: any, minor_digits: integer(0, 9),
  periods: list(object({
    ...sides, period: any, correction_of: hash, ruleset: any, version: positive, rule_hash: hash,
    inputs_hash: hash, style: oneOf("delta", "ledger"),
  })),
  account_count: positive, totals: object(sides),
  rows: object({ sha256: hash, bytes: count }), seed_commitment: hash, raised_root: hash,
  lowered_root: hash,
});

export const correctionPartShape = object({
  kyojo_correction_statement: oneOf(1), correction_id: hash, correction: record(), member: any,
  leaf_index: count,
  rows: list(object({
    member: any, period: any, charge_class: oneOf("Correction"),
    role: oneOf("delta", "negate", "restate"), amount_minor: whole, correction_of: hash,
  })),
  net_minor: whole, raised: sum, lowered: sum,
});
