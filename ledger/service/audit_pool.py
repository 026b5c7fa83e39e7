"""Usage batches judged for an audit by processes of their own, some before the fold reaches them.

Tasks go to the processes in groups, and outcomes come back in the order of the tasks. Those that
the fold has not come to are sent without their scopes (``ledger.audit.ahead``); when the fold
comes, the outcome stands if it has found the very same task and the scope allows what was assumed.
If not, the task is judged as if it had never been sent, and after ``MISSES_MAX`` of these no more
are sent ahead: a log in which no batch can be judged so costs a few groups more, and no more.

Invariant: outcomes are those of ``judge_batch`` on the fold's tasks, whoever judges and when.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO

from ledger.audit.ahead import Ahead
from ledger.audit.batch import Outcome, Task, judge_batch
from ledger.errors import InvariantViolated
from ledger.service import audit_worker
from ledger.usage.alike import AlikeReader

TOGETHER_BYTES = 2**21  # tasks are sent together until their lines have this many bytes
TOGETHER_MAX = 128
WAITING_MAX = 32  # groups per process; bounds what is held of outcomes, to some 100 KB each
MISSES_MAX = 16

_Answers = Sequence[Outcome] | Sequence[Ahead | None]
_Work = Callable[[Sequence[Task]], _Answers]


@dataclass(slots=True)
class _Slot:
    """A task and where its outcome will be: at ``place`` of an answer, once it is sent."""

    task: Task
    answer: Future[_Answers] | None = None
    place: int = 0

    @property
    def size_bytes(self) -> int:
        """How many bytes there are to judge."""
        return self.task.lines.size_bytes + self.task.leaves.size_bytes

    def outcome(self) -> Outcome | None:
        """Waits for the answer; None if it was given ahead and does not hold."""
        if self.answer is None:
            raise InvariantViolated("a task waits for its outcome and was never sent")
        with alive():
            found = self.answer.result()[self.place]
        if not isinstance(found, Ahead):
            return found
        scope = self.task.scope
        return found.outcome if scope is not None and found.assumed.holds(scope) else None


@dataclass(slots=True)
class PoolJudge:
    """Judges batches in the processes of a pool; ``jobs`` is their number."""

    pool: ProcessPoolExecutor
    source: BinaryIO
    jobs: int
    _reader: AlikeReader = field(default_factory=AlikeReader)
    _together: list[_Slot] = field(default_factory=list)
    _together_bytes: int = 0
    _waiting: deque[_Slot] = field(default_factory=deque)
    _waiting_bytes: int = 0
    _coming: Iterator[Task] = field(default_factory=lambda: iter(()))
    _ahead: dict[int, _Slot] = field(default_factory=dict)
    _ahead_bytes: int = 0
    _misses: int = 0

    def prepare(self, tasks: Iterator[Task]) -> None:
        """Have the first of these tasks judged at once, and others in their time."""
        self._coming = tasks
        self._send_ahead()

    def submit(self, task: Task) -> Iterable[Outcome]:
        """Take a task; waits for the oldest ones if too many are under way."""
        slot = self._judged_ahead(task)
        if slot is None:
            slot = _Slot(task)
            self._together.append(slot)
            self._together_bytes += slot.size_bytes
            if self._together_bytes >= TOGETHER_BYTES or len(self._together) == TOGETHER_MAX:
                self._send_together()
        self._waiting.append(slot)
        self._waiting_bytes += slot.size_bytes
        while self._waiting_bytes > self._bytes_max or len(self._waiting) > self._tasks_max:
            yield self._oldest()
        self._send_ahead()

    def finish(self) -> Iterable[Outcome]:
        """Wait for all that is left."""
        while self._waiting:
            yield self._oldest()

    @property
    def _bytes_max(self) -> int:
        return self.jobs * WAITING_MAX * TOGETHER_BYTES // 2

    @property
    def _tasks_max(self) -> int:
        return self.jobs * WAITING_MAX * TOGETHER_MAX // 2

    def _send_ahead(self) -> None:
        """Send tasks that have not come yet, as many as may be under way."""
        while self._ahead_bytes < self._bytes_max and len(self._ahead) < self._tasks_max:
            group: list[_Slot] = []
            size_bytes = 0
            tasks = self._coming if self._misses < MISSES_MAX else iter(())
            for task in islice(tasks, TOGETHER_MAX):
                group.append(_Slot(task))
                size_bytes += group[-1].size_bytes
                if size_bytes >= TOGETHER_BYTES:
                    break
            if not group:
                return
            self._ahead.update((slot.task.index, slot) for slot in group)
            self._ahead_bytes += size_bytes
            self._send(audit_worker.judge_ahead, group)

    def _judged_ahead(self, task: Task) -> _Slot | None:
        """The slot of a task that was sent ahead, if it was this one and seems to hold."""
        slot = self._ahead.pop(task.index, None)
        if slot is None:
            return None
        self._ahead_bytes -= slot.size_bytes
        if slot.task == replace(task, scope=None):
            slot.task = task
            is_there = slot.answer is not None and slot.answer.done()
            if not is_there or slot.outcome() is not None:
                return slot
        self._misses += 1
        return None

    def _send_together(self) -> None:
        self._send(audit_worker.judge, self._together)
        self._together, self._together_bytes = [], 0

    def _send(self, work: _Work, group: Sequence[_Slot]) -> None:
        with alive():
            answer = self.pool.submit(work, [slot.task for slot in group])
        for place, slot in enumerate(group):
            slot.answer, slot.place = answer, place

    def _oldest(self) -> Outcome:
        slot = self._waiting.popleft()
        self._waiting_bytes -= slot.size_bytes
        if slot.answer is None:
            self._send_together()
        found = slot.outcome()
        if found is None:  # it came too late to be sent once more without waiting for it
            self._misses += 1
            return judge_batch(self.source, slot.task, self._reader)
        return found


@contextmanager
def alive() -> Iterator[None]:
    """A process that is gone gives no answer, and none is made up for it."""
    try:
        yield
    except BrokenProcessPool as error:
        raise InvariantViolated("a process that judged batches ended before its time") from error
