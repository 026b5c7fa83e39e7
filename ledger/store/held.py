"""Rows of ``batches``, and what an erasure makes of them.

An erasure rewrites the row of its batch in the transaction that commits its entry: the seed is
gone, an erased record's line is empty, its salt is zero bytes. A copy of the database that was
made before would bring all of it back; ``erase_again`` does once more what the log says was done.

A batch that came back from an audit bundle (``store.recover``) has no seed either, for a bundle
discloses salts only; it keeps them one by one, and no line of it need be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from ledger.errors import InvariantViolated
from ledger.store.tables import batches
from ledger.usage.held import HeldBatch

Erased = Mapping[int, frozenset[int]]
"""Numbers of erased records, by the entry index of their batch."""


def held_of(seed: bytes | None, lines: bytes, leaves: bytes | None) -> HeldBatch:
    """A batch from the columns of its row."""
    return HeldBatch(
        tuple(bytes(lines).split(b"\n")),
        None if seed is None else bytes(seed),
        None if leaves is None else bytes(leaves),
    )


def columns_of(held: HeldBatch) -> dict[str, Any]:
    """The columns of a batch's row."""
    return {"seed": held.seed, "lines": b"\n".join(held.lines), "leaves": held.kept}


def rewrite_batch(connection: Connection, log_id: int, index: int, held: HeldBatch) -> None:
    """Put what is left of a batch in the place of its row."""
    statement = (
        update(batches)
        .where(batches.c.log_id == log_id, batches.c.index == index)
        .values(columns_of(held))
    )
    if connection.execute(statement).rowcount != 1:
        raise InvariantViolated(f"the lines of batch {index} are not here; nothing was erased")


def holds_erased(connection: Connection, log_id: int, wanted: Erased) -> bool:
    """Whether anything is stored that the log says was erased."""
    return any(
        wanted[index] - held.erased
        for index in sorted(wanted)
        for held in _find(connection, log_id, index)
    )


def erase_again(connection: Connection, log_id: int, wanted: Erased) -> int:
    """Erase what is stored although the log says that it was erased; answers how many records."""
    count = 0
    for index in sorted(wanted):
        for held in _find(connection, log_id, index):
            left = wanted[index] - held.erased
            if left:
                rewrite_batch(connection, log_id, index, held.without(left))
                count += len(left)
    return count


def stored_erased(connection: Connection, log_id: int) -> Iterator[tuple[int, frozenset[int]]]:
    """The batches whose rows have lost records, by entry index, and which."""
    statement = select(batches.c.index).where(batches.c.log_id == log_id, batches.c.seed.is_(None))
    for index in connection.execute(statement.order_by(batches.c.index)).scalars().all():
        for held in _find(connection, log_id, index):
            if held.erased:
                yield index, held.erased


def _find(connection: Connection, log_id: int, index: int) -> Iterator[HeldBatch]:
    statement = select(batches.c.seed, batches.c.lines, batches.c.leaves)
    statement = statement.where(batches.c.log_id == log_id, batches.c.index == index)
    for seed, lines, leaves in connection.execute(statement):
        yield held_of(seed, lines, leaves)
