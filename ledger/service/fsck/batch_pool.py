"""Batches checked by other processes while the fold goes on; their results come back in order.

With one job everything is done here. Processes are started only when there is enough to do: most
logs are checked before one would be ready.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self

from ledger.service.fsck.batches import BatchResult, BatchTask, check_batch

AHEAD = 4  # batches a process that may wait, so that memory is bounded
WORTH_BYTES = 16 * 2**20


class BatchPool:
    """Takes batches and gives back what came of them, in the order in which they came."""

    def __init__(self, jobs: int, *, worth_bytes: int = WORTH_BYTES) -> None:
        """Use up to ``jobs`` processes, this one included, from so many bytes of lines on."""
        self._jobs = jobs
        self._worth_bytes = worth_bytes
        self._bytes = 0
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[Future[BatchResult]] = deque()
        self._done: deque[BatchResult] = deque()

    def __enter__(self) -> Self:
        """The pool, to be closed at the end of the block."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stop the processes, if any were started."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def add(self, task: BatchTask) -> None:
        """Check a batch, here or in another process."""
        self._bytes += len(task.lines) if isinstance(task.lines, bytes) else 0
        if self._jobs > 1 and self._pool is None and self._bytes > self._worth_bytes:
            spawn = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._jobs - 1, spawn)
        if self._pool is None:
            self._done.append(check_batch(task))
            return
        self._waiting.append(self._pool.submit(check_batch, task))
        while len(self._waiting) > AHEAD * self._jobs:
            self._done.append(self._waiting.popleft().result())

    def ready(self) -> Iterator[BatchResult]:
        """The results that are there."""
        while self._waiting and self._waiting[0].done():
            self._done.append(self._waiting.popleft().result())
        while self._done:
            yield self._done.popleft()

    def rest(self) -> Iterator[BatchResult]:
        """All results that are still to come."""
        while self._waiting:
            self._done.append(self._waiting.popleft().result())
        yield from self.ready()
