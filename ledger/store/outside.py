"""Heads that are known outside of the database, and the comparison before anything is signed.

A database that was put back to an old copy, or a standby that lost commits, looks whole. Signing
on top of it would make a second history, for which the first one's holders would have proof. So a
process compares its log's head with every head that stands elsewhere before it signs for the first
time, and signs nothing while one of them is ahead or different (DESIGN section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import ReadOnly
from ledger.store.reading import Head, LogReader


@dataclass(frozen=True, slots=True)
class OutsideHead:
    """A head of this log that stands outside of its database; ``source`` names where, in words."""

    source: str
    size: int
    root: bytes


def compare_heads(reader: LogReader, head: Head, known: Iterable[OutsideHead]) -> None:
    """Raise ReadOnly unless the log is, or continues, everything that is known of it outside."""
    for outside in known:
        if outside.size > head.size:
            raise ReadOnly(
                f"{outside.source} holds size {outside.size} of this log, the database "
                f"{head.size}; it was restored from an old copy or lost its newest entries, and "
                "nothing is signed on top of it",
                source=outside.source,
                outside_size=outside.size,
                size=head.size,
            )
        if outside.size and reader.root(outside.size) != outside.root:
            raise ReadOnly(
                f"{outside.source} holds another root for the first {outside.size} entries of this "
                "log: two histories, and this database holds the one that others do not know",
                source=outside.source,
                outside_size=outside.size,
                size=head.size,
            )
