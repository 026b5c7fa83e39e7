// KPI readings: reported by one, confirmed by another, or not counted. A reading is of one member,
// or of the whole town, for one period: a whole number over a scale.

import { takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { checkUncut, putToVote, refusePending, sortedMap } from "./facts.js";
import { checkFree, checkReport, dropOutdated } from "./replaced.js";
import { namesUsed } from "./rules.js";
import { memberOf, withKey, withPeriod } from "./state.js";
import { ofKpi } from "./subjects.js";

export const TOWN = "_";

export function reportKpi(step, body) {
  if (body.member !== TOWN) memberOf(step.state, body.member);
  const reading = checkKpi(step.state, body).kpis.get(body.id)?.get(body.member);
  const current = reading ? new Map([["value", reading.value], ["scale", reading.scale]]) : null;
  checkReport(step, body, current, `${body.id} of ${body.member} in ${body.period}`);
  refusePending(step);
  return putToVote(step, ofKpi(body));
}

function checkKpi(state, body) {
  const period = checkUncut(state, body.period);
  const readings = period.kpis.get(body.id) ?? new Map();
  for (const [member, { scale }] of readings) {
    if (member !== body.member && scale !== body.scale) refuse("malformed-entry", `${body.id} has the scale ${scale}`);
  }
  return period;
}

export function enactKpi(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  const period = checkKpi(state, body);
  const { value, scale } = body;
  const before = period.kpis.get(body.id) ?? new Map();
  checkFree(body, `${body.id} of ${body.member} in ${body.period}`, before.has(body.member));
  const readings = sortedMap(withKey(before, body.member, { value, scale }));
  const after = dropOutdated(state, proposal);
  return withPeriod(after, { ...period, kpis: withKey(period.kpis, body.id, readings) });
}

// The readings of a period that a rule set has a use for, by KPI and member, as inputs have them.
export function readingsFor(rules, readings = new Map()) {
  const named = namesUsed(rules).kpis;
  const asInput = ({ value, scale }) => new Map([["value", value], ["scale", scale]]);
  const found = [...sortedMap(readings)].filter(([kpi]) => named.has(kpi));
  return new Map(found.map(([kpi, row]) =>
    [kpi, new Map([...row].map(([member, reading]) => [member, asInput(reading)]))]));
}
