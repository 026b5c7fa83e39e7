"""Inclusion proofs from a large log, made as the service makes them, from tiles in SQLite.

The tree's tiles are built directly from leaf hashes: a million signed entries would take hours and
change nothing for a prover, who reads tiles and the head only. Each proof is a request of its own:
a read transaction, the head, the tiles, the C2SP file. All are verified, outside of the time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pymerkle
from sqlalchemy import update

from bench.database import SQLITE, fresh_database
from bench.figure import Figure, median_seconds
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import KeyType, SigningKey
from ledger.log.merkle import leaf_hash, nodes_of_inclusion, root_from, verify_inclusion
from ledger.log.note import Ed25519Signer
from ledger.log.proof import format_proof, parse_proof
from ledger.log.tile import Tile, grow, tile_hash_reader, tile_holding
from ledger.service.prove import entry_proof
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.logs import Log, create_log
from ledger.store.reading import LogReader
from ledger.store.tables import logs, tiles

ENTRIES = 1_000_000
PYMERKLE_ENTRIES = 2**16
PROOFS = 2_000
ORIGIN = "bench.example/proofs"
PAGE = 500
SELECT = "SELECT data FROM tiles WHERE {}"
TILE = '(log_id = ? AND level = ? AND "index" = ?)'
Report = Callable[[str, int, int], None]


def prove_entries(scale: float, report: Report) -> Iterator[Figure]:
    """Proofs per second, against reading the same tiles alone and against pymerkle in memory."""
    size = max(int(ENTRIES * scale), 2)
    dice = random.Random(6962)
    indexes = [dice.randrange(size) for _ in range(max(int(PROOFS * scale), 20))]
    with tempfile.TemporaryDirectory() as folder, fresh_database(SQLITE, Path(folder)) as url:
        database = Database(url)
        try:
            schema.upgrade(database)
            log = _fill(database, size, report)
            report("proofs", 0, len(indexes))
            speed = len(indexes) / median_seconds(lambda: _prove(database, log, indexes))
            _verify(database, log, indexes)
            reading = len(indexes) / median_seconds(lambda: _select(database, log, size, indexes))
        finally:
            database.close()
    in_memory, count = _pymerkle_speed(scale, dice, report)
    for yardstick, value in (
        (f"SELECT of the same tiles, {size:,} entries", reading),
        (f"pymerkle in memory, {count:,} entries", in_memory),
    ):
        yield Figure("proofs_per_second", speed, "proofs/s", SQLITE, yardstick, value)


def _leaf(index: int) -> bytes:
    return leaf_hash(index.to_bytes(8, "big"))


def _fill(database: Database, size: int, report: Report) -> Log:
    """A log of ``size`` entries of which only the tree and the signed head are kept."""
    report("hashing leaves", 0, size)
    grown = grow(0, [_leaf(index) for index in range(size)], lambda _: [])
    root = root_from(tile_hash_reader(lambda wanted: [grown[tile] for tile in wanted], size), size)
    key = SigningKey(ORIGIN, KeyType.ED25519, sha256(b"kyojo bench log").digest())
    note = sign_checkpoint(Checkpoint(ORIGIN, size, root), [Ed25519Signer(key)])
    log = create_log(database, slug="proofs", origin=ORIGIN, id_key=bytes(32))
    rows = [
        {"log_id": log.id, "level": tile.level, "index": tile.index, "data": data}
        for tile, data in sorted(grown.items())
    ]
    with database.write(log.id) as connection:
        for start in range(0, len(rows), PAGE):
            report("storing tiles", start, len(rows))
            connection.execute(tiles.insert(), rows[start : start + PAGE])
        head = {"size": size, "root": root, "checkpoint": note}
        connection.execute(update(logs).where(logs.c.id == log.id).values(**head))
    return log


def _prove(database: Database, log: Log, indexes: Sequence[int]) -> list[bytes]:
    found = []
    for index in indexes:
        with database.read() as connection:
            reader = LogReader(connection, log.id)
            head = reader.head()
            found.append(format_proof(entry_proof(reader, index, (head.size, head.note))))
    return found


def _verify(database: Database, log: Log, indexes: Sequence[int]) -> None:
    with database.read() as connection:
        head = LogReader(connection, log.id).head()
    for index, data in zip(indexes, _prove(database, log, indexes), strict=True):
        proof = parse_proof(data)
        verify_inclusion(_leaf(index), proof.index, head.size, proof.hashes, head.root)


def _select(database: Database, log: Log, size: int, indexes: Sequence[int]) -> None:
    """Read the tiles of each proof by one plain SELECT in a transaction of its own."""
    for wanted in (_tiles_of(index, size) for index in indexes):
        places = " OR ".join([TILE] * len(wanted))
        values = [value for tile in wanted for value in (log.id, tile.level, tile.index)]
        with database.read() as connection:
            found = connection.exec_driver_sql(SELECT.format(places), tuple(values)).all()
        if len(found) != len(wanted):
            raise RuntimeError(f"{len(wanted)} tiles were asked for, {len(found)} are there")


def _tiles_of(index: int, size: int) -> set[Tile]:
    return {tile_holding(node, size)[0] for node in nodes_of_inclusion(index, size)}


def _pymerkle_speed(scale: float, dice: random.Random, report: Report) -> tuple[float, int]:
    """Proofs per second from pymerkle's tree in memory, and the size of that tree."""
    count = max(int(PYMERKLE_ENTRIES * scale), 2)
    report("pymerkle", 0, count)
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for index in range(count):
        tree.append_entry(index.to_bytes(8, "big"))
    indexes = [dice.randrange(count) for _ in range(max(int(PROOFS * scale), 20))]
    seconds = median_seconds(lambda: [tree.prove_inclusion(index + 1) for index in indexes])
    return len(indexes) / seconds, count
