"""What members are due: kept when a period is settled, taken down as it is ordered and paid.

A settled period makes payable what its members are paid after offsets (``Period.paid``), less
what disputes hold back of it. What was held is posted in a later period when its dispute has
ended, and becomes due with that; so does every correction. A debt (``Balances.receivables``) is
offset before anything becomes due, so what is due never falls, and

    due + held + posted and not yet settled − debts = all that periods and corrections gave.

Only where the charter knows payouts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ledger.coop.postings import posted_to
from ledger.coop.state import Balances, Dues, Period, State

ORDER: Final = "payout-ordered"
RESULT: Final = "payout-resulted"
NOT_YET: Final = ("open", "closing", "closed", "proposed", "disputed", "approved")


def add_settled(state: State, period: Period) -> State:
    """The state in which a period that takes effect is due to its members."""
    if not state.keeps_payouts():
        return state
    currency = str(period.currency)
    rows = dict(state.dues.get(currency, {}))
    held = held_of(state, period)
    for member, amount in period.paid.items():
        more = amount - held.get(member, 0)
        if more:
            before = rows.get(member, Dues())
            rows[member] = replace(before, due=before.due + more)
    return replace(state, dues={**state.dues, currency: dict(sorted(rows.items()))})


def held_of(state: State, period: Period) -> dict[str, int]:
    """What the disputes of a period's settlement hold back, by member."""
    found: dict[str, int] = {}
    for dispute in state.disputes.values():
        if dispute.settlement_id == period.settlement:
            for member, amount in dispute.held.items():
                found[member] = found.get(member, 0) + amount
    return found


def payable(state: State, currency: str) -> dict[str, int]:
    """What may be ordered now, by member; who would get nothing is left out.

    That is what is due, less what was ordered, paid and expired, what waits for the approval of an
    order, and what the member owes: nobody is paid while the co-op waits for its money.
    """
    waiting = waiting_for_approval(state, currency)
    owed = owed_by(state, currency)
    found: dict[str, int] = {}
    for member, dues in state.dues.get(currency, {}).items():
        rest = dues.rest
        rest -= waiting.get(member, 0) + owed.get(member, 0)
        if rest > 0:
            found[member] = rest
    return found


def owed_by(state: State, currency: str) -> dict[str, int]:
    """What each member owes the co-op in a currency and no settled period has offset yet."""
    found = dict(state.balances.get(currency, Balances()).receivables)
    posted: dict[str, int] = {}
    for period in state.periods.values():
        if period.status in NOT_YET:
            for member, amount in posted_to(state, period, currency).items():
                posted[member] = posted.get(member, 0) + amount
    for member, amount in posted.items():
        if amount < 0:
            found[member] = found.get(member, 0) - amount
    return found


def waiting_for_approval(state: State, currency: str) -> dict[str, int]:
    """What orders that nobody has decided on yet would pay, by member."""
    found: dict[str, int] = {}
    for order in waiting_orders(state, currency):
        for row in order["lines"]:
            found[row["member"]] = found.get(row["member"], 0) + int(row["amount_minor"])
    return found


def waiting_results(state: State, order_id: str) -> Iterator[Mapping[str, Any]]:
    """What the reports on an order say that nobody has confirmed yet."""
    for proposal in state.proposals.values():
        if proposal.kind == RESULT and proposal.body["order"] == order_id:
            yield proposal.body


def waiting_orders(state: State, currency: str) -> Iterator[Mapping[str, Any]]:
    """What the orders in a currency that wait for decisions propose."""
    for proposal in state.proposals.values():
        if proposal.kind == ORDER and proposal.body["currency"] == currency:
            yield proposal.body
