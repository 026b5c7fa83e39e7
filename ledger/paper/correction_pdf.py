"""A member's part of a correction as a PDF document; the same part gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reportlab.platypus import Flowable

from ledger.paper.correction_view import CorrectionView
from ledger.paper.sheet import Foot, Sheet, faces_with, set_pdf
from ledger.paper.speech import Language, Speech


def correction_pdf(view: CorrectionView, language: Language, font: Path | None = None) -> bytes:
    """The document on A4; ``view`` is in the same language. InvalidInput for an unusable font."""
    sheet = _CorrectionSheet(Speech(language), faces_with(font))
    foot = Foot(sheet.faces, f"{view.coop} · {view.month} · {view.member_id}")
    return set_pdf(sheet.story(view), foot, title=f"{view.month} {view.member}", author=view.coop)


class _CorrectionSheet(Sheet):
    """Sets the texts of a part of a correction, in one language."""

    def story(self, view: CorrectionView) -> Iterator[Flowable]:
        """The whole document, from top to bottom."""
        say = self.say
        yield self.text(view.coop, 9, soft=True)
        title = say(f"訂正の計算書（{view.month}計上）", f"Correction posted with {view.month}")
        yield self.text(title, 18, after=4)
        yield self.text(f"{view.member} ({view.member_id})", 10)
        yield self.text(
            f"{say('差額', 'Your difference')}{say('：', ': ')}{view.net}", 14, before=6
        )
        head = (say("対象月", "Month"), say("内容", "What"), say("金額", "Amount"))
        rows = [(row.month, f"{row.label}\n{row.correction_of}", row.amount) for row in view.rows]
        total = (say("合計", "Sum"), "", view.net)
        yield self.table([head, *rows, total], (0.2, 0.58, 0.22), numbers=1)
        yield from self._payable(view)
        yield self.heading(say("自分で確かめる", "Check it yourself"))
        yield self.table(list(self._facts(view)), (0.24, 0.76), size=7, head=False)
        for limit in view.limits:
            yield self.text(f"・{limit}", 8, indent=8)

    def _payable(self, view: CorrectionView) -> Iterator[Flowable]:
        part, say = view.payable, self.say
        if part is None:
            return
        yield self.heading(say("支払額", "What is payable"))
        head = (say("内訳", "Item"), say("金額", "Amount"))
        rows = [(f"{row.label}\n{row.source}".rstrip(), row.amount) for row in part.rows]
        yield self.table([head, *rows, (part.label, part.total)], (0.7, 0.3), numbers=1)
        for limit in part.limits:
            yield self.text(f"・{limit}", 8, indent=8)

    def _facts(self, view: CorrectionView) -> Iterator[tuple[str, str]]:
        say, checkpoint = self.say, view.checkpoint
        yield say("訂正の識別子", "Correction id"), view.correction_id
        yield say("台帳の記帳", "Ledger entry"), f"#{view.proposed_index}"
        yield say("創設の記帳", "Genesis hash"), view.genesis
        yield say("台帳", "Log"), view.origin
        yield say("チェックポイント", "Checkpoint"), f"{checkpoint.size} {checkpoint.root.hex()}"
