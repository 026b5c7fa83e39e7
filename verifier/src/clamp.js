// Floors and caps on shares, solved exactly by water-filling: the level λ at which
// Σ clamp(λ·w, low, high) is the total, found by walking over the points where a λ·w meets a bound.

import { refuse } from "./errors.js";
import { ZERO, fraction, sum } from "./fraction.js";

// The most that each member can receive: its cap, but its floor where it has no weight.
export function mostOf(weights, low, high) {
  return weights.map((weight, i) => (weight ? high[i] : low[i]));
}

function check(total, weights, low, high) {
  weights.forEach((weight, i) => {
    if (weight < 0n || low[i] < 0n) refuse("out-of-range", "a negative weight or floor");
    if (high[i] !== null && high[i] < low[i]) refuse("out-of-range", "a floor above its cap");
  });
  if (total < 0n) refuse("out-of-range", `${total} is negative`);
  const floors = sum(low);
  if (floors > total) refuse("floors-exceed-pool", `the floors are ${floors}, there is ${total}`);
  if (floors < total && !weights.some((weight) => weight)) {
    refuse("no-weights", `${total - floors} is left above the floors, but every weight is zero`);
  }
  const most = mostOf(weights, low, high);
  if (most.every((cap) => cap !== null) && sum(most) < total) {
    refuse("caps-below-pool", `the caps are ${sum(most)}, but ${total} is to be divided`);
  }
}

// [bound, weight, change of the slope, change of the offset], in the order of bound/weight.
function bends(weights, low, high) {
  const found = [];
  weights.forEach((weight, i) => {
    if (weight && low[i]) found.push([low[i], weight, weight, -low[i]]);
    if (weight && high[i] !== null) found.push([high[i], weight, -weight, high[i]]);
  });
  const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  return found.sort((a, b) => order(a[0] * b[1], b[0] * a[1]));
}

// The smallest λ; the sum is slope·λ + offset between two bends.
function levelOf(total, weights, low, high) {
  let offset = sum(low);
  if (offset === total) return ZERO;
  let slope = sum(weights.filter((_, i) => !low[i]));
  for (const [bound, weight, slopeChange, offsetChange] of bends(weights, low, high)) {
    if (slope * bound >= (total - offset) * weight) break;
    slope += slopeChange;
    offset += offsetChange;
  }
  return fraction(total - offset, slope);
}

// Divide `total` by `weights` within the bounds, one of each per member; a cap may be null.
export function clamp(total, weights, low, high) {
  check(total, weights, low, high);
  const scale = levelOf(total, weights, low, high);
  const numerators = weights.map((weight, i) => {
    const [amount, floor] = [scale.n * weight, low[i] * scale.d];
    if (amount < floor) return floor;
    const most = high[i] === null ? null : high[i] * scale.d;
    return most !== null && amount > most ? most : amount;
  });
  return { numerators, denominator: scale.d, scale };
}
