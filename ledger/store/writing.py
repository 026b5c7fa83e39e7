"""What one group commit writes: collected while entries are judged, written at the end at once.

Nothing here decides anything. ``GroupWriter`` also answers for what it has not written yet, so
that an entry is judged in the light of those before it in the same group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.state import State
from ledger.coop.step import AccountKey, Change, TotalRow
from ledger.errors import InvariantViolated, OutOfRange, StaleCheckpoint
from ledger.log.merkle import Frontier
from ledger.log.tile import grow
from ledger.money import AMOUNT_MAX
from ledger.store.held import columns_of, rewrite_batch
from ledger.store.places import Place, insert_places
from ledger.store.reading import Head, LogReader
from ledger.store.tables import (
    batches,
    blobs,
    entries,
    logs,
    tiles,
    totals,
)
from ledger.usage.held import HeldBatch

LARGE_AMOUNT = 2**40


class GroupWriter:
    """The writes of one group, for one log, in one open write transaction."""

    def __init__(self, connection: Connection, log_id: int, head: Head) -> None:
        """Start a group on top of ``head``."""
        self._connection = connection
        self._log_id = log_id
        self._head = head
        self._reader = LogReader(connection, log_id)
        self._leaves: list[bytes] = []
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._totals: dict[tuple[Any, ...], int] = {}
        self._blobs: dict[str, bytes] = {}
        self._roots: dict[int, bytes] = {head.size: head.root}
        self._places: dict[bytes, tuple[int, int]] = {}
        self._new_places: list[Place] = []
        self._batches: dict[int, HeldBatch] = {}
        self._erased: dict[int, HeldBatch] = {}
        self._entries: dict[int, bytes] = {}
        self._numbers: dict[tuple[str, int], tuple[int, bytes]] = {}

    # Evidence for judging the entries of this group.

    def blob(self, sha256: str) -> bytes:
        """A blob, of this group or stored."""
        return self._blobs[sha256] if sha256 in self._blobs else self._reader.blob(sha256)

    def root(self, size: int) -> bytes:
        """A root of the log, or of this group."""
        if size not in self._roots:
            self._roots[size] = self._reader.root(size)
        return self._roots[size]

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        """The totals of a period, this group's entries included."""
        self._write_totals()
        return self._reader.totals(period, epochs)

    def places(self, id_hashes: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Where records stand, of this group or stored: entry index and record number."""
        mine = {known: self._places[known] for known in id_hashes if known in self._places}
        return {**self._reader.places(id_hashes), **mine}

    def entry(self, index: int) -> bytes:
        """The bytes of an entry, of this group or stored; raises NotFound."""
        return self._entries[index] if index in self._entries else self._reader.entry(index)

    def batch(self, index: int) -> HeldBatch:
        """What is held of a batch, of this group or stored; raises NotFound."""
        for mine in (self._erased, self._batches):
            if index in mine:
                return mine[index]
        return self._reader.batch(index)

    def entry_by_sequence(self, actor: str, sequence: int) -> tuple[int, bytes] | None:
        """Index and bytes of the entry that a key wrote under a number, of this group or stored."""
        mine = self._numbers.get((actor, sequence))
        return mine or self._reader.entry_by_sequence(actor, sequence)

    def batch_account(self, index: int) -> str:
        """Which account a usage batch counts for: ``own`` or ``suspense``."""
        return str(parse_envelope(self.entry(index)).draft.body["account"])

    def check_totals(self, rows: Sequence[TotalRow]) -> None:
        """Raise OutOfRange if a total would leave the integers that everybody counts exactly.

        Only large amounts are looked at: it takes millions of others to get there.
        """
        large = [row for row in rows if abs(row.amount) >= LARGE_AMOUNT]
        if not large:
            return
        self._write_totals()
        for row in large:
            stored = self._reader.total(row[:6])
            if abs(stored + row.amount) > AMOUNT_MAX:
                raise OutOfRange(
                    f"{row.name} of {row.account} in {row.period} would be beyond 2**53 − 1"
                )

    # Taking what was judged.

    def take_blobs(self, found: Mapping[str, bytes]) -> None:
        """Keep blobs that an entry of this group names; those stored already are left alone."""
        fresh = [digest for digest in found if digest not in self._blobs]
        known = self._known_blobs(fresh)
        for digest in fresh:
            self._blobs[digest] = found[digest]
            if digest not in known:
                row = {"sha256": bytes.fromhex(digest), "data": found[digest]}
                self._add(blobs, row)

    def take_entry(self, envelope: Envelope, change: Change) -> None:
        """Keep an accepted entry, its index row and its totals."""
        draft = envelope.draft
        index = self._head.size + len(self._leaves)
        self._numbers[draft.actor, draft.sequence] = (index, envelope.data)
        self._entries[index] = envelope.data
        self._add(
            entries,
            {
                "index": index,
                "data": envelope.data,
                "kind": draft.kind,
                "actor": draft.actor,
                "sequence": draft.sequence,
                "member": change.member,
                "period": change.period,
                "amount_minor": change.amount_minor,
                "currency": change.currency,
                "late": ",".join(change.late) or None,
                "received_at": envelope.received_at,
            },
        )
        self.take_again(envelope, change)

    def take_again(self, envelope: Envelope, change: Change) -> None:
        """Take an entry that is stored already: its leaf and its totals, for a rebuild."""
        self._leaves.append(envelope.leaf)
        self._roots[change.state.size] = root_of(change.state)
        for row in change.totals:
            self._totals[row[:6]] = self._totals.get(row[:6], 0) + row.amount

    def take_batch(self, index: int, held: HeldBatch) -> None:
        """Keep the lines of a batch, as they came, with its seed or what is left of it."""
        self._batches[index] = held

    def take_erasure(self, index: int, numbers: frozenset[int]) -> None:
        """Keep that records of a batch, of this group or stored, are erased."""
        left = self.batch(index).without(numbers)
        target = self._batches if index in self._batches else self._erased
        target[index] = left

    def take_record_ids(self, index: int, rows: Iterable[tuple[int, bytes]]) -> None:
        """Keep the keyed hashes of record ids (and of reversals), with the record's number."""
        for number, id_hash in rows:
            self._places[id_hash] = (index, number)
            self._new_places.append((id_hash, index, number))

    # Writing it.

    def flush(self, state: State, note: bytes) -> Head:
        """Write everything, with the checkpoint ``note`` for the new head."""
        for index, held in self._batches.items():
            self._add(batches, {"index": index, **columns_of(held)})
        self._batches = {}
        for table in (entries, blobs, batches):
            rows = self._rows.pop(table, [])
            if rows:
                self._connection.execute(table.insert(), rows)
        for index, held in self._erased.items():
            rewrite_batch(self._connection, self._log_id, index, held)
        self._erased = {}
        insert_places(self._connection, self._log_id, self._new_places)
        self._new_places = []
        self._write_totals()
        self._write_tiles()
        head = Head(state.size, root_of(state), note)
        self._swap_head(head)
        return head

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append({"log_id": self._log_id, **row})

    def _known_blobs(self, digests: Sequence[str]) -> set[str]:
        if not digests:
            return set()
        statement = blobs.select().with_only_columns(blobs.c.sha256)
        statement = statement.where(
            blobs.c.log_id == self._log_id,
            blobs.c.sha256.in_([bytes.fromhex(digest) for digest in digests]),
        )
        return {bytes(found).hex() for found in self._connection.execute(statement).scalars()}

    def _write_totals(self) -> None:
        names = ("period", "epoch", "account", "facility", "name", "currency")
        rows = [
            {"log_id": self._log_id, **dict(zip(names, key, strict=True)), "amount": amount}
            for key, amount in sorted(self._totals.items())
        ]
        self._totals.clear()
        if rows:
            statement = self._insert(totals)
            changed = {"amount": totals.c.amount + statement.excluded.amount}
            upsert = statement.on_conflict_do_update(
                index_elements=["log_id", *names], set_=changed
            )
            self._connection.execute(upsert, rows)

    def _write_tiles(self) -> None:
        grown = grow(self._head.size, self._leaves, self._reader.tiles)
        rows = [
            {"log_id": self._log_id, "level": tile.level, "index": tile.index, "data": data}
            for tile, data in sorted(grown.items())
        ]
        if rows:
            statement = self._insert(tiles)
            changed = {"data": statement.excluded.data}
            upsert = statement.on_conflict_do_update(
                index_elements=["log_id", "level", "index"], set_=changed
            )
            self._connection.execute(upsert, rows)

    def _swap_head(self, head: Head) -> None:
        statement = (
            update(logs)
            .where(logs.c.id == self._log_id)
            .where(logs.c.size == self._head.size, logs.c.root == self._head.root)
            .values(size=head.size, root=head.root, checkpoint=head.note)
        )
        if self._connection.execute(statement).rowcount != 1:
            raise StaleCheckpoint(f"the log is no longer at size {self._head.size}")

    def _insert(self, table: Table) -> Any:
        dialect = self._connection.dialect.name
        if dialect == "sqlite":
            return sqlite.insert(table)
        if dialect == "postgresql":
            return postgresql.insert(table)
        raise InvariantViolated(f"kyojo does not know the database {dialect}")


def root_of(state: State) -> bytes:
    """The root of the log at a state."""
    return Frontier(state.size, tuple(bytes.fromhex(tree) for tree in state.subtrees)).root()
