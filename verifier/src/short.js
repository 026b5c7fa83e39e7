// Short pools: an estate that is less than the claims on it. A rule gives numerators and their
// denominator.

import { clamp } from "./clamp.js";
import { refuse } from "./errors.js";
import { least, most, reduced, sum } from "./fraction.js";
import { airport, shapley } from "./games.js";

const PLAYERS_MAX = 20;

const proportional = (estate, claims) =>
  [claims.map((claim) => estate * claim), sum(claims) || 1n];

// min(c, λ).
function equalAwards(estate, claims) {
  const filled = clamp(estate, claims.map(() => 1n), claims.map(() => 0n), claims);
  return [filled.numerators, filled.denominator];
}

const whatRemains = (claims, [lost, bottom]) =>
  [claims.map((claim, i) => claim * bottom - lost[i]), bottom];

const equalLosses = (estate, claims) =>
  whatRemains(claims, equalAwards(sum(claims) - estate, claims));

// Equal awards on half-claims up to half of what is claimed, else less the same of what is missing.
function talmud(estate, claims) {
  const missing = sum(claims) - estate;
  const [lesser, bottom] = equalAwards(2n * least(estate, missing), claims);
  const halved = [lesser, 2n * bottom];
  return estate <= missing ? halved : whatRemains(claims, halved);
}

// Each in declared order takes what it claims, while something is left.
function priority(estate, claims, order) {
  const amounts = claims.map(() => 0n);
  let left = estate;
  for (const index of order) {
    amounts[index] = least(claims[index], left);
    left -= amounts[index];
  }
  return [amounts, 1n];
}

// The Shapley value of what the others leave.
function randomArrival(estate, claims) {
  const claimants = claims.map((_, i) => i).filter((i) => claims[i]);
  if (claimants.length > PLAYERS_MAX) refuse("infeasible", `${claimants.length} claims`);
  let rest = [estate - sum(claims)];
  for (const i of claimants) rest = [...rest, ...rest.map((value) => value + claims[i])];
  const [found, bottom] = shapley(rest.map((value) => most(0n, value)));
  const numerators = claims.map(() => 0n);
  claimants.forEach((index, i) => {
    numerators[index] = found[i];
  });
  return [numerators, bottom];
}

// The level t with Σ (c − t)⁺ = E − t, as numerator and denominator.
function levelOfOverlap(estate, ascending) {
  let [dropped, above, others] = [0, sum(ascending), BigInt(ascending.length - 1)];
  while (above - estate > ascending[dropped] * others) {
    above -= ascending[dropped];
    dropped++;
    others--;
  }
  return [above - estate, others];
}

// Up to the level the claims lie inside each other, above it side by side.
function minimalOverlap(estate, claims) {
  if (estate <= most(0n, ...claims)) return airport(claims.map((claim) => least(claim, estate)));
  const [level, bottom] = levelOfOverlap(estate, [...claims].sort((a, b) => (a < b ? -1 : 1)));
  const scaled = claims.map((claim) => claim * bottom);
  const [nested, denominator] = airport(scaled.map((claim) => least(claim, level)));
  const parts = nested.map((inside, i) => inside + most(0n, scaled[i] - level) * denominator);
  return [parts, denominator * bottom];
}

const RULES = {
  proportional, cea: equalAwards, cel: equalLosses, talmud, priority,
  random_arrival: randomArrival, minimal_overlap: minimalOverlap,
};

export const SHORT_RULES = Object.keys(RULES);

// Divide `estate`, not more than the claims, in the smallest common denominator.
export function divideShort(rule, estate, claims, order) {
  return reduced(...RULES[rule](estate, claims, order));
}
