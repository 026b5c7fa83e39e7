// Money facts: funding, revenue and cost. Reported by one, confirmed by another, or not counted.

import { compareText, sortedTexts, toHex } from "./bytes.js";
import { takeBody } from "./bodies.js";
import { refuse } from "./errors.js";
import { propose } from "./proposals.js";
import { checkFree, checkReport, dropOutdated, identityOf } from "./replaced.js";
import { digitsOf, memberOf, periodOf, termsOf, withKey, withPeriod } from "./state.js";
import * as subjects from "./subjects.js";

const OF_A_PERIOD = ["revenue-reported", "cost-reported", "kpi-reported", "figures-reported"];

export function sortedMap(map) {
  return new Map([...map].sort(([a], [b]) => compareText(a, b)));
}

// Put an entry's own body before the electorate that the charter names for its kind.
export function putToVote(step, subject) {
  if (step.right.approve === null) {
    refuse("malformed-entry", `${step.entry.kind} needs approval, and nobody is named to give it`);
  }
  const subjectHash = toHex(step.entry.leaf);
  return propose(step, step.right.approve, { subject, subjectHash, body: step.entry.body });
}

// Nobody reports a thing twice while the first report waits.
export function refusePending(step) {
  const wanted = identityOf(step.entry.body);
  for (const proposal of step.state.proposals.values()) {
    const isSame = proposal.kind === step.entry.kind && proposal.proposer === step.member.id;
    if (isSame && identityOf(proposal.body) === wanted) {
      refuse("duplicate-id", `this waits for confirmation already: ${proposal.subject}`);
    }
  }
}

export function reportFunding(step, body) {
  memberOf(step.state, body.member);
  digitsOf(step.state, body.currency);
  checkFunding(step.state, body);
  refusePending(step);
  return putToVote(step, subjects.ofFunding(step.state, body));
}

function checkFunding(state, body) {
  const asset = state.funding.get(body.asset);
  if (asset === undefined) return;
  if (asset.currency !== body.currency) {
    refuse("malformed-entry", `${body.asset} is funded in ${asset.currency}`);
  }
  if (asset.reports.includes(`${body.member}/${body.id}`)) {
    refuse("duplicate-id", `${body.id} of ${body.asset} by ${body.member} is confirmed already`);
  }
  if ((asset.amounts.get(body.member) ?? 0) + body.amount_minor > Number.MAX_SAFE_INTEGER) {
    refuse("out-of-range", `the funding of ${body.asset} by ${body.member} is beyond 2**53 − 1`);
  }
}

export function enactFunding(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  checkFunding(state, body);
  const before = state.funding.get(body.asset) ?? { amounts: new Map(), reports: [] };
  const amount = (before.amounts.get(body.member) ?? 0) + body.amount_minor;
  const found = {
    currency: body.currency,
    amounts: sortedMap(withKey(before.amounts, body.member, amount)),
    reports: sortedTexts([...before.reports, `${body.member}/${body.id}`]),
  };
  return { ...state, funding: withKey(state.funding, body.asset, found) };
}

export function checkUncut(state, id) {
  const period = periodOf(state, id);
  if (period.status !== "open" && period.status !== "closing") {
    refuse("period-closed", `${id} is ${period.status}: facts enter before the cut-off only`);
  }
  return period;
}

export function reportRevenue(step, body) {
  digitsOf(step.state, body.currency);
  if (termsOf(step.state).vocabulary.charges.some((charge) => charge.id === body.id)) {
    refuse("malformed-entry", `${body.id} is metered; the same money is never also reported`);
  }
  const row = checkUncut(step.state, body.period).revenue.get(body.id);
  const current = row === undefined ? null : new Map(Object.entries(row));
  checkReport(step, body, current, `the revenue ${body.id} of ${body.period}`);
  refusePending(step);
  return putToVote(step, subjects.ofRevenue(step.state, body));
}

export function enactRevenue(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  const period = checkUncut(state, body.period);
  checkFree(body, `the revenue ${body.id} of ${body.period}`, period.revenue.has(body.id));
  const { amount_minor, currency, origin } = body;
  const revenue = withKey(period.revenue, body.id, { amount_minor, currency, origin });
  return withPeriod(dropOutdated(state, proposal), { ...period, revenue });
}

export function reportCost(step, body) {
  digitsOf(step.state, body.currency);
  memberOf(step.state, body.member);
  const row = checkCost(step.state, body).costs.get(body.id);
  const isBorne = row?.borne.has(body.member);
  const current = isBorne
    ? new Map([["amount_minor", row.borne.get(body.member)], ["currency", row.currency]])
    : null;
  checkReport(step, body, current, `the cost ${body.id} of ${body.period} by ${body.member}`);
  refusePending(step);
  return putToVote(step, subjects.ofCost(step.state, body));
}

function checkCost(state, body) {
  const period = checkUncut(state, body.period);
  const row = period.costs.get(body.id);
  if (row !== undefined && row.currency !== body.currency) {
    refuse("malformed-entry", `the cost ${body.id} is kept in ${row.currency}`);
  }
  return period;
}

export function enactCost(step, state, proposal) {
  const body = takeBody(proposal.kind, proposal.body);
  const period = checkCost(state, body);
  const before = period.costs.get(body.id) ?? { currency: body.currency, borne: new Map() };
  checkFree(body, `the cost ${body.id} of ${body.period}`, before.borne.has(body.member));
  const borne = sortedMap(withKey(before.borne, body.member, body.amount_minor));
  const costs = withKey(period.costs, body.id, { currency: body.currency, borne });
  return withPeriod(dropOutdated(state, proposal), { ...period, costs });
}

// The state without the reports of a period that nobody can confirm any more.
export function dropUnconfirmed(state, periodId) {
  const kept = [...state.proposals].filter(
    ([, proposal]) =>
      !OF_A_PERIOD.includes(proposal.kind) || proposal.body.get("period") !== periodId,
  );
  return { ...state, proposals: new Map(kept) };
}
