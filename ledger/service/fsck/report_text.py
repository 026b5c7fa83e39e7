"""The report for people, in English or Japanese."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ledger.service.fsck.report import Finding, Report

Language = Literal["en", "ja"]

_WORDS = {
    "clean": (
        "CLEAN: every row is what the signed log says.",
        "異常なし: すべての行が署名された記録と一致します。",
    ),
    "damaged": (
        "DAMAGED: rows differ from the signed log, or from what others hold.",
        "異常あり: 署名された記録、または外部の控えと異なる箇所があります。",
    ),
    "error": ("error", "異常"),
    "warning": ("warning", "注意"),
    "follows": ("probably follows from entry", "次のエントリーの結果と思われます:"),
    "found": ("Found", "指摘"),
    "more": ("more are not listed", "件は省略しました"),
    "log": ("Log", "記録"),
    "signed": ("Signed by", "署名"),
    "nobody": ("nobody who is known here", "確認できた署名はありません"),
    "read": ("Read", "読み取り"),
    "outside": ("Held outside", "外部の控え"),
    "agrees": ("agrees", "一致"),
    "differs": ("DIFFERS", "不一致"),
    "beyond": ("BEYOND THE END OF THIS LOG", "この記録より先"),
    "tail": ("Vouched for outside up to size", "外部が裏づける件数"),
    "exposed": ("exposed tail", "裏づけのない末尾"),
    "unchecked": ("Not checked", "確認していないこと"),
}


def report_text(report: Report, language: Language = "en") -> str:
    """The report as lines of text, ending in a newline."""
    return "\n".join(_lines(report, language)) + "\n"


def _lines(report: Report, language: Language) -> Iterator[str]:
    yield _word("clean" if report.is_clean else "damaged", language)
    if report.findings:
        yield ""
        yield f"{_word('found', language)} ({report.findings_count}):"
        yield from (_finding(one, language) for one in report.findings)
    if report.findings_count > len(report.findings):
        hidden = report.findings_count - len(report.findings)
        yield f"  + {hidden} {_word('more', language)}"
    yield ""
    yield f"{_word('log', language)}: {report.origin}, {report.size}, {report.root}"
    signed = ", ".join(report.signed_by) or _word("nobody", language)
    yield f"{_word('signed', language)}: {signed}"
    counts = report.counts
    names = [name for name in counts.__slots__ if getattr(counts, name)]
    read = ", ".join(f"{getattr(counts, name):,} {name}" for name in names)
    yield f"{_word('read', language)}: {read or '0'}"
    yield from _outside(report, language)
    if report.not_checked:
        yield ""
        yield f"{_word('unchecked', language)}:"
        yield from (f"  {getattr(remark, language)}" for remark in report.not_checked)


def _outside(report: Report, language: Language) -> Iterator[str]:
    if report.vouchers:
        yield ""
        yield f"{_word('outside', language)}:"
    words = {True: "agrees", False: "differs", None: "beyond"}
    for one in report.vouchers:
        word = _word(words[one.agrees], language)
        yield f"  {one.size:>10,}  {one.kind}, {one.by} ({one.rests_on}): {word}"
    exposed = report.size - report.vouched_size
    yield ""
    yield (
        f"{_word('tail', language)} {report.vouched_size:,}; "
        f"{_word('exposed', language)}: {max(exposed, 0):,}"
    )


def _finding(finding: Finding, language: Language) -> str:
    line = f"  {_word(finding.severity, language)}: {finding.where}: "
    line += f"{getattr(finding, language)} [{finding.code}]"
    if finding.follows is not None:
        line += f" ({_word('follows', language)} {finding.follows})"
    return line


def _word(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "en" else 1]
