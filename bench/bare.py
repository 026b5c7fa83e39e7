"""The yardsticks: the same records without a ledger.

Bare rows are what a system keeps that trusts its own database: one row a record with all its
fields, no index but the row's number, no check, no signature. Connections are opened by kyojo's
own ``Database``, so both sides wait for the same fsync.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from time import perf_counter
from typing import Any

import pymerkle
from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text, func, select

from ledger.store.database import Database

metadata = MetaData()
bare_records = Table(
    "bare_records",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("member", String(64), nullable=False),
    Column("id", String(128), nullable=False),
    Column("facility", String(64), nullable=False),
    Column("started_at", String(24), nullable=False),
    Column("ended_at", String(24), nullable=False),
    Column("energy_wh", BigInteger),
    Column("duration_s", BigInteger),
    Column("fare", BigInteger),
    Column("currency", String(3)),
    Column("payer", String(128)),
    Column("reverses", String(128)),
    Column("attributes", Text),
)


class BareRows:
    """The table of bare rows in a database of its own."""

    def __init__(self, url: str) -> None:
        """Create the table."""
        self._database = Database(url)
        with self._database.write(0) as connection:
            metadata.create_all(connection)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def insert(self, member: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Encode records as rows, insert them by one executemany and commit."""
        rows = [row_of(member, record) for record in records]
        with self._database.write(0) as connection:
            connection.execute(bare_records.insert(), rows)

    def insert_singly(self, member: str, records: Iterable[Mapping[str, Any]]) -> list[float]:
        """Insert and commit records one by one; the seconds that each took."""
        taken = []
        for record in records:
            started = perf_counter()
            with self._database.write(0) as connection:
                connection.execute(bare_records.insert(), row_of(member, record))
            taken.append(perf_counter() - started)
        return taken

    def sums(self, start: str, end: str) -> list[Sequence[Any]]:
        """What a closing sums that keeps no totals: per member and facility, of one month."""
        table = bare_records.c
        amounts = (func.sum(table.energy_wh), func.sum(table.duration_s), func.sum(table.fare))
        statement = (
            select(table.member, table.facility, func.count(), *amounts)
            .where(table.ended_at >= start, table.ended_at < end)
            .group_by(table.member, table.facility)
        )
        with self._database.read() as connection:
            return list(connection.execute(statement).all())


def row_of(member: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a row, encoded by the client."""
    return {
        "member": member,
        "id": record["id"],
        "facility": record["facility"],
        "started_at": record["started_at"],
        "ended_at": record["ended_at"],
        "energy_wh": record["measures"]["energy_wh"],
        "duration_s": record["measures"]["duration_s"],
        "fare": record["charges"]["fare"],
        "currency": record["currency"],
        "payer": record["payer"],
        "reverses": record.get("reverses"),
        "attributes": json.dumps(record["attributes"], separators=(",", ":")),
    }


def append_to_pymerkle(lines: Iterable[bytes]) -> bytes:
    """Append every line to a pymerkle tree in memory; its root."""
    tree = pymerkle.InmemoryTree()
    for line in lines:
        tree.append_entry(line)
    return bytes(tree.get_root())


def hash_twice(batches: Iterable[tuple[bytes, Sequence[bytes]]]) -> int:
    """The two hashes that the format needs a record: its salt and its leaf; how many records."""
    count = 0
    for seed, lines in batches:
        for index, line in enumerate(lines):
            salt = sha256(seed + index.to_bytes(8, "big")).digest()
            sha256(b"\x00" + salt + line).digest()
            count += 1
    return count
