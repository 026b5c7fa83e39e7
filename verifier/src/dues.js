// What members are due: kept when a period is settled, taken down as it is ordered and paid.
//
// A settled period makes payable what its members are paid after offsets, less what disputes hold
// back of it. Debts are offset before, so what is due never falls.

import { sortedMap } from "./facts.js";
import { postedTo } from "./postings.js";
import { NO_DUES, balancesOf, keepsPayouts, withKey } from "./state.js";

export const duesOf = (state, currency) => state.dues.get(currency) ?? new Map();

// What is due and neither on its way nor done with.
export const restOf = ({ due, ordered, paid, expired }) => due - ordered - paid - expired;

const add = (map, name, amount) => map.set(name, (map.get(name) ?? 0n) + amount);

// The state in which a period that takes effect is due to its members.
export function addSettled(state, period) {
  if (!keepsPayouts(state)) return state;
  const held = new Map();
  for (const dispute of state.disputes.values()) {
    if (dispute.settlement_id !== period.settlement) continue;
    for (const [member, amount] of dispute.held) add(held, member, amount);
  }
  const rows = new Map(duesOf(state, period.currency));
  for (const [member, amount] of period.paid) {
    const more = amount - (held.get(member) ?? 0n);
    const before = rows.get(member) ?? NO_DUES;
    if (more) rows.set(member, { ...before, due: before.due + more });
  }
  return { ...state, dues: withKey(state.dues, period.currency, sortedMap(rows)) };
}

// What each member owes in a currency and no settled period has offset yet.
function owedBy(state, currency) {
  const found = new Map(balancesOf(state, currency).receivables);
  const posted = new Map();
  for (const period of state.periods.values()) {
    if (period.status === "settled") continue;
    for (const [member, amount] of postedTo(state, period, currency)) add(posted, member, amount);
  }
  for (const [member, amount] of posted) if (amount < 0n) add(found, member, -amount);
  return found;
}

// What the orders in a currency that wait for decisions propose.
export function waitingOrders(state, currency) {
  return [...state.proposals.values()]
    .filter(({ kind, body }) => kind === "payout-ordered" && body.get("currency") === currency)
    .map(({ body }) => body);
}

// What may be ordered now, by member; who would get nothing is left out.
export function payable(state, currency) {
  const spoken = owedBy(state, currency);
  for (const order of waitingOrders(state, currency)) {
    for (const line of order.get("lines")) {
      add(spoken, line.get("member"), BigInt(line.get("amount_minor")));
    }
  }
  const rest = [...duesOf(state, currency)].map(([member, dues]) =>
    [member, restOf(dues) - (spoken.get(member) ?? 0n)]);
  return new Map(rest.filter(([, amount]) => amount > 0n));
}
