"""Rows to be compared in the order of their keys, kept outside memory.

A check of a whole log knows what should be in a table only piece by piece, in the order of the
entries; the table is read in the order of its keys. The expected rows wait here, in a private
SQLite database that lies in a temporary file once it has grown, and is gone when it is closed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

Named = tuple[bytes, int, int]
"""A blob that an entry names: its SHA-256, the stated size in bytes, the entry."""

Place = tuple[bytes, int, int]
"""Where a record stands: the keyed hash of its id, its entry, its number."""


class Scratch:
    """Expected rows of ``blobs`` and ``record_ids``."""

    def __init__(self) -> None:
        """Open an empty one; ``close`` it."""
        self._database = sqlite3.connect("")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE named (sha256 BLOB, size_bytes INTEGER, at INTEGER)")
        self._database.execute("CREATE TABLE places (id_hash BLOB, at INTEGER, number INTEGER)")

    def add_named(self, rows: Iterable[Named]) -> None:
        """Keep blobs that an entry names."""
        self._database.executemany("INSERT INTO named VALUES (?, ?, ?)", rows)

    def add_places(self, rows: Iterable[Place]) -> None:
        """Keep where records stand."""
        self._database.executemany("INSERT INTO places VALUES (?, ?, ?)", rows)

    def named(self) -> Iterator[Named]:
        """All named blobs, by hash and entry."""
        yield from self._database.execute("SELECT * FROM named ORDER BY sha256, at")

    def places(self) -> Iterator[Place]:
        """All places, by hash, entry and number."""
        yield from self._database.execute("SELECT * FROM places ORDER BY id_hash, at, number")

    def close(self) -> None:
        """Forget everything."""
        self._database.close()
