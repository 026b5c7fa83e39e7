"""What runs in a process that judges usage batches for an audit.

It imports little, so that it starts quickly, and keeps the bundle's file open between tasks.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ledger.audit.batch import Outcome, Task, judge_batch

_opened: list[BinaryIO] = []


def start(path: str) -> None:
    """Open the bundle; called once in each process."""
    gc.disable()  # nothing that is made here points back at itself
    _opened.append(Path(path).open("rb"))  # noqa: SIM115 - it stays open as long as the process


def ready() -> None:
    """Nothing: a process that is asked for it has started by the time of the first task."""


def judge(tasks: Sequence[Task]) -> list[Outcome]:
    """The outcomes of some tasks, in their order."""
    return [judge_batch(_opened[-1], task) for task in tasks]
