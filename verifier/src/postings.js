// Postings: what corrections and ended disputes settle with a later month, each in its currency.
//
// The state says the currency where it is not the charter's first. What is posted with a month in
// another currency than that in which the month is divided is settled at the same instant, against
// what the members owe in it.

import { sortedMap } from "./facts.js";
import { NO_DUES, balancesOf, keepsPayouts, withKey, withPeriod } from "./state.js";

const firstCurrency = (state) => state.charter.terms.currencies[0].code;
const currencyOf = (state, period, id) => period.currencies.get(id) ?? firstCurrency(state);

// The state with `net`, by member, posted in a period under an id.
export function post(state, period, id, net, currency) {
  const currencies = currency === firstCurrency(state)
    ? period.currencies
    : withKey(period.currencies, id, currency);
  return withPeriod(state, { ...period, posted: withKey(period.posted, id, net), currencies });
}

// What all that is posted in a period in a currency comes to, by member.
export function postedTo(state, period, currency) {
  const found = new Map();
  for (const [id, net] of period.posted) {
    if (currencyOf(state, period, id) !== currency) continue;
    for (const [member, amount] of net) found.set(member, (found.get(member) ?? 0n) + amount);
  }
  return found;
}

// A period takes effect: what is posted with it in other currencies is due, or is owed.
export function settleOthers(state, period) {
  const all = [...period.posted.keys()].map((id) => currencyOf(state, period, id));
  return [...new Set(all)].filter((currency) => currency !== period.currency).reduce(
    (found, currency) => settleIn(found, currency, postedTo(state, period, currency)), state,
  );
}

function settleIn(state, currency, posted) {
  const balances = balancesOf(state, currency);
  const owed = new Map(balances.receivables);
  const rows = new Map(state.dues.get(currency) ?? []);
  for (const [member, amount] of posted) {
    const net = amount - (owed.get(member) ?? 0n);
    owed.delete(member);
    if (net < 0n) owed.set(member, -net);
    const before = rows.get(member) ?? NO_DUES;
    if (net > 0n) rows.set(member, { ...before, due: before.due + net });
  }
  const left = { ...balances, receivables: sortedMap(owed) };
  const after = { ...state, balances: withKey(state.balances, currency, left) };
  if (!keepsPayouts(state)) return after;
  return { ...after, dues: withKey(state.dues, currency, sortedMap(rows)) };
}
