"""The records of usage batches, as the fold comes across them.

Everything that the ledger judged at its door is judged again from the bundle, by the same
functions: each line with its salt gives a leaf, the leaves the signed root, the records the
signed totals (``batch``). Ids are unique per member and period; a reversal comes after the record
that it names, negates it exactly, and there is one (``ids``).

A ``Judge`` does the first part, in this process or in others (``judge``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO

from ledger.audit.batch import Outcome, Task
from ledger.audit.bundle import blob_name, leaves_name, lines_name
from ledger.audit.files import Files
from ledger.audit.ids import IdChecks, Scratch
from ledger.audit.judge import Judge
from ledger.audit.report import Findings
from ledger.coop.bodies import UsageBatch
from ledger.usage.batch import Scope

_BY_ITSELF = 1  # the step of a batch's own checks at its entry


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
