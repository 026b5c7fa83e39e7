"""Reading a log: entries, hashes, roots, proofs, blobs, totals. No judgement, no change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, func, select, text
from sqlalchemy.sql.expression import TextualSelect

from ledger.coop.step import AccountKey
from ledger.errors import InvariantViolated, NotFound
from ledger.log.merkle import (
    SIZE_MAX,
    HashReader,
    prove_consistency_from,
    prove_inclusion_from,
    root_from,
)
from ledger.log.tile import Tile, tile_hash_reader
from ledger.store.held import held_of
from ledger.store.keyring import read_key_changes
from ledger.store.places import find_places
from ledger.store.tables import batches, blobs, entries, logs, tiles, totals
from ledger.usage.held import HeldBatch

PAGE = 500
_TILE = '(log_id = :log_id AND level = :level_{0} AND "index" = :index_{0})'


@dataclass(frozen=True, slots=True)
class Head:
    """The newest signed tree head of a log; ``note`` is empty before the first entry."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class IndexRow:
    """What the index keeps about an entry, for searching."""

    index: int
    kind: str
    actor: str
    member: str | None
    period: str | None
    amount_minor: int | None
    currency: str | None
    late: str | None
    received_at: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What to search entries by; None means any. Amounts are inclusive bounds."""

    kind: str | None = None
    member: str | None = None
    period: str | None = None
    amount_from: int | None = None
    amount_to: int | None = None
    received_from: str | None = None
    received_to: str | None = None


class LogReader:
    """One log, read through one open transaction."""

    def __init__(self, connection: Connection, log_id: int) -> None:
        """Read the log with this id through ``connection``."""
        self._connection = connection
        self._log_id = log_id

    def head(self) -> Head:
        """The log's head."""
        statement = select(logs.c.size, logs.c.root, logs.c.checkpoint).where(
            logs.c.id == self._log_id
        )
        size, root, note = self._connection.execute(statement).one()
        return Head(size, root, note or b"")

    def entry(self, index: int) -> bytes:
        """The bytes of an entry; raises NotFound."""
        found = self._at(entries, index)
        if found is None:
            raise NotFound(f"the log has no entry {index}")
        return bytes(found.data)

    def entry_data(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of entries start … end − 1, read in pages."""
        for first in range(start, end, PAGE):
            last = min(first + PAGE, end)
            statement = (
                select(entries.c.data)
                .where(entries.c.log_id == self._log_id, entries.c.index >= first)
                .where(entries.c.index < last)
                .order_by(entries.c.index)
            )
            found = self._connection.execute(statement).scalars().all()
            if len(found) != last - first:
                raise InvariantViolated(f"entries {first} to {last - 1} are not all there")
            yield from (bytes(data) for data in found)

    def search(self, wanted: Filter, *, start: int = 0, limit: int = PAGE) -> list[IndexRow]:
        """Entries that match, from index ``start`` on, in order."""
        columns = (entries.c[name] for name in IndexRow.__slots__)
        statement = select(*columns).where(
            entries.c.log_id == self._log_id, entries.c.index >= start, *_conditions(wanted)
        )
        found = self._connection.execute(statement.order_by(entries.c.index).limit(limit))
        return [IndexRow(*row) for row in found]

    def naming(self, digest: str) -> list[int]:
        """Indices of the entries that hold a hash (hex) anywhere, in order: one scan, no index."""
        needle = digest.encode()
        if self._connection.dialect.name == "sqlite":
            held = func.instr(entries.c.data, needle) > 0
        else:
            held = entries.c.data.like(b"%" + needle + b"%")
        found = self._connection.execute(
            select(entries.c.index)
            .where(entries.c.log_id == self._log_id, held)
            .order_by(entries.c.index)
        )
        return list(found.scalars())

    def entry_by_sequence(self, actor: str, sequence: int) -> tuple[int, bytes] | None:
        """The index and bytes of the entry that a key wrote under a number of its counter."""
        found = self._one(entries, entries.c.actor == actor, entries.c.sequence == sequence)
        if found is None:
            return None
        row = found._mapping  # noqa: SLF001 - public in SQLAlchemy; Row.index is tuple's method
        return int(row["index"]), bytes(row["data"])

    def late_periods(self, index: int) -> tuple[str, ...]:
        """The periods for which an entry came late."""
        found = self._one(entries, entries.c.index == index)
        return tuple(found.late.split(",")) if found is not None and found.late else ()

    def tile(self, tile: Tile) -> bytes:
        """The bytes of a tile, cut to its width; raises NotFound."""
        return self.tiles((tile,))[0]

    def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        """The bytes of several tiles, in one query."""
        if not wanted:
            return []
        places = {f"level_{at}": tile.level for at, tile in enumerate(wanted)}
        places |= {f"index_{at}": tile.index for at, tile in enumerate(wanted)}
        statement = tiles_statement(len(wanted))
        rows = self._connection.execute(statement, {"log_id": self._log_id, **places})
        found = {(level, index): data for level, index, data in rows}
        return [_cut(tile, found.get((tile.level, tile.index))) for tile in wanted]

    def hashes(self, size: int) -> HashReader:
        """The nodes of the tree over the first ``size`` entries."""
        return tile_hash_reader(self.tiles, size)

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries; raises NotFound beyond the end."""
        if size > self.head().size:
            raise NotFound(f"the log has no {size} entries")
        return root_from(self.hashes(size), size)

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """The inclusion proof of an entry in the tree of ``size`` entries."""
        if not 0 <= index < size <= self.head().size:
            raise NotFound(f"entry {index} is not in a tree of {size} entries of this log")
        return prove_inclusion_from(self.hashes(size), index, size)

    def consistency(self, old_size: int, new_size: int) -> tuple[bytes, ...]:
        """The consistency proof between two sizes of this log."""
        if not 0 < old_size <= new_size <= self.head().size:
            raise NotFound(f"{old_size} to {new_size} are not two sizes of this log")
        return prove_consistency_from(self.hashes(new_size), old_size, new_size)

    def blob(self, digest: str) -> bytes:
        """The blob with this SHA-256 (hex); raises NotFound."""
        found = self._one(blobs, blobs.c.sha256 == bytes.fromhex(digest))
        if found is None:
            raise NotFound(f"there is no blob {digest}")
        data = bytes(found.data)
        if sha256(data).hexdigest() != digest:
            raise InvariantViolated(f"the stored blob {digest} has other bytes")
        return data

    def batch(self, index: int) -> HeldBatch:
        """What is held of the usage batch at an index; raises NotFound."""
        found = self._at(batches, index)
        if found is None:
            raise NotFound(f"entry {index} is not a usage batch that is held here")
        return held_of(found.seed, found.lines, found.leaves)

    def key_changes(self) -> dict[int, bytes]:
        """The checkpoints at which the log's keys changed, by size."""
        return read_key_changes(self._connection, self._log_id)

    def places(self, id_hashes: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
        """Where records with these keyed id hashes stand: entry index and record number."""
        return find_places(self._connection, self._log_id, id_hashes)

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        """The totals of a period over its first ``epochs`` epochs."""
        columns = totals.c.account, totals.c.facility, totals.c.name, totals.c.currency
        statement = (
            select(*columns, func.sum(totals.c.amount))
            .where(totals.c.log_id == self._log_id, totals.c.period == period)
            .where(totals.c.epoch < epochs)
            .group_by(*columns)
        )
        rows = self._connection.execute(statement)
        return {AccountKey(*row[:4]): int(row[4]) for row in rows}

    def total(self, key: Sequence[str | int]) -> int:
        """One total, 0 if absent: of a period, epoch, account, facility, name and currency."""
        names = ("period", "epoch", "account", "facility", "name", "currency")
        same = [totals.c[name] == value for name, value in zip(names, key, strict=True)]
        statement = select(totals.c.amount).where(totals.c.log_id == self._log_id, *same)
        return int(self._connection.execute(statement).scalar_one_or_none() or 0)

    def _at(self, table: Any, index: int) -> Row[Any] | None:
        # A number that the column cannot hold is an error to the database, not an absent row.
        return self._one(table, table.c.index == index) if 0 <= index < SIZE_MAX else None

    def _one(self, table: Any, *conditions: Any) -> Row[Any] | None:
        statement = select(table).where(table.c.log_id == self._log_id, *conditions)
        return self._connection.execute(statement).one_or_none()


@lru_cache(maxsize=64)
def tiles_statement(count: int) -> TextualSelect:
    """The statement that reads ``count`` tiles.

    Each place names the log: with ``log_id = … AND (… OR …)`` SQLite would search by the log
    alone, and walk all of its tiles. Text that is kept, since to build it takes longer than to
    run it.
    """
    places = " OR ".join(_TILE.format(at) for at in range(count))
    statement = text(f'SELECT level, "index", data FROM tiles WHERE {places}')  # noqa: S608
    return statement.columns(tiles.c.level, tiles.c.index, tiles.c.data)


def _cut(tile: Tile, data: bytes | None) -> bytes:
    if data is None or len(data) < tile.width * 32:
        raise NotFound(f"the log has no tile {tile.level}/{tile.index} of width {tile.width}")
    return bytes(data[: tile.width * 32])


def _conditions(wanted: Filter) -> list[Any]:
    pairs = (
        (wanted.kind, entries.c.kind.__eq__),
        (wanted.member, entries.c.member.__eq__),
        (wanted.period, entries.c.period.__eq__),
        (wanted.amount_from, entries.c.amount_minor.__ge__),
        (wanted.amount_to, entries.c.amount_minor.__le__),
        (wanted.received_from, entries.c.received_at.__ge__),
        (wanted.received_to, entries.c.received_at.__lt__),
    )
    return [compare(value) for value, compare in pairs if value is not None]
