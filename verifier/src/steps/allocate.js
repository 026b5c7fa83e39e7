// Step `allocate`: divide money among the members, by one key or by weighted parts; or by a split
// among funds and pools.

import { compareText } from "../bytes.js";
import { refuse } from "../errors.js";
import {
  ONE, ZERO, abs, ceilOf, floorOf, fraction, gcd, lcm, least, minus, most, over,
  overCommonDenominator, sum, times, total,
} from "../fraction.js";
import { weigh } from "../keys.js";
import { resolved } from "../keys/plain.js";
import { pythonText } from "../python.js";
import { divide } from "../rounding.js";
import { weighHeads, weightsOf } from "../scope.js";
import { bounded } from "./base.js";
import { divideWithin } from "./bounding.js";
import { toTheUnit } from "./claims.js";

// Fixed parts of a pool to funds and other pools, targets in the order of their names.
function runSplit(split, amount, view) {
  const given = resolved(split);
  const targets = [...given.keys()].sort(compareText);
  const parts = targets.map((target) => given.get(target));
  const [numerators] = overCommonDenominator(parts);
  const rounded = divide(amount, numerators, targets, toTheUnit(view.rounding));
  return {
    taken: amount,
    payees: new Map(targets.map((target, i) => [target, rounded.amounts[i]])),
    payeeWeights: new Map(targets.map((target, i) => [target, parts[i]])),
  };
}

export function allocate(step, view) {
  const amount = view.available <= 0n ? view.available : bounded(view.available, step, view);
  if (step.split) return runSplit(step.split, amount, view);
  const asked = step.key ? [{ id: "", weight: ONE, key: step.key }] : step.parts;
  const whole = total(asked.map((part) => part.weight));
  const parts = asked.map((part) => weighPart(part, step, amount, whole, view));
  const notes = parts.flatMap(({ weights, note }) => [...weights.notes, ...(note ? [note] : [])]);
  const unplaced = unallocated(parts, amount, whole);
  if (unplaced && step.overflow === "error") refuse("infeasible", "the keys leave a part over");
  const size = abs(amount) - leftIdle(parts, amount, whole) - unplaced;
  const [weights, divisions] = step.parts ? combine(parts) : [parts[0].weights, []];
  const isNegative = (amount < 0n) !== (step.as === "charge");
  const found = divideWithin(isNegative ? -size : size, weights, divisions, step, view);
  return outcome(step, view, size - found.rest, found.rest + unplaced, found.division, notes);
}

// What was taken: what members divided, and what of the rest goes to an account.
function outcome(step, view, placedSize, restSize, divided, notes) {
  const sign = view.available < 0n ? -1n : 1n;
  const [placed, rest] = [sign * placedSize, sign * restSize];
  const division = step.as === "charge" ? divided : payBack(divided, view);
  const taken = placed - sum(division.recouped ?? []);
  if (step.overflow?.to) {
    const payees = new Map(rest ? [[step.overflow.to, rest]] : []);
    return { taken: taken + rest, division, notes, payees };
  }
  const more = rest ? [`${rest} is beyond what can be divided and stays in the source`] : [];
  const overflow = step.overflow === "carry" ? rest : 0n;
  return { taken, division, notes: [...notes, ...more], overflow };
}

// The division with what members owe of earlier advances kept back, no amount below 0.
function payBack(division, view) {
  const { advances } = view;
  if (![...advances.values()].some((amount) => amount)) return division;
  const { amounts } = division.rounded;
  const recouped = view.scope.inputs.members.map((id, i) =>
    least(advances.get(id) ?? 0n, most(0n, amounts[i])));
  if (!recouped.some((amount) => amount)) return division;
  return { ...division, recouped, amounts: amounts.map((amount, i) => amount - recouped[i]) };
}

// A part's weights, after `if_no_weight` where they are all zero. Its portion is its weight among
// the parts, less what its key does not allocate.
function weighPart({ id, weight, key }, step, amount, whole, view) {
  const own = over(times(fraction(amount), weight), whole);
  const weights = weigh(key, { ...view.scope, amount: own });
  const { allocated } = weights;
  let portion = weight;
  if (allocated !== null) {
    portion = own.n ? over(times(weight, allocated), fraction(abs(own.n), own.d)) : ZERO;
  }
  const weightSum = sum(weights.numerators);
  const found = { id, weight, portion, weights, weightSum, note: null };
  if (weightSum || !amount || !weight.n || (allocated !== null && !allocated.n)) return found;
  const text = `every weight of ${id ? `part ${pythonText(id)}` : "the key"} is zero`;
  if (step.if_no_weight === "carry") {
    return { ...found, note: `${text}; its amount stays in the source` };
  }
  const heads = weighHeads(view.scope, key.members);
  if (step.if_no_weight !== "equal" || !heads.numerators.some((head) => head)) {
    refuse("no-weights", `${amount} is to be divided, but ${text}`);
  }
  const note = `${text}; it is divided equally`;
  return { id, weight, portion: weight, weights: heads, weightSum: sum(heads.numerators), note };
}

const isLeft = (part) => !part.weightSum && part.weights.allocated === null;

// What parts without weights leave in the source, floored, in size.
function leftIdle(parts, amount, whole) {
  const idle = total(parts.filter(isLeft).map((part) => part.weight));
  return floorOf(over(times(fraction(abs(amount)), idle), whole));
}

// What keys leave over of their parts, in size.
function unallocated(parts, amount, whole) {
  const rest = total(
    parts.filter((part) => !isLeft(part)).map((part) => minus(part.weight, part.portion)),
  );
  return ceilOf(over(times(fraction(abs(amount)), rest), whole));
}

// The combined shares as integers, and each part as it was divided.
function combine(parts) {
  const live = parts.filter((part) => part.weightSum && part.portion.n);
  const whole = live.length ? total(live.map((part) => part.portion)) : ONE;
  const divisions = parts.map((part) => ({
    part: part.id,
    fraction: part.weightSum ? over(part.portion, whole) : ZERO,
    weights: part.weights,
    weightSum: part.weightSum,
  }));
  const [first, ...others] = parts.map((part) => part.weights.outside);
  const outside = new Set([...first].filter((id) => others.every((set) => set.has(id))));
  const [shares] = overCommonDenominator(live.map((part) => part.portion));
  const common = live.reduce((found, part) => lcm(found, part.weightSum), 1n);
  const combined = parts[0].weights.numerators.map((_, i) =>
    sum(live.map((part, p) =>
      shares[p] * (common / part.weightSum) * part.weights.numerators[i])));
  const divisor = combined.reduce(gcd, 0n) || 1n;
  const numerators = combined.map((numerator) => numerator / divisor);
  return [weightsOf(numerators, sum(numerators) || 1n, outside), divisions];
}
