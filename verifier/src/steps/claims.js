// Dividing money among claims: in full where it suffices, by a short rule where it does not.

import { fraction, most, sum } from "../fraction.js";
import { HALF_EVEN } from "../rounding.js";
import { weightsOf } from "../scope.js";
import { divideShort } from "../short.js";
import { basisOf, divideBy } from "./base.js";

// A residual that goes to one account could pay somebody more than it claims.
export function toTheUnit(rounding) {
  if (rounding.method !== HALF_EVEN) return rounding;
  return { method: "largest_remainder", tie_break: rounding.tie_break, residualTo: null };
}

// The public level from which each member's amount follows, and whether it is of losses.
export function levelOf(rule, estate, claims, [numerators, bottom]) {
  if (!["cea", "cel", "talmud"].includes(rule)) return { scale: null, losses: false };
  const losses = rule === "cel" || (rule === "talmud" && 2n * estate > sum(claims));
  const reached = claims.map((claim, i) =>
    (losses ? claim * bottom - numerators[i] : numerators[i]));
  return { scale: fraction(most(...reached), bottom), losses };
}

// Pay `total`, which is not more than the claims, one claim per member.
export function divideClaims(total, claims, rule, view) {
  const exactly = { ...view, rounding: toTheUnit(view.rounding) };
  const weights = weightsOf(claims, 1n, new Set());
  if (rule === "proportional" || total === sum(claims)) return divideBy(total, weights, exactly);
  const shares = divideShort(rule, total, claims, view.scope.declared);
  const basis = basisOf(rule, weights, levelOf(rule, total, claims, shares));
  return { ...divideBy(total, weightsOf(...shares, new Set()), exactly, [], true), basis };
}
