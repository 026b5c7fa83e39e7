"""Verify a bundle that is a file, on all cores: batches are judged by processes of their own.

The fold stays in this process; it hands every usage batch on as a task of a few hundred bytes,
and the workers read lines from the file themselves. Outcomes come back in the order of the tasks,
so a report is the same whatever the number of processes. A small bundle is judged here: starting
a process takes longer.

The processes start before the fold does, which has the members' entries to go through before the
first batch, and judge the first batches meanwhile (``audit_pool``); and the fold may run well
ahead of them, so that they have work while it computes the settlement again. What either may run
ahead is bounded, and with it what is held of outcomes.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.audit.anchors import ChainView
from ledger.audit.bundle import Progress
from ledger.audit.fold import Fold
from ledger.audit.records import Judge, JudgeHere
from ledger.audit.report import Report
from ledger.audit.trust import Trust
from ledger.audit.verify import verify_bundle
from ledger.errors import OutOfRange
from ledger.service import audit_worker
from ledger.service.audit_pool import PoolJudge, alive

SMALL_BYTES = 8 * 2**20  # below this, one process is as fast
SCRATCH_BYTES = 4 * 2**20  # above this, the ids laid aside go to a temporary file
JOBS_MAX = 256
COLLECT_AFTER = 50_000  # new objects between two searches for circles among them


def verify_file(  # noqa: PLR0913 - a file, what is trusted, and how to go about it
    path: Path,
    trust: Trust | None,
    *,
    jobs: int | None = None,
    small_bytes: int = SMALL_BYTES,
    chain: ChainView | None = None,
    progress: Progress = lambda _done, _all: None,
    see: Callable[[Fold], None] = lambda _fold: None,
) -> Report:
    """The report on the bundle in a file; see ``verify_bundle``.

    ``jobs`` is the number of processes that judge batches, by default one a core; 1 means this
    one only. A bundle of less than ``small_bytes`` is judged here too.
    """
    if jobs is not None and not 1 <= jobs <= JOBS_MAX:
        raise OutOfRange(f"a number of processes is from 1 to {JOBS_MAX}, not {jobs}")
    count = jobs or _cores()
    with path.open("rb") as source, tempfile.SpooledTemporaryFile(SCRATCH_BYTES) as scratch:
        is_small = source.seek(0, os.SEEK_END) < small_bytes
        with _judge(path, source, 1 if is_small else count) as judge, _few_collections():
            return verify_bundle(
                source,
                trust,
                chain=chain,
                judge=judge,
                scratch=scratch,
                progress=progress,
                see=see,
            )


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), JOBS_MAX)
    return min(os.cpu_count() or 1, JOBS_MAX)


@contextmanager
def _few_collections() -> Iterator[None]:
    """The fold makes many objects and no circles: looking for some takes a tenth of its time."""
    before = gc.get_threshold()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _judge(path: Path, source: BinaryIO, count: int) -> Iterator[Judge]:
    if count == 1:
        yield JudgeHere(source)
        return
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, spawn, audit_worker.start, (str(path),))
    try:
        with alive():
            for _ in range(count):
                pool.submit(audit_worker.ready)
        yield PoolJudge(pool, source, count)
    finally:
        pool.shutdown(cancel_futures=True)
