"""What the check of a proof file answers: a verdict, what was checked, what is wrong, what is not.

The verdicts are those of an audit: ``verified`` (against a trust file), ``consistent`` (nothing
is wrong in it, but no trust file ties it to a log) or ``refused``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ledger.audit.report import EXIT_CODES, Finding, Remark, Verdict
from ledger.audit.report_text import Language

Kind = Literal["entry", "records"]
LINES_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class RecordFact:
    """A record that the proof discloses; ``number`` starts at 0."""

    number: int
    line: str


@dataclass(frozen=True, slots=True)
class EntryFact:
    """An entry whose place in the log the proof is about.

    ``actor``, ``received_at`` and ``records_count`` are empty where the entry was not read.
    """

    index: int
    leaf: str
    size: int
    root: str
    actor: str = ""
    received_at: str = ""
    records_count: int = 0
    records: tuple[RecordFact, ...] = ()


@dataclass(frozen=True, slots=True)
class ProofReport:
    """The outcome of checking a proof file."""

    verdict: Verdict
    kind: Kind
    origin: str
    checked: tuple[Remark, ...]
    findings: tuple[Finding, ...]
    findings_count: int
    entries: tuple[EntryFact, ...]
    not_checked: tuple[Remark, ...]

    @property
    def exit_code(self) -> int:
        """The exit status of ``kyojo verify-proof``: 0 verified, 3 refused, 4 consistent."""
        return EXIT_CODES[self.verdict]


_WORDS = {
    "verified": (
        "VERIFIED: it is in the log that you trust.",
        "検証済み: 信頼ファイルの記録に含まれています。",
    ),
    "consistent": (
        "CONSISTENT WITH ITSELF: nothing is wrong in it, but no trust file ties it to a log.",
        "内部整合のみ: 誤りはありませんが、信頼ファイルがなく、記録との結びつきは示されません。",
    ),
    "refused": (
        "NOT VERIFIED: see what was found.",
        "検証できません: 以下の指摘を確認してください。",
    ),
    "log": ("Log", "記録"),
    "entry": ("entry", "エントリー"),
    "of": ("of", "/"),
    "records": ("records", "件の利用記録"),
    "record": ("record", "利用記録"),
    "found": ("Found", "指摘"),
    "checked": ("Checked", "確認したこと"),
    "unchecked": ("Not checked", "確認していないこと"),
    "more": ("more, not shown", "件は省略しました"),
}


def proof_report_document(report: ProofReport) -> dict[str, Any]:
    """The report as a JSON object, for ``--json``."""
    return {"format": "kyojo-proof-report/1", "exit_code": report.exit_code, **asdict(report)}


def proof_report_text(report: ProofReport, language: Language = "en") -> str:
    """The report as lines of text, ending in a newline."""
    return "\n".join(_lines(report, language)) + "\n"


def _lines(report: ProofReport, language: Language) -> Iterator[str]:
    yield _word(report.verdict, language)
    if report.findings:
        yield ""
        yield f"{_word('found', language)} ({report.findings_count}):"
    for finding in report.findings[:LINES_SHOWN_MAX]:
        yield f"  {finding.where}: {getattr(finding, language)} [{finding.code}]"
    yield from _more(report.findings_count, language)
    yield ""
    yield f"{_word('log', language)} {_printable(report.origin)}"
    for fact in report.entries:
        yield from _entry(fact, language)
    for title, remarks in (("checked", report.checked), ("unchecked", report.not_checked)):
        if remarks:
            yield ""
            yield f"{_word(title, language)}:"
        yield from (f"  - {getattr(remark, language)}" for remark in remarks)


def _entry(fact: EntryFact, language: Language) -> Iterator[str]:
    yield (
        f"  {_word('entry', language)} {fact.index} {_word('of', language)} {fact.size:,}, "
        f"leaf {fact.leaf}"
    )
    yield f"    root {fact.root}"
    if fact.actor:
        count = f"{fact.records_count:,} {_word('records', language)}"
        yield f"    {fact.received_at}  {fact.actor}  {count}"
    for record in fact.records[:LINES_SHOWN_MAX]:
        yield f"    {_word('record', language)} {record.number}: {_printable(record.line)}"
    yield from _more(len(fact.records), language)


def _more(count: int, language: Language) -> Iterator[str]:
    if count > LINES_SHOWN_MAX:
        yield f"    + {count - LINES_SHOWN_MAX} {_word('more', language)}"


def _printable(text: str) -> str:
    """A stranger's text without what could move a terminal's cursor or hide other text."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _word(name: str, language: Language) -> str:
    en, ja = _WORDS[name]
    return en if language == "en" else ja
