"""Read: what a reader may see of a co-op, and nothing else.

Open to all: the co-op's description, periods and their published settlements. To every member:
entries, proposals, its own totals and statements. To the roles that the charter names: all
totals, records and settlement lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger import canonical
from ledger.coop.settlements import FIRST_EPOCHS
from ledger.coop.state import Period, State
from ledger.coop.submission import blob_references
from ledger.errors import NotFound, NotPermitted
from ledger.service.coop import Coop
from ledger.service.sign_in import Reader
from ledger.store.reading import Filter, Head, IndexRow, LogReader
from ledger.usage.totals import SALT_BYTES

PAGE_MAX = 500
Subject = Literal["totals", "records", "settlements"]


@dataclass(frozen=True, slots=True)
class Total:
    """One row of a period's totals."""

    account: str
    facility: str
    name: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Overview:
    """A co-op in short: its state and its head, as one transaction saw them."""

    state: State
    head: Head


def overview(coop: Coop) -> Overview:
    """The co-op now."""
    with coop.reading() as (state, reader):
        return Overview(state, reader.head())


def require_member(reader: Reader) -> str:
    """The reader's member id; raises NotPermitted for somebody who has not signed in."""
    if reader.member is None:
        raise NotPermitted("sign in first: this is open to members only")
    return reader.member


def may_read(state: State, reader: Reader, subject: Subject) -> bool:
    """Whether the charter gives one of the reader's roles the right to read a subject."""
    allowed = getattr(state.terms().readers, subject)
    return not set(allowed).isdisjoint(reader.roles)


def entries(
    coop: Coop, reader: Reader, wanted: Filter, *, start: int, limit: int
) -> list[IndexRow]:
    """Entries that match, for members."""
    require_member(reader)
    with coop.reading() as (_, log):
        return log.search(wanted, start=start, limit=min(limit, PAGE_MAX))


def entry(coop: Coop, reader: Reader, index: int) -> bytes:
    """The bytes of an entry, for members."""
    require_member(reader)
    with coop.reading() as (_, log):
        return log.entry(index)


def totals(coop: Coop, reader: Reader, month: str) -> list[Total]:
    """A period's totals: a member's own, or all for the roles that the charter names."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        period = state.period(month)
        found = log.totals(month, max(period.epoch, FIRST_EPOCHS))
        if not may_read(state, reader, "totals"):
            found = {key: amount for key, amount in found.items() if key.account == member}
    return [Total(*key, amount) for key, amount in sorted(found.items())]


def blob(coop: Coop, reader: Reader, digest: str) -> bytes:
    """A blob; open to members if an entry of their own names it, else by the subject's readers."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        data = log.blob(digest)
        for subject in ("totals", "settlements"):
            if may_read(state, reader, subject):
                return data
        for row in log.search(Filter(member=member), limit=PAGE_MAX):
            body = canonical.parse(log.entry(row.index))["body"]
            if digest in {reference["sha256"] for reference in blob_references(body)}:
                return data
    raise NotPermitted("this blob is not named in an entry of yours")


def rule_text(coop: Coop, rule_hash: str) -> str:
    """The text of an adopted or proposed rule set; rules are open to everybody."""
    with coop.reading() as (state, log):
        for adopted in state.rule_sets:
            if adopted.rule_hash == rule_hash:
                return log.blob(adopted.text_sha256)[SALT_BYTES:].decode()
        proposal = state.proposals.get(rule_hash)
        if proposal is not None and proposal.kind == "ruleset-proposed":
            return log.blob(proposal.body["text"]["sha256"])[SALT_BYTES:].decode()
    raise NotFound(f"no rule set has the hash {rule_hash}")


def settlement_entry(log: LogReader, period: Period) -> Mapping[str, Any]:
    """The body of the entry that proposed a period's current settlement; raises NotFound."""
    wanted = Filter(kind="settlement-proposed", period=period.id)
    for row in reversed(log.search(wanted)):
        body = canonical.parse(log.entry(row.index))["body"]
        if canonical.digest(body["settlement"]).hex() == period.settlement:
            return dict(body)
    raise NotFound(f"{period.id} is {period.status}: it has no settlement")


def settlement(coop: Coop, reader: Reader, month: str) -> Mapping[str, Any]:
    """A period's settlement document: to members from its proposal on, to all once settled."""
    with coop.reading() as (state, log):
        period = state.period(month)
        if period.status != "settled":
            require_member(reader)
        return dict(settlement_entry(log, period)["settlement"])


def settlement_lines(coop: Coop, reader: Reader, month: str) -> Mapping[str, Any]:
    """All lines of a settlement, for the roles that the charter names."""
    with coop.reading() as (state, log):
        if not may_read(state, reader, "settlements"):
            raise NotPermitted("all lines are for the roles named in the charter; read your own")
        body = settlement_entry(log, state.period(month))
        data = log.blob(body["lines"]["sha256"])[SALT_BYTES:]
    return dict(canonical.parse(data))
