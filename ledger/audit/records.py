"""The records of usage batches, as the fold comes across them.

Everything that the ledger judged at its door is judged again from the bundle, by the same
functions: each line with its salt gives a leaf, the leaves the signed root, the records the
signed totals (``batch``). Ids are unique per member and period; a reversal comes after the record
that it names, negates it exactly, and there is one (``ids``).

A ``Judge`` does the first part, in this process or in others; its outcomes come back in the order
of the tasks, and findings are put in their places, so that a report does not depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import BinaryIO, Protocol

from ledger.audit.batch import Outcome, Task, judge_batch
from ledger.audit.bundle import blob_name, leaves_name, lines_name
from ledger.audit.files import Files
from ledger.audit.ids import IdChecks, Scratch
from ledger.audit.report import Findings
from ledger.coop.bodies import UsageBatch
from ledger.usage.alike import AlikeReader
from ledger.usage.batch import Scope

_BY_ITSELF = 1  # the step of a batch's own checks at its entry
# In canonical form nothing else looks so: within a text a quotation mark follows a backslash.
_BATCH = re.compile(
    rb'"body":\{"account":"[a-z]{1,16}","count":([1-9][0-9]{0,4}),"custody":"[a-z]{1,16}",'
    rb'"root":"([0-9a-f]{64})",.{0,600}?"totals":\{"bytes":[0-9]{1,12},'
    rb'"sha256":"([0-9a-f]{64})"\}\},"kind":"usage-batch",'
)


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


def tasks_ahead(files: Files, entries: Iterable[bytes], start: int) -> Iterator[Task]:
    """The batches that entries from ``start`` on seem to hold, without a scope.

    Nothing rests on it: whoever uses an outcome compares the task with the one of the fold.
    """
    for index, data in enumerate(entries, start=start):
        found = _BATCH.search(data)
        if found is None:
            continue
        count, root, totals_sha256 = int(found[1]), found[2].decode(), found[3].decode()
        lines, leaves = files.known_span(lines_name(index)), files.known_span(leaves_name(index))
        if lines is not None and leaves is not None:
            totals = files.known_span(blob_name(totals_sha256))
            yield Task(index, count, root, totals_sha256, lines, leaves, totals, None)


def none_erased(_index: int) -> frozenset[int]:
    """No record of any batch was erased."""
    return frozenset()


def all_known(_period: str) -> bool:
    """Every record of every period is in the bundle."""
    return True


@dataclass(slots=True)
class RecordChecks:
    """The batches seen so far, and what was found in them."""

    files: Files
    findings: Findings
    judge: Judge
    scratch: Scratch = field(default_factory=BytesIO)
    erased_of: Callable[[int], frozenset[int]] = none_erased
    is_known: Callable[[str], bool] = all_known
    batches: int = 0
    records: int = 0
    _waiting: dict[int, tuple[str, str]] = field(default_factory=dict)
    _ids: IdChecks = field(init=False)

    def __post_init__(self) -> None:
        self._ids = IdChecks(self.scratch, self.findings, self.is_known)

    def check(self, index: int, body: UsageBatch, member: str, scope: Scope | None) -> None:
        """Check the batch of entry ``index``; without a scope, only that its bytes are those."""
        lines, leaves = self.files.span(lines_name(index)), self.files.span(leaves_name(index))
        self.batches += 1
        if lines is None or leaves is None:
            return
        totals = self.files.known_span(blob_name(body.totals.sha256))
        task = Task(
            index, body.count, body.root, body.totals.sha256, lines, leaves, totals, scope,
            self.erased_of(index),
        )  # fmt: skip
        self._waiting[index] = member, body.account
        self._take(self.judge.submit(task))

    @property
    def unknown_originals(self) -> int:
        """How many reversals take back records that lie before the bundle's start."""
        return self._ids.unknown_originals

    def finish(self) -> None:
        """Wait for every batch, then compare ids and reversals over all of them."""
        self._take(self.judge.finish())
        self._ids.finish(self._lines_of)

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        for found in outcomes:
            self.records += found.records
            self.files.findings.merge((found.index, _BY_ITSELF), found.files)
            self.findings.merge((found.index, _BY_ITSELF), found.findings)
            member, account = self._waiting.pop(found.index)
            self._ids.note(member, account, found)

    def _lines_of(self, index: int) -> Sequence[bytes]:
        return (self.files.read(lines_name(index)) or b"").removesuffix(b"\n").split(b"\n")
