"""Usage batches judged ahead of the fold: what is right with them, if the fold allows it.

What a record may refer to is known only when the fold has come to its batch, and before the first
batch the fold has all members to admit. So batches are looked for in the bundle first and judged at
once; ``Assumed`` says what the judgement took for granted. When the fold arrives and the scope
allows just that, the outcome is what ``judge_batch`` would have found. Otherwise, and wherever
anything at all is wrong with a batch, there is no outcome, and ``judge_batch`` says what it is.

Invariant: ``judge_ahead(source, task)`` is None, or its outcome equals
``judge_batch(source, replace(task, scope=scope))`` for every scope for which ``assumed`` holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from ledger.audit.batch import (
    Outcome,
    Task,
    columns_of_lines,
    ids_in,
    numbers_to,
    read_batch,
    read_totals,
    reversed_in,
)
from ledger.errors import KyojoError, OutOfRange
from ledger.usage.alike import AlikeReader
from ledger.usage.batch import Scope, count_totals, is_unique
from ledger.usage.many import Columns
from ledger.usage.totals import parse_totals


@dataclass(frozen=True, slots=True)
class Assumed:
    """What the records of a batch refer to: all in one period, from the first to the last."""

    period: str
    facilities: frozenset[str]
    metrics: frozenset[str]
    charges: frozenset[str]
    starts: tuple[datetime, datetime]
    ends: tuple[datetime, datetime]

    def holds(self, scope: Scope) -> bool:
        """Whether records may refer to just that."""
        calendar = scope.calendar
        moments = self.starts if calendar.decided_by == "start" else self.ends
        try:
            periods = {calendar.period_at(moment) for moment in moments}
        except OutOfRange:
            return False
        return (
            periods == {self.period}
            and self.facilities <= scope.facilities
            and self.metrics <= scope.metrics
            and self.charges <= scope.charges
        )


@dataclass(frozen=True, slots=True)
class Ahead:
    """The outcome of a batch with which nothing is wrong, if what it assumes holds."""

    assumed: Assumed
    outcome: Outcome


def judge_ahead(source: BinaryIO, task: Task, reader: AlikeReader) -> Ahead | None:
    """Judge the batch of a task without its scope; None if it needs a closer look."""
    outcome = Outcome(task.index)
    lines = read_batch(source, task, outcome)
    columns = columns_of_lines(lines, reader)
    if columns is None or outcome.findings.count or outcome.files.count:
        return None
    try:
        totals = parse_totals(read_totals(source, task))
    except KyojoError:
        return None
    periods = {key.period for key in totals}
    if len(periods) != 1:
        return None
    period = periods.pop()
    together = [period] * len(lines)
    if not is_unique(columns, together) or count_totals(columns, together) != totals:
        return None
    outcome.ids = (
        ids_in(period, numbers_to(len(lines)), columns.ids, reversed_in(columns), lines),
    )
    return Ahead(_assumed(period, columns), outcome)


def _assumed(period: str, columns: Columns) -> Assumed:
    return Assumed(
        period,
        frozenset(columns.facilities),
        frozenset(name for table in columns.measures for name in table.columns),
        frozenset(name for table in columns.charges for name in table.columns),
        (min(columns.starts), max(columns.starts)),
        (min(columns.ends), max(columns.ends)),
    )
