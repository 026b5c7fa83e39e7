"""What is payable of a month as pages and tables show it: row by row, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.paper.speech import Speech
from ledger.settlement.payable import PayableShape, Status
from ledger.settlement.shape import parse_shape

SETTLED: Final[Status] = "settled"


@dataclass(frozen=True, slots=True)
class PayableRow:
    """One term of the sum; ``source`` is the step, the correction or the dispute it comes from."""

    kind: str
    label: str
    source: str
    amount_minor: int
    amount: str


@dataclass(frozen=True, slots=True)
class PayableView:
    """The rows, what they come to, and the state that they rest on."""

    rows: tuple[PayableRow, ...]
    label: str
    total_minor: int
    total: str
    size: int
    state_hash: str
    limits: tuple[str, ...]


def payable_view(say: Speech, part: Mapping[str, Any] | None) -> PayableView | None:
    """Prepare the part ``payable`` of a member statement; None where there is none.

    Raises MalformedDocument for what is no such part.
    """
    if part is None:
        return None
    found = parse_shape(part, PayableShape, "part on what is payable")
    label = say("この月の支払額", "Payable of this month")
    if found.status != SETTLED:
        label = say("確定した場合の支払額", "Payable once the settlement takes effect")
    return PayableView(
        rows=tuple(_rows(say, found)),
        label=label,
        total_minor=found.payable_minor,
        total=say.money(found.payable_minor),
        size=found.size,
        state_hash=found.state_hash.hex(),
        limits=tuple(say(limit.ja, limit.en) for limit in found.limits),
    )


def _rows(say: Speech, part: PayableShape) -> Iterator[PayableRow]:
    def row(kind: str, label: str, amount_minor: int, source: str = "") -> PayableRow:
        return PayableRow(kind, label, source, amount_minor, say.money(amount_minor))

    yield row("net", say("配分の差引額", "Net of the lines"), part.net_minor)
    for repaid in part.repaid:
        label = say("負担した費用の補填", "Repaid to you of a cost that you bore")
        yield row(
            "repaid", label, repaid.amount_minor, say(f"段階 {repaid.step}", f"step {repaid.step}")
        )
    for posted in part.posted:
        label = say("訂正の計上", "Correction posted with this month")
        if posted.kind == "dispute":
            label = say("異議の終了により戻る額", "Given back by a dispute that has ended")
        yield row(posted.kind, label, posted.amount_minor, posted.id.hex())
    for held in part.held:
        label = say("異議による保留", "Held back by a dispute")
        if held.posted_in is not None:
            month = say.month(held.posted_in)
            label = say(
                f"異議による保留（{month}分で計上）",
                f"Held back by a dispute; given back in {month}",
            )
        yield row("held", label, -held.amount_minor, held.dispute.hex())
    if part.offset_minor:
        label = say("未払い分との相殺", "Offset against what you owed")
        yield row("offset", label, -part.offset_minor)
    if part.owing_minor:
        label = say("翌月以降に相殺する未払い分", "Carried over as what you owe")
        yield row("owing", label, part.owing_minor)
