// Caps and floors of an allocation: what they are in minor units, and dividing within them.

import { clamp, mostOf } from "../clamp.js";
import { refuse } from "../errors.js";
import {
  abs, ceilOf, floorOf, fraction, isLess, most, overCommonDenominator, plus, sum, times,
} from "../fraction.js";
import { SUSPENSE, requireMembers, weightsOf } from "../scope.js";
import { divideShort } from "../short.js";
import { basisOf, divideBy } from "./base.js";
import { levelOf, toTheUnit } from "./claims.js";

const isMap = (bound) => bound instanceof Map;

export function unitsOf(bound, size, round) {
  return bound.percent ? round(times(bound.percent, fraction(size))) : bound.amount;
}

// A member's bound: by name, or the one for everybody who is not passed by.
export function ownBound(bound, member, passedBy) {
  if (!bound) return null;
  if (isMap(bound)) return bound.get(member) ?? null;
  return passedBy.has(member) ? null : bound;
}

export function boundMembers(bounds) {
  const maps = [bounds.cap, bounds.floor].filter((bound) => isMap(bound));
  return new Set(maps.flatMap((bound) => [...bound.keys()]));
}

// The cap, raised to the floor where only rounding put it below.
function notBelow(low, high, least, cap, size) {
  const exact = (bound) =>
    (bound.percent ? times(bound.percent, fraction(size)) : fraction(bound.amount));
  if (isLess(exact(cap), exact(least))) refuse("infeasible", `a floor of ${low} above ${high}`);
  return most(low, high);
}

function limitsOf(bounds, size, weights, view) {
  requireMembers(boundMembers(bounds), view.scope);
  const { inputs } = view.scope;
  const { outside } = weights;
  const passedBy = new Set([...outside, SUSPENSE, ...inputs.beside]);
  const [low, high] = [[], []];
  for (const member of inputs.members) {
    const least = ownBound(bounds.floor, member, passedBy);
    const cap = ownBound(bounds.cap, member, outside);
    low.push(least === null ? 0n : unitsOf(least, size, ceilOf));
    let top = cap === null ? null : unitsOf(cap, size, floorOf);
    if (least !== null && cap !== null) top = notBelow(low.at(-1), top, least, cap, size);
    high.push(top);
  }
  const one = (bound, round) => (!bound || isMap(bound) ? null : unitsOf(bound, size, round));
  return { low, high, cap: one(bounds.cap, floorOf), floor: one(bounds.floor, ceilOf) };
}

const basis = (rule, weights, { low, high, cap, floor }, more) =>
  basisOf(rule, weights, { low, high, cap, floor, ...more });

// Whether the residual of half-even rounding would go to a member with a bound of its own.
function evensOutBounded({ rounding, scope }, { low, high }) {
  const at = scope.inputs.members.indexOf(rounding.residualTo);
  return at >= 0 && (high[at] !== null || low[at] > 0n);
}

function exactly(total, [numerators, denominator], found, weights, parts, view) {
  const exact = weightsOf(numerators, denominator, weights.outside);
  const rounding = evensOutBounded(view, found) ? toTheUnit(view.rounding) : view.rounding;
  return { ...divideBy(total, exact, { ...view, rounding }, parts, true), basis: found };
}

// What there is, divided among the floors as claims.
function amongFloors(total, size, weights, limits, rule, parts, view) {
  const { low } = limits;
  const shares = divideShort(rule, size, low, view.scope.declared);
  const level = levelOf(rule, size, low, shares);
  if (rule === "proportional") level.scale = fraction(size, sum(low));
  const found = basis(rule, weights, limits, { ...level, ofFloors: true });
  return exactly(total, shares, found, weights, parts, view);
}

// Everybody's cap, and the rest by weight as if there were none.
function beyondCaps(total, reachable, rest, weights, limits, parts, view) {
  const whole = sum(weights.numerators);
  const amounts = reachable.map((top, i) =>
    plus(fraction(top), fraction(rest * weights.numerators[i], whole)));
  const found = basis("caps", weights, limits, { rest });
  return exactly(total, overCommonDenominator(amounts), found, weights, parts, view);
}

// The division within the bounds, and what of the amount it could not place, in size.
export function divideWithin(total, weights, parts, step, view) {
  const overflow = step.overflow ?? null;
  if (!step.bounds || view.waits || !weights.numerators.some((weight) => weight)) {
    return { division: divideBy(total, weights, view, parts), rest: 0n };
  }
  const size = abs(total);
  const limits = limitsOf(step.bounds, size, weights, view);
  if (sum(limits.low) > size && step.short_rule) {
    const division = amongFloors(total, size, weights, limits, step.short_rule, parts, view);
    return { division, rest: 0n };
  }
  const reachable = mostOf(weights.numerators, limits.low, limits.high);
  let rest = reachable.includes(null) ? 0n : most(0n, size - sum(reachable));
  if (rest && overflow === "redistribute") {
    const division = beyondCaps(total, reachable, rest, weights, limits, parts, view);
    return { division, rest: 0n };
  }
  if (overflow === null || overflow === "error") rest = 0n;
  const placed = total < 0n ? total + rest : total - rest;
  const found = clamp(abs(placed), weights.numerators, limits.low, limits.high);
  const own = basis("bounds", weights, limits, { scale: found.scale });
  const amounts = [found.numerators, found.denominator];
  return { division: exactly(placed, amounts, own, weights, parts, view), rest };
}
