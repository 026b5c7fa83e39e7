"""What runs in a process that judges usage batches for an audit.

It imports little, so that it starts quickly, and keeps the bundle's file open between tasks.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ledger.audit import ahead
from ledger.audit.ahead import Ahead
from ledger.audit.batch import Outcome, Task, judge_batch
from ledger.usage.alike import AlikeReader

_opened: list[BinaryIO] = []
_reader = AlikeReader()


def start(path: str) -> None:
    """Open the bundle; called once in each process."""
    gc.disable()  # nothing that is made here points back at itself
    _opened.append(Path(path).open("rb"))  # noqa: SIM115 - it stays open as long as the process


def ready() -> None:
    """Nothing: a process that is asked for it has started by the time of the first task."""


def judge_ahead(tasks: Sequence[Task]) -> list[Ahead | None]:
    """What can be said of some tasks without their scopes, in their order."""
    return [ahead.judge_ahead(_opened[-1], task, _reader) for task in tasks]


def judge(tasks: Sequence[Task]) -> list[Outcome]:
    """The outcomes of some tasks, in their order."""
    return [judge_batch(_opened[-1], task, _reader) for task in tasks]
