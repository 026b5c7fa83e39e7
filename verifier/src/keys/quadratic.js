// Key `quadratic`: projects receive in proportion to their ideal match.

import { clamp, mostOf } from "../clamp.js";
import { refuse } from "../errors.js";
import {
  floorOf, fraction, least, overCommonDenominator, plus, sum,
} from "../fraction.js";
import { amountOf, reducedWeights } from "../scope.js";

const DECIMALS = 10n ** 9n;
const PAIRS_MAX = 4_000_000;

function isqrt(value) {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

// (Σ√c)² − Σc of one project's contributions, roots rounded down to nine decimals.
function idealMatch(counts) {
  let [same, roots] = [0n, 0n];
  counts.forEach(([low, many], i) => {
    same += many * (many - 1n) * low;
    for (const [high, more] of counts.slice(i + 1)) {
      roots += many * more * isqrt(low * high * DECIMALS ** 2n);
    }
  });
  return plus(fraction(same), fraction(2n * roots, DECIMALS));
}

function idealMatches(contributions) {
  const counted = [...contributions].map(([project, given]) => {
    const counts = new Map();
    for (const amount of given) counts.set(amount, (counts.get(amount) ?? 0n) + 1n);
    return [project, [...counts]];
  });
  const pairs = counted.reduce((found, [, { length }]) => found + (length * (length - 1)) / 2, 0);
  if (pairs > PAIRS_MAX) refuse("infeasible", `${pairs} pairs of different contributions`);
  return new Map(counted.map(([project, counts]) => [project, idealMatch(counts)]));
}

// What each project receives of `pool`, exactly.
function match(pool, ideal, caps, scaleUp) {
  const [weights, denominator] = overCommonDenominator(ideal);
  const lows = weights.map(() => 0n);
  if (!scaleUp) {
    const capped = weights.map((weight, i) =>
      (caps[i] === null ? weight : least(weight, caps[i] * denominator)));
    if (sum(capped) <= pool * denominator) return [capped, denominator];
  }
  const most = mostOf(weights, lows, caps);
  if (most.every((cap) => cap !== null) && sum(most) <= pool) return [most, 1n];
  const filled = clamp(pool, weights, lows, caps);
  return [filled.numerators, filled.denominator];
}

export function ballotsOf(name, scope) {
  const found = scope.inputs.ballots.get(name);
  return found ?? refuse("infeasible", `the inputs hold no ballots ${name}`);
}

// How `pool` is matched, by project; `cap` is a further cap for all. The weights are the ideal
// matches, or the exact amounts where a cap changes the proportion.
export function weighProjects(name, pool, scope, scaleUp, cap = null) {
  const { costs, contributions } = ballotsOf(name, scope);
  const ideal = idealMatches(contributions);
  const wanted = [...costs.keys()].map((project) => ideal.get(project));
  const limits = [...costs.values()].map((cost) => {
    const caps = [cost, cap].filter((one) => one !== null);
    return caps.length ? least(...caps) : null;
  });
  const [amounts, bottom] = match(pool, wanted, limits, scaleUp);
  const [weights, denominator] = overCommonDenominator(wanted);
  const [total, whole] = [sum(amounts), sum(weights)];
  const isPlain = amounts.every((amount, i) => amount * whole === weights[i] * total);
  const outside = new Set(scope.inputs.members);
  const more = {
    allocated: fraction(total, bottom),
    recipients: [...costs.keys()].map((project) => `project.${project}`),
  };
  return isPlain
    ? reducedWeights(weights, denominator, outside, more)
    : reducedWeights(amounts, bottom, outside, more);
}

export function weighQuadratic(key, scope) {
  const pool = floorOf(amountOf(scope));
  return weighProjects(key.ballots, pool, scope, key.scale_up ?? false);
}
