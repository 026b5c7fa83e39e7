"""Netting (相殺): one payment per member and currency, under an id that never changes.

What is netted into a payment is the fold's (``ledger.coop.dues``: shares, charges, corrections,
advances, what came back). The id of a line is a hash of the settlement, the member, the currency
and the attempt, so that the same order made twice makes the same ids. ``attempt`` counts payments
that came back: a bank that keeps ids once would refuse the old one.

``plan_transfers`` is the other way to settle: members pay each other. Net positions are kept, and
there are at most n − 1 transfers a currency (RULES.md section 12, invariant 20).

>>> payout_id(bytes(32), "bus", "JPY", period="2026-10")
'202610-39734665f73b3a62e9a8c207fa56'
>>> [(each.payer, each.payee, each.amount_minor) for each in plan_transfers({"a": 5, "b": -5})]
[('b', 'a', 5)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger import canonical
from ledger.errors import DuplicateId, OutOfRange
from ledger.payout.line import PayoutLine

_ID_DIGITS: Final = 28


@dataclass(frozen=True, slots=True)
class MemberTransfer:
    """One member pays another."""

    payer: str
    payee: str
    amount_minor: int


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


def _largest(amounts: Mapping[str, int]) -> str:
    return min(amounts, key=lambda member: (-amounts[member], member.encode()))


def _lower(amounts: dict[str, int], member: str, amount: int) -> None:
    amounts[member] -= amount
    if not amounts[member]:
        del amounts[member]
