// The life of a period up to its cut-off: opened, closing, closed.

import { sortedTexts, toHex } from "./bytes.js";
import { dropCorrections } from "./corrections.js";
import { refuse } from "./errors.js";
import { dropUnconfirmed } from "./facts.js";
import { checkFeasible } from "./feasibility.js";
import { TOWN } from "./kpis.js";
import { rulesInForce } from "./rulesets.js";
import { SUSPENSE, deadlinesOf, laterOfPeriod, periodOf, stateHash, withPeriod } from "./state.js";
import { addDays, isPlausibleMonth, nextMonth } from "./time.js";

export function openPeriod(step, body) {
  const { state } = step;
  if (state.periods.has(body.period)) {
    refuse("duplicate-id", `the period ${body.period} is open already`);
  }
  if (!(body.start < body.end) || !isPlausibleMonth(body.period, body.start, body.end)) {
    refuse("out-of-range", `${body.start} to ${body.end} is not ${body.period}`);
  }
  for (const other of state.periods.values()) {
    if (body.start < other.end && other.start < body.end) {
      refuse("conflict", `${body.period} would overlap ${other.id}`);
    }
  }
  checkNeighbours(state, body);
  const period = {
    id: body.period, start: body.start, end: body.end, status: "open", epoch: 0, closing_at: null,
    cut_off: null, settlement: null, proposed_at: null, currency: null, pending: null,
    revenue: new Map(), costs: new Map(), usage: new Map(), confirmed: new Map(),
    ...laterOfPeriod(),
  };
  return withPeriod(state, period);
}

// A month begins at the instant at which the month before it ends.
function checkNeighbours(state, body) {
  const follows = (one, other) => nextMonth(one) === `${other}-01`;
  for (const other of state.periods.values()) {
    const isGap = (follows(other.id, body.period) && other.end !== body.start) ||
      (follows(body.period, other.id) && other.start !== body.end);
    if (isGap) refuse("out-of-range", `${body.period} does not meet ${other.id}`);
  }
}

export function beginClosing(step, body) {
  const period = periodOf(step.state, body.period);
  if (period.status !== "open") refuse("period-closed", `${body.period} is ${period.status}`);
  if (step.now < period.end) refuse("period-closed", `${body.period} ends at ${period.end}`);
  return withPeriod(step.state, { ...period, status: "closing", closing_at: step.now });
}

export function closePeriod(step, body) {
  const { state } = step;
  const period = periodOf(state, body.period);
  if (period.status !== "closing") refuse("period-closed", `${body.period} is ${period.status}`);
  const graceEnds = addDays(period.closing_at, deadlinesOf(state, period).grace_days);
  if (step.now < graceEnds) {
    refuse("period-closed", `the grace time of ${body.period} ends at ${graceEnds}`);
  }
  const closed = { ...period, status: "closed", epoch: 1, cut_off: cutOffOf(step, period) };
  const after = dropCorrections(dropUnconfirmed(withPeriod(state, closed), period.id));
  checkFeasible(after, closed, step.evidence);
  return after;
}

function cutOffOf(step, period) {
  const { state } = step;
  const unconfirmed = [...period.usage].filter(
    ([account, usage]) => account !== SUSPENSE && period.confirmed.get(account) !== usage.digest,
  );
  return {
    index: step.index,
    log_root: toHex(state.frontier.root()),
    state_hash: toHex(stateHash(state)),
    rule_hash: rulesInForce(state, period).rule_hash,
    unconfirmed: sortedTexts(unconfirmed.map(([account]) => account)),
    facts: factsOf(state, period),
  };
}

function wasMember(member, period) {
  const joinedInTime = member.joined < period.end || member.founder;
  return joinedInTime && (member.left === null || member.left >= period.start);
}

function factsOf(state, period) {
  const sharing = new Set();
  for (const member of state.members.values()) {
    if (member.roles.includes("member") && wasMember(member, period)) sharing.add(member.id);
  }
  // A town that funds an asset, or whoever bore a cost, takes part without the role of a member.
  const tables = [...state.funding.values()].map((asset) => asset.amounts);
  tables.push(...[...period.costs.values()].map((cost) => cost.borne));
  tables.push(...period.kpis.values());
  for (const table of tables) for (const id of table.keys()) sharing.add(id);
  sharing.delete(TOWN);
  const { revenue, costs, kpis, figures } = period;
  const later = Object.entries({ kpis, figures }).filter(([, rows]) => rows.size);
  return {
    ...Object.fromEntries(later), members: sortedTexts(sharing), revenue, costs,
    funding: state.funding,
  };
}
