"""A member's part of a correction as its page shows it, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.paper.payable_view import PayableView, payable_view
from ledger.paper.speech import Language, Speech
from ledger.settlement.correction_statement import (
    CorrectionStatementShape,
    parse_correction,
)
from ledger.settlement.shape import parse_shape

_ROLES: Final[Mapping[str, tuple[str, str]]] = {
    "delta": ("差額", "Difference"),
    "negate": ("取消", "Taken back"),
    "restate": ("再計上", "Stated anew"),
}
LIMITS: Final = (
    (
        "この差額が訂正の総計に含まれることを示します。"
        "どの月の差額かは記載によるもので、月ごとの証明はありません。"
        "訂正が承認されたかどうかは、監査束で確かめてください。"
    ),
    (
        "This shows that your difference is among those that add up to the correction’s sums; from "
        "which months it comes is told, not proven month by month. Whether the members approved "
        "the correction, the audit bundle shows."
    ),
)
"""What such a part does not prove, in Japanese and English."""


@dataclass(frozen=True, slots=True)
class CorrectedRow:
    """What one month's figures changed by, and the settlement or correction that had them."""

    month: str
    period: str
    role: str
    label: str
    correction_of: str
    amount_minor: int
    amount: str


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """What a page or a table says of a member's part; texts are in one language."""

    coop: str
    origin: str
    member: str
    member_id: str
    posted_in: str
    month: str
    currency: str
    rows: tuple[CorrectedRow, ...]
    net_minor: int
    net: str
    correction_id: str
    proposed_index: int
    genesis: str
    checkpoint: Checkpoint
    payable: PayableView | None
    limits: tuple[str, ...]


def correction_view(document: Mapping[str, Any], language: Language) -> CorrectionView:
    """Prepare a member's part (``ledger.coop.correction_grounds``) for its page.

    Raises MalformedDocument for what is no such document.
    """
    own = parse_shape(document["statement"], CorrectionStatementShape, "statement of a correction")
    public = parse_correction(own.correction)
    say = Speech(language, public.currency, public.minor_digits)
    names = document.get("names") or {}
    note = document["proof"]["checkpoint"]
    return CorrectionView(
        coop=say.name(names.get("coop"), document["origin"]),
        origin=document["origin"],
        member=say.name(names.get("member"), own.member),
        member_id=own.member,
        posted_in=public.posted_in,
        month=say.month(public.posted_in),
        currency=public.currency,
        rows=tuple(
            CorrectedRow(
                month=say.month(row.period),
                period=row.period,
                role=row.role,
                label=say(*_ROLES[row.role]),
                correction_of=row.correction_of.hex(),
                amount_minor=row.amount_minor,
                amount=say.money(row.amount_minor),
            )
            for row in own.rows
        ),
        net_minor=own.net_minor,
        net=say.money(own.net_minor),
        correction_id=own.correction_id.hex(),
        proposed_index=document["proof"]["index"],
        genesis=document["genesis"],
        checkpoint=parse_checkpoint(parse_note(note.encode()).text),
        payable=payable_view(say, document.get("payable")),
        limits=(say(*LIMITS),),
    )
