// The keys that look at figures only, and may be the base of another key.

import { compareText } from "../bytes.js";
import {
  ONE, ZERO, fraction, lcm, minus, overCommonDenominator, plus, total,
} from "../fraction.js";
import { pythonText } from "../python.js";
import {
  SUSPENSE, listed, measured, outsideOf, reducedWeights, requireMembers, totalsOf, weighBy,
  weighHeads,
} from "../scope.js";
import { figures, takesPart } from "./figures.js";
import { proRata, userCentric } from "./payers.js";

// The weights given, or coefficients, with `remaining` worked out.
export function resolved(given) {
  const rest = minus(ONE, total([...given.values()].filter((weight) => weight !== null)));
  return new Map([...given].map(([id, weight]) => [id, weight ?? rest]));
}

function fixed(key, scope) {
  requireMembers(key.weights.keys(), scope);
  return weighBy(resolved(key.weights), scope, outsideOf(key.members, scope));
}

function proportional(key, scope) {
  const outside = takesPart(key.members, scope, key.input);
  return weighBy(figures(key.input, scope, outside), scope, outside);
}

// Totals less what was dealt with outsiders.
function patronage(key, scope) {
  const outside = outsideOf(key.members, scope);
  if (!key.members && scope.known.has(SUSPENSE)) outside.add(SUSPENSE);
  const values = new Map(totalsOf(scope, key.input));
  const { name } = measured(scope, key.input);
  const split = scope.inputs.origins.get(name) ?? new Map();
  for (const origin of new Set(key.exclude ?? ["public", "other"])) {
    for (const [member, part] of split.get(origin) ?? []) {
      values.set(member, minus(values.get(member) ?? ZERO, part));
    }
  }
  const notes = split.size
    ? []
    : [`no origins of ${pythonText(name)} were given; all of it counts as members'`];
  return weighBy(values, scope, outside, { notes });
}

// Which of the rising ends is the first that is not below `unit`.
function tierOf(ends, unit) {
  const at = ends.findIndex((end) => end >= unit);
  return at < 0 ? ends.length : at;
}

function tiered(key, scope) {
  const outside = takesPart(key.members, scope, key.input);
  const [given, ownBottom] = listed(figures(key.input, scope, outside), scope, outside);
  const [rates, ratesBottom] = overCommonDenominator(key.tiers.map((tier) => tier.weight));
  const [scaled, endsBottom] = overCommonDenominator(
    key.tiers.slice(0, -1).map((tier) => tier.upto ?? ZERO),
  );
  const bottom = lcm(ownBottom, endsBottom);
  const ends = scaled.map((end) => end * (bottom / endsBottom));
  const units = given.map((figure) => figure * (bottom / ownBottom));
  const weights = key.mode === "volume"
    ? units.map((unit) => rates[tierOf(ends, unit)] * unit)
    : graduated(units, ends, rates);
  return reducedWeights(weights, bottom * ratesBottom, outside);
}

function graduated(units, ends, rates) {
  const starts = [0n, ...ends];
  const below = [0n];
  ends.forEach((end, i) => below.push(below[i] + rates[i] * (end - starts[i])));
  return units.map((unit) => {
    const tier = tierOf(ends, unit);
    return below[tier] + rates[tier] * (unit - starts[tier]);
  });
}

// What stands in the assets that count, or its amount-days.
function capital(key, scope) {
  const outside = outsideOf(key.members, scope);
  const { funding } = scope.inputs;
  const asset = key.asset ?? null;
  const nothing = { standing: new Map(), days: new Map(), undated: new Set() };
  const counted = asset === null
    ? [...funding].sort(([a], [b]) => compareText(a, b))
    : [[asset, funding.get(asset) ?? nothing]];
  const every = new Map();
  for (const [, one] of counted) {
    for (const [id, amount] of key.time_weighted ? one.days : one.standing) {
      every.set(id, plus(every.get(id) ?? ZERO, fraction(amount)));
    }
  }
  const undated = key.time_weighted ? counted.filter(([, one]) => one.undated.size) : [];
  const notes = undated.map(([name]) =>
    `funding of ${pythonText(name)} without dates counts as held all period`);
  return weighBy(every, scope, outside, { notes });
}

const PLAIN = {
  equal: (key, scope) => weighHeads(scope, key.members),
  fixed, proportional, patronage, tiered, capital,
  pro_rata: proRata, user_centric: userCentric,
};

export const isPlain = (key) => Object.hasOwn(PLAIN, key.kind);
export const weighPlain = (key, scope) => PLAIN[key.kind](key, scope);
