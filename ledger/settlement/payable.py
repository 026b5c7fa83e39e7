"""What is payable of a period to one member: the run's net, and what stands beside it.

    sum     = net + repaid + posted
    payable = sum + owing − offset − held

``repaid`` is what charged costs give back to the member that bore them (decision 0021), ``posted``
what corrections and ended disputes settle with this period, ``held`` what open disputes keep back.
Of a sum above zero, ``offset`` goes to what the member owed; a sum below zero becomes ``owing``, so
that nothing is payable. Amounts are in minor units of the settlement's currency.

The sum trees prove the net alone; all else is what the co-op's state says at ``size`` entries of
the log, and its hash stands beside it. ``verify_payable`` checks that the part adds up; that it is
what the state says, the fold of an audit bundle shows (``ledger.coop.payable``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ledger.errors import SumMismatch
from ledger.settlement.shape import (
    Count,
    Hash,
    Integer,
    LimitShape,
    SettlementShape,
    Shape,
)

Status = Literal["proposed", "disputed", "approved", "settled"]

LIMITS: Final[tuple[Mapping[str, str], ...]] = (
    {
        "en": "Of what is payable, the sums of the settlement prove the net alone. What is repaid, "
        "posted, held back and offset is what the co-op's state said at the log size named with "
        "it; whoever folds an audit bundle finds the state with that hash and these figures in it.",
        "ja": "支払額のうち、精算の総計が証明するのは配分の差引額だけです。"
        "費用の補填・計上・保留・相殺は、併記した台帳の件数の時点で組合の状態が示す額です。監査束をたどれば、"
        "同じハッシュの状態とこれらの額が得られます。",
    },
    {
        "en": "What happens after that size of the log is not in it: what a dispute that ends "
        "gives back, and every correction, is posted with a later month.",
        "ja": "その件数より後のことは含みません。"
        "異議の終了で戻る額と訂正は、後の月に計上されます。",
    },
)
LIMIT_UNTIL_SETTLED: Final[Mapping[str, str]] = {
    "en": "The settlement has not taken effect: open disputes can still hold back a part of it.",
    "ja": "精算はまだ確定していません。異議によって一部が保留されることがあります。",
}


class RepaidShape(Shape):
    """What a charge step gives back of a cost that the member bore."""

    step: str
    amount_minor: Integer


class PostedShape(Shape):
    """What a correction or an ended dispute settles with this period."""

    kind: Literal["correction", "dispute"]
    id: Hash
    amount_minor: Integer


class HeldShape(Shape):
    """What a dispute keeps back; ``posted_in`` is the later period that gave it back, if any."""

    dispute: Hash
    amount_minor: Integer
    posted_in: str | None


class PayableShape(Shape):
    """The part of a member statement that says what is payable."""

    size: Count
    state_hash: Hash
    status: Status
    net_minor: Integer
    repaid: tuple[RepaidShape, ...]
    posted: tuple[PostedShape, ...]
    held: tuple[HeldShape, ...]
    offset_minor: Integer
    owing_minor: Integer
    payable_minor: Integer
    limits: tuple[LimitShape, ...]


def verify_payable(part: PayableShape, net_minor: int, public: SettlementShape | None) -> None:
    """Check that a part adds up and goes with a member's proven net; raises SumMismatch.

    ``public`` is the settlement: only what it charged of costs can be repaid, and a correction or
    a dispute stands once. Without one, for whom the settlement gives nothing, nothing is repaid.
    """
    _require(part.net_minor == net_minor, "the net")
    steps = () if public is None else public.steps
    charges = {step.step: step.taken for step in steps if step.as_ == "charge"}
    for row in part.repaid:
        most = charges.pop(row.step, 0)
        _require(0 < row.amount_minor <= most, f"what step {row.step!r} repays")
    _require(len({one.id for one in part.posted}) == len(part.posted), "what is posted")
    _require(all(one.amount_minor for one in part.posted), "what is posted")
    _require(len({one.dispute for one in part.held}) == len(part.held), "what is held")
    _require(all(one.amount_minor > 0 for one in part.held), "what is held")
    _require(part.status == "settled" or not part.held, "what is held before it takes effect")
    total = part.net_minor + sum(one.amount_minor for one in part.repaid)
    total += sum(one.amount_minor for one in part.posted)
    _require(0 <= part.offset_minor <= max(0, total), "what is offset")
    _require(part.owing_minor == max(0, -total), "what is owed now")
    total += part.owing_minor - part.offset_minor
    total -= sum(one.amount_minor for one in part.held)
    _require(part.payable_minor == total, "what is payable")


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise SumMismatch(f"{what} does not agree with the rest of what is payable", part=what)
