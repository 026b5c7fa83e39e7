"""What a database keeps of bytes that were overwritten, and how far kyojo can remove it.

SQLite: connections run with ``secure_delete``, which overwrites what is deleted from a page. Two
places are left. The write-ahead log still has the pages as they were: ``truncate_wal`` empties it.
And a page that was reorganised may hold a second copy of a row in its unused space: ``compact``
writes the whole file anew. ``clean_up``, after every erasure, does both where the file is small,
and leaves the second to a quiet hour (``kyojo erase --replay``) where it is not. PostgreSQL keeps
old versions of a row until a vacuum, and their bytes until a rewrite: ``compact`` rewrites the
table, while nobody can use it, so it is never done unasked. Backups, archives of the
write-ahead log, replicas and what a disk keeps of overwritten blocks are for those who run them
(docs/erasure.md).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ledger.store.database import BUSY_SECONDS, Database

WAIT_MILLISECONDS = 2000
AT_ONCE_BYTES_MAX = 64 * 2**20


def truncate_wal(database: Database) -> bool:
    """Empty SQLite's write-ahead log; False if a reader held it open. Elsewhere nothing to do."""
    if not database.is_sqlite:
        return True
    try:
        with _plain(database) as connection:
            connection.execute(f"PRAGMA busy_timeout = {WAIT_MILLISECONDS}")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    except (sqlite3.Error, SQLAlchemyError):
        return False  # what was committed stays so; the caller tries again later
    return not busy


def clean_up(database: Database) -> bool:
    """What is done at once after an erasure; False if ``truncate_wal`` must be tried again."""
    if not database.is_sqlite or not database.url.database:
        return True
    try:
        if Path(database.url.database).stat().st_size <= AT_ONCE_BYTES_MAX:
            return compact(database)
    except (OSError, sqlite3.Error, SQLAlchemyError):
        pass  # somebody else was writing; the rest is done all the same
    return truncate_wal(database)


def compact(database: Database) -> bool:
    """Rewrite what batches were stored in, so that nothing of old rows is left; writers wait.

    False if SQLite's write-ahead log could not be emptied because a reader held it open.
    """
    with _plain(database) as connection:
        if database.is_sqlite:
            connection.execute("VACUUM")
        else:
            connection.autocommit = True
            connection.execute("VACUUM (FULL) batches")
            connection.autocommit = False
    return truncate_wal(database)


@contextmanager
def _plain(database: Database) -> Iterator[Any]:
    """A driver's connection outside of any transaction, where these statements belong."""
    connection = database.engine.raw_connection()
    try:
        yield connection.driver_connection
    finally:
        connection.close()
