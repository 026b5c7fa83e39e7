"""Read: what a reader may see of a co-op, and nothing else.

Open to all: the co-op's description, periods and their published settlements, and the entries if
the charter says so. To every member: entries, proposals, its own totals and statements. To the
roles that the charter names: all totals, records and settlement lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ledger import canonical
from ledger.coop.blobs import blob_references
from ledger.coop.envelope import parse_envelope
from ledger.coop.settlements import FIRST_EPOCHS
from ledger.coop.state import Period, State, Usage
from ledger.errors import NotFound, NotPermitted
from ledger.log.tile import TILE_WIDTH, Bundle, format_bundle
from ledger.service.coop import Coop
from ledger.service.sign_in import Reader
from ledger.store.reading import PAGE, Filter, Head, IndexRow, LogReader
from ledger.usage.totals import SALT_BYTES

PAGE_MAX = 500
LINES_OF_MEMBERS = frozenset(
    ("settlement-proposed", "correction-proposed", "payout-ordered", "payout-resulted")
)
Subject = Literal["totals", "records", "settlements"]


@dataclass(frozen=True, slots=True)
class Total:
    """One row of a period's totals: what counts for its settlement, and what came after it."""

    account: str
    facility: str
    name: str
    currency: str
    amount: int
    late: int


@dataclass(frozen=True, slots=True)
class OwnUsage:
    """What a member has submitted for a month; a row is facility, name, currency, amount.

    ``confirmed`` says whether the member has confirmed just this.
    """

    batches: int
    records: int
    confirmed: bool
    totals: tuple[tuple[str, str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The entry that proposed a period's settlement: its place, its bytes, its body."""

    index: int
    data: bytes
    body: Mapping[str, Any]


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


def are_entries_open(state: State) -> bool:
    """Whether the charter lets everyone read the entries."""
    return state.terms().readers.entries == "everyone"


def entries(
    coop: Coop, reader: Reader, wanted: Filter, *, start: int, limit: int
) -> list[IndexRow]:
    """Entries that match, for those who read entries."""
    with coop.reading() as (state, log):
        require_entries(state, reader)
        return log.search(wanted, start=start, limit=min(limit, PAGE_MAX))


def entry(coop: Coop, reader: Reader, index: int) -> bytes:
    """The bytes of an entry, for those who read entries."""
    with coop.reading() as (state, log):
        require_entries(state, reader)
        return log.entry(index)


def entry_bundle(coop: Coop, reader: Reader, bundle: Bundle) -> tuple[bytes, bool]:
    """A C2SP entry bundle, and whether everyone may read it; raises NotFound, NotPermitted."""
    start = bundle.index * TILE_WIDTH
    with coop.reading() as (state, log):
        require_entries(state, reader)
        if start + bundle.width > log.head().size:
            raise NotFound(f"the log has no entry bundle {bundle.index} of width {bundle.width}")
        found = list(log.entry_data(start, start + bundle.width))
        return format_bundle(found), are_entries_open(state)


def totals(coop: Coop, reader: Reader, month: str) -> list[Total]:
    """A period's totals: a member's own, or all for the roles that the charter names."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        period = state.period(month)
        counted = log.totals(month, FIRST_EPOCHS if period.run is None else period.run.epochs)
        whole = log.totals(month, period.epoch + 1)
        reads_all = may_read(state, reader, "totals")
    return [
        Total(*key, counted.get(key, 0), amount - counted.get(key, 0))
        for key, amount in sorted(whole.items())
        if reads_all or key.account == member
    ]


def own_usage(coop: Coop, reader: Reader, month: str) -> OwnUsage:
    """What the ledger counts for the reader's member in a month, late usage included."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        period = state.period(month)
        found = log.totals(month, period.epoch + 1)
    usage = period.usage.get(member, Usage())
    rows = tuple((*key[1:], amount) for key, amount in found.items() if key.account == member)
    confirmed = period.confirmed.get(member) == usage.digest
    return OwnUsage(usage.batches, usage.records, confirmed, tuple(sorted(rows)))


def blob(coop: Coop, reader: Reader, digest: str) -> bytes:
    """A blob, if an entry that names it opens it to the reader; raises NotFound, NotPermitted."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        data = log.blob(digest)
        for index in log.naming(digest):
            draft = parse_envelope(log.entry(index)).draft
            author = state.keys[draft.actor].member
            for name, value in draft.body.items():
                named = {reference["sha256"] for reference in blob_references({name: value})}
                if digest in named and _opens(
                    state, reader, _Use(draft.kind, name, author, draft.body), member
                ):
                    return data
    raise NotPermitted("no entry that names this blob opens it to you")


@dataclass(frozen=True, slots=True)
class _Use:
    """One place where an entry names a blob."""

    kind: str
    field: str
    author: str
    body: Mapping[str, Any]


def _opens(state: State, reader: Reader, use: _Use, member: str) -> bool:
    """Whether the subject of a blob, as its entry shows it, is open to a member."""
    if use.kind == "usage-batch":
        return use.author == member or may_read(state, reader, "totals")
    if use.kind in LINES_OF_MEMBERS:
        # From the seed follow all salts, so it opens every member's rows: not even for the office.
        if use.field == "seed":
            return "auditor" in reader.roles
        return may_read(state, reader, "settlements")
    if use.kind == "figures-reported":
        # Those who are to confirm the figures must see them; afterwards they are as totals are.
        votes = any(
            member in proposal.electorate
            for proposal in state.proposals.values()
            if proposal.kind == use.kind and proposal.body == use.body
        )
        return votes or use.author == member or may_read(state, reader, "totals")
    if use.kind in {"payout-destination-set", "payout-exported"}:
        return use.body.get("member") == member or "operator" in reader.roles
    return use.kind in {"anchor-recorded", "ruleset-proposed"}


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


def require_entries(state: State, reader: Reader) -> None:
    """Raise NotPermitted unless the reader is a member, or the charter lets everyone read."""
    if not are_entries_open(state):
        require_member(reader)


def find_proposed(log: LogReader, period: Period) -> Proposed:
    """The entry that proposed a period's current settlement; raises NotFound."""
    wanted = Filter(kind="settlement-proposed", period=period.id)
    for row in reversed(list(search_all(log, wanted))):
        data = log.entry(row.index)
        body = parse_envelope(data).draft.body
        if canonical.digest(body["settlement"]).hex() == period.settlement:
            return Proposed(row.index, data, body)
    raise NotFound(f"{period.id} is {period.status}: it has no settlement")


def search_all(log: LogReader, wanted: Filter, *, start: int = 0) -> Iterator[IndexRow]:
    """Every entry that matches, read in pages."""
    while True:
        rows = log.search(wanted, start=start, limit=PAGE)
        yield from rows
        if len(rows) < PAGE:
            return
        start = rows[-1].index + 1


def settlement(coop: Coop, reader: Reader, month: str) -> Mapping[str, Any]:
    """A period's settlement document: to members from its proposal on, to all once settled."""
    with coop.reading() as (state, log):
        period = state.period(month)
        if period.status != "settled":
            require_member(reader)
        return dict(find_proposed(log, period).body["settlement"])


def settlement_lines(coop: Coop, reader: Reader, month: str) -> Mapping[str, Any]:
    """All lines of a settlement, for the roles that the charter names."""
    with coop.reading() as (state, log):
        if not may_read(state, reader, "settlements"):
            raise NotPermitted("all lines are for the roles named in the charter; read your own")
        body = find_proposed(log, state.period(month)).body
        data = log.blob(body["lines"]["sha256"])[SALT_BYTES:]
    return dict(canonical.parse(data))
