"""Reading rows as they lie in the database, whatever state they are in.

The other modules of this package trust their own tables: a value has its column's type, a row is
there. Whoever checks the tables must not. Here values come as the driver gives them, a table or
column that is missing is noted, and so is an error in the middle of a scan; nothing raises but a
lost connection. Rows come in a stream, in the order of their keys.

Nothing is written: SQLite is told to refuse it for as long as the rows are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Table, func, inspect, or_, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from ledger.store.tables import logs, metadata

Row = Mapping[str, Any]

STRAYS_MAX = 100
# Rows fetched at once; what is large comes a few at a time.
_PAGES = {"batches": 4, "blobs": 4, "snapshots": 2, "tiles": 64}
_PAGE = 500
# A torn SQLite file may have messages about its schema that are no UTF-8.
_ERRORS = (SQLAlchemyError, UnicodeDecodeError)


class RawRows:
    """The rows of one installation, read through one open transaction.

    ``unreadable`` says of every table that could not be read to its end why.
    """

    def __init__(self, connection: Connection) -> None:
        """Read through ``connection``; looks which tables and columns there are."""
        self._connection = connection
        self.unreadable: dict[str, str] = {}
        for table in metadata.sorted_tables:
            self._look_at(table)

    def revision(self) -> str | None:
        """The revision that the tables say they are at; None if they do not say."""
        try:
            return MigrationContext.configure(self._connection).get_current_revision()
        except (*_ERRORS, CommandError):
            return None

    def logs(self) -> list[Row]:
        """The rows of all logs, by id."""
        return self._all(_plain(logs).order_by(logs.c.id), logs)

    def scan(self, table: Table, log_id: int) -> Iterator[Row]:
        """A log's rows of a table in the order of their keys; to be read to the end."""
        statement = _plain(table).where(table.c.log_id == log_id)
        return self._stream(statement.order_by(*table.primary_key.columns), table)

    def find(self, table: Table, log_id: int, **values: Any) -> Row | None:
        """One row by the values of its key; None if there is none."""
        statement = _plain(table).where(table.c.log_id == log_id, *_equal(table, values))
        return next(iter(self._all(statement, table)), None)

    def span(self, table: Table, log_id: int, start: int, end: int) -> list[Row]:
        """The rows with an ``index`` from ``start`` to ``end`` − 1."""
        statement = _plain(table).where(
            table.c.log_id == log_id, table.c.index >= start, table.c.index < end
        )
        return self._all(statement.order_by(table.c.index), table)

    def largest_index(self, table: Table, log_id: int) -> Any:
        """The largest ``index`` of a log's rows; None if there are none."""
        largest = type_coerce(func.max(table.c.index), NullType()).label("largest")
        statement = select(largest).where(table.c.log_id == log_id)
        return next((row["largest"] for row in self._all(statement, table)), None)

    def strays(self, table: Table) -> list[Row]:
        """The first rows of a table that belong to no log."""
        known = select(logs.c.id)
        stray = or_(table.c.log_id.not_in(known), table.c.log_id.is_(None))
        return self._all(_keys(table).where(stray).limit(STRAYS_MAX), table)

    def _all(self, statement: Any, table: Table) -> list[Row]:
        """A few rows at once."""
        return list(self._rows(statement, table, {}))

    def _stream(self, statement: Any, table: Table) -> Iterator[Row]:
        options = {"yield_per": _PAGES.get(table.name, _PAGE)}
        return self._rows(statement, table, options)

    def _rows(self, statement: Any, table: Table, options: Mapping[str, Any]) -> Iterator[Row]:
        if table.name in self.unreadable:
            return
        try:
            with self._connection.execute(statement, execution_options=options) as found:
                yield from cast("Iterator[Row]", found.mappings())
        except _ERRORS as error:
            if getattr(error, "connection_invalidated", False):
                raise
            self.unreadable[table.name] = f"it cannot be read: {getattr(error, 'orig', error)}"

    def _look_at(self, table: Table) -> None:
        try:
            looking = inspect(self._connection)
            if not looking.has_table(table.name):
                self.unreadable[table.name] = "the table is missing"
                return
            there = {column["name"] for column in looking.get_columns(table.name)}
        except _ERRORS as error:
            self.unreadable[table.name] = f"it cannot be read: {getattr(error, 'orig', error)}"
            return
        missing = [column.name for column in table.columns if column.name not in there]
        if missing:
            self.unreadable[table.name] = f"the column {missing[0]} is missing"


@contextmanager
def raw_rows(connection: Connection) -> Iterator[RawRows]:
    """The rows behind an open read transaction; SQLite refuses to write meanwhile."""
    if connection.dialect.name != "sqlite":
        yield RawRows(connection)
        return
    driver: Any = connection.connection.driver_connection
    driver.text_factory = _decode
    connection.exec_driver_sql("PRAGMA query_only = ON")
    try:
        yield RawRows(connection)
    finally:
        driver.text_factory = str
        connection.exec_driver_sql("PRAGMA query_only = OFF")


def key_of(table: Table, row: Row) -> str:
    """A row's key within its log, for people: ``2026-10/0/bus/hub-1/trips/``, or one value."""
    names = [column.name for column in table.primary_key.columns if column.name != "log_id"]
    return "/".join(shown(row[name]) for name in names)


def shown(value: Any) -> str:
    """A stored value as text, cut short."""
    text = value.hex() if isinstance(value, bytes | memoryview) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _plain(table: Table) -> Any:
    return select(*(type_coerce(column, NullType()).label(column.name) for column in table.columns))


def _keys(table: Table) -> Any:
    columns: Sequence[Any] = table.primary_key.columns.values()
    return select(*(type_coerce(column, NullType()).label(column.name) for column in columns))


def _equal(table: Table, values: Mapping[str, Any]) -> list[Any]:
    return [table.c[name] == value for name, value in values.items()]


def _decode(data: bytes) -> str:
    # What is not UTF-8 becomes a text that no valid value has, instead of an error.
    return data.decode("utf-8", "backslashreplace")
