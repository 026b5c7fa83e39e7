"""The fold over the rows: every entry applied again, its index columns and all that hangs on it.

``apply`` judges signature, right, counter, ``seen`` and meaning, on roots of the true tree, on
blobs that were hashed, on totals that were counted here. An entry whose bytes are not the tree's,
or that is refused, is passed over as if it had said nothing; what then goes wrong after it is
marked as a probable consequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from ledger.coop.apply import apply
from ledger.coop.blobs import blob_references
from ledger.coop.bodies import AnchorRecorded, UsageBatch, parse_body
from ledger.coop.envelope import DECISION, Envelope, parse_envelope
from ledger.coop.state import State
from ledger.coop.step import AccountKey, Change
from ledger.errors import KyojoError, NotFound
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.merkle import fold as fold_roots
from ledger.service.fsck.batches import BatchTask
from ledger.service.fsck.head import LogHead
from ledger.service.fsck.reading import Reading
from ledger.service.fsck.report import Counts, Findings, OutsideHead
from ledger.service.fsck.tree import TrueTree
from ledger.store.raw import RawRows, Row, shown
from ledger.store.scratch import Scratch
from ledger.store.tables import batches, blobs, entries
from ledger.usage.batch import Scope
from ledger.usage.totals import TotalKey, parse_totals

USAGE = "usage-batch"
ANCHOR = "anchor-recorded"
OPERATOR = "operator"
RECENT = 1024

TotalsKey = tuple[str, int, str, str, str, str]
"""Period, epoch, account, facility, name, currency: the key of a row of ``totals``."""


@dataclass(slots=True)
class Fold:
    """Where the fold has come to; also the evidence that ``apply`` is given."""

    reading: Reading
    tree: TrueTree
    scratch: Scratch
    on_batch: Callable[[BatchTask], None]
    state: State = field(default_factory=State)
    totals_rows: dict[TotalsKey, int] = field(default_factory=dict)
    anchors: list[tuple[int, AnchorRecorded]] = field(default_factory=list)
    unjudged: set[int] = field(default_factory=set)  # batches of which nothing can be told
    erased: dict[int, frozenset[int]] = field(default_factory=dict)  # by batch, as it is stored
    first_passed: int | None = None
    _seen: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _recent: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _contradicting: list[OutsideHead] = field(default_factory=list)

    @property
    def raw(self) -> RawRows:
        """The rows."""
        return self.reading.raw

    @property
    def head(self) -> LogHead:
        """The head that is believed."""
        return self.reading.head

    @property
    def counts(self) -> Counts:
        """How much was read so far."""
        return self.reading.counts

    @property
    def findings(self) -> Findings:
        """What was found so far."""
        return self.reading.findings

    # Evidence.

    def blob(self, sha256_hex: str) -> bytes:
        """The bytes with this SHA-256; raises NotFound if they are missing or others."""
        row = self.raw.find(blobs, self.head.log_id, sha256=bytes.fromhex(sha256_hex))
        data = row["data"] if row is not None else None
        if not isinstance(data, bytes) or sha256(data).hexdigest() != sha256_hex:
            raise NotFound(f"the blob {sha256_hex} is missing or damaged")
        return data

    def entry(self, index: int) -> bytes:
        """The bytes of an entry, if they are those of the tree; raises NotFound."""
        row = self.raw.find(entries, self.head.log_id, index=index)
        data = row["data"] if row is not None else None
        if not isinstance(data, bytes) or leaf_hash(data) != self.tree.leaf(index):
            raise NotFound(f"entry {index} is missing or damaged")
        return data

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` true leaves; raises NotFound."""
        subtrees = self._recent.get(size)
        if subtrees is not None:
            return fold_roots([bytes.fromhex(tree) for tree in subtrees])
        found = self.tree.root(size) if 0 <= size <= self.head.size else None
        if found is None:
            raise NotFound(f"the root at size {size} cannot be told")
        return found

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        """The totals of a period over its first ``epochs`` epochs, as counted so far."""
        found: dict[AccountKey, int] = {}
        for (name, epoch, *rest), amount in self.totals_rows.items():
            if name == period and epoch < epochs:
                key = AccountKey(*rest)
                found[key] = found.get(key, 0) + amount
        return found

    # Folding.

    def run(self) -> Iterator[State]:
        """Fold all entries; yields the state after each, as long as nothing was passed over."""
        rows = _in_order(self.raw.scan(entries, self.head.log_id), self.head.size)
        stored = _Batches(self.raw.scan(batches, self.head.log_id), self.findings)
        for index in range(self.head.size):
            self._take(index, next(rows), stored)
            self.counts.entries += 1
            self._remember()
            yield self.state
        next(rows, None)  # looks at what comes after the end
        stored.rest()

    def _remember(self) -> None:
        """Keep the newest subtrees: most signers have seen one of the last few heads."""
        size, subtrees = self.state.size, self.state.subtrees
        if len(subtrees) == size.bit_count():
            self._recent[size] = subtrees
        self._recent.pop(size - RECENT, None)

    @property
    def is_whole(self) -> bool:
        """Whether no entry was passed over so far, so that the state is the co-op's."""
        return self.first_passed is None

    def heads(self) -> list[OutsideHead]:
        """What members other than the operator have signed of having seen."""
        found = [
            OutsideHead("member", member, size, root, "signature")
            for member, (size, root) in sorted(self._seen.items())
        ]
        return found + self._contradicting

    def _take(self, index: int, row: Row | None, stored: _Batches) -> None:
        leaf = self.tree.leaf(index)
        data = row["data"] if row is not None else None
        envelope = self._read(index, data, leaf)
        if envelope is None:
            self._pass_over(index, leaf, row)
            stored.take(index)
            return
        before = self.state
        change = self._apply(index, envelope)
        if change is None:
            self._pass_over(index, leaf, row)
        else:
            self.state = change.state
        if row is not None:
            self._compare_index(index, row, envelope, change)
        self._look_beside(index, envelope, before, change, stored)

    def _read(self, index: int, data: Any, leaf: bytes | None) -> Envelope | None:
        """The entry, if its bytes are those of the tree; that they are not has been said."""
        if not isinstance(data, bytes) or sha256(b"\x00" + data).digest() != leaf:
            return None
        try:
            return parse_envelope(data)
        except KyojoError as error:
            self._refuse(index, error)
            return None

    def _apply(self, index: int, envelope: Envelope) -> Change | None:
        if index > 0 and self.state.charter is None:
            return None  # without a charter nothing has a meaning
        try:
            return apply(self.state, envelope, self)
        except KyojoError as error:
            self._note_contradiction(envelope, error)
            self._refuse(index, error)
        except Exception as error:  # noqa: BLE001 - whatever lies in the rows, it is a finding
            self._refuse(index, NotFound(f"{type(error).__name__}: {error}"))
        return None

    def _refuse(self, index: int, error: KyojoError) -> None:
        self.findings.add(
            "entry-refused", ("entries", index, "data"),
            f"{error.message} [{error.code}]",
            f"検証で拒否されました({error.code}): {error.message}",
            follows=self.first_passed,
        )  # fmt: skip

    def _pass_over(self, index: int, leaf: bytes | None, row: Row | None) -> None:
        """Go on as if the entry had said nothing, but for its place and its key's counter."""
        if self.first_passed is None:
            self.first_passed = index
        self.unjudged.add(index)
        state = self.state
        subtrees = state.subtrees
        if leaf is not None and len(subtrees) == state.size.bit_count():
            frontier = Frontier(state.size, tuple(bytes.fromhex(tree) for tree in subtrees))
            subtrees = tuple(tree.hex() for tree in frontier.append(leaf).roots)
        genesis = state.genesis or (leaf.hex() if leaf is not None else "")
        self.state = replace(state, size=index + 1, subtrees=subtrees, genesis=genesis)
        actor, sequence = (row["actor"], row["sequence"]) if row is not None else (None, None)
        key = state.keys.get(actor) if isinstance(actor, str) else None
        if key is not None and sequence == key.sequence:
            moved = replace(key, sequence=key.sequence + 1)
            self.state = replace(self.state, keys={**state.keys, str(actor): moved})

    # Beside the entry.

    def _compare_index(
        self, index: int, row: Row, envelope: Envelope, change: Change | None
    ) -> None:
        draft = envelope.draft
        wanted: dict[str, Any] = {
            "kind": draft.kind,
            "actor": draft.actor,
            "sequence": draft.sequence,
            "received_at": envelope.received_at,
        }
        own = tuple(wanted)  # these the entry itself says, whatever came before it
        if change is not None:
            wanted |= {
                "member": change.member,
                "period": change.period,
                "amount_minor": change.amount_minor,
                "currency": change.currency,
                "late": ",".join(change.late) or None,
            }
        for name, value in wanted.items():
            if row[name] != value or type(row[name]) is not type(value):
                self.findings.add(
                    "index-changed", ("entries", index, name),
                    f"the index has {shown(row[name])!r}, the entry says {shown(value)!r}",
                    f"索引の値は {shown(row[name])!r}、エントリーの内容は {shown(value)!r} です",
                    follows=None if name in own else self.first_passed,
                )  # fmt: skip

    def _look_beside(
        self,
        index: int,
        envelope: Envelope,
        before: State,
        change: Change | None,
        stored: _Batches,
    ) -> None:
        draft = envelope.draft
        self.scratch.add_named(_references(index, draft.body))
        row = stored.take(index)
        if change is not None:
            self._count(change)
            self._note_seen(envelope, before)
        if row is not None and draft.kind != USAGE:
            stored.note_unexpected(row)
        try:
            if draft.kind == USAGE:
                self._check_usage(index, envelope, before, row)
            elif draft.kind == ANCHOR:
                self.anchors.append((index, parse_body(AnchorRecorded, draft.body)))
        except KyojoError:
            self.unjudged.add(index)  # the entry was refused for the same reason

    def _count(self, change: Change) -> None:
        for row in change.totals:
            self.totals_rows[row[:6]] = self.totals_rows.get(row[:6], 0) + row.amount

    def _check_usage(self, index: int, envelope: Envelope, before: State, row: Row | None) -> None:
        body = parse_body(UsageBatch, envelope.draft.body)
        key = before.keys.get(envelope.draft.actor)
        if row is None:
            self.unjudged.add(index)
            self.findings.add(
                "missing-row", ("batches", index, ""),
                "the records of this batch are missing", "この送信束の記録がありません",
            )  # fmt: skip
            return
        # After damage to the charter or a key's entry, the root can be checked all the same.
        is_known = key is not None and before.charter is not None
        self.on_batch(
            BatchTask(
                index=index,
                seed=row["seed"],
                lines=row["lines"],
                leaves=row["leaves"],
                count=body.count,
                root=body.root,
                totals=self._signed_totals(body.totals.sha256),
                member=key.member if key is not None else "",
                scope=plain_scope(before.scope()) if is_known else None,
                id_key=self.head.id_key,
            )
        )

    def _signed_totals(self, digest: str) -> Mapping[TotalKey, int] | None:
        try:
            return parse_totals(self.blob(digest))
        except KyojoError:
            return None  # the blob is looked at by itself, and the entry was refused

    # Who has seen what.

    def _note_seen(self, envelope: Envelope, before: State) -> None:
        draft = envelope.draft
        key = before.keys.get(draft.actor)
        if key is None or draft.kind == DECISION:  # a decision does not sign what it has seen
            return
        if not _is_operator(before, key.member):
            size, _ = self._seen.get(key.member, (0, b""))
            if draft.seen_size > size:
                self._seen[key.member] = (draft.seen_size, draft.seen_root)

    def _note_contradiction(self, envelope: Envelope, error: KyojoError) -> None:
        """An entry that verifies, but whose signer saw another log than this one."""
        draft = envelope.draft
        key = self.state.keys.get(draft.actor)
        if error.code != "stale-checkpoint" or key is None or draft.kind == DECISION:
            return
        known = self.tree.root(draft.seen_size) if draft.seen_size <= self.head.size else None
        if known != draft.seen_root:
            head = OutsideHead("member", key.member, draft.seen_size, draft.seen_root, "signature")
            self._contradicting.append(head)


class _Batches:
    """The rows of ``batches`` in order, each taken by its entry."""

    def __init__(self, rows: Iterator[Row], findings: Findings) -> None:
        self._rows = rows
        self._findings = findings
        self._next = next(rows, None)

    def take(self, index: int) -> Row | None:
        while self._next is not None:
            found = self._next["index"]
            if type(found) is int and found > index:
                return None
            row, self._next = self._next, next(self._rows, None)
            if found == index:
                return row
            self.note_unexpected(row)
        return None

    def rest(self) -> None:
        while self._next is not None:
            self.note_unexpected(self._next)
            self._next = next(self._rows, None)

    def note_unexpected(self, row: Row) -> None:
        self._findings.add(
            "unexpected-row", ("batches", shown(row["index"]), ""),
            "no usage batch stands at this index", "この位置に利用記録の送信束はありません",
        )  # fmt: skip


def _in_order(rows: Iterator[Row], size: int) -> Iterator[Row | None]:
    """A row for each index below ``size``, None for one that is missing."""
    expected = 0
    for row in rows:
        index = row["index"]
        if type(index) is not int or not expected <= index < size:
            continue  # noted when the leaves were read
        yield from (None for _ in range(expected, index))
        yield row
        expected = index + 1
    yield from (None for _ in range(expected, size))


def _references(index: int, body: Mapping[str, Any]) -> Iterator[tuple[bytes, int, int]]:
    for reference in blob_references(body):
        try:
            digest = bytes.fromhex(str(reference["sha256"]))
        except ValueError:
            continue  # the entry is refused for it
        size = reference["bytes"]
        yield digest, size if type(size) is int and abs(size) < 2**62 else -1, index


def _is_operator(state: State, member: str) -> bool:
    found = state.members.get(member)
    return found is not None and OPERATOR in found.roles


def plain_scope(scope: Scope) -> Scope:
    """The scope in a form that can be sent to another process."""
    names = (frozenset(part) for part in (scope.facilities, scope.metrics, scope.charges))
    return Scope(scope.calendar, *names)
