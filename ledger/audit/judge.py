"""Who judges usage batches: a ``Judge`` does it in this process or in others.

Its outcomes come back in the order of the tasks, and findings are put in their places, so that a
report does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from ledger.audit.batch import Outcome, Task, judge_batch
from ledger.usage.alike import AlikeReader


class Judge(Protocol):
    """Judges batches; outcomes come in the order of the tasks, whenever they are ready."""

    def prepare(self, tasks: Iterator[Task]) -> None:
        """Learn which tasks will come, most likely, without their scopes."""
        ...

    def submit(self, task: Task) -> Iterable[Outcome]:
        """Take a task; the outcomes of earlier ones."""
        ...

    def finish(self) -> Iterable[Outcome]:
        """The outcomes of all tasks that are left."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeHere:
    """Judges each batch when it comes, in this process."""

    source: BinaryIO
    reader: AlikeReader = field(default_factory=AlikeReader)

    def prepare(self, tasks: Iterator[Task]) -> None:
        """Nothing: here nothing can be done beside the fold."""

    def submit(self, task: Task) -> Iterable[Outcome]:
        """Judge a task at once."""
        return (judge_batch(self.source, task, self.reader),)

    def finish(self) -> Iterable[Outcome]:
        """Nothing is left."""
        return ()
