// The keys of the rule language: their shapes, and what must make sense in them.

import { refuse } from "../errors.js";
import { ONE, ZERO, isLess, isSame, total } from "../fraction.js";
import { list, nullable, object, oneOf } from "../schema.js";
import {
  byKind, filled, flag, memberName, members, number, outside, weight, weightOrRemaining,
} from "./models.js";

const bad = (why) => refuse("malformed-rules", why);
const kindOf = (kind) => ({ kind: oneOf(kind) });
const tier = object({ weight }, { upto: nullable(number) });

const PLAIN = {
  equal: object(kindOf("equal"), { members }),
  fixed: object(
    { ...kindOf("fixed"), weights: filled(weightOrRemaining, memberName) },
    { members, strict: flag },
  ),
  proportional: object({ ...kindOf("proportional"), input: outside }, { members }),
  patronage: object(
    { ...kindOf("patronage"), input: outside },
    { members, exclude: list(oneOf("public", "other"), 1) },
  ),
  tiered: object(
    { ...kindOf("tiered"), input: outside, tiers: list(tier, 1, 100) },
    { members, mode: oneOf("graduated", "volume") },
  ),
  capital: object(
    kindOf("capital"), { members, asset: nullable(outside), time_weighted: flag },
  ),
  pro_rata: object({ ...kindOf("pro_rata"), matrix: outside }, { members }),
  user_centric: object(
    { ...kindOf("user_centric"), matrix: outside },
    { members, idle: oneOf("pro_rata", "carry") },
  ),
};

const kpi = object(
  { input: outside }, { min: nullable(number), max: nullable(number), weight },
);

const KEYS = {
  ...PLAIN,
  kpi_weighted: object(
    { ...kindOf("kpi_weighted"), mode: oneOf("multiply", "add"), kpis: list(kpi, 1, 100) },
    { members, base: nullable(byKind(PLAIN)) },
  ),
  energy: object(
    { ...kindOf("energy"), mode: oneOf("static", "dynamic", "hybrid"), demand: outside },
    { members, coefficients: nullable(filled(weightOrRemaining, memberName)) },
  ),
  airport: object({ ...kindOf("airport"), input: outside }, { members }),
  shapley: object({ ...kindOf("shapley"), game: outside }, { members, signed: flag }),
  scrb: object({ ...kindOf("scrb"), game: outside }, { members }),
  quadratic: object({ ...kindOf("quadratic"), ballots: outside }, { members, scale_up: flag }),
};

export const key = byKind(KEYS);

// Whether it may leave a part of the amount over.
export function isPartial(found) {
  return found.kind === "energy" || found.kind === "quadratic" ||
    (found.kind === "user_centric" && found.idle === "carry");
}

// [how many are open, the sum of the others].
export function openAndSum(map) {
  const given = [...map.values()];
  const numbers = given.filter((one) => one !== null);
  return [given.length - numbers.length, total(numbers)];
}

function checkWithin(map, found) {
  if (found.members && [...map.keys()].some((id) => !found.members.includes(id))) {
    bad("a weight is given to somebody outside 'members'");
  }
}

function checkFixed(found) {
  const [open, whole] = openAndSum(found.weights);
  if (open > 1) bad("only one weight may be 'remaining'");
  if (open === 1 && isLess(ONE, whole)) bad("nothing remains");
  if (open === 0 && whole.n === 0n) bad("the weights add up to 0");
  if (open === 0 && found.strict && !isSame(whole, ONE)) bad("strict weights must add up to 1");
  checkWithin(found.weights, found);
}

function checkTiered({ tiers }) {
  if (tiers.slice(0, -1).some((one) => (one.upto ?? null) === null)) bad("a tier without an end");
  if ((tiers.at(-1).upto ?? null) !== null) bad("the last tier has no end");
  let before = ZERO;
  for (const { upto } of tiers.slice(0, -1)) {
    if (!isLess(before, upto)) bad("the tiers do not rise");
    before = upto;
  }
  if (!tiers.some((one) => one.weight.n)) bad("every tier weighs 0");
}

function checkKpis(found) {
  const base = found.base ?? null;
  if ((base === null) !== (found.mode === "add")) bad("a base out of place, or missing");
  if (base !== null) {
    checkKey(base);
    if (isPartial(base)) bad("a base divides everything");
  }
  for (const { min = null, max = null } of found.kpis) {
    if ((min === null) !== (max === null)) bad("a kpi has both 'min' and 'max', or neither");
    if (min !== null && !isLess(min, max)) bad("the bounds of a kpi do not rise");
  }
  if (!found.kpis.some((one) => (one.weight ?? ONE).n)) bad("the kpis weigh nothing");
}

function checkEnergy(found) {
  const given = found.coefficients ?? null;
  if ((given === null) !== (found.mode === "dynamic")) bad("coefficients out of place, or missing");
  if (given === null) return;
  const [open, whole] = openAndSum(given);
  if (open > 1) bad("only one coefficient may be 'remaining'");
  if (isLess(ONE, whole) || (open === 0 && !isSame(whole, ONE))) bad("they do not add up to 1");
  checkWithin(given, found);
}

function checkQuadratic(found) {
  if (found.members) bad("a quadratic key pays projects, not members");
}

const CHECKS = {
  fixed: checkFixed, tiered: checkTiered, kpi_weighted: checkKpis, energy: checkEnergy,
  quadratic: checkQuadratic,
};

export function checkKey(found) {
  CHECKS[found.kind]?.(found);
}

// The names of the outside world in a key: `inputs` stand for metrics, `kpis` for readings.
export function namesOfKey(found) {
  const base = found.base ? namesOfKey(found.base) : {};
  const named = (field, ...more) => [
    ...more.filter((one) => one !== undefined), ...(base[field] ?? []),
  ];
  return {
    inputs: named("inputs", found.base ? undefined : found.input, found.demand),
    kpis: (found.kpis ?? []).map((one) => one.input),
    matrix: named("matrix", found.matrix), game: named("game", found.game),
    ballots: named("ballots", found.ballots),
    members: named(
      "members", ...(found.members ?? []), ...(found.weights?.keys() ?? []),
      ...(found.coefficients?.keys() ?? []),
    ),
  };
}
