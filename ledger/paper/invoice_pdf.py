"""An invoice or payment notice as a PDF document; the same document gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reportlab.platypus import Flowable

from ledger.paper.invoice_view import InvoiceView, invoice_view, returned_on, returns_title
from ledger.paper.sheet import Foot, Sheet, faces_with, set_pdf
from ledger.paper.speech import Language, Speech


def invoice_pdf(document: Mapping[str, Any], language: Language, font: Path | None = None) -> bytes:
    """The document of ``ledger.payout.invoice`` on A4.

    Raises MalformedDocument for what is none, InvalidInput for an unusable font.
    """
    view = invoice_view(document, language)
    sheet = _InvoiceSheet(Speech(language), faces_with(font))
    foot = Foot(sheet.faces, f"{view.title} · {view.number} · {view.digest[:16]}")
    title = f"{view.title} {view.number}"
    return set_pdf(sheet.story(view), foot, title=title, author=view.issuer[0])


class _InvoiceSheet(Sheet):
    """Sets an invoice's texts, in one language."""

    def story(self, view: InvoiceView) -> Iterator[Flowable]:
        """The whole document, from top to bottom."""
        yield from self._head(view)
        yield from self._items(view)
        yield from self._returns(view)
        yield from self._totals(view)
        for note in view.notes:
            yield self.text(note, 8.5, before=2)
        yield self.text(f"SHA-256 {view.digest}", 6.5, soft=True, before=6)

    def _head(self, view: InvoiceView) -> Iterator[Flowable]:
        say = self.say
        yield self.text(view.title, 18, after=4)
        facts = [
            (say("宛先", "Recipient"), "\n".join(view.recipient)),
            (say("発行者", "Issuer"), "\n".join(view.issuer)),
            (say("発行日", "Date"), view.issued_on),
            (say("対象月", "Month"), view.month),
            (say("番号", "Number"), view.number),
        ]
        yield self.table(facts, (0.2, 0.8), size=9, head=False)
        if view.registration:
            yield self.text(view.registration, 10, before=2)
        yield self.text(
            f"{say('お支払額', 'Payable')}{say('：', ': ')}{view.payable}", 14, before=6
        )

    def _items(self, view: InvoiceView) -> Iterator[Flowable]:
        say = self.say
        yield self.heading(say("明細", "Items"))
        yield self.text(view.basis, 8.5, soft=True)
        head = (
            *(say("日付", "Day"), say("内容", "What")),
            *(say("税率", "Rate"), say("金額", "Amount")),
        )
        rows = [(row.day, row.label, row.rate, row.amount) for row in view.items]
        yield self.table([head, *rows], (0.2, 0.46, 0.12, 0.22), numbers=2)

    def _returns(self, view: InvoiceView) -> Iterator[Flowable]:
        if not view.returns:
            return
        say = self.say
        yield self.heading(returns_title(say))
        head = (
            *(say("元の取引日", "Day of supply"), say("内容", "What")),
            *(say("税率", "Rate"), say("金額", "Amount")),
        )
        rows = [
            (row.day, f"{row.label}\n{returned_on(say, row)}", row.rate, row.amount)
            for row in view.returns
        ]
        yield self.table([head, *rows], (0.2, 0.46, 0.12, 0.22), numbers=2)
        if view.return_rates:
            by_rate = say("税率ごとの返還額", "Given back by rate")
            top = (by_rate, say("金額", "Amount"), say("消費税額", "Tax"))
            sums = [(row.rate, row.taxable, row.tax) for row in view.return_rates]
            yield self.table([top, *sums], (0.5, 0.25, 0.25), numbers=2)

    def _totals(self, view: InvoiceView) -> Iterator[Flowable]:
        say = self.say
        yield self.heading(say("合計", "Totals"))
        if view.rates:
            head = (say("税率ごとの合計", "By rate"), say("金額", "Amount"), say("消費税額", "Tax"))
            rows = [(row.rate, row.taxable, row.tax) for row in view.rates]
            yield self.table([head, *rows], (0.5, 0.25, 0.25), numbers=2)
        payable = (view.payable_title, view.payable)
        yield self.table([*view.totals, payable], (0.7, 0.3), numbers=1, head=False)
        if view.payment:
            yield self.text(f"{say('支払番号', 'Payment')} {view.payment}", 8, soft=True)
