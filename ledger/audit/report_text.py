"""The report for people, in English or Japanese."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ledger.audit.report import (
    AnchorFact,
    Facts,
    PeriodFact,
    Report,
    SettlementFact,
    StartFact,
    WitnessFact,
)
from ledger.money import format_minor

Language = Literal["en", "ja"]

_WORDS = {
    "verified": (
        "VERIFIED: everything in this bundle was recomputed, and it is the log you trust.",
        "検証済み: すべてを再計算し、信頼ファイルの記録と一致しました。",
    ),
    "consistent": (
        "CONSISTENT WITH ITSELF: nothing is wrong in it, but no trust file ties it to a co-op.",
        "内部整合のみ: 誤りはありませんが、信頼ファイルがなく、組合との結びつきは示されません。",
    ),
    "refused": (
        "NOT VERIFIED: see what was found.",
        "検証できません: 以下の指摘を確認してください。",
    ),
    "trusted-block": ("its block is one you trust", "信頼済みのブロックに含まれます"),
    "node": ("your node has its block", "照会したノードにブロックがあります"),
    "evidence-only": (
        "its evidence is consistent, its block is not one you trust",
        "証拠は整合していますが、ブロックは未確認です",
    ),
    "nothing": ("not shown, see the findings", "示されていません。指摘を確認してください"),
    "log": ("Log", "記録"),
    "signed": ("Signed by", "署名"),
    "erased": ("records erased", "消去された利用記録"),
    "nobody": ("nobody who is trusted", "確認できた署名はありません"),
    "found": ("Found", "指摘"),
    "unchecked": ("Not checked", "確認していないこと"),
    "period": ("Period", "期間"),
    "settlement": ("Settlement", "精算"),
    "anchor": ("Anchor", "アンカー"),
    "witness": ("Witness", "証人"),
    "more": ("further findings are not listed", "件の指摘は省略しました"),
}


def report_text(report: Report, language: Language = "en") -> str:
    """The report as lines of text, ending in a newline."""
    return "\n".join(_lines(report, language)) + "\n"


def _lines(report: Report, language: Language) -> Iterator[str]:
    yield _word(report.verdict, language)
    if report.findings:
        yield ""
        yield f"{_word('found', language)} ({report.findings_count}):"
    for finding in report.findings:
        yield f"  {finding.where}: {getattr(finding, language)} [{finding.code}]"
    if report.findings_count > len(report.findings):
        yield f"  + {report.findings_count - len(report.findings)} {_word('more', language)}"
    if report.facts is not None:
        yield ""
        yield from _facts(report.facts, language)
    if report.not_checked:
        yield ""
        yield f"{_word('unchecked', language)}:"
    for remark in report.not_checked:
        yield f"  - {getattr(remark, language)}"


def _facts(facts: Facts, language: Language) -> Iterator[str]:
    yield f"{_word('log', language)} {facts.origin}"
    yield f"  genesis {facts.genesis}"
    yield f"  root    {facts.root}"
    if facts.start is not None:
        yield from _start(facts.start, language)
    signed = ", ".join(facts.signed_by) or _word("nobody", language)
    yield f"  {_word('signed', language)}: {signed}"
    yield "  " + _counts(facts, language)
    if facts.erased:
        yield f"  {_word('erased', language)}: {facts.erased:,}"
    yield f"  {facts.first_received_at} … {facts.last_received_at}"
    for period in facts.periods:
        yield _period(period, language)
    for found in facts.settlements:
        yield _settlement(found, language)
        yield f"  {found.id}"
    for anchor in facts.anchors:
        yield from _anchor(anchor, language)
    for witness in facts.witnesses:
        yield from _witness(witness, language)


def _counts(facts: Facts, language: Language) -> str:
    count = facts.size - (facts.start.entry if facts.start is not None else 0)
    if language == "en":
        return (
            f"{count:,} entries, {facts.batches:,} batches, {facts.records:,} records, "
            f"{facts.files:,} files, {facts.size_bytes:,} bytes"
        )
    return (
        f"エントリー {count:,} 件、送信束 {facts.batches:,}、利用記録 {facts.records:,} 件、"
        f"ファイル {facts.files:,}、{facts.size_bytes:,} バイト"
    )


def _period(period: PeriodFact, language: Language) -> str:
    place = f"{_word('period', language)} {period.id} ({period.status})"
    before = period.records_before
    if language == "en":
        found = f"{place}: {period.batches:,} batches, {period.records:,} records"
        return f"{found}, {before:,} of them before this bundle" if before else found
    found = f"{place}: 送信束 {period.batches:,}、利用記録 {period.records:,} 件"
    return f"{found}(うち {before:,} 件はこの監査束より前)" if before else found


def _start(start: StartFact, language: Language) -> Iterator[str]:
    by = ", ".join(start.approved_by) or "-"
    if language == "en":
        yield f"  starts at entry {start.entry:,}, from the state {start.state_hash}"
        yield f"  approved with the settlement of {start.period or '-'} by {by}"
    else:
        yield f"  エントリー {start.entry:,} から。開始時の状態 {start.state_hash}"
        yield f"  {start.period or '-'} の精算とともに承認: {by}"


def _settlement(found: SettlementFact, language: Language) -> str:
    amount = format_minor(found.total_minor, digits=found.digits, grouped=True)
    place = f"{_word('settlement', language)} {found.period}: {amount} {found.currency}"
    if language == "en":
        return f"{place} to {found.members} members, entry {found.entry}"
    return f"{place}、{found.members} 組合員、エントリー {found.entry}"


def _anchor(anchor: AnchorFact, language: Language) -> Iterator[str]:
    place = f"chain {anchor.chain_id}, block {anchor.block_number}, {anchor.contract}"
    yield f"{_word('anchor', language)} ({place}): {_word(anchor.rests_on, language)}"
    if anchor.block_time is None or anchor.rests_on not in ("trusted-block", "node"):
        return
    if language == "en":
        yield f"  the first {anchor.size:,} entries existed by {anchor.block_time}"
    else:
        yield f"  先頭 {anchor.size:,} 件は {anchor.block_time} までに存在しました"


def _witness(found: WitnessFact, language: Language) -> Iterator[str]:
    """By when a witness had seen how much, and how tightly that bounds the log's clock."""
    yield f"{_word('witness', language)} {found.witness} ({found.key})"
    seconds = abs(found.lag_seconds)
    if language == "en":
        order = "after" if found.lag_seconds >= 0 else "before"
        yield f"  the first {found.size:,} entries existed by {found.time},"
        yield f"  {seconds:,} s {order} the last of them says that it was received"
    else:
        order = "後" if found.lag_seconds >= 0 else "前"
        yield f"  先頭 {found.size:,} 件は {found.time} までに存在しました"
        yield f"  (最後のエントリーの受付時刻の {seconds:,} 秒{order})"


def _word(name: str, language: Language) -> str:
    english, japanese = _WORDS[name]
    return english if language == "en" else japanese
