"""What a witness has cosigned last: one row per log, kept before any answer is given.

It has a database of its own, since a member runs a witness beside its own systems. Never put an
older copy of that database back under the same key: the witness would sign a second history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
    update,
)

from ledger.errors import StaleCheckpoint
from ledger.log.witness import TreeHead
from ledger.store.database import Database

metadata = MetaData()

witness_heads = Table(
    "witness_heads",
    metadata,
    Column("origin", String(255), primary_key=True),
    # Changed only by compare-and-swap on the size.
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("posix_seconds", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A log's newest cosigned head; ``note`` bears the log's signatures and the witness's."""

    origin: str
    head: TreeHead
    note: bytes
    posix_seconds: int


Decide = Callable[[KeptHead | None], KeptHead]


class WitnessHeads:
    """The newest head that was cosigned, of every log."""

    def __init__(self, database: Database) -> None:
        """Keep them in ``database``, whose table is made where it is missing."""
        self._database = database
        with database.write(0) as connection:
            metadata.create_all(connection)

    def find(self, origin: str) -> KeptHead | None:
        """The newest head of a log; None if nothing of it was cosigned."""
        with self._database.read() as connection:
            return _find(connection, origin)

    def advance(self, origin: str, decide: Decide) -> KeptHead:
        """Replace a log's head by what ``decide`` makes of it; durable when this returns.

        Nobody else changes a head in between. What ``decide`` raises leaves all as it was.
        """
        with self._database.write(0) as connection:
            known = _find(connection, origin)
            new = decide(known)
            _swap(connection, known, new)
        return new

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _find(connection: Connection, origin: str) -> KeptHead | None:
    statement = select(witness_heads).where(witness_heads.c.origin == origin)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    head = TreeHead(row.size, bytes(row.root))
    return KeptHead(row.origin, head, bytes(row.note), row.posix_seconds)


def _swap(connection: Connection, known: KeptHead | None, new: KeptHead) -> None:
    values = {
        "size": new.head.size,
        "root": new.head.root,
        "note": new.note,
        "posix_seconds": new.posix_seconds,
    }
    if known is None:
        connection.execute(witness_heads.insert().values(origin=new.origin, **values))
        return
    statement = (
        update(witness_heads)
        .where(witness_heads.c.origin == known.origin)
        .where(witness_heads.c.size == known.head.size, witness_heads.c.root == known.head.root)
        .values(**values)
    )
    if connection.execute(statement).rowcount != 1:
        raise StaleCheckpoint(f"the head of {known.origin} is no longer {known.head.size}")
