// What every step shares: limits, dividing, and what a step answers.
//
// A view is {scope, available, opening, rounding, funds, taken, held, advances, waits}.

import { refuse } from "../errors.js";
import { floorDivide, floorOf, fraction, isLess, least, most, sum, text, times } from
  "../fraction.js";
import { totalOf } from "../inputs.js";
import { pythonText } from "../python.js";
import { divide } from "../rounding.js";
import { TOWN, measured, totalsOf } from "../scope.js";

// Why a condition is not met, as a note; null when it is, or there is none. Where the town has no
// reading the rule set's default counts.
export function unmet(when, scope) {
  if (!when) return null;
  const { name, fallback } = measured(scope, when.kpi, "kpis");
  const kpi = pythonText(name);
  const value = scope.inputs.kpis.get(name)?.get(TOWN) ?? fallback ??
    refuse("infeasible", `there is no reading of ${kpi} for the whole town`);
  if (!isLess(value, when.at_least)) return null;
  return `${kpi} is ${text(value)}, less than ${text(when.at_least)}; the step takes nothing`;
}

// What a limit of something else is a multiple of; a total that nobody metered is not 0.
function measureOf(of, view) {
  const at = of.indexOf(".");
  const [what, name] = [of.slice(0, at), of.slice(at + 1)];
  if (what === "total") return totalOf(totalsOf(view.scope, name, true));
  const found = {
    step: () => view.taken.get(name),
    pool: () => view.held.get(name),
    cost: () => sum([...(view.scope.inputs.costs.get(name)?.values() ?? [])]),
    balance: () => view.funds.get(`fund.${name}`),
  }[what]();
  return fraction(found ?? 0n);
}

// A limit or rate in minor units, floored; null means that there is none.
export function ceiling(limit, step, view) {
  if (!limit) return null;
  if (limit.of) return floorOf(times(limit.times, measureOf(limit.of, view)));
  if (limit.amount !== undefined) return limit.amount;
  const whole = limit.ofOpening || step.of === "opening" ? view.opening : view.available;
  return floorDivide(limit.percent.n * whole, limit.percent.d);
}

// At most the step's limit and what its source holds, and never negative.
export function bounded(wanted, step, view) {
  const limit = ceiling(step.limit, step, view);
  return most(0n, least(limit === null ? wanted : least(wanted, limit), view.available));
}

export function divideBy(amount, weights, view, parts = [], within = false) {
  const { numerators, denominator, outside } = weights;
  const { rounding, scope } = view;
  const { declared, inputs } = scope;
  const rounded = divide(amount, numerators, inputs.members, rounding, declared, within);
  return {
    total: amount, weights: numerators, denominator, weightSum: sum(numerators), outside, rounding,
    rounded, parts, basis: null, recouped: null, amounts: rounded.amounts,
  };
}

// What exact amounts follow from where they are no plain proportion to weights.
export function basisOf(rule, weights, more = {}) {
  return {
    rule, weights: weights.numerators, denominator: weights.denominator,
    weightSum: sum(weights.numerators), scale: null, losses: false, ofFloors: false, cap: null,
    floor: null, rest: 0n, ...more,
  };
}
