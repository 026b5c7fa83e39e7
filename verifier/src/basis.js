// How a member's exact amount follows from its weight or claim, where it is no plain proportion.
//
// Random arrival, minimal overlap and priority have no public level: there a member sees that it
// got between nothing and its claim.

import {
  ZERO, fraction, isLess, isSame, minus, plus, times,
} from "./fraction.js";

const BOUNDED = ["bounds", "caps"];
const LEVELLED = [...BOUNDED, "proportional", "cea", "cel", "talmud"];
const lesser = (a, b) => (isLess(b, a) ? b : a);
const greater = (a, b) => (isLess(a, b) ? b : a);

// What a rule with a level gives to one claim.
function award(rule, claim, scale, losses) {
  if (rule === "cel") return greater(ZERO, minus(claim, scale));
  const most = rule === "talmud" ? times(claim, fraction(1n, 2n)) : claim;
  return losses ? minus(claim, lesser(most, scale)) : lesser(most, scale);
}

function within(scale, own) {
  const amount = greater(times(scale, fraction(own.weight_units)), fraction(own.floor ?? 0n));
  return own.cap === null ? amount : lesser(amount, fraction(own.cap));
}

// Its cap, or the floor of who has no weight, and its part of what is beyond the caps.
function beyond(basis, whole, own) {
  const reached = (own.weight_units ? own.cap : own.floor) ?? 0n;
  return plus(fraction(reached), fraction(basis.rest * own.weight_units, whole || 1n));
}

// Whether a member's exact amount, in size, is what the rule gives it; `whole` is the sum of the
// basis tree.
export function follows(exact, basis, whole, own) {
  const { rule, scale } = basis;
  if (rule === "caps") return isSame(exact, beyond(basis, whole, own));
  if (rule === "bounds") return scale !== null && isSame(exact, within(scale, own));
  const claim = basis.of_floors
    ? fraction(own.floor ?? 0n)
    : fraction(own.weight_units, basis.denominator);
  if (!LEVELLED.includes(rule)) return !isLess(exact, ZERO) && !isLess(claim, exact);
  if (scale === null) return false;
  const given = rule === "proportional"
    ? times(scale, claim)
    : award(rule, claim, scale, basis.losses);
  return isSame(exact, given);
}

// Whether a member's own bounds are those that hold for everybody, where there are such.
export function boundsAgree(basis, own, takesPart) {
  if (!BOUNDED.includes(basis.rule) && !basis.of_floors) {
    return own.cap === null && own.floor === null;
  }
  if (basis.floor !== null && own.floor !== null && own.floor !== basis.floor) return false;
  if (basis.cap === null || !takesPart) return true;
  const floor = own.floor ?? 0n;
  return own.cap === (basis.cap < floor ? floor : basis.cap);
}
