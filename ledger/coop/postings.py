"""Postings: what corrections and ended disputes settle with a later month, each in its currency.

A posting stands in the period with which it is settled (``Period.posted``), by the id of its
correction or dispute. Its currency is that of the months that it comes from. Where that is the
charter's first, the state does not say so: states from before there were others keep their hashes.

A month is divided in one currency, that of its rule set, and what is posted in it is offset against
what the month gives (``settlements``). What is posted with the month in another currency is settled
at the same instant and by the same rule, against what the members owe in that currency, and mixes
with no other money: it becomes due, or a debt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ledger.coop.state import Balances, Dues, Period, State
from ledger.settlement.corrections_of_period import offset


def post(state: State, period: Period, id_: str, net: Mapping[str, int], currency: str) -> State:
    """The state with ``net``, by member, posted in a period under an id."""
    posted = {**period.posted, id_: dict(net)}
    found = replace(period, posted=posted)
    if currency != first_currency(state):
        found = replace(found, currencies={**period.currencies, id_: currency})
    return state.with_period(found)


def first_currency(state: State) -> str:
    """The charter's first currency: that of a posting of which the state says no other."""
    return state.terms().currencies[0].code


def currency_of(state: State, period: Period, id_: str) -> str:
    """The currency of what is posted in a period under an id."""
    return period.currencies.get(id_, first_currency(state))


def postings_in(state: State, period: Period, currency: str) -> dict[str, Mapping[str, int]]:
    """What is posted in a period in a currency, by id and member."""
    return {
        id_: net
        for id_, net in period.posted.items()
        if currency_of(state, period, id_) == currency
    }


def posted_to(state: State, period: Period, currency: str) -> dict[str, int]:
    """What all that is posted in a period in a currency comes to, by member."""
    found: dict[str, int] = {}
    for net in postings_in(state, period, currency).values():
        for member, amount in net.items():
            found[member] = found.get(member, 0) + amount
    return found


def other_currencies(state: State, period: Period) -> list[str]:
    """The currencies of what is posted with a period, but that in which it is divided."""
    found = {currency_of(state, period, id_) for id_ in period.posted}
    return sorted(found - {str(period.currency)})


def settle_others(state: State, period: Period) -> State:
    """A period takes effect: what is posted with it in other currencies is due, or is owed."""
    for currency in other_currencies(state, period):
        state = _settle(state, currency, posted_to(state, period, currency))
    return state


def _settle(state: State, currency: str, posted: Mapping[str, int]) -> State:
    balances = state.balances.get(currency, Balances())
    owed = dict(balances.receivables)
    rows = dict(state.dues.get(currency, {}))
    for member, amount in posted.items():
        paid, still = offset(0, amount, owed.pop(member, 0))
        if still:
            owed[member] = still
        if paid:
            before = rows.get(member, Dues())
            rows[member] = replace(before, due=before.due + paid)
    balances = replace(balances, receivables=dict(sorted(owed.items())))
    state = replace(state, balances={**state.balances, currency: balances})
    if not state.keeps_payouts():
        return state
    return replace(state, dues={**state.dues, currency: dict(sorted(rows.items()))})
