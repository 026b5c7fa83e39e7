"""What a check of the database answers: findings with their places, and who vouches for what.

A finding names table, key and column, has a stable code and a sentence in both languages. An
``error`` is a value that is not what the signed log says; a ``warning`` harms nothing that can be
verified. What is only the consequence of an earlier damage says so in ``follows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ledger.audit.report import Remark

Severity = Literal["error", "warning"]
HeadKind = Literal["anchor", "contract", "high-water", "member", "outbox", "witness"]
RestsOn = Literal["signature", "node", "trust-file", "record"]

FORMAT = "kyojo-fsck-report/1"
FINDINGS_MAX = 1000
FOLLOWING_MAX = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``key`` is the row's key within its log, ``column`` may be empty.

    ``follows`` names the entry whose damage this is probably a consequence of.
    """

    code: str
    severity: Severity
    table: str
    key: str
    column: str
    en: str
    ja: str
    follows: int | None = None

    @property
    def where(self) -> str:
        """The place in words: ``entries 17, amount_minor``."""
        place = f"{self.table} {self.key}".strip()
        return f"{place}, {self.column}" if self.column else place


@dataclass(slots=True)
class Findings:
    """Findings as they come: the first thousand are kept, all are counted."""

    kept: list[Finding] = field(default_factory=list)
    count: int = 0
    errors: int = 0
    _following: int = 0

    def add(  # noqa: PLR0913 - a finding's parts, by name
        self,
        code: str,
        place: tuple[str, object, str],
        en: str,
        ja: str,
        *,
        severity: Severity = "error",
        follows: int | None = None,
    ) -> None:
        """Note a finding at ``place``: table, key, column."""
        table, key, column = place
        finding = Finding(code, severity, table, str(key), column, en, ja, follows)
        self.count += 1
        self.errors += severity == "error"
        self._following += follows is not None
        if len(self.kept) >= FINDINGS_MAX or (
            follows is not None and self._following > FOLLOWING_MAX
        ):
            return
        self.kept.append(finding)


@dataclass(frozen=True, slots=True)
class OutsideHead:
    """A tree head that somebody other than this database holds.

    ``rests_on`` says why to believe it: a signature (of a member or witness), a chain node, a
    block in the trust file, or only a record of this installation's own.
    """

    kind: HeadKind
    by: str
    size: int
    root: bytes
    rests_on: RestsOn


@dataclass(frozen=True, slots=True)
class Voucher:
    """An outside head beside the log: ``agrees`` is None where the log is shorter."""

    kind: HeadKind
    by: str
    size: int
    root: str
    rests_on: RestsOn
    agrees: bool | None


@dataclass(slots=True)
class Counts:
    """How much was read."""

    entries: int = 0
    tiles: int = 0
    blobs: int = 0
    batches: int = 0
    records: int = 0
    record_ids: int = 0
    totals: int = 0
    snapshots: int = 0
    outbox: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome. ``vouched_size`` is the largest size that an outsider holds with this root.

    The entries from there on are the exposed tail: only the log's own key vouches for them.
    """

    origin: str
    size: int
    root: str
    signed_by: tuple[str, ...]
    findings: tuple[Finding, ...]
    findings_count: int
    errors_count: int
    counts: Counts
    vouchers: tuple[Voucher, ...]
    vouched_size: int
    not_checked: tuple[Remark, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is no error; warnings do not count."""
        return self.errors_count == 0

    @property
    def exit_code(self) -> int:
        """The exit status of ``kyojo fsck``: 0 clean, 3 with findings."""
        return 0 if self.is_clean else 3


def report_document(report: Report) -> dict[str, Any]:
    """The report as a JSON object, for ``--json``; docs/fsck.md describes it."""
    document = asdict(report)
    places = _places(report.findings)
    for finding, where in zip(document["findings"], places, strict=True):
        finding["where"] = where
    return {
        "format": FORMAT,
        "verdict": "clean" if report.is_clean else "damaged",
        "exit_code": report.exit_code,
        "exposed": report.size - report.vouched_size,
        **document,
    }


def _places(findings: Sequence[Finding]) -> list[str]:
    return [finding.where for finding in findings]
