// Rule sets: the shape and the meaning of the document in a rule set's text.
//
// `rule_hash` is SHA-256 of the RFC 8785 form of the document as parsed. The rule language grows:
// words that are not known here make a rule set unknown, for a later ledger may know them.

import { recode, refuse } from "./errors.js";
import { canonicalDigest } from "./json.js";
import { checkInput, checkPools, checkSteps, checkUnique, isCharge } from "./rules/checks.js";
import { namesOfKey } from "./rules/keys.js";
import {
  POOL_SOURCE, checkRounding, count, date, flag, members, name, number, outside, proportion,
  rounding,
} from "./rules/models.js";
import { PROFILE_NAMES, articles, checkProfile, llp } from "./rules/profiles.js";
import { checkStep, keysOf, step } from "./rules/steps.js";
import { FIELD, WORD, integer, list, nullable, object, oneOf, record, takeKnown, text } from
  "./schema.js";
import { requireZone } from "./time.js";
import { readYaml } from "./yaml.js";

const pool = object(
  { from: list(text({ pattern: POOL_SOURCE })) },
  { origin: nullable(oneOf("member", "other", "public")), unit: nullable(outside),
    if_missing: oneOf("error", "zero") },
);
const input = object({}, {
  metric: nullable(outside), kpi: nullable(outside), default: nullable(number),
  agg: nullable(oneOf("sum", "count", "max", "last")),
});
const shape = object(
  {
    kyojo_rules: oneOf(1), ruleset: name, version: integer(1), effective_from: date,
    timezone: text(), currency: text({ pattern: /^[A-Z]{3}$/ }), minor_digits: integer(0, 9),
    pools: record(pool, name), steps: list(step),
  },
  {
    profile: oneOf(...PROFILE_NAMES), articles, llp, rounding, members, inputs: record(input, name),
    approval: nullable(
      object({ threshold: proportion }, {
        weights: oneOf("equal"), objection_days: count, pay_undisputed: flag,
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

// Where the figures behind an input stand: in the totals, or among the readings.
function measuredBy({ metric = null, kpi = null, agg = null, default: fallback = null }) {
  if (kpi !== null) return { table: "kpis", name: kpi, fallback, stated: false };
  const stated = agg === "count";
  if (stated || agg === null || agg === "sum") {
    return { table: "totals", name: stated ? `count.${metric}` : metric, fallback, stated };
  }
  return { table: "kpis", name: `${agg}.${metric}`, fallback, stated: false };
}

// The total that a key weighs, under one name whatever the kind of key calls it.
function nameInput(key) {
  const found = key.demand ?? key.base?.input;
  if (found !== undefined) key.input = found;
}

// Read a rule set's text; refuses with the first fault found.
export function parseRules(bytes) {
  const document = readYaml(bytes);
  if (!(document instanceof Map)) refuse("malformed-rules", "a rule set is a mapping of names");
  const rules = takeKnown(shape, document, "rule set", "malformed-rules", FIELD, WORD);
  recode("malformed-rules", () => requireZone(rules.timezone));
  checkRounding(rules.rounding);
  checkUnique(rules.members ?? [], "a member");
  rules.inputs ??= new Map();
  for (const one of rules.inputs.values()) checkInput(one);
  checkPools(rules.pools);
  checkSteps(rules);
  rules.steps.forEach(checkStep);
  checkProfile(rules);
  rules.steps.flatMap(keysOf).forEach(nameInput);
  const hash = recode("malformed-rules", () => canonicalDigest(document));
  const inputs = new Map([...rules.inputs].map(([own, found]) => [own, measuredBy(found)]));
  return { members: null, approval: null, late: null, ...rules, inputs, hash };
}

function addTotal(used, metric) {
  const charge = /^charge\.([^]+)$/.exec(metric);
  if (charge) used.charges.add(charge[1]);
  else used.metrics.add(metric);
}

function addFigure(used, { table, name: own }) {
  if (table === "totals") addTotal(used, own);
  else used.kpis.add(own);
}

const behind = (rules, found, table) => rules.inputs.get(found) ?? { table, name: found };

function addKey(used, rules, key) {
  const { inputs, kpis, members: named, matrix, game, ballots } = namesOfKey(key);
  for (const id of named) used.members.add(id);
  for (const found of inputs) addFigure(used, behind(rules, found, "totals"));
  for (const found of kpis) addFigure(used, behind(rules, found, "kpis"));
  for (const [register, names] of Object.entries({ matrices: matrix, games: game, ballots })) {
    for (const found of names) used[register].add(found);
  }
}

function addStep(used, rules, one) {
  for (const cost of one.costs ?? []) used.costs.add(cost);
  if (isCharge(one)) used.costs.add(one.source.slice("cost.".length));
  if (one.ballots) used.ballots.add(one.ballots);
  if (one.when && one.kind !== "citizens_fund") {
    addFigure(used, behind(rules, one.when.kpi, "kpis"));
  }
  if (one.limit?.of?.startsWith("total.") && one.kind !== "citizens_fund") {
    addFigure(used, behind(rules, one.limit.of.slice("total.".length), "totals"));
  }
  const bounds = [one.bounds?.cap, one.bounds?.floor].filter((bound) => bound instanceof Map);
  for (const map of [one.claims ?? new Map(), ...bounds]) {
    for (const id of map.keys()) used.members.add(id);
  }
  for (const key of keysOf(one)) addKey(used, rules, key);
}

const REGISTERS = [
  "metrics", "charges", "members", "costs", "kpis", "matrices", "games", "ballots",
];

// The names of the outside world that a rule set uses, by register.
export function namesUsed(rules) {
  const used = Object.fromEntries(REGISTERS.map((register) => [register, new Set()]));
  for (const id of rules.members ?? []) used.members.add(id);
  for (const found of rules.inputs.values()) addFigure(used, found);
  for (const { from } of rules.pools.values()) {
    for (const source of from) {
      if (source.startsWith("charge.")) used.charges.add(source.slice("charge.".length));
      if (source.startsWith("total.")) addTotal(used, source.slice("total.".length));
    }
  }
  for (const one of rules.steps) addStep(used, rules, one);
  return used;
}

// The metric (or charge.x) behind a rule set's `input` name.
export function metricOf(rules, found) {
  return behind(rules, found, "totals").name;
}
