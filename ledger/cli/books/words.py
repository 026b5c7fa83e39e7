"""How hits of a search of the books are written, for people and as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.coop.charter import Charter
from ledger.coop.subjects import money
from ledger.money import format_minor
from ledger.service.books_search import NOTE_EN, NOTE_JA

JA: Final[Mapping[str, str]] = {
    "revenue-reported": "収入",
    "cost-reported": "立替費用",
    "funding-reported": "設備拠出",
    "settlement-proposed": "精算",
    "correction-proposed": "訂正",
    "payout-ordered": "支払指図",
    "payout-resulted": "支払結果",
    "self-billed": "仕入明細書",
    "payment-notice": "支払通知書",
    "issued": "発行済み",
    "wrong": "不一致",
    "gives-back": "対価の返還等（元の書類）",
    "given-back-by": "対価の返還等（後の書類）",
    "waiting": "確認待ち",
    "not-confirmed": "未確認",
    "confirmed": "確認済み",
    "replaced": "差替済み",
    "superseded": "再提案済み",
    "corrected": "訂正済み",
    "proposed": "提案中",
    "disputed": "異議中",
    "approved": "承認済み",
    "settled": "精算済み",
    "posted": "計上済み",
    "dropped": "取下げ",
    "ordered": "送金中",
    "paid": "支払済み",
    "returned": "組戻し",
    "expired": "失効",
    "replaces": "訂正元",
    "replaced-by": "訂正後",
    "supersedes": "以前の提案",
    "superseded-by": "以後の提案",
    "corrects": "訂正対象",
    "corrected-by": "後日の訂正",
    "exported": "振込データ",
    "result": "支払結果",
    "ordered-again": "再指図",
    "signed": "署名",
    "witnessed": "証人連署",
    "anchored": "アンカー",
}
COLUMNS: Final = (
    ("date", "取引年月日"),
    ("amount", "金額"),
    ("currency", "通貨"),
    ("counterparty", "取引先"),
    ("kind", "種類"),
    ("subject", "内容"),
    ("period", "対象月"),
    ("status", "状態"),
    ("entry", "項目番号"),
    ("received_at", "記録日時"),
    ("inclusion", "記録の証明"),
    ("document", "書類ハッシュ"),
    ("leaf", "項目ハッシュ"),
    ("history", "訂正・削除の履歴"),
)


def word(name: str, language: str) -> str:
    """A kind, status or event in a language."""
    return JA.get(name, name) if language == "ja" else name


def note(language: str) -> str:
    """What the search is and is not good for under the law."""
    return NOTE_JA if language == "ja" else NOTE_EN


def hit_lines(terms: Charter, hit: Mapping[str, Any], language: str) -> Iterator[str]:
    """A hit and its history, in lines."""
    amount = money(terms, hit["amount_minor"], hit["currency"])
    kind, status = word(hit["kind"], language), word(hit["status"], language)
    month = "" if hit["period"] is None else f" [{hit['period']}]"
    yield (
        f"{hit['date']}  {amount:>20}  {hit['counterparty']:<16}  {kind} {hit['subject']}{month}  "
        f"{status}"
    )
    label = "項目" if language == "ja" else "entry"
    yield f"    {label} {hit['index']}  {inclusion(hit, language)}  sha256:{hit['document']}"
    for event in hit["history"]:
        yield f"    - {_event(terms, hit['currency'], event, language)}"


def inclusion(hit: Mapping[str, Any], language: str) -> str:
    """How far a hit's entry is shown."""
    found = [word("signed", language)]
    if hit["inclusion"]["witnessed"]:
        found.append(word("witnessed", language))
    found += [
        f"{word('anchored', language)} {target['chain_id']}: {target['state']}"
        for target in hit["inclusion"]["targets"]
        if target["state"] != "none"
    ]
    return ", ".join(found)


def table(terms: Charter, hits: list[Mapping[str, Any]], language: str) -> str:
    """All hits as CSV with a header; amounts in the currency's own unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([ja if language == "ja" else name for name, ja in COLUMNS])
    for hit in hits:
        digits = terms.digits(hit["currency"])
        events = [_event(terms, hit["currency"], one, language) for one in hit["history"]]
        row = {
            **hit,
            "amount": format_minor(hit["amount_minor"], digits=digits),
            "kind": word(hit["kind"], language),
            "status": word(hit["status"], language),
            "entry": hit["index"],
            "inclusion": inclusion(hit, language),
            "history": "; ".join(events),
        }
        writer.writerow(["" if row[name] is None else row[name] for name, _ in COLUMNS])
    return out.getvalue()


def _event(terms: Charter, currency: str, event: Mapping[str, Any], language: str) -> str:
    parts = [word(event["what"], language)]
    if event["index"] is not None:
        parts.append(f"{'項目' if language == 'ja' else 'entry'} {event['index']}")
    if event["amount_minor"] is not None:
        parts.append(money(terms, event["amount_minor"], currency))
    return " ".join([*parts, event["note"]]).strip()
