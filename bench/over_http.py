"""Figures over HTTP: batches of 1,000 records, and single records with their proof."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.bare import BareRows, append_to_pymerkle
from bench.clients import CLIENTS, run_clients, span_seconds
from bench.coop import Place, member_names, prepare
from bench.database import fresh_database, second_database
from bench.figure import Figure, median_seconds, percentile, seconds_of
from bench.records import make_records, parts
from bench.server import serving
from ledger.client.records import encode_record

BATCH_RECORDS = 1000
ROUNDS = 3
BATCHES = 10  # per client and round
WRITES = 400
WARM_UP = 5

BARE_BULK = "bare rows, executemany of 1,000 and a commit"
BARE_SINGLE = "bare row, insert and commit"
PYMERKLE = "pymerkle in memory, the same bytes"


def ingest_batch(database: str, scale: float) -> list[Figure]:
    """Records per second, against bare rows and against pymerkle."""
    batches = max(1, round(BATCHES * scale))
    count = batches * BATCH_RECORDS
    with _co_op(database) as (place, url):
        with serving(place):
            rounds = [BATCH_RECORDS, *[count] * ROUNDS]  # the first warms up and is not counted
            everybody = dict.fromkeys(member_names(CLIENTS), rounds)
            found = run_clients(place, everybody, batch_records=BATCH_RECORDS)
        speed = median(CLIENTS * count / span_seconds(one) for one in found[1:])
        bare = _bare_bulk_speed(url, CLIENTS * count)
    merkle = _pymerkle_speed(CLIENTS * count)
    return [
        Figure("ingest_batch", speed, "records/s", database, BARE_BULK, bare),
        Figure("ingest_batch", speed, "records/s", database, PYMERKLE, merkle),
    ]


def write_single(database: str, scale: float) -> list[Figure]:
    """Single-record writes per second by several members, and one member's 99th percentile."""
    writes = max(10, round(WRITES * scale))
    rounds = {name: [WARM_UP, 0, writes] for name in member_names(CLIENTS)}
    rounds[member_names(1)[0]] = [WARM_UP, writes, writes]
    with _co_op(database) as (place, url):
        with serving(place):
            _, alone, together = run_clients(place, rounds, batch_records=1)
        bare = _bare_single_seconds(url, writes)
    speed = CLIENTS * writes / span_seconds(together)
    p99 = percentile(alone[0].seconds, 99) * 1000
    bare_p99 = percentile(bare, 99) * 1000
    bare_speed = len(bare) / sum(bare)
    return [
        Figure("write_single", speed, "writes/s", database, BARE_SINGLE, bare_speed),
        Figure("write_single_p99", p99, "ms", database, BARE_SINGLE, bare_p99),
    ]


@contextmanager
def _co_op(database: str) -> Iterator[tuple[Place, str]]:
    """A founded co-op on a fresh database, and that database's address."""
    with TemporaryDirectory(prefix="kyojo-bench-") as name:
        folder = Path(name)
        with fresh_database(database, folder) as url:
            yield prepare(folder, url, member_names(CLIENTS)), url


def _bare_bulk_speed(url: str, count: int) -> float:
    bare = BareRows(second_database(url))
    records = list(make_records("bare", 0, count))

    def insert() -> None:
        for start, size in parts(count, BATCH_RECORDS):
            bare.insert("bare", records[start : start + size])

    try:
        seconds_of(lambda: bare.insert("bare", records[:BATCH_RECORDS]))  # warms up
        return count / median_seconds(insert, ROUNDS)
    finally:
        bare.close()


def _bare_single_seconds(url: str, writes: int) -> list[float]:
    bare = BareRows(second_database(url))
    try:
        return bare.insert_singly("bare", make_records("bare", 0, writes + WARM_UP))[WARM_UP:]
    finally:
        bare.close()


def _pymerkle_speed(count: int) -> float:
    lines = [encode_record(record) for record in make_records("bare", 0, count)]
    return count / median_seconds(lambda: append_to_pymerkle(lines), ROUNDS)
