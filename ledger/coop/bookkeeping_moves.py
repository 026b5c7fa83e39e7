"""What each event of a co-op moves between the accounts of its books.

A move is an account, a currency and an amount in minor units, debits positive. The chart is
``ledger.payout.chart``. ``tied_balances`` is the other way round: what the state says of the same
accounts, without a single posting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.coop.dues import NOT_YET, held_of
from ledger.coop.postings import other_currencies, posted_to
from ledger.coop.state import SUSPENSE as NOBODY
from ledger.coop.state import Balances, Dispute, PayoutOrder, Period, State
from ledger.payout.chart import (
    CARRY,
    CLEARING,
    COSTS,
    COUNTER,
    DISPUTED,
    FUND,
    FUNDING,
    IN_TRANSIT,
    OUTSIDE,
    PAYABLE,
    POOL,
    POSTED,
    PROJECT,
    RECEIVABLE,
    RECOUP,
    SUSPENSE,
    UNDIVIDED,
    Account,
)
from ledger.payout.journal import Words
from ledger.settlement.result import Result

Move = tuple[Account, str, int]


Units = Mapping[str, set[str]]
"""By currency the pools of other units than money, of which a state does not tell."""


def moves_of_facts(before: State, after: State) -> Iterator[tuple[Words, list[Move]]]:
    """Revenue, costs and funding that became confirmed, or were replaced by other figures."""
    if after.funding is not before.funding:
        for asset, row in after.funding.items():
            known = before.funding.get(asset, {"amounts": {}})["amounts"]
            moves = _pairs(FUNDING, (asset,), row["currency"], known, row["amounts"])
            yield Words(f"設備拠出の確認 {asset}", f"Funding of {asset} confirmed"), moves
    if after.periods is before.periods:
        return
    for id_, period in after.periods.items():
        earlier = before.periods.get(id_)
        if earlier is period or earlier is None:
            continue
        yield from _moves_of_period(earlier, period)


def _moves_of_period(earlier: Period, period: Period) -> Iterator[tuple[Words, list[Move]]]:
    if period.revenue is not earlier.revenue:
        for name, row in period.revenue.items():
            known = earlier.revenue.get(name)
            words = _words("収入", "Revenue", (period.id, name), is_new=known is None)
            yield words, _of_revenue(period.id, known, row)
    if period.costs is not earlier.costs:
        for name, row in period.costs.items():
            borne = earlier.costs.get(name, {"borne": {}})["borne"]
            changed = [one for one, amount in row["borne"].items() if borne.get(one) != amount]
            is_new = not any(one in borne for one in changed)
            words = _words("立替費用", "Cost", (period.id, name), is_new=is_new)
            yield words, _pairs(COSTS, (name,), row["currency"], borne, row["borne"])


def _words(ja: str, en: str, about: tuple[str, str], *, is_new: bool) -> Words:
    month, name = about
    how = ("確認", "confirmed") if is_new else ("差替え", "replaced")
    return Words(f"{ja}の{how[0]} {month} {name}", f"{en} {name} of {month} {how[1]}")


def _of_revenue(
    period: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[Move]:
    moves: list[Move] = []
    for row, sign in ((before, -1), (after, 1)):
        if row is not None:
            amount = sign * int(row["amount_minor"])
            moves.append((Account(CLEARING), row["currency"], amount))
            moves.append((Account(UNDIVIDED, (period,)), row["currency"], -amount))
    return moves


def moves_of_settlement(before: State, after: State, period: Period, result: Result) -> list[Move]:
    """What a settlement does: what was undivided, and what pools held, goes to its owners.

    What came in beside confirmed revenue are metered charges, and what upheld disputes changed.
    """
    currency = result.currency
    opening = before.balances.get(currency, Balances())
    left = after.balances.get(currency, Balances())
    money = {name for name in result.pools if name not in result.units}
    revenue = _revenue_in(period, currency)
    came = result.total_in - sum(opening.pools.get(name, 0) for name in money)
    moves = [
        (Account(UNDIVIDED, (period.id,)), currency, revenue),
        (Account(CLEARING), currency, came - revenue),
        (Account(SUSPENSE), currency, opening.suspense - left.suspense),
    ]
    for name in sorted(money):
        change = opening.pools.get(name, 0) - result.pools_left.get(name, 0)
        moves.append((Account(POOL, (name,)), currency, change))
    moves += _credits(currency, result.funds, result.projects)
    moves += _of_members(before, after, period, result)
    for name, row in period.costs.items():
        if row["currency"] == currency:
            moves += _pairs(COSTS, (name,), currency, row["borne"], {})
    for other in other_currencies(after, period):
        moves += _of_postings(before, after, period, other)
    return moves + memoranda(before, after, currency)


def _of_postings(before: State, after: State, period: Period, currency: str) -> Iterator[Move]:
    """What is posted with a month in another currency: payable, or offset against a debt."""
    owed = before.balances.get(currency, Balances()).receivables
    owes = after.balances.get(currency, Balances()).receivables
    for member, amount in sorted(posted_to(after, period, currency).items()):
        change = owes.get(member, 0) - owed.get(member, 0)
        yield Account(POSTED, (member,)), currency, amount
        yield Account(RECEIVABLE, (member,)), currency, change
        yield Account(PAYABLE, (member,)), currency, -amount - change


def _of_members(before: State, after: State, period: Period, result: Result) -> Iterator[Move]:
    """Each member's net: payable, held back, offset against what was posted and is owed."""
    currency = result.currency
    owed = before.balances.get(currency, Balances()).receivables
    owes = after.balances.get(currency, Balances()).receivables
    held, posted = held_of(after, period), posted_to(after, period, currency)
    # Nobody keeps what is due where the charter knows no payouts: it is paid outside the ledger.
    due = PAYABLE if after.keeps_payouts() else OUTSIDE
    nets = {name: amount for name, amount in result.nets.items() if name != NOBODY}
    for member in sorted(nets.keys() | posted.keys() | owed.keys() | held.keys()):
        paid = period.paid.get(member, max(0, nets.get(member, 0)))
        kept = held.get(member, 0)
        yield Account(due, (member,)), currency, kept - paid
        yield Account(DISPUTED, (member,)), currency, -kept
        yield Account(POSTED, (member,)), currency, posted.get(member, 0)
        change = owes.get(member, 0) - owed.get(member, 0)
        yield Account(RECEIVABLE, (member,)), currency, change


def moves_of_correction(document: Mapping[str, Any], net: Mapping[str, int]) -> list[Move]:
    """What a correction does: differences of members, funds and pools, and money that came since.

    ``net`` is what is posted for each member.
    """
    currency, totals = str(document["currency"]), document["totals"]
    moves = [
        (Account(CLEARING), currency, int(totals["in"])),
        (Account(SUSPENSE), currency, -int(totals["suspense"])),
    ]
    moves += [(Account(POSTED, (member,)), currency, -amount) for member, amount in net.items()]
    for name, amount in totals["pools_left"].items():
        moves.append((Account(POOL, (name,)), currency, -int(amount)))
    return [*moves, *_credits(currency, totals["funds"], totals["projects"])]


def moves_of_release(dispute: Dispute, currency: str) -> list[Move]:
    """What an ended dispute held back is posted, and settled with a later month."""
    return [
        move
        for member, amount in dispute.held.items()
        for move in (
            (Account(DISPUTED, (member,)), currency, amount),
            (Account(POSTED, (member,)), currency, -amount),
        )
    ]


def moves_of_order(order: PayoutOrder) -> list[Move]:
    """What is ordered is no longer payable and not yet paid."""
    return [
        move
        for line in order.lines.values()
        for move in (
            (Account(PAYABLE, (line.member,)), order.currency, line.amount_minor),
            (Account(IN_TRANSIT, (line.member,)), order.currency, -line.amount_minor),
        )
    ]


def memoranda(before: State, after: State, currency: str) -> list[Move]:
    """How what is carried forward, and what is to be paid back, has changed."""
    old = before.balances.get(currency, Balances())
    new = after.balances.get(currency, Balances())
    return [
        *_pairs(CARRY, (), currency, old.carry, new.carry),
        *_pairs(RECOUP, (), currency, old.recoup, new.recoup),
    ]


def tied_balances(state: State, units: Units) -> dict[tuple[Account, str], int]:
    """What the state says of the accounts that it knows of; those of 0 are left out."""
    found: dict[tuple[Account, str], int] = {}
    for terms in state.terms().currencies:
        for account, currency, amount in _tied(state, terms.code, units):
            key = account, currency
            found[key] = found.get(key, 0) + amount
    return {key: amount for key, amount in found.items() if amount}


def _tied(state: State, currency: str, units: Units) -> Iterator[Move]:
    not_money = units.get(currency, set())
    balances = state.balances.get(currency, Balances())
    yield from _credits(currency, balances.funds, {})
    yield Account(SUSPENSE), currency, -balances.suspense
    for name, amount in balances.pools.items():
        if name not in not_money:
            yield Account(POOL, (name,)), currency, -amount
    for member, amount in balances.receivables.items():
        yield Account(RECEIVABLE, (member,)), currency, amount
    yield from _pairs(CARRY, (), currency, {}, balances.carry)
    yield from _pairs(RECOUP, (), currency, {}, balances.recoup)
    for member, dues in state.dues.get(currency, {}).items():
        yield Account(PAYABLE, (member,)), currency, -dues.rest
        yield Account(IN_TRANSIT, (member,)), currency, -dues.ordered
    yield from _tied_of_disputes(state, currency)
    for asset, row in state.funding.items():
        if row["currency"] == currency:
            yield from _pairs(FUNDING, (asset,), currency, {}, row["amounts"])
    for period in state.periods.values():
        yield from _tied_of_period(state, period, currency)


def _tied_of_disputes(state: State, currency: str) -> Iterator[Move]:
    for dispute in state.disputes.values():
        if dispute.held and state.period(dispute.period).currency == currency:
            for member, amount in dispute.held.items():
                yield Account(DISPUTED, (member,)), currency, -amount


def _tied_of_period(state: State, period: Period, currency: str) -> Iterator[Move]:
    if period.status in NOT_YET:
        for member, amount in posted_to(state, period, currency).items():
            yield Account(POSTED, (member,)), currency, -amount
    if period.status == "settled" and period.currency == currency:
        return
    yield Account(UNDIVIDED, (period.id,)), currency, -_revenue_in(period, currency)
    for name, row in period.costs.items():
        if row["currency"] == currency:
            yield from _pairs(COSTS, (name,), currency, {}, row["borne"])


def _revenue_in(period: Period, currency: str) -> int:
    rows = (row for row in period.revenue.values() if row["currency"] == currency)
    return sum(int(row["amount_minor"]) for row in rows)


def _credits(
    currency: str, funds: Mapping[str, Any], projects: Mapping[str, Any]
) -> Iterator[Move]:
    for heading, rows in ((FUND, funds), (PROJECT, projects)):
        for name, amount in rows.items():
            short = name.removeprefix(f"{heading}.")
            yield Account(heading, (short,)), currency, -int(amount)


def _pairs(
    heading: str,
    parts: tuple[str, ...],
    currency: str,
    before: Mapping[str, int],
    after: Mapping[str, int],
) -> list[Move]:
    """A memorandum account and its contra account, by the difference of each name."""
    moves: list[Move] = []
    for name in sorted(before.keys() | after.keys()):
        amount = after.get(name, 0) - before.get(name, 0)
        moves.append((Account(heading, (*parts, name)), currency, amount))
        moves.append((Account(COUNTER + heading, (*parts, name)), currency, -amount))
    return moves
