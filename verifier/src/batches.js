// Usage batches and their confirmation: signed commitments, whose totals enter the periods that
// they name, late ones as late.

import { concat, fromHex, sortedTexts, toHex } from "./bytes.js";
import { refuse } from "./errors.js";
import { sha256 } from "./sha256.js";
import {
  EMPTY_USAGE, SUSPENSE, deadlinesOf, keepsRuns, periodOf, termsOf, withKey, withPeriod,
} from "./state.js";
import { CHARGE, parseTotals } from "./totals.js";

const TAKES_USAGE = ["open", "closing"];

export function submitBatch(step, body) {
  const rows = parseTotals(step.blob(body.totals, "the totals"));
  const account = body.account === SUSPENSE ? SUSPENSE : step.member.id;
  if (!rows.length) refuse("out-of-range", "the totals are empty");
  for (const row of rows) checkTotal(step.state, row);
  let { state } = step;
  for (const name of sortedTexts(new Set(rows.map((row) => row[0])))) {
    let period = periodOf(state, name);
    if (!TAKES_USAGE.includes(period.status)) {
      checkLookback(state, period);
      if (keepsRuns(state)) period = { ...period, late: period.late + 1 };
    }
    state = withPeriod(state, counted(period, account, step, body));
  }
  step.addTotals(rows.map(([period, facility, name, currency, amount]) => ({
    period, epoch: state.periods.get(period).epoch, account, facility, name, currency,
    amount: BigInt(amount),
  })));
  return state;
}

function checkTotal(state, [, facility, name, currency]) {
  const { vocabulary, currencies } = termsOf(state);
  const unknown = (what) => refuse("unknown-field", `${what} is not known to this co-op`);
  if (!state.facilities.has(facility)) unknown(facility);
  const known = currency
    ? vocabulary.charges.some((term) => CHARGE + term.id === name)
    : vocabulary.metrics.some((term) => term.id === name);
  if (!known) unknown(name);
  if (currency && !currencies.some((terms) => terms.code === currency)) unknown(currency);
}

function checkLookback(state, period) {
  const later = [...state.periods.values()].filter((other) => other.start > period.start).length;
  if (later > deadlinesOf(state, period).lookback_periods) {
    refuse("period-closed", `${period.id} is ${period.status} and ${later} periods back`);
  }
}

function counted(period, account, step, body) {
  const before = period.usage.get(account) ?? EMPTY_USAGE;
  const usage = {
    batches: before.batches + 1,
    records: before.records + body.count,
    digest: toHex(sha256(concat(fromHex(before.digest), step.entry.leaf))),
  };
  return { ...period, usage: withKey(period.usage, account, usage) };
}

export function confirmUsage(step, body) {
  const period = periodOf(step.state, body.period);
  if (!TAKES_USAGE.includes(period.status)) refuse("period-closed", `${body.period} is cut off`);
  const usage = period.usage.get(step.member.id) ?? EMPTY_USAGE;
  if (body.batches !== usage.batches || body.records !== usage.records) {
    refuse("conflict", `the ledger holds ${usage.batches} batches with ${usage.records} records`);
  }
  const confirmed = withKey(period.confirmed, step.member.id, usage.digest);
  return withPeriod(step.state, { ...period, confirmed });
}
