// Key `kpi_weighted`: what members did, weighed by how well they did it.

import { ONE, ZERO, lcm, overCommonDenominator, sum } from "../fraction.js";
import { pythonText } from "../python.js";
import { listed, measured, noHeads, outsideOf, reducedWeights, totalsOf } from "../scope.js";
import { readings } from "./figures.js";
import { weighPlain } from "./plain.js";

// The scores in one kpi before they are weighed; who is outside scores 0.
function columnOf(kpi, scope, outside, needed) {
  const found = measured(scope, kpi.input, "kpis");
  const values = found.table === "totals"
    ? totalsOf(scope, kpi.input)
    : readings(found, scope, needed);
  const { min = null, max = null } = kpi;
  if (min === null || max === null) {
    const [numerators] = listed(values, scope, outside);
    return { kpi, numerators, denominator: sum(numerators) };
  }
  const ids = scope.inputs.members;
  const given = ids.map((id) => values.get(id) ?? ZERO);
  const [scaled] = overCommonDenominator([...given, min, max]);
  const [low, high] = scaled.slice(-2);
  const numerators = ids.map((id, i) => {
    if (outside.has(id) || scaled[i] <= low) return 0n;
    return scaled[i] >= high ? high - low : scaled[i] - low;
  });
  return { kpi, numerators, denominator: high - low };
}

export function kpiWeighted(key, scope) {
  const ids = scope.inputs.members;
  const base = key.base ? weighPlain(key.base, scope) : null;
  const outside = base === null
    ? noHeads(key.members, scope)
    : new Set([...base.outside, ...outsideOf(key.members, scope)]);
  const needed = ids.filter((id, i) => !outside.has(id) && (base === null || base.numerators[i]));
  const weighing = key.kpis.map((kpi) => ({ weight: ONE, ...kpi })).filter((kpi) => kpi.weight.n);
  let columns = weighing.map((kpi) => columnOf(kpi, scope, outside, needed));
  if (base === null) columns = columns.map((one) => ({ ...one, denominator: sum(one.numerators) }));
  const live = columns.filter((one) => one.denominator);
  const notes = columns.filter((one) => !one.denominator).map(({ kpi }) =>
    `the kpi ${pythonText(kpi.input)} is zero for everybody and was skipped`);
  const [lambdas, lambdaBottom] = overCommonDenominator(live.map(({ kpi }) => kpi.weight));
  const bottom = live.reduce((found, one) => lcm(found, one.denominator), 1n);
  const factors = live.map((one, c) => lambdas[c] * (bottom / one.denominator));
  const scores = ids.map((_, i) => sum(live.map((one, c) => factors[c] * one.numerators[i])));
  if (base === null) return reducedWeights(scores, bottom * lambdaBottom, outside, { notes });
  const weights = scores.map((score, i) => score * base.numerators[i]);
  const whole = bottom * base.denominator * (sum(lambdas) || 1n);
  return reducedWeights(weights, whole, outside, { notes: [...base.notes, ...notes] });
}
