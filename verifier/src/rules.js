// Rule sets: the shape and the meaning of the document in a rule set's text.
//
// `rule_hash` is SHA-256 of the RFC 8785 form of the document as parsed. The rule language grows:
// words that are not known here make a rule set unknown, for a later ledger may know them.

import { recode, refuse } from "./errors.js";
import { ZERO, isLess, isSame, ONE, parseNumber, total } from "./fraction.js";
import { canonicalDigest } from "./json.js";
import {
  FIELD, WORD, integer, list, nullable, object, oneOf, reads, record, takeKnown, text,
} from "./schema.js";
import { isDate, requireZone } from "./time.js";
import { readYaml } from "./yaml.js";

const RESERVED = ["fund.", "pool.", "project.", "suspense:"];
const SPACE = "\\u0009-\\u000d\\u001c-\\u001f \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029" +
  "\\u202f\\u205f\\u3000";
const MEMBER = new RegExp(`^[^+${SPACE}]{1,64}$`, "u");
// Rust's \s, which judged outside names when they were signed, leaves out U+001C to U+001F.
const WHITE = SPACE.replace("\\u001c-\\u001f", "");
const OUTSIDE = new RegExp(`^[^${WHITE}+/~]{1,128}$`, "u");
const SOURCE = new RegExp(`^(revenue|charge)\\.[^${WHITE}+/~]{1,128}$`, "u");
const TOTAL_TOKENS = ["member_asc", "member_desc", "declared"];
const bad = (why) => refuse("malformed-rules", why);

function nonNegative(value) {
  const number = parseNumber(value);
  return isLess(number, ZERO) ? bad(`${value} is negative`) : number;
}

function proportion(value) {
  const number = nonNegative(value);
  return isLess(ONE, number) ? bad(`${value} is more than 100 %`) : number;
}

export function isMemberId(value) {
  return typeof value === "string" && MEMBER.test(value) &&
    !RESERVED.some((prefix) => value.startsWith(prefix));
}

// {percent: 5%, of: opening}, or null when the value is no map.
function percentage(value) {
  if (!(value instanceof Map)) return null;
  const isKnown = [...value.keys()].every((name) => name === "percent" || name === "of");
  const of = value.get("of") ?? (value.has("of") ? null : "opening");
  if (!isKnown || !value.has("percent") || of !== "opening") bad("not a limit or rate");
  return { percent: proportion(value.get("percent")), ofOpening: true };
}

function limit(value) {
  if (typeof value === "number" && value >= 0) return { amount: BigInt(value) };
  if (typeof value === "string" && value.endsWith("%")) return { percent: proportion(value) };
  return percentage(value) ?? bad("not an amount, a percentage or a map");
}

const rate = (value) => percentage(value) ?? { percent: proportion(value) };

const name = text({ pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/ });
const outside = text({ pattern: OUTSIDE });
const memberName = reads((value) => (isMemberId(value) ? value : bad("not a member id")));
const count = integer(0);
const label = object({}, { ja: nullable(text()), en: nullable(text()) });
const rounding = object({}, {
  method: oneOf("largest_remainder", "sequential"),
  tie_break: list(oneOf("weight_desc", "weight_asc", "member_asc", "member_desc", "declared")),
});
const members = nullable(list(memberName, 1));
const boolean = oneOf(true, false);
const weightOrRemaining = reads((value) => (value === "remaining" ? null : nonNegative(value)));

const KEYS = {
  equal: object({ kind: oneOf("equal") }, { members }),
  fixed: object(
    { kind: oneOf("fixed"), weights: record(weightOrRemaining, memberName) },
    { members, strict: boolean },
  ),
  proportional: object({ kind: oneOf("proportional"), input: outside }, { members }),
  capital: object(
    { kind: oneOf("capital") }, { members, asset: nullable(outside), time_weighted: oneOf(false) },
  ),
};

// The shape that the field `kind` names.
function byKind(shapes) {
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

const key = byKind(KEYS);
const common = {
  limit: nullable(reads(limit)), of: oneOf("entry", "opening"), rounding: nullable(rounding),
  label: nullable(label),
};
const part = object({ id: name, weight: reads(nonNegative), key }, { label: nullable(label) });

const STEPS = {
  recover_cost: object(
    { kind: oneOf("recover_cost"), id: name, source: outside, costs: list(outside, 1) },
    {
      ...common, pay: oneOf("payers", null), key: nullable(key), carry_forward: boolean,
      short_rule: oneOf("proportional"),
    },
  ),
  reserve: object(
    {
      kind: oneOf("reserve"), id: name, source: outside,
      to: text({ pattern: /^fund\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/ }),
    },
    {
      ...common, rate: nullable(reads(rate)), amount: nullable(count),
      until_balance: nullable(count), round: oneOf("floor"),
    },
  ),
  allocate: object(
    { kind: oneOf("allocate"), id: name, source: outside },
    {
      ...common, key: nullable(key), parts: nullable(list(part, 1)),
      if_no_weight: oneOf("error", "carry", "equal"),
    },
  ),
};

const shape = object(
  {
    kyojo_rules: oneOf(1), ruleset: name, version: integer(1),
    effective_from: reads((value) => (isDate(value) ? value : bad("not a date"))),
    timezone: text(), currency: text({ pattern: /^[A-Z]{3}$/ }), minor_digits: integer(0, 9),
    pools: record(
      object(
        { from: list(text({ pattern: SOURCE })) },
        { origin: nullable(oneOf("member", "other", "public")) },
      ),
      name,
    ),
    steps: list(byKind(STEPS)),
  },
  {
    profile: oneOf("generic"), rounding, members,
    inputs: record(object({ metric: outside }, { agg: oneOf("sum") }), name),
    approval: nullable(
      object({ threshold: reads(proportion) }, {
        weights: oneOf("equal"), objection_days: count, pay_undisputed: boolean,
        dispute_days: integer(1, 90),
      }),
    ),
    late: nullable(
      object({}, {
        grace_days: count, max_lookback_periods: count, materiality_minor: count,
        style: oneOf("delta", "ledger"),
      }),
    ),
  },
);

const DEFAULT_ROUNDING = { method: "largest_remainder", tie_break: ["weight_desc", "member_asc"] };

export function fullRounding(found) {
  return { ...DEFAULT_ROUNDING, ...found };
}

function checkRounding(found) {
  const tokens = fullRounding(found).tie_break;
  if (new Set(tokens).size !== tokens.length) bad("a token of tie_break stands twice");
  if (!TOTAL_TOKENS.includes(tokens[tokens.length - 1])) bad("the last token must be total");
}

function checkUnique(names, what) {
  if (new Set(names).size !== names.length) bad(`${what} stands twice`);
}

function checkKey(found) {
  if (found.kind !== "fixed") return;
  const given = [...found.weights.values()];
  const numbers = given.filter((weight) => weight !== null);
  const open = given.length - numbers.length;
  const whole = total(numbers);
  if (given.length < 1) bad("at least one weight is needed");
  if (open > 1) bad("only one weight may be 'remaining'");
  if (open === 1 && isLess(ONE, whole)) bad("nothing remains");
  if (open === 0 && whole.n === 0n) bad("the weights add up to 0");
  if (open === 0 && found.strict && !isSame(whole, ONE)) bad("strict weights must add up to 1");
  if (found.members && [...found.weights.keys()].some((id) => !found.members.includes(id))) {
    bad("a weight is given to somebody outside 'members'");
  }
}

export function keysOf(step) {
  return [...(step.parts ?? []).map((one) => one.key), step.key].filter((one) => one);
}

function checkStep(step, pools) {
  if (!pools.has(step.source)) bad(`there is no pool ${step.source}`);
  if (step.rounding) checkRounding(step.rounding);
  keysOf(step).forEach(checkKey);
  const given = (field) => (step[field] ?? null) !== null;
  if (step.kind === "reserve" && given("rate") === given("amount")) {
    bad("a reserve needs either 'rate' or 'amount'");
  }
  if (step.kind === "recover_cost" && given("key") && given("pay")) bad("two ways of paying");
  if (step.kind !== "allocate") return;
  if (given("key") === given("parts")) bad("an allocation needs either 'key' or 'parts'");
  if (!given("parts")) return;
  checkUnique(step.parts.map((one) => one.id), "a part");
  if (total(step.parts.map((one) => one.weight)).n === 0n) bad("the parts weigh nothing");
}

// The same money must not flow into two pools.
function checkPools(pools) {
  const fed = new Map();
  for (const [pool, { from, origin }] of pools) {
    checkUnique(from, "a source");
    for (const source of from) {
      for (const one of origin ? [origin] : ["member", "other", "public"]) {
        const place = `${source} ${one}`;
        if ((fed.get(place) ?? pool) !== pool) bad(`${source} already flows into another pool`);
        fed.set(place, pool);
      }
    }
  }
}

// Read a rule set's text; refuses with the first fault found.
export function parseRules(bytes) {
  const document = readYaml(bytes);
  if (!(document instanceof Map)) bad("a rule set is a mapping of names to values");
  const rules = takeKnown(shape, document, "rule set", "malformed-rules", FIELD, WORD);
  recode("malformed-rules", () => requireZone(rules.timezone));
  checkRounding(rules.rounding);
  checkUnique(rules.members ?? [], "a member");
  checkPools(rules.pools);
  checkUnique(rules.steps.map((step) => step.id), "a step");
  for (const step of rules.steps) checkStep(step, rules.pools);
  const recovered = rules.steps.flatMap((step) => [...new Set(step.costs ?? [])]);
  checkUnique(recovered, "a cost");
  for (const step of rules.steps) checkUnique(step.costs ?? [], "a cost");
  const hash = recode("malformed-rules", () => canonicalDigest(document));
  return { inputs: new Map(), members: null, approval: null, late: null, ...rules, hash };
}

// The names of the outside world that a rule set uses: metrics, charges, members, costs.
export function namesUsed(rules) {
  const used = { metrics: new Set(), charges: new Set(), members: new Set(), costs: new Set() };
  const addTotal = (metric) => {
    const charge = /^charge\.([^]+)$/.exec(metric);
    if (charge) used.charges.add(charge[1]);
    else used.metrics.add(metric);
  };
  for (const id of rules.members ?? []) used.members.add(id);
  for (const { metric } of rules.inputs.values()) addTotal(metric);
  for (const { from } of rules.pools.values()) {
    for (const source of from) if (source.startsWith("charge.")) used.charges.add(source.slice(7));
  }
  for (const step of rules.steps) {
    for (const cost of step.costs ?? []) used.costs.add(cost);
    for (const one of keysOf(step)) {
      const named = [...(one.members ?? []), ...(one.weights?.keys() ?? [])];
      for (const id of named) used.members.add(id);
      if (one.input) addTotal(metricOf(rules, one.input));
    }
  }
  return used;
}

// The metric (or charge.x) behind a rule set's `input` name.
export function metricOf(rules, input) {
  return rules.inputs.get(input)?.metric ?? input;
}

