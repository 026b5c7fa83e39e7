// The field types of the rule language.

import { refuse } from "../errors.js";
import { ONE, ZERO, isLess, parseNumber } from "../fraction.js";
import { SPACE, WHITE, isMemberId } from "../ids.js";
import { HALF_EVEN } from "../rounding.js";
import {
  WORD, either, integer, list, nullable, object, oneOf, reads, record, text,
} from "../schema.js";
import { SHORT_RULES } from "../short.js";
import { isDate } from "../time.js";

export const OUTSIDE = new RegExp(`^[^${WHITE}+/~]{1,128}$`, "u");
export const POOL_SOURCE = new RegExp(`^(revenue|charge|total)\\.[^${WHITE}+/~]{1,128}$`, "u");
const REFERENCE = new RegExp(
  "^(?:(?:step|pool|balance)\\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}|" +
    `(?:cost|total)\\.[^${SPACE}+/~]{1,128})$`,
  "u",
);
const TOTAL_TOKENS = ["member_asc", "member_desc", "declared"];
const bad = (why) => refuse("malformed-rules", why);

function nonNegative(value) {
  const number = parseNumber(value);
  return isLess(number, ZERO) ? bad(`${value} is negative`) : number;
}

function readProportion(value) {
  const number = nonNegative(value);
  return isLess(ONE, number) ? bad(`${value} is more than 100 %`) : number;
}

// {percent: 5%, of: opening}, or null when the value is no map.
function percentage(value) {
  if (!(value instanceof Map)) return null;
  const isKnown = [...value.keys()].every((name) => name === "percent" || name === "of");
  const of = value.get("of") ?? (value.has("of") ? null : "opening");
  if (!isKnown || !value.has("percent") || of !== "opening") bad("not a limit or rate");
  return { percent: readProportion(value.get("percent")), ofOpening: true };
}

// {of: step.x, times: 2}, or null when the value is not of that form.
function multiple(value) {
  if (!(value instanceof Map) || value.has("percent") || !value.has("of")) return null;
  const of = value.get("of");
  const isKnown = [...value.keys()].every((name) => name === "of" || name === "times");
  if (!isKnown || typeof of !== "string" || !REFERENCE.test(of)) bad("not a limit of something");
  return { of, times: value.has("times") ? nonNegative(value.get("times")) : ONE };
}

// What a condition compares: readings as they are given, so no percentage.
function readReading(value) {
  if (typeof value === "string" && value.endsWith("%")) bad(`${value} is a percentage`);
  return parseNumber(value);
}

function readBound(value) {
  if (typeof value === "number" && value >= 0) return { amount: BigInt(value) };
  if (typeof value === "string" && value.endsWith("%")) return { percent: readProportion(value) };
  return null;
}

function readLimit(value) {
  return readBound(value) ?? multiple(value) ?? percentage(value) ??
    bad("not an amount, a percentage or a map");
}

export const number = reads((value) => parseNumber(value));
export const reading = reads(readReading);
export const weight = reads(nonNegative);
export const proportion = reads(readProportion);
export const weightOrRemaining =
  reads((value) => (value === "remaining" ? null : nonNegative(value)));
export const limit = reads(readLimit);
export const rate = reads((value) => percentage(value) ?? { percent: readProportion(value) });
export const bound =
  reads((value) => readBound(value) ?? bad("neither whole minor units nor a percentage"));
export const memberName = reads((value) => (isMemberId(value) ? value : bad("not a member id")));
export const date =
  reads((value) => (typeof value === "string" && isDate(value) ? value : bad("not a date")));
export const name = text({ pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/ });
export const fund = text({ pattern: /^fund\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/ });
export const account = text({ pattern: /^(fund|pool)\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/ });
export const outside = text({ pattern: OUTSIDE });
export const count = integer(0);
export const flag = oneOf(true, false);
export const members = nullable(list(memberName, 1));
export const label = nullable(object({}, { ja: nullable(text()), en: nullable(text()) }));
export const shortRule = oneOf(...SHORT_RULES);

// A Map with at least one name.
export function filled(value, key) {
  const shape = record(value, key);
  return (found, where, faults) => {
    if (found instanceof Map && !found.size) {
      faults.push({ where, code: "malformed-rules", message: "at least one is needed" });
    }
    return shape(found, where, faults);
  };
}

// The shape that the field `kind` names.
export function byKind(shapes) {
  return (value, where, faults) => {
    const kind = value instanceof Map ? value.get("kind") : undefined;
    if (typeof kind !== "string" || !Object.hasOwn(shapes, kind)) {
      const unknown = typeof kind === "string" ? WORD : null;
      faults.push({ where, code: "malformed-rules", message: "no kind known here", unknown });
      return undefined;
    }
    return shapes[kind](value, where, faults);
  };
}

// One shape for a map, another for everything else.
export const oneOrMap = (one, map) => (value, where, faults) =>
  (value instanceof Map ? map : one)(value, where, faults);

export const rounding = object({}, {
  method: oneOf("largest_remainder", "sequential", HALF_EVEN),
  tie_break: list(oneOf("weight_desc", "weight_asc", "member_asc", "member_desc", "declared")),
  half_even_residual_to: nullable(either(memberName, fund)),
  // What `true` will mean is not known here.
  cumulative: (value, where, faults) => {
    const unknown = value === true ? WORD : null;
    if (value !== false) faults.push({ where, code: "malformed-rules", message: "later", unknown });
    return value;
  },
});

const DEFAULT_ROUNDING = { method: "largest_remainder", tie_break: ["weight_desc", "member_asc"] };

// A policy as the arithmetic takes it.
export function policyOf(found) {
  const residualTo = found?.half_even_residual_to ?? null;
  const { method, tie_break } = { ...DEFAULT_ROUNDING, ...found };
  return { method: residualTo === null ? method : HALF_EVEN, tie_break, residualTo };
}

export function checkRounding(found) {
  const { tie_break: tokens, residualTo } = policyOf(found);
  if (new Set(tokens).size !== tokens.length) bad("a token of tie_break stands twice");
  if (!TOTAL_TOKENS.includes(tokens.at(-1))) bad("the last token must be total");
  const method = found?.method;
  if (method === HALF_EVEN && residualTo === null) bad("half-even rounding needs an account");
  if (residualTo !== null && method !== undefined && method !== HALF_EVEN) {
    bad("this method leaves no residual");
  }
}
