"""What an audit answers: a verdict, every finding with its place, the facts, and the limits.

The verdict is ``verified`` (nothing is wrong, and all of it hangs on values that the auditor
brought), ``consistent`` (nothing is wrong in it, but no trust file ties it to anything), or
``refused``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any, Literal

from ledger.errors import KyojoError

Verdict = Literal["verified", "consistent", "refused"]
RestsOn = Literal["trusted-block", "node", "evidence-only", "nothing"]
FINDINGS_MAX = 1000
TEXT_MAX = 1000
EXIT_CODES: dict[Verdict, int] = {"verified": 0, "refused": 3, "consistent": 4}


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence in both languages of the report."""

    en: str
    ja: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, the place, and the sentence that says what."""

    code: str
    where: str
    en: str
    ja: str


Place = tuple[int, ...]
"""Where in the log a finding belongs: an entry's index, then the step of its checks."""
AT_END: Place = (2**63,)


@dataclass(slots=True)
class Findings:
    """The findings of one part of an audit, by place; keeps the first thousand, counts the rest.

    Parts of an audit run side by side, so findings may be noted in any order: they are reported
    in order of ``place``, and at one place in the order in which they came.
    """

    count: int = 0
    place: Place = (0,)
    _rows: list[tuple[Place, Finding]] = field(default_factory=list)
    _last: deque[Finding] = field(default_factory=lambda: deque(maxlen=8))

    def add(self, code: str, where: str, en: str, ja: str) -> None:
        """Note a finding at the present place, once."""
        finding = Finding(code, where, _cut(en), _cut(ja))
        if finding in self._last:
            return
        self._last.append(finding)
        self.count += 1
        self._keep(self.place, finding)

    def merge(self, place: Place, other: Findings) -> None:
        """Take over the findings that another has, all at one place."""
        self.count += other.count
        for finding in other:
            self._keep(place, finding)

    def _keep(self, place: Place, finding: Finding) -> None:
        self._rows.append((place, finding))
        if len(self._rows) >= 2 * FINDINGS_MAX:
            self._sort()
            del self._rows[FINDINGS_MAX:]

    def _sort(self) -> None:
        self._rows.sort(key=itemgetter(0))

    def add_error(
        self, error: KyojoError, where: str, *, note: str = "", note_ja: str = ""
    ) -> None:
        """Note an error of the domain, with every fault that it lists at its own place."""
        if not error.faults:
            place = f"{where}, {error.details['field']}" if "field" in error.details else where
            self.add(error.code, place, error.message + note, _japanese(error, note_ja))
        for fault in error.faults:
            self.add(
                fault.code,
                f"{where}, {fault.where}",
                fault.message + note,
                f"検証で拒否されました({fault.code}): {fault.message}{note_ja}",
            )

    def __iter__(self) -> Iterator[Finding]:
        """The findings that were kept, in order of place."""
        self._sort()
        return iter([finding for _, finding in self._rows[:FINDINGS_MAX]])


@dataclass(frozen=True, slots=True)
class PeriodFact:
    """A period: how many batches and records it has, and what was settled.

    ``records_before`` of them lie before the bundle's start and were not looked at.
    """

    id: str
    status: str
    batches: int
    records: int
    settlement: str | None
    records_before: int = 0


@dataclass(frozen=True, slots=True)
class StartFact:
    """Where a slice starts, and on what its state rests: a settlement and who approved it.

    ``approved_by`` has member and key of each approval; ``period`` is empty if nothing shows it.
    """

    entry: int
    root: str
    state_hash: str
    period: str
    settlement: str
    approved_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SettlementFact:
    """A settlement that was recomputed to the same bytes; ``total_minor`` goes to the members."""

    entry: int
    period: str
    id: str
    total_minor: int
    currency: str
    digits: int
    members: int


@dataclass(frozen=True, slots=True)
class AnchorFact:
    """An anchor that an entry records, and how far it is shown.

    ``trusted-block``: its block hash is one that the auditor brought. ``node``: the auditor's
    node has that block. ``evidence-only``: the evidence fits together, but nobody the auditor
    trusts has vouched for its block hash. ``nothing``: the evidence is wrong, see the findings.
    """

    entry: int
    chain_id: int
    contract: str
    size: int
    block_number: int
    block_hash: str
    block_time: str | None
    rests_on: RestsOn


@dataclass(frozen=True, slots=True)
class WitnessFact:
    """A trusted witness had seen the first ``size`` entries by ``time``, its own clock's.

    ``lag_seconds`` lie between ``last_received_at``, what the last of these entries says, and
    then, rounded down; fewer than none if the log's clock was ahead of the witness's.
    """

    witness: str
    key: str
    size: int
    time: str
    last_received_at: str
    lag_seconds: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read: which log, how much of it, and what it says."""

    origin: str
    genesis: str
    start: StartFact | None
    size: int
    root: str
    signed_by: tuple[str, ...]
    files: int
    size_bytes: int
    batches: int
    records: int
    erased: int
    first_received_at: str
    last_received_at: str
    periods: tuple[PeriodFact, ...]
    settlements: tuple[SettlementFact, ...]
    anchors: tuple[AnchorFact, ...]
    witnesses: tuple[WitnessFact, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an audit. ``facts`` is None if the file could not be read at all."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    findings_count: int
    facts: Facts | None
    not_checked: tuple[Remark, ...]

    @property
    def exit_code(self) -> int:
        """The exit status of ``kyojo audit verify``: 0 verified, 3 refused, 4 consistent."""
        return EXIT_CODES[self.verdict]


def report_document(report: Report) -> dict[str, Any]:
    """The report as a JSON object, for ``--json``."""
    return {"format": "kyojo-audit-report/1", "exit_code": report.exit_code, **asdict(report)}


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_MAX else text[:TEXT_MAX] + " …"


def _japanese(error: KyojoError, note: str) -> str:
    return f"検証で拒否されました({error.code}): {error.message}{note}"
