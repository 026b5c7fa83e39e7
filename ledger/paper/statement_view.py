"""A member statement as its page shows it, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.coop.envelope import parse_envelope
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.paper.payable_view import PayableView, payable_view
from ledger.paper.reasons import Reason, Teller, trace_usage
from ledger.paper.speech import Language, Speech
from ledger.paper.steps import Flow, Rules, flows
from ledger.rules.inputs import SUSPENSE
from ledger.settlement.correction_statement import (
    CorrectionStatementShape,
    parse_correction,
)
from ledger.settlement.shape import (
    StatementShape,
    parse_settlement,
    parse_shape,
    parse_statement,
)

_STATUS = {
    "proposed": ("提案中（承認前）", "Proposed, not yet approved"),
    "disputed": ("異議申立中", "Disputed"),
    "approved": ("承認済（確定前）", "Approved, not yet in effect"),
    "settled": ("確定", "Settled"),
}


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A usage batch in the table of sources."""

    index: int
    received: str
    count: str
    root: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A correction that came later: what it changed of this month, and where it is posted."""

    id: str
    entry: int
    posted_in: str
    month: str
    amount_minor: int
    amount: str


@dataclass(frozen=True, slots=True)
class StatementView:
    """What the template prints; texts are in the page's language."""

    coop: str
    member: str
    member_id: str
    month: str
    bounds: str
    status: str
    is_settled: bool
    net: str
    reasons: tuple[Reason, ...]
    flows: tuple[Flow, ...]
    batches: tuple[BatchRow, ...]
    batch_records: str
    settlement_id: str
    proposed_index: int
    proof_hashes: int
    origin: str
    genesis: str
    checkpoint: Checkpoint
    note: str
    anchors: tuple[Mapping[str, Any], ...]
    ruleset: str
    rule_hash: str
    limits: tuple[str, ...]
    files: Mapping[str, str]
    payable: PayableView | None
    corrections: tuple[Followed, ...]


def statement_view(
    document: Mapping[str, Any],
    settlement: Mapping[str, Any],
    language: Language,
    files: Mapping[str, str] | None = None,
) -> StatementView:
    """Prepare a member statement (``ledger.coop.grounds``) for its page.

    ``files`` says where it can be had in other formats: format → address.
    """
    own, public = parse_statement(document["statement"]), parse_settlement(settlement)
    names = document["names"]
    say = Speech(language, public.currency, public.minor_digits, names["time_zone"])
    rules = Rules(names["rules"])
    batches = document["usage"]["batches"]
    note = document["proof"]["checkpoint"]
    return StatementView(
        coop=say.name(names["coop"], document["origin"]),
        member=member_name(say, names["member"], own.member),
        member_id=own.member,
        month=say.month(public.period),
        bounds=period_bounds(say, names["period"]),
        status=status_text(say, names["period"]["status"]),
        is_settled=names["period"]["status"] == "settled",
        net=say.money(own.net_minor),
        reasons=_reasons(say, rules, own, document),
        flows=tuple(flows(say, rules, public, names["words"])),
        batches=tuple(_batch_row(say, batch) for batch in batches),
        batch_records=say.number(sum(batch["count"] for batch in batches)),
        settlement_id=own.settlement_id.hex(),
        proposed_index=document["proof"]["index"],
        proof_hashes=len(document["proof"]["hashes"]),
        origin=document["origin"],
        genesis=document["genesis"],
        checkpoint=parse_checkpoint(parse_note(note.encode()).text),
        note=note,
        anchors=tuple(document["anchors"]),
        ruleset=f"{public.ruleset} {public.version}",
        rule_hash=public.rule_hash.hex(),
        limits=tuple(say(limit.ja, limit.en) for limit in own.limits),
        files=files or {},
        payable=payable_view(say, document.get("payable")),
        corrections=tuple(followed(say, document, public.period)),
    )


def followed(say: Speech, document: Mapping[str, Any], period: str) -> Iterator[Followed]:
    """The corrections of a statement's month; raises MalformedDocument for what is none."""
    for one in document.get("corrections") or ():
        own = parse_shape(one["statement"], CorrectionStatementShape, "part of a correction")
        posted_in = parse_correction(own.correction).posted_in
        amount = sum(row.amount_minor for row in own.rows if row.period == period)
        yield Followed(
            id=own.correction_id.hex(),
            entry=int(one["proof"]["index"]),
            posted_in=posted_in,
            month=say.month(posted_in),
            amount_minor=amount,
            amount=say.money(amount),
        )


def member_name(say: Speech, names: Mapping[str, str] | None, member: str) -> str:
    """A member's name; the suspense account has a fixed one."""
    if member == SUSPENSE:
        return say("仮勘定", "Suspense account")
    return say.name(names, member)


def period_bounds(say: Speech, period: Mapping[str, Any]) -> str:
    """From when until when a period runs, by the co-op's clocks."""
    start, end = say.instant(period["start"]), say.instant(period["end"])
    return say(f"{start} から {end} の前まで", f"from {start} up to {end}")


def status_text(say: Speech, status: str) -> str:
    """Where the settlement stands."""
    return say(*_STATUS.get(status, (status, status)))


def _reasons(
    say: Speech, rules: Rules, own: StatementShape, document: Mapping[str, Any]
) -> tuple[Reason, ...]:
    names, public = document["names"], parse_settlement(own.settlement)
    steps = {step.step: step for step in public.steps}
    teller = Teller(
        say=say,
        rules=rules,
        own=own,
        words=names["words"],
        traces=trace_usage(say, document, names, public.period),
        reports={row["where"]: tuple(row["entries"]) for row in document["reports"]},
    )
    return tuple(
        teller.reason(mine, steps[mine.step], division)
        for mine in own.steps
        if mine.takes_part and (division := steps[mine.step].division) is not None
    )


def _batch_row(say: Speech, batch: Mapping[str, Any]) -> BatchRow:
    received = parse_envelope(batch["entry"].encode()).received_at
    count = say.number(batch["count"])
    return BatchRow(batch["index"], say.instant(received), count, batch["root"])
