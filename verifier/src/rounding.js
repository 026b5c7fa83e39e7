// Dividing whole units by exact weights: floors, then the odd units to the largest remainders.
//
// With weights w of sum W the exact part of T is T·w/W; remainders are integers over the same W.
// A negative total is the mirror image of the positive one; a zero weight receives nothing.

import { compareText } from "./bytes.js";
import { refuse } from "./errors.js";
import { ONE, ZERO, abs, fraction, isLess, simplestBetween, sum } from "./fraction.js";

export const HALF_EVEN = "half_even_residual_to";

const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// All indices by the tie-break alone; sorts are stable, so the last token goes first.
function rank(weights, members, rounding, declared) {
  const ranked = [...declared];
  if (rounding.method === "sequential") return ranked;
  const place = new Map(declared.map((index, at) => [index, at]));
  const by = {
    weight_desc: (a, b) => order(weights[b], weights[a]),
    weight_asc: (a, b) => order(weights[a], weights[b]),
    member_asc: (a, b) => compareText(members[a], members[b]),
    member_desc: (a, b) => compareText(members[b], members[a]),
    declared: (a, b) => place.get(a) - place.get(b),
  };
  for (const token of [...rounding.tie_break].reverse()) ranked.sort(by[token]);
  return ranked;
}

// Where the odd units stopped, as two bounds that are nobody's remainder: below the one nobody
// received a unit, above the other everybody did, and between them lie those that tied.
function cutOff(ranked, remainders, extra, weightSum, rounding) {
  if (rounding.method === "sequential") return null;
  const shares = ranked.map((index) => fraction(remainders[index], weightSum));
  const [served, unserved] = [shares.slice(0, extra), shares.slice(extra)];
  const tied = served.at(-1);
  if (isLess(unserved[0], tied)) {
    const bound = simplestBetween(unserved[0], tied);
    return { unservedBelow: bound, servedAbove: bound };
  }
  // Both lists fall, so the nearest on either side are these.
  const below = unserved.find((share) => isLess(share, tied)) ?? ZERO;
  const above = served.findLast((share) => isLess(tied, share)) ?? ONE;
  return {
    unservedBelow: simplestBetween(below, tied), servedAbove: simplestBetween(tied, above),
  };
}

// A non-negative quotient as the nearest integer; a half goes to the even neighbour.
export function nearestEven(numerator, denominator) {
  const whole = numerator / denominator;
  const twice = 2n * (numerator % denominator);
  const isUp = twice > denominator || (twice === denominator && whole % 2n === 1n);
  return isUp ? whole + 1n : whole;
}

// Each amount to the nearest unit; the account that is named takes what is left, or lacks.
function halfEven(total, weights, weightSum, members, { residualTo }) {
  const [size, sign] = [abs(total), total < 0n ? -1n : 1n];
  const amounts = weights.map((weight) => nearestEven(size * weight, weightSum));
  const residual = size - sum(amounts);
  const at = members.indexOf(residualTo);
  if (at >= 0) amounts[at] += residual;
  else if (!residualTo.startsWith("fund.")) {
    refuse("unknown-field", `rounding leaves ${residual} to ${residualTo}, no member`);
  }
  const signed = amounts.map((amount) => sign * amount);
  return { amounts: signed, extra: 0, order: [], cutOff: null, residual: sign * residual };
}

// Divide `total` (BigInt) by `weights`; `declared` gives the indices in declared order. `within`:
// the weights are exact amounts within bounds, and units that go in turn pass by whole ones.
export function divide(
  total, weights, members, rounding, declared = weights.map((_, i) => i), within = false,
) {
  const weightSum = sum(weights);
  if (weightSum === 0n) {
    if (total) refuse("no-weights", `${total} units are to be divided, but every weight is zero`);
    const amounts = weights.map(() => 0n);
    return { amounts, extra: 0, order: [], cutOff: null, residual: 0n };
  }
  if (rounding.method === HALF_EVEN) return halfEven(total, weights, weightSum, members, rounding);
  const size = abs(total);
  const remainders = weights.map((weight) => (size * weight) % weightSum);
  const amounts = weights.map((weight) => (size * weight) / weightSum);
  const extra = Number(size - sum(amounts));
  let served = [];
  if (extra) {
    const ranked = rank(weights, members, rounding, declared);
    served = rounding.method === "sequential"
      ? ranked.filter((index) => (within ? remainders : weights)[index])
      : ranked.sort((a, b) => order(remainders[b], remainders[a]));
    for (const index of served.slice(0, extra)) amounts[index] += 1n;
  }
  return {
    amounts: total < 0n ? amounts.map((amount) => -amount) : amounts,
    extra,
    order: served,
    cutOff: extra ? cutOff(served, remainders, extra, weightSum, rounding) : null,
    residual: 0n,
  };
}
