"""A co-op's front page, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.pages.settlement_view import role_name
from api.pages.shown_lines import log_lines
from ledger.coop.state import Period, State
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.paper.speech import Language, Speech
from ledger.paper.statement_view import period_bounds
from ledger.service.read import Overview
from ledger.service.shown import Shown
from ledger.service.statements import anchors_over

_STATUS = {
    "open": ("受付中", "Open"),
    "closing": ("締切処理中", "Closing"),
    "closed": ("締切済", "Closed"),
    "proposed": ("精算案の承認待ち", "Settlement proposed"),
    "disputed": ("異議申立中", "Disputed"),
    "approved": ("承認済", "Approved"),
    "settled": ("確定", "Settled"),
    "corrected": ("確定（訂正あり）", "Settled, and corrected since"),
}


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A month and where it stands; ``link`` leads to its result, or is empty."""

    month: str
    bounds: str
    status: str
    records: str
    link: str


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as everybody may see it."""

    name: str
    id: str
    roles: str
    left: str


@dataclass(frozen=True, slots=True)
class FacilityRow:
    """A facility and its owner."""

    name: str
    id: str
    owner: str


@dataclass(frozen=True, slots=True)
class CoopView:
    """What the template prints; texts are in the page's language."""

    coop: str
    origin: str
    genesis: str
    time_zone: str
    currencies: str
    periods: tuple[PeriodRow, ...]
    members: tuple[MemberRow, ...]
    facilities: tuple[FacilityRow, ...]
    rule_sets: tuple[str, ...]
    funds: tuple[tuple[str, str], ...]
    checkpoint: Checkpoint | None
    note: str
    anchors: tuple[Mapping[str, Any], ...]
    shown: tuple[str, ...]


def coop_view(
    overview: Overview, links: Mapping[str, str], language: Language, found: Shown | None = None
) -> CoopView:
    """Prepare a co-op's front page; ``links`` holds, per period, where its result is.

    ``found`` says how far the log is shown; without it the page does not.
    """
    state, note = overview.state, overview.head.note
    terms = state.terms()
    say = Speech(language, time_zone=terms.time_zone)
    return CoopView(
        coop=say.name(terms.name.model_dump(), terms.origin),
        origin=terms.origin,
        genesis=state.genesis,
        time_zone=terms.time_zone,
        currencies=say.joined([currency.code for currency in terms.currencies]),
        periods=tuple(_period(say, period, links) for period in _newest_first(state)),
        members=tuple(_members(say, state)),
        facilities=tuple(_facilities(say, state)),
        rule_sets=tuple(
            say(
                f"{adopted.ruleset} 第{adopted.version}版（{adopted.effective_from}から）",
                f"{adopted.ruleset}, version {adopted.version}, from {adopted.effective_from}",
            )
            for adopted in reversed(state.rule_sets)
        ),
        funds=tuple(_funds(state, language)),
        checkpoint=parse_checkpoint(parse_note(note).text) if note else None,
        note=note.decode(),
        anchors=tuple(anchors_over(state, 0)),
        shown=() if found is None else tuple(log_lines(say, found)),
    )


def _newest_first(state: State) -> list[Period]:
    return sorted(state.periods.values(), key=lambda period: period.start, reverse=True)


def _period(say: Speech, period: Period, links: Mapping[str, str]) -> PeriodRow:
    bounds = {"start": period.start, "end": period.end}
    return PeriodRow(
        month=say.month(period.id),
        bounds=period_bounds(say, bounds),
        status=say(*_STATUS.get(_standing(period), (period.status, period.status))),
        records=say.number(sum(usage.records for usage in period.usage.values())),
        link=links.get(period.id, ""),
    )


def _standing(period: Period) -> str:
    return "corrected" if period.is_corrected else period.status


def _members(say: Speech, state: State) -> Iterator[MemberRow]:
    for member in state.members.values():
        roles = say.joined([role_name(say, role) for role in member.roles])
        left = "" if member.left is None else say.instant(member.left)
        yield MemberRow(say.name(member.name, member.id), member.id, roles, left)


def _facilities(say: Speech, state: State) -> Iterator[FacilityRow]:
    for facility in state.facilities.values():
        owner = state.members.get(facility.owner or "")
        name = "" if owner is None else say.name(owner.name, owner.id)
        yield FacilityRow(say.name(facility.name, facility.id), facility.id, name)


def _funds(state: State, language: Language) -> Iterator[tuple[str, str]]:
    for currency, balances in sorted(state.balances.items()):
        say = Speech(language, currency, state.terms().digits(currency))
        for fund, amount in balances.funds.items():
            yield fund, say.money(amount)
