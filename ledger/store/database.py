"""Opening a database and its transactions.

SQLite: WAL, synchronous FULL, ``BEGIN IMMEDIATE`` for writers, so there is one at a time.
PostgreSQL: READ COMMITTED with a transaction-level advisory lock per log. Whoever holds a
``write`` transaction is the log's only sequencer until it ends, whatever process it is in.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ledger.errors import InvalidInput, StoreBusy, StoreDamaged

BUSY_SECONDS = 30
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20}
LOCK_CLASS = 0x6B796F6A  # "kyoj": the advisory locks of kyojo, beside those of others


_SESSIONS = """\
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND application_name = current_setting('application_name')"""


class Database:
    """An engine with the two kinds of transaction that kyojo uses."""

    def __init__(self, url: str) -> None:
        """Open ``sqlite:///FILE`` or ``postgresql+psycopg://…``; nothing is created yet."""
        try:
            self.url = make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        except (ArgumentError, ModuleNotFoundError) as error:
            raise InvalidInput(
                "the database's address is not sqlite:///FILE or postgresql+psycopg://…"
            ) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads; it sees one state of the database."""
        with _busy(), self.engine.connect() as plain:
            options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            connection = plain.execution_options(**options)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, log_id: int) -> Iterator[Connection]:
        """The transaction of the log's only sequencer; commits at the end or not at all."""
        with _busy(), self.engine.connect() as plain:
            connection = plain.execution_options(kyojo_write=True)
            with connection.begin():
                if not self.is_sqlite:
                    statement = text("SELECT pg_advisory_xact_lock(:lock_class, :log_id)")
                    connection.execute(statement, {"lock_class": LOCK_CLASS, "log_id": log_id})
                yield connection

    def require_alone(self) -> None:
        """Raise StoreBusy if another process, such as a server, has this database open now.

        Closes this process's own idle connections to find out. On PostgreSQL a process counts
        that gives the same application name; nobody is kept from coming later.
        """
        self.close()
        others = _others_in_sqlite(self.url) if self.is_sqlite else self._others_in_postgresql()
        if others:
            raise StoreBusy(
                "another process has this database open; stop the server (`kyojo serve`) and "
                "whatever else works on it, then run this again"
            )

    def _others_in_postgresql(self) -> bool:
        with self.read() as connection:
            return bool(connection.execute(text(_SESSIONS)).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _busy() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreBusy(f"the database does not answer: {error.orig}") from error
    except PoolTimeoutError as error:
        raise StoreBusy("all connections to the database are in use") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreBusy(f"the database connection was lost: {error.orig}") from error
        if type(error) is DatabaseError:  # SQLite's word for a damaged or another kind of file
            raise StoreDamaged(f"the database cannot be used: {error.orig}") from error
        raise


def _sqlite_engine(url: str) -> Engine:
    _create_for_owner(make_url(url).database)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **POOL)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        # secure_delete: what an erasure removes from a page is overwritten there.
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("kyojo_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _create_for_owner(name: str | None) -> None:
    """A new file is its owner's alone: it holds records, seeds and the key of their ids.

    SQLite gives the files beside it the same permissions.
    """
    if name and name != ":memory:" and not Path(name).exists():
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError:
            return  # said by SQLite, in its own words, when it is opened


def _others_in_sqlite(url: URL) -> bool:
    """Whether a connection of another process, or an open one of this, shares the file."""
    if not url.database or not Path(url.database).is_file():
        return False
    with closing(sqlite3.connect(url.database, timeout=0, isolation_level=None)) as connection:
        try:
            # In WAL mode every open connection holds a shared lock on the file.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    return False


def _postgresql_engine(url: str) -> Engine:
    named = {"fallback_application_name": "kyojo"}  # the address may name another
    return create_engine(url, pool_pre_ping=True, connect_args=named, **POOL)
