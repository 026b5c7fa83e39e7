"""A bundle that is a file, opened for an audit: batches are judged on all cores from then on.

The fold stays in this process; it hands every usage batch on as a task of a few hundred bytes,
and the workers read lines from the file themselves. Outcomes come back in the order of the tasks,
so a report is the same whatever the number of processes. A small bundle is judged here: starting
a process takes longer.

The first batches are judged before the fold has come to them (``audit_pool``), and even before
the fold is loaded: this module needs a small part of the program, and the caller can load the rest
within the block. What either may run ahead is bounded, and with it what is held of outcomes.

Where this process has no other thread, which a command that only verifies can promise, the workers
are forked: they have all code at once, while a process that is spawned loads it again.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.audit.judge import Judge, JudgeHere
from ledger.audit.opened import Opened, open_bundle
from ledger.errors import OutOfRange
from ledger.service import audit_worker
from ledger.service.audit_pool import PoolJudge, alive

SMALL_BYTES = 8 * 2**20  # below this, one process is as fast
JOBS_MAX = 256
COLLECT_AFTER = 50_000  # new objects between two searches for circles among them


@contextmanager
def opened_file(
    path: Path,
    *,
    jobs: int | None = None,
    small_bytes: int = SMALL_BYTES,
    may_fork: bool = False,
) -> Iterator[Opened]:
    """The bundle in a file, open while the block runs; raises OSError if there is none.

    ``jobs`` is the number of processes that judge batches, by default one a core; 1 means this
    one only. A bundle of less than ``small_bytes`` is judged here too. ``may_fork`` says that
    nothing else goes on in this process: no other thread, no connection that is in use.
    """
    if jobs is not None and not 1 <= jobs <= JOBS_MAX:
        raise OutOfRange(f"a number of processes is from 1 to {JOBS_MAX}, not {jobs}")
    count = jobs or _cores()
    with path.open("rb") as source:
        is_small = source.seek(0, os.SEEK_END) < small_bytes
        with (
            _few_collections(),
            _judge(path, source, 1 if is_small else count, may_fork=may_fork) as judge,
        ):
            yield open_bundle(source, judge)


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
def _judge(path: Path, source: BinaryIO, count: int, *, may_fork: bool) -> Iterator[Judge]:
    if count == 1:
        yield JudgeHere(source)
        return
    method = start_method(may_fork=may_fork)
    context = multiprocessing.get_context(method)
    pool = ProcessPoolExecutor(count, context, audit_worker.start, (str(path),))
    try:
        if method == "spawn":
            with alive():
                for _ in range(count):
                    pool.submit(audit_worker.ready)
        yield PoolJudge(pool, source, count)
    finally:
        pool.shutdown(cancel_futures=True)


def start_method(*, may_fork: bool) -> str:
    """How processes start here: a copy of a process with threads may never wake up.

    Only on Linux, since on macOS the system's own libraries do not bear to be copied.
    """
    can_fork = sys.platform == "linux" and threading.active_count() == 1
    return "fork" if may_fork and can_fork else "spawn"
