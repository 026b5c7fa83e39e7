"""Members at work: each a process of its own with its own key and journal, all starting at once.

A process runs several rounds; in each, all clients wait for each other, then submit. What counts
is inside: encoding the records as lines, asking which are known, sealing, signing, the journal on
disk, HTTP, and verifying every receipt. What does not: making the records up, connecting and
signing in.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import monotonic
from typing import Any

from bench.coop import SLUG, Place, key_of
from bench.records import make_records
from ledger.client import MemberClient, open_journal
from ledger.client.records import encode_record

WAIT_SECONDS_MAX = 300
CLIENTS = max(2, min(4, os.cpu_count() or 2))

_ready: Barrier | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What one client submits: ``rounds`` gives the number of records of each round."""

    member: str
    url: str
    journals: Path
    rounds: tuple[int, ...]
    batch_records: int


@dataclass(frozen=True, slots=True)
class Round:
    """When a client began and ended a round, and how long each of its requests took."""

    began: float
    ended: float
    seconds: tuple[float, ...]


def run_clients(
    place: Place, rounds: Mapping[str, Sequence[int]], *, batch_records: int
) -> list[list[Round]]:
    """Let every member submit its rounds, 0 records in one that it sits out.

    The answer is by round, and in it one ``Round`` for each client that took part.
    """
    jobs = [
        Job(name, place.url, place.folder / "journals", tuple(counts), batch_records)
        for name, counts in rounds.items()
    ]
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(len(jobs))
    with ProcessPoolExecutor(len(jobs), spawn, _take_barrier, (barrier,)) as pool:
        done = list(pool.map(_work, jobs, timeout=WAIT_SECONDS_MAX))
    return [[one for one in found if one is not None] for found in zip(*done, strict=True)]


def span_seconds(found: Sequence[Round]) -> float:
    """From the first client's beginning to the last one's end."""
    return max(one.ended for one in found) - min(one.began for one in found)


def _take_barrier(barrier: Barrier) -> None:
    global _ready  # noqa: PLW0603 - a pool's initializer has no other way to hand something over
    _ready = barrier


def _work(job: Job) -> list[Round | None]:
    key = key_of(job.member)
    rounds: list[Round | None] = []
    start = 0
    with open_journal(job.journals, key.address) as journal:
        client = MemberClient(job.url, SLUG, key, journal)
        client.sign_in()
        for count in job.rounds:
            records = list(make_records(job.member, start, count))
            start += count
            if _ready is not None:
                _ready.wait(WAIT_SECONDS_MAX)
            rounds.append(_round(client, records, job.batch_records) if records else None)
        client.close()
    return rounds


def _round(client: MemberClient, records: list[dict[str, Any]], batch_records: int) -> Round:
    marks: list[float] = []
    began = monotonic()
    client.submit_records(
        (encode_record(record) for record in records),
        batch_records=batch_records,
        progress=lambda _done, _all: marks.append(monotonic()),
    )
    # The first request also waits for the questions before it, so latencies count from the next.
    seconds = tuple(after - before for before, after in pairwise(marks))
    return Round(began, marks[-1], seconds)
