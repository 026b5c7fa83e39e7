"""Netting (相殺): many amounts due either way become one payment per member and currency.

RULES.md section 10. What is due comes as signed amounts with reasons: shares of settlements,
corrections, charges, advances paid back, what an earlier netting carried, payments that came back.
Positive sums become a ``PayoutLine``; a sum of zero or one that the member owes never does, and is
reported as carried into the next netting.

The id of a line is a hash of the settlement, the member, the currency and the attempt, so that the
same order made twice makes the same ids. ``attempt`` counts payments that came back: a bank that
keeps ids once would refuse the old one.

``plan_transfers`` is the other way to settle: members pay each other. Net positions are kept, and
there are at most n − 1 transfers a currency (RULES.md section 12, invariant 20).

>>> dues = (Due("bus", "JPY", 500, "share 2026-10"), Due("bus", "JPY", -120, "charge 2026-10"))
>>> net = net_dues(dues, settlement_id=bytes(32), period="2026-10")
>>> net.lines[0].amount_minor, net.lines[0].id
(380, '202610-39734665f73b3a62e9a8c207fa56')
>>> [(each.payer, each.payee, each.amount_minor) for each in plan_transfers({"a": 5, "b": -5})]
[('b', 'a', 5)]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger import canonical
from ledger.errors import DuplicateId, Fault, OutOfRange
from ledger.money import AMOUNT_MAX, CURRENCY
from ledger.payout.line import PayoutLine
from ledger.period import MONTH

DUES_MAX: Final = 1_000_000
_ID_DIGITS: Final = 28


@dataclass(frozen=True, slots=True)
class Due:
    """An amount due to a member, negative if the member owes it, and why."""

    member: str
    currency: str
    amount_minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Position:
    """What a member nets to in a currency, and of what it is made, in the order given."""

    member: str
    currency: str
    amount_minor: int
    dues: tuple[Due, ...]

    def as_dict(self) -> dict[str, Any]:
        """The position as a JSON object."""
        parts = [{"amount_minor": due.amount_minor, "reason": due.reason} for due in self.dues]
        net = {"member": self.member, "currency": self.currency, "net_minor": self.amount_minor}
        return {**net, "dues": parts}


@dataclass(frozen=True, slots=True)
class Netting:
    """All positions, the payments of the positive ones, and the others, which are carried."""

    positions: tuple[Position, ...]
    lines: tuple[PayoutLine, ...]
    carried: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class MemberTransfer:
    """One member pays another."""

    payer: str
    payee: str
    amount_minor: int


def net_dues(
    dues: Iterable[Due],
    *,
    settlement_id: bytes,
    period: str,
    attempts: Mapping[tuple[str, str], int] | None = None,
) -> Netting:
    """Net what is due; lines and positions are sorted by currency, then by the member's id.

    ``settlement_id`` and ``period`` are of the newest settlement that is netted. ``attempts`` says
    how often a payment of this settlement to (member, currency) came back. Raises OutOfRange, with
    every fault, for amounts that are no money.
    """
    found: dict[tuple[str, str], list[Due]] = {}
    faults: list[Fault] = []
    for index, due in enumerate(dues):
        if index >= DUES_MAX:
            raise OutOfRange(f"more than {DUES_MAX} amounts are netted at once")
        faults += _faults_of(due, f"due {index + 1}")
        found.setdefault((due.currency, due.member), []).append(due)
    if MONTH.fullmatch(period) is None:
        faults.append(Fault("period", OutOfRange.code, f"{period[:20]!r} is not a month"))
    positions = tuple(_position(found[key]) for key in sorted(found))
    faults += [
        Fault(f"{each.member}/{each.currency}", OutOfRange.code, "the sum is beyond any amount")
        for each in positions
        if abs(each.amount_minor) > AMOUNT_MAX
    ]
    if faults:
        raise OutOfRange(f"cannot net: {faults[0].message}", faults=tuple(faults))
    tries = attempts or {}
    lines = tuple(
        PayoutLine(
            id=payout_id(settlement_id, each.member, each.currency, period=period,
                         attempt=tries.get((each.member, each.currency), 0)),
            member=each.member,
            currency=each.currency,
            amount_minor=each.amount_minor,
            period=period,
        )
        for each in positions
        if each.amount_minor > 0
    )  # fmt: skip
    check_ids(lines)
    return Netting(positions, lines, tuple(each for each in positions if each.amount_minor <= 0))


def payout_id(
    settlement_id: bytes, member: str, currency: str, *, period: str, attempt: int = 0
) -> str:
    """The id of a payment: its month, a dash, and 28 hex digits (112 bits) of a hash.

    The hash is SHA-256 over the RFC 8785 form of ``["kyojo/payout/v1", settlement, member,
    currency, attempt]``, the settlement's id in hex.
    """
    subject = ["kyojo/payout/v1", settlement_id.hex(), member, currency, attempt]
    return f"{period.replace('-', '')}-{canonical.digest(subject).hex()[:_ID_DIGITS]}"


def check_ids(lines: Sequence[PayoutLine]) -> None:
    """Raises DuplicateId if two payments of one order have the same id."""
    seen: set[str] = set()
    for line in lines:
        if line.id in seen:
            raise DuplicateId(f"two payments of this order have the id {line.id}", id=line.id)
        seen.add(line.id)


def plan_transfers(positions: Mapping[str, int]) -> tuple[MemberTransfer, ...]:
    """Payments between members that bring every position (positive: is owed) to zero.

    At most one fewer than there are positions other than 0; the largest debt meets the largest
    claim, ties by the member's id. Raises OutOfRange if the positions do not add up to 0: then
    something is owed to or by an outsider.
    """
    if total := sum(positions.values()):
        raise OutOfRange(f"the positions add up to {total}, not to 0", sum=total)
    owed = {member: amount for member, amount in positions.items() if amount > 0}
    owing = {member: -amount for member, amount in positions.items() if amount < 0}
    transfers: list[MemberTransfer] = []
    while owed:
        payee, payer = _largest(owed), _largest(owing)
        amount = min(owed[payee], owing[payer])
        transfers.append(MemberTransfer(payer, payee, amount))
        _lower(owed, payee, amount)
        _lower(owing, payer, amount)
    return tuple(transfers)


def _position(dues: list[Due]) -> Position:
    first = dues[0]
    return Position(first.member, first.currency, sum(d.amount_minor for d in dues), tuple(dues))


def _faults_of(due: Due, where: str) -> list[Fault]:
    found = []
    if CURRENCY.fullmatch(due.currency) is None:
        found.append(Fault(where, OutOfRange.code, f"{due.currency[:10]!r} is no currency"))
    if abs(due.amount_minor) > AMOUNT_MAX:
        found.append(Fault(where, OutOfRange.code, "the amount is beyond any amount"))
    return found


def _largest(amounts: Mapping[str, int]) -> str:
    return min(amounts, key=lambda member: (-amounts[member], member.encode()))


def _lower(amounts: dict[str, int], member: str, amount: int) -> None:
    amounts[member] -= amount
    if not amounts[member]:
        del amounts[member]
