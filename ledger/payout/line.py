"""One payment: the unit that is ordered, sent, and comes back as paid or returned.

Its id is derived from what it is for, so that making the same order twice makes the same id, and a
bank or contract that keeps ids once pays once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PayoutLine:
    """A payment to one member in one currency.

    ``id`` has at most 35 of the characters A-Z, a-z, 0-9 and ``-``: an EndToEndId of ISO 20022.
    ``period`` (YYYY-MM) is the newest settled period that the payment nets. ``amount_minor`` is
    positive; what is zero or owed by the member never becomes a line.
    """

    id: str
    member: str
    currency: str
    amount_minor: int
    period: str
