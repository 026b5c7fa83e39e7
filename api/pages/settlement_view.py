"""A month's published result as its page shows it, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.pages.shown_lines import entry_lines
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.paper.speech import Language, Speech, per_mille
from ledger.paper.statement_view import member_name, period_bounds, status_text
from ledger.paper.steps import Flow, Rules, flows, share_of
from ledger.service.correct import Corrected
from ledger.service.dispute import Disputed
from ledger.service.publication import Publication
from ledger.service.shown import Shown
from ledger.settlement.shape import SettlementShape, parse_settlement

_ACTIONS = {
    "approve": ("承認", "approves"),
    "reject": ("否認", "rejects"),
    "abstain": ("棄権", "abstains"),
}
_DISPUTES = {
    "open": ("審議中", "open"),
    "answered": ("回答あり、審議中", "answered, open"),
    "upheld": ("認容", "upheld"),
    "rejected": ("棄却", "rejected"),
    "withdrawn": ("取下げ", "withdrawn"),
}
_ROLES = {
    "member": ("組合員", "member"),
    "operator": ("運営者", "operator"),
    "auditor": ("監査人", "auditor"),
    "municipality": ("自治体", "municipality"),
}


@dataclass(frozen=True, slots=True)
class AmountRow:
    """A receiver and its amount; ``width`` is a bar of 1,000 against the whole."""

    name: str
    id: str
    amount: str
    share: str
    width: int


@dataclass(frozen=True, slots=True)
class VoteRow:
    """A vote on the settlement."""

    member: str
    action: str
    at: str
    index: int


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A correction that concerns the month; ``moves`` are named amounts."""

    months: str
    posted_in: str
    moves: tuple[tuple[str, str], ...]
    id: str
    index: int


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute of the settlement: whose, how it stands, what is held back for it in all."""

    member: str
    state: str
    opened_at: str
    deadline: str
    held: str
    id: str


@dataclass(frozen=True, slots=True)
class SettlementView:
    """What the template prints; texts are in the page's language."""

    coop: str
    month: str
    bounds: str
    status: str
    is_settled: bool
    total_in: str
    total_out: str
    flows: tuple[Flow, ...]
    where: tuple[AmountRow, ...]
    members: tuple[AmountRow, ...]
    shows_all_members: bool
    member_count: str
    carry: tuple[AmountRow, ...]
    quorum: str
    votes: tuple[VoteRow, ...]
    proposed_at: str
    proposed_index: int
    settled_index: int | None
    settlement_id: str
    ruleset: str
    rule_hash: str
    rule_text: str
    origin: str
    checkpoint: Checkpoint
    note: str
    anchors: tuple[Mapping[str, Any], ...]
    cut_off_index: int
    corrections: tuple[CorrectionRow, ...]
    disputes: tuple[DisputeRow, ...]
    shown: tuple[str, ...]


def settlement_view(
    settlement: Mapping[str, Any],
    context: Publication,
    language: Language,
    found: Shown | None = None,
) -> SettlementView:
    """Prepare a published settlement for its page; ``found`` says how far its entry is shown."""
    public, names = parse_settlement(settlement), context.names
    say = Speech(language, public.currency, public.minor_digits, names["time_zone"])
    status, note = names["period"]["status"], context.head.note.decode()
    whole = public.totals.in_
    return SettlementView(
        coop=say.name(names["coop"], context.origin),
        month=say.month(public.period),
        bounds=period_bounds(say, names["period"]),
        status=status_text(say, status),
        is_settled=status == "settled",
        total_in=say.money(whole),
        total_out=say.money(public.totals.out),
        flows=tuple(flows(say, Rules(names["rules"]), public, names["words"])),
        where=tuple(_row(say, *named, whole) for named in _receivers(say, public)),
        members=tuple(
            _row(say, member_name(say, context.members.get(member), member), member, amount, whole)
            for member, amount in sorted(context.amounts.items())
        ),
        shows_all_members=len(context.amounts) == public.account_count,
        member_count=say.number(public.member_count),
        carry=tuple(_row(say, step, step, due, due) for step, due in public.totals.carry.items()),
        quorum=_quorum(say, context),
        votes=tuple(_votes(say, context)),
        proposed_at=say.instant(context.proposed_at),
        proposed_index=context.proposed_index,
        settled_index=context.settled_index,
        settlement_id=context.settlement_id,
        ruleset=f"{public.ruleset} {public.version}",
        rule_hash=public.rule_hash.hex(),
        rule_text=context.rule_text,
        origin=context.origin,
        checkpoint=parse_checkpoint(parse_note(note.encode()).text),
        note=note,
        anchors=context.anchors,
        cut_off_index=public.as_of_index,
        corrections=tuple(_correction(say, found) for found in context.corrections),
        disputes=tuple(_dispute(say, found, context) for found in context.disputes),
        shown=() if found is None else tuple(entry_lines(say, found, context.proposed_index)),
    )


def _dispute(say: Speech, found: Disputed, context: Publication) -> DisputeRow:
    return DisputeRow(
        member=say.name(context.members.get(found.member), found.member),
        state=say(*_DISPUTES.get(found.state, (found.state, found.state))),
        opened_at=say.instant(found.opened_at),
        deadline=say.instant(found.deadline),
        held=say.money(found.held_minor),
        id=found.id,
    )


def _correction(say: Speech, found: Corrected) -> CorrectionRow:
    """What a correction moved in all, by the month that it is settled with."""
    totals = found.document["totals"]
    moves = [
        (say("組合員の増額", "More to members"), int(totals["raised"])),
        (say("組合員の減額", "Less to members"), -int(totals["lowered"])),
        (say("仮勘定", "Suspense"), int(totals["suspense"])),
    ]
    moves += [
        (f"{say('積立金', 'Fund')} {name}", int(row)) for name, row in totals["funds"].items()
    ]
    left = say("原資の残り", "Left in the pool")
    moves += [(f"{left} {name}", int(row)) for name, row in totals["pools_left"].items()]
    return CorrectionRow(
        months=say.joined([say.month(row["period"]) for row in found.document["periods"]]),
        posted_in=say.month(found.document["posted_in"]),
        moves=tuple((name, say.money(amount)) for name, amount in moves if amount),
        id=found.id,
        index=found.index,
    )


def role_name(say: Speech, role: str) -> str:
    """A role in words."""
    return say(*_ROLES.get(role, (role, role)))


def _receivers(say: Speech, public: SettlementShape) -> list[tuple[str, str, int]]:
    totals = public.totals
    rows = [(say("組合員へ", "To members"), "", totals.paid_to_members)]
    if totals.paid_to_suspense:
        held = say("仮勘定（利用者不明分）", "Held in suspense (usage that names nobody)")
        rows.append((held, "", totals.paid_to_suspense))
    if totals.charged_to_members:
        rows.append((say("組合員から", "From members"), "", -totals.charged_to_members))
    rows += [(say("積立金", "Fund"), fund, amount) for fund, amount in totals.funds.items()]
    rows += [(say("事業", "Project"), name, found) for name, found in totals.projects.items()]
    left = say("翌月に残る原資", "Left in the pool for next month")
    rows += [
        (say("費用へ", "For the cost"), cost.removeprefix("cost."), amount)
        for cost, amount in totals.costs.items()
    ]
    rows += [
        (left, pool, amount)
        for pool, amount in totals.pools_left.items()
        if public.unit_of(pool) is None
    ]
    return rows


def _row(say: Speech, name: str, row_id: str, amount: int, whole: int) -> AmountRow:
    share = say.percent(abs(share_of(amount, whole)))
    return AmountRow(name, row_id, say.money(amount), share, per_mille(abs(amount), abs(whole)))


def _quorum(say: Speech, context: Publication) -> str:
    threshold, roles = context.quorum
    who = say.joined([role_name(say, role) for role in roles])
    return say(f"{who}の {threshold}", f"{threshold} of: {who}")


def _votes(say: Speech, context: Publication) -> list[VoteRow]:
    return [
        VoteRow(
            member=say.name(context.members.get(vote.member), vote.member),
            action=say(*_ACTIONS.get(vote.action, (vote.action, vote.action))),
            at=say.instant(vote.received_at),
            index=vote.index,
        )
        for vote in context.votes
    ]
