"""Rows of the outbox: what is to be sent to a chain, stored before it is sent.

The store knows a row's id, whose nonce it uses, its state, its times and its bytes; what they mean
is the chain's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy import Row, Select, select, update
from sqlalchemy.exc import IntegrityError

from ledger.errors import Conflict, DuplicateId
from ledger.store.database import Database
from ledger.store.tables import outbox


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the table without its log; instants as text, ``cost_wei`` as decimal digits."""

    id: str
    state: str
    row: bytes
    chain_id: int
    sender: str
    nonce: int
    bump: int
    queued_at: str
    sent_at: str | None = None
    cost_wei: str | None = None


_NAMES = tuple(Stored.__dataclass_fields__)


class OutboxTable:
    """The outbox rows of one log; every method is one committed transaction."""

    def __init__(self, database: Database, log_id: int, clock: Callable[[], str]) -> None:
        """Keep the rows of the log with this id."""
        self._database = database
        self._log_id = log_id
        self._clock = clock

    def add(self, added: Stored) -> None:
        """Keep a new row; raises DuplicateId if its id, or its place at its nonce, is taken."""
        values = {name: getattr(added, name) for name in _NAMES}
        try:
            with self._database.write(self._log_id) as connection:
                row = {"log_id": self._log_id, "updated_at": self._clock(), **values}
                connection.execute(outbox.insert().values(row))
        except IntegrityError as error:
            raise DuplicateId(
                f"the outbox has the transaction {added.id}, or another one with nonce "
                f"{added.nonce} of {added.sender}, already"
            ) from error

    def rows(self, *, without: Collection[str] = (), newest: int | None = None) -> list[Stored]:
        """The rows except those in the states named, newest first; no more than ``newest``."""
        statement = _columns().where(
            outbox.c.log_id == self._log_id, outbox.c.state.not_in(list(without))
        )
        order = statement.order_by(outbox.c.queued_at.desc(), outbox.c.id).limit(newest)
        with self._database.read() as connection:
            return [_stored(row) for row in connection.execute(order)]

    def nonces(self, *, chain_id: int, sender: str) -> list[int]:
        """The nonces that any log of this database has used of a key on a chain, ascending."""
        statement = select(outbox.c.nonce).where(
            outbox.c.chain_id == chain_id, outbox.c.sender == sender
        )
        with self._database.read() as connection:
            return list(connection.execute(statement.order_by(outbox.c.nonce)).scalars())

    def replace(self, before: Stored, after: Stored) -> None:
        """Replace a row; raises Conflict if it is no longer what it was."""
        changed = {name: getattr(after, name) for name in ("state", "row", "sent_at", "cost_wei")}
        statement = (
            update(outbox)
            .where(outbox.c.log_id == self._log_id, outbox.c.id == before.id)
            .where(
                outbox.c.row == before.row, outbox.c.sent_at.is_not_distinct_from(before.sent_at)
            )
            .values(updated_at=self._clock(), **changed)
        )
        with self._database.write(self._log_id) as connection:
            if connection.execute(statement).rowcount != 1:
                raise Conflict(f"the outbox row {before.id} was changed by another process")


def _columns() -> Select[tuple[object, ...]]:
    return select(*(outbox.c[name] for name in _NAMES))


def _stored(row: Row[tuple[object, ...]]) -> Stored:
    values = dict(zip(_NAMES, row, strict=True))
    return Stored(**{**values, "row": bytes(values["row"])})  # type: ignore[arg-type]
