"""The fold, once more: every entry applied as the ledger applied it, from the bundle alone.

``ledger.coop.apply`` judges signature, right, counter, ``seen``, time and meaning, and computes
settlements again; it is given blobs that were compared with their hashes, roots that were
computed here, and totals that were counted here. After an entry that does not apply the fold
goes on as if it had said nothing, so that what is independent of it is checked all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from ledger.audit.bundle import USAGE_BATCH, Progress
from ledger.audit.files import Files
from ledger.audit.records import RecordChecks
from ledger.audit.report import Findings, SettlementFact
from ledger.audit.start import STUMBLES, Start
from ledger.audit.tree import EntryFile, Tree, entry_files, readable_entries
from ledger.coop.apply import apply
from ledger.coop.blobs import blob_references
from ledger.coop.bodies import AnchorRecorded, UsageBatch, parse_body
from ledger.coop.charter import Charter
from ledger.coop.envelope import DECISION, Draft, Envelope, parse_envelope
from ledger.coop.logkeys import in_force
from ledger.coop.state import Facility, State
from ledger.coop.step import AccountKey, Change
from ledger.errors import KyojoError, MalformedDocument, MalformedProof, NotFound
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.tile import parse_bundle
from ledger.usage.batch import Scope

_ScopeKey = tuple[Charter, Mapping[str, Facility], tuple[tuple[str, str, str], ...]]


@dataclass(slots=True)
class Fold:
    """Where the fold has come to; also the evidence that ``apply`` is given."""

    files: Files
    findings: Findings
    records: RecordChecks
    start: Start | None = None
    tree: Tree = field(default_factory=Tree)
    state: State = field(default_factory=State)
    first_refused: int | None = None
    first_received_at: str = ""
    settlements: list[SettlementFact] = field(default_factory=list)
    anchors: list[tuple[int, AnchorRecorded]] = field(default_factory=list)
    _totals: dict[tuple[str, int], dict[AccountKey, int]] = field(default_factory=dict)
    key_changes: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)
    approvals: dict[str, list[str]] = field(default_factory=dict)
    _scope: tuple[_ScopeKey, Scope] | None = None

    def __post_init__(self) -> None:
        if self.start is not None:
            self.tree = Tree(self.start.before, self.start.earlier)
            self.state = self.start.state
            self._totals = {place: dict(row) for place, row in self.start.totals.items()}

    # Evidence.

    def blob(self, sha256: str) -> bytes:
        """The bytes with this SHA-256; raises NotFound."""
        return self.files.blob(sha256)

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries; raises NotFound."""
        return self.tree.root(size)

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        """The totals of a period over its first ``epochs`` epochs, as counted so far.

        Raises NotFound for one that was settled before a slice begins: its usage is not there.
        """
        if self.start is not None and self.start.is_settled(period):
            raise NotFound(f"the usage of {period} lies before this slice")
        found: dict[AccountKey, int] = {}
        for (name, epoch), row in self._totals.items():
            if name == period and epoch < epochs:
                for key, amount in row.items():
                    found[key] = found.get(key, 0) + amount
        return found

    def entry(self, index: int) -> bytes:
        """The bytes of an earlier entry, read again; raises NotFound."""
        if self.start is not None and index in self.start.entries:
            return self.start.entries[index]
        at = self.tree.start
        if at <= index < self.tree.size:
            for found in entry_files(self.files, at):
                if index < at + found.width:
                    data = self.files.read(found.name) or b""
                    rest = islice(readable_entries(data, found.width), index - at, None)
                    return next(rest, b"")
                at += found.width
        raise NotFound(f"the bundle does not hold entry {index}")

    @property
    def keys_in_force(self) -> tuple[str, ...]:
        """The vkeys with which the log signs at the end."""
        return in_force(self.state.log_keys)

    # Folding.

    def run(self, progress: Progress, see: Callable[[Fold], None] = lambda _fold: None) -> None:
        """Fold all entries of the bundle; ``progress`` is told how many of how many are done.

        ``see`` is shown the fold after each entry.
        """
        named = entry_files(self.files, self.tree.start)
        count = sum(found.width for found in named)
        for data in self._entries(named):
            self._take(self.tree.size, data)
            see(self)
            progress(len(self.tree.leaves), count)
        self.records.finish()

    def _take(self, index: int, data: bytes) -> None:
        leaf = leaf_hash(data)
        self.findings.place = self.files.findings.place = (index,)
        envelope = self._read(index, data)
        if envelope is None:
            self.state = _skipped(self.state, leaf)
        else:
            self.first_received_at = self.first_received_at or envelope.received_at
            before = self.state
            change = self._apply(index, envelope)
            self.state = _skipped(before, leaf, envelope) if change is None else change.state
            self._look_beside(index, envelope, before, change)
        self.tree.append(leaf)

    def _read(self, index: int, data: bytes) -> Envelope | None:
        try:
            return parse_envelope(data)
        except KyojoError as error:
            self._refuse(index, error)
            return None

    def _apply(self, index: int, envelope: Envelope) -> Change | None:
        if index > 0 and self.state.charter is None:
            return None  # without a charter nothing has a meaning; said at entry 0
        try:
            return apply(self.state, envelope, self)
        except KyojoError as error:
            self._refuse(index, error)
        except STUMBLES as error:
            if self.start is None:
                raise
            self._refuse(index, MalformedDocument(f"the state at the start misleads: {error!r}"))
        return None

    def _refuse(self, index: int, error: KyojoError) -> None:
        note = note_ja = ""
        if self.first_refused is None:
            self.first_refused = index
        elif self.first_refused < index:
            note = f" (this may follow from entry {self.first_refused})"
            note_ja = f"(エントリー {self.first_refused} の結果である可能性があります)"
        self.findings.add_error(error, f"entry {index}", note=note, note_ja=note_ja)

    def _look_beside(
        self, index: int, envelope: Envelope, before: State, change: Change | None
    ) -> None:
        """What hangs on an entry, whether or not it applied: blobs, records, anchors."""
        draft = envelope.draft
        self._check_blobs(index, draft)
        if change is not None:
            for row in change.totals:
                totals = self._totals.setdefault((row.period, row.epoch), {})
                key = AccountKey(*row[2:6])
                totals[key] = totals.get(key, 0) + row.amount
            self._note_settlement(index, draft, change)
            if index and change.state.log_keys != before.log_keys:
                self.key_changes.append((index, in_force(change.state.log_keys)))
            self._note_approval(draft, change)
        try:
            if draft.kind == USAGE_BATCH:
                self._check_records(index, draft, before)
            elif draft.kind == "anchor-recorded":
                self.anchors.append((index, parse_body(AnchorRecorded, draft.body)))
        except KyojoError as error:
            if change is not None:
                self._refuse(index, error)

    def _check_blobs(self, index: int, draft: Draft) -> None:
        for reference in blob_references(draft.body):
            digest, stated = str(reference["sha256"]), reference["bytes"]
            try:
                size = len(self.files.blob(digest))
            except KyojoError:
                continue  # noted by the files, at the file
            if size != stated:
                self.findings.add(
                    "blob-changed", f"entry {index}, blob {digest}",
                    f"the blob has {size} bytes, the entry names {stated}",
                    f"大きさは {size} バイトですが、エントリーは {stated} としています",
                )  # fmt: skip

    def _check_records(self, index: int, draft: Draft, before: State) -> None:
        key = before.keys.get(draft.actor)
        scope = self._scope_of(before)
        body = parse_body(UsageBatch, draft.body)
        self.records.check(index, body, key.member if key else draft.actor, scope)

    def _scope_of(self, state: State) -> Scope | None:
        """What records may refer to; the same object while nothing of it changes."""
        if state.charter is None:
            return None
        periods = tuple((p.id, p.start, p.end) for p in state.periods.values())
        key = (state.terms(), state.facilities, periods)
        if self._scope is None or not _is_same(self._scope[0], key):
            scope = state.scope()
            self._scope = (
                key,
                Scope(
                    scope.calendar,
                    frozenset(scope.facilities),
                    frozenset(scope.metrics),
                    frozenset(scope.charges),
                ),
            )
        return self._scope[1]

    def _note_settlement(self, index: int, draft: Draft, change: Change) -> None:
        if draft.kind != "settlement-proposed" or change.period is None:
            return
        period = change.state.periods[change.period]
        self.settlements.append(
            SettlementFact(
                entry=index,
                period=period.id,
                id=str(period.settlement),
                total_minor=change.amount_minor or 0,
                currency=change.currency or "",
                digits=change.state.terms().digits(change.currency or ""),
                members=int(draft.body["settlement"]["member_count"]),
            )
        )

    def _note_approval(self, draft: Draft, change: Change) -> None:
        """In a slice: who approved what; the state at its start rests on some of them."""
        if self.start is not None and draft.kind == DECISION and draft.body["action"] == "approve":
            who = f"{change.member} {draft.actor}"
            self.approvals.setdefault(draft.body["subject_hash"], []).append(who)

    def _entries(self, named: Sequence[EntryFile]) -> Iterator[bytes]:
        for found in named:
            data = self.files.read(found.name)
            if data is None:
                return
            try:
                yield from parse_bundle(data, found.width)
            except MalformedProof as error:
                self.findings.add_error(error, found.name)
                yield from readable_entries(data, found.width)
                return


def _is_same(one: _ScopeKey, other: _ScopeKey) -> bool:
    return one[0] is other[0] and one[1] is other[1] and one[2] == other[2]


def _skipped(state: State, leaf: bytes, envelope: Envelope | None = None) -> State:
    """The state after an entry that does not apply: one larger, and its counter moved on."""
    frontier = Frontier(state.size, tuple(bytes.fromhex(tree) for tree in state.subtrees))
    grown = tuple(tree.hex() for tree in frontier.append(leaf).roots)
    following = replace(
        state, size=state.size + 1, subtrees=grown, genesis=state.genesis or leaf.hex()
    )
    key = state.keys.get(envelope.draft.actor) if envelope is not None else None
    if envelope is None or key is None:
        return following
    moved = replace(key, sequence=max(key.sequence, envelope.draft.sequence + 1))
    return replace(following, keys={**state.keys, envelope.draft.actor: moved})
