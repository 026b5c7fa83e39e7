"""Rows of the outbox: what is to be sent to a chain, stored before it is sent.

The store knows a row's id, its state and its bytes; what they mean is the chain's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from ledger.errors import Conflict, DuplicateId
from ledger.store.database import Database
from ledger.store.tables import outbox


class OutboxTable:
    """The outbox rows of one log; every method is one committed transaction."""

    def __init__(self, database: Database, log_id: int, clock: Callable[[], str]) -> None:
        """Keep the rows of the log with this id."""
        self._database = database
        self._log_id = log_id
        self._clock = clock

    def add(self, row_id: str, state: str, data: bytes) -> None:
        """Keep a new row; raises DuplicateId if its id is there already."""
        row = {"id": row_id, "state": state, "updated_at": self._clock(), "row": data}
        try:
            with self._database.write(self._log_id) as connection:
                connection.execute(outbox.insert().values(log_id=self._log_id, **row))
        except IntegrityError as error:
            raise DuplicateId(f"the outbox has a row {row_id} already") from error

    def rows(self, *, without: Collection[str] = ()) -> list[bytes]:
        """The rows' bytes, except those in the states named, by id."""
        statement = select(outbox.c.row).where(
            outbox.c.log_id == self._log_id, outbox.c.state.not_in(list(without))
        )
        with self._database.read() as connection:
            found = connection.execute(statement.order_by(outbox.c.id)).scalars().all()
        return [bytes(row) for row in found]

    def replace(self, row_id: str, before: bytes, state: str, after: bytes) -> None:
        """Replace a row; raises Conflict if it is no longer what it was."""
        statement = (
            update(outbox)
            .where(outbox.c.log_id == self._log_id, outbox.c.id == row_id)
            .where(outbox.c.row == before)
            .values(state=state, updated_at=self._clock(), row=after)
        )
        with self._database.write(self._log_id) as connection:
            if connection.execute(statement).rowcount != 1:
                raise Conflict(f"the outbox row {row_id} was changed by another process")
