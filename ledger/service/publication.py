"""The result of a month as it is published: what was divided, by which rules, who agreed.

Once settled it is open to everybody; before that to members. Amounts of members are shown to the
roles that the charter names for settlements, and to each member its own; nobody else sees any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger import canonical
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import Period, State
from ledger.errors import NotFound
from ledger.rules.document import parse_rules
from ledger.service.charter import charter_at
from ledger.service.coop import Coop
from ledger.service.correct import Corrected, find_corrections
from ledger.service.dispute import Disputed, disputes_in
from ledger.service.read import (
    Proposed,
    find_proposed,
    may_read,
    require_member,
    search_all,
)
from ledger.service.sign_in import Reader
from ledger.service.statements import anchors_over, statement_names
from ledger.store.reading import Filter, Head, LogReader
from ledger.usage.totals import SALT_BYTES


@dataclass(frozen=True, slots=True)
class Vote:
    """One member's Decision on the settlement, and the entry in which it stands."""

    member: str
    action: str
    received_at: str
    index: int


@dataclass(frozen=True, slots=True)
class Publication:
    """A month's settlement with all that a reader needs to judge it.

    ``amounts`` holds what this reader may see: all members', its own, or nothing. ``quorum`` is
    the charter's threshold and roles; ``settled_index`` is None until the settlement took effect;
    ``corrections`` have run the month again, or are settled with it; ``disputes`` are of it.
    """

    origin: str
    settlement: Mapping[str, Any]
    settlement_id: str
    names: Mapping[str, Any]
    members: Mapping[str, Mapping[str, str]]
    rule_text: str
    quorum: tuple[str, tuple[str, ...]]
    votes: tuple[Vote, ...]
    proposed_index: int
    proposed_at: str
    settled_index: int | None
    amounts: Mapping[str, int]
    head: Head
    anchors: tuple[Mapping[str, Any], ...]
    corrections: tuple[Corrected, ...]
    disputes: tuple[Disputed, ...]


def publication(coop: Coop, reader: Reader, month: str) -> Publication:
    """A month's published result; raises NotFound where there is none, NotPermitted before."""
    with coop.reading() as (state, log):
        period = state.period(month)
        if period.status != "settled":
            require_member(reader)
        proposed = find_proposed(log, period)
        return _publication(state, log, period, proposed, reader)


def _publication(
    state: State, log: LogReader, period: Period, proposed: Proposed, reader: Reader
) -> Publication:
    settlement = proposed.body["settlement"]
    right = charter_at(state, log, proposed.index).authority["settlement-proposed"].approve
    quorum = ("", ()) if right is None else (right.threshold, tuple(right.roles))
    settled = log.search(Filter(kind="settlement-settled", period=period.id), limit=1)
    text = _rule_text(state, log, settlement["rule_hash"])
    return Publication(
        origin=state.terms().origin,
        settlement=settlement,
        settlement_id=canonical.digest(settlement).hex(),
        names={**statement_names(state, period, ""), "rules": dict(parse_rules(text).document)},
        members={member.id: dict(member.name) for member in state.members.values()},
        rule_text=text,
        quorum=quorum,
        votes=tuple(_votes(state, log, period, proposed.index)),
        proposed_index=proposed.index,
        proposed_at=parse_envelope(proposed.data).received_at,
        settled_index=settled[0].index if settled else None,
        amounts=_amounts(state, log, proposed, reader),
        head=log.head(),
        anchors=tuple(anchors_over(state, proposed.index)),
        corrections=tuple(_corrections(state, log, period.id)),
        disputes=tuple(disputes_in(state, period.id)),
    )


def _corrections(state: State, log: LogReader, month: str) -> Iterator[Corrected]:
    """The posted corrections of a month, and those of others that are settled with it."""
    for found in find_corrections(state, log):
        months = {row["period"] for row in found.document["periods"]}
        if found.status == "posted" and month in {*months, found.document["posted_in"]}:
            yield found


def _rule_text(state: State, log: LogReader, rule_hash: str) -> str:
    for adopted in state.rule_sets:
        if adopted.rule_hash == rule_hash:
            return log.blob(adopted.text_sha256)[SALT_BYTES:].decode()
    raise NotFound(f"no adopted rule set has the hash {rule_hash}")


def _votes(state: State, log: LogReader, period: Period, proposed_index: int) -> Iterator[Vote]:
    """The Decisions on this settlement; an earlier, rejected one may have had the same hash."""
    wanted = Filter(kind="decision", period=period.id)
    for row in search_all(log, wanted, start=proposed_index):
        draft = parse_envelope(log.entry(row.index)).draft
        if draft.body["subject_hash"] == period.settlement:
            member = state.keys[draft.actor].member
            yield Vote(member, draft.body["action"], row.received_at, row.index)


def _amounts(state: State, log: LogReader, proposed: Proposed, reader: Reader) -> Mapping[str, int]:
    sees_all = may_read(state, reader, "settlements")
    if not sees_all and reader.member is None:
        return {}
    lines = canonical.parse(log.blob(proposed.body["lines"]["sha256"])[SALT_BYTES:])
    totals = {member: int(amount) for member, amount in lines["totals"]["members"].items()}
    return totals if sees_all else {m: a for m, a in totals.items() if m == reader.member}
