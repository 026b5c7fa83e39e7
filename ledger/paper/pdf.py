"""A statement as a PDF document, for printing and for those who file paper.

The same statement gives the same bytes: no clock, no random identifier. Latin letters and signs are
set in the face Vera, which is embedded. Japanese is set in the standard face ``HeiseiKakuGo-W5``,
which is named only: the program that shows the document supplies it, and every common one can. With
a TrueType file (for example IPA Gothic) its letters are embedded too, as archives ask.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Table, TableStyle

from ledger.errors import InvalidInput
from ledger.paper.reasons import Reason
from ledger.paper.speech import Language, Speech
from ledger.paper.statement_view import StatementView, statement_view
from ledger.paper.steps import Flow

STANDARD_FONT: Final = "HeiseiKakuGo-W5"
EMBEDDED_FONT: Final = "kyojo-statement"

_INK, _SOFT, _RULE = HexColor(0x1A1A1A), HexColor(0x5A5F66), HexColor(0xC9CED4)
_MARGIN = 18 * mm
_WORD_MAX = 30
_WIDTH = A4[0] - 2 * _MARGIN


def statement_pdf(
    statement: Mapping[str, Any],
    settlement: Mapping[str, Any],
    language: Language,
    font: Path | None = None,
) -> bytes:
    """The document of a member statement (``ledger.coop.grounds``), A4.

    Raises MalformedDocument if either is not what it should be, InvalidInput for an unusable font.
    """
    view = statement_view(statement, settlement, language)
    sheet = _Sheet(Speech(language), _faces(font))
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"{view.month} {view.member}",
        author=view.coop,
        invariant=1,
    )
    foot = _Foot(sheet, view)
    document.build(list(sheet.story(view)), onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class _Faces:
    """Two faces: ``latin`` for the letters that it has, ``japanese`` for all others."""

    latin: str
    japanese: str
    latin_letters: frozenset[int]

    def runs(self, text: str) -> Iterator[tuple[str, str]]:
        """The text in pieces of one face: (face, piece)."""
        for is_latin, letters in groupby(text, lambda one: ord(one) in self.latin_letters):
            yield self.latin if is_latin else self.japanese, "".join(letters)

    def markup(self, text: str) -> str:
        """Plain text as the paragraph markup takes it; what others wrote is never markup."""
        lines = (
            "".join(f'<font name="{face}">{escape(run)}</font>' for face, run in self.runs(line))
            for line in text.split("\n")
        )
        return "<br/>".join(lines)


def _faces(font: Path | None) -> _Faces:
    """The registered faces; ``font`` is the file of the Japanese one."""
    latin = TTFont("Vera", "Vera.ttf")
    pdfmetrics.registerFont(latin)
    letters = frozenset(latin.face.charToGlyph) | {ord(" ")}
    if font is None:
        pdfmetrics.registerFont(UnicodeCIDFont(STANDARD_FONT))
        return _Faces("Vera", STANDARD_FONT, letters)
    try:
        pdfmetrics.registerFont(TTFont(EMBEDDED_FONT, str(font)))
    except (TTFError, OSError) as error:
        raise InvalidInput(f"{font} is no TrueType font that can be embedded: {error}") from error
    return _Faces("Vera", EMBEDDED_FONT, letters)


@dataclass(frozen=True, slots=True)
class _Foot:
    """What stands at the foot of every page: whose statement it is, and the page's number."""

    sheet: _Sheet
    view: StatementView

    def __call__(self, canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFillColor(_SOFT)
        line = canvas.beginText(_MARGIN, 10 * mm)
        whose = f"{self.view.coop} · {self.view.month} · {self.view.member_id}"
        for face, run in self.sheet.faces.runs(whose):
            line.setFont(face, 7.5)
            line.textOut(run)
        canvas.drawText(line)
        canvas.setFont(self.sheet.faces.latin, 7.5)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, str(document.page))
        canvas.restoreState()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Sets a statement's texts, in one language."""

    say: Speech
    faces: _Faces

    def story(self, view: StatementView) -> Iterator[Flowable]:
        """The whole document, from top to bottom."""
        yield from self._head(view)
        yield from self._flows(view)
        yield from self._amounts(view)
        for reason in view.reasons:
            yield from self._reason(reason)
        yield from self._usage(view)
        yield from self._check(view)

    def _head(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self._text(view.coop, 9, soft=True)
        yield self._text(say(f"{view.month}分 計算書", f"Statement for {view.month}"), 18, after=4)
        yield self._text(f"{view.member} ({view.member_id}) — {view.status}", 10)
        label = say("お受け取り額", "Your amount")
        yield self._text(f"{label}{say('：', ': ')}{view.net}", 14, before=6)
        yield self._text(say("対象期間：", "Period: ") + view.bounds, 8.5, soft=True)

    def _flows(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self._heading(say("お金の流れ", "Where the month’s money went"))
        for flow in view.flows:
            yield from self._flow(flow)
        rules = f"{say('配分規則', 'Rule set')} {view.ruleset} {view.rule_hash}"
        yield self._text(rules, 7.5, soft=True)

    def _flow(self, flow: Flow) -> Iterator[Flowable]:
        say = self.say
        sources = f" ({flow.sources})" if flow.sources else ""
        pool = f"{say('原資', 'Pool')} {flow.pool}{say('：', ': ')}{flow.opening}{sources}"
        yield self._text(pool, 9, before=2, after=2)
        head = (
            *(say("段階", "Step"), say("行き先", "Goes to")),
            *(say("金額", "Amount"), say("残り", "Left")),
        )
        rows = [(f"{row.title}\n{row.purpose}", row.to, row.taken, row.left) for row in flow.rows]
        left = (say("翌月に残る額", "Stays in the pool for next month"), "", "", flow.left)
        yield self._table([head, *rows, left], (0.46, 0.18, 0.18, 0.18), numbers=2)

    def _amounts(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self._heading(say("この金額になった理由", "Why this amount?"))
        if not view.reasons:
            nothing = "Nothing of this month was divided to you."
            yield self._text(say("この月にあなたへの配分はありません。", nothing), 9)
            return
        head = (say("段階", "Step"), say("金額", "Amount"))
        rows = [(reason.title, reason.amount) for reason in view.reasons]
        total = (say("合計", "Your amount"), view.net)
        yield self._table([head, *rows, total], (0.7, 0.3), numbers=1)

    def _reason(self, reason: Reason) -> Iterator[Flowable]:
        say = self.say
        yield self._text(f"{reason.title} [{reason.step}] — {reason.amount}", 10.5, before=8)
        yield self._text(reason.purpose, 8.5, soft=True)
        yield self._item("1", say("分けるお金", "The money"), reason.pool)
        for note in reason.notes:
            yield self._text(note, 8, soft=True, indent=12)
        yield self._item("2", say("あなたの持分", "Your part of it"), "")
        yield from self._bases(reason)
        yield self._item("3", say("端数処理の前", "Before rounding"), reason.before)
        yield self._text(reason.arithmetic, 7.5, soft=True, indent=12)
        yield self._item("4", say("端数処理", "Rounding"), f"+{reason.extra}. {reason.rounding}")
        yield self._item("5", say("金額", "Your amount"), reason.amount)

    def _bases(self, reason: Reason) -> Iterator[Flowable]:
        say = self.say
        for basis in reason.bases:
            if reason.is_parted:
                of_step = say(f"この段階の {basis.fraction}", f"{basis.fraction} of this step")
                yield self._text(f"{basis.title} — {of_step}", 8.5, indent=12, before=2)
            for figure in basis.figures:
                entries = self._entries(figure.entries)
                yield self._text(f"{figure.name}: {figure.value}{entries}", 8.5, indent=18)
                for place in figure.places:
                    entries = self._entries(place.entries)
                    text = f"{place.facility}: {place.value}{entries}"
                    yield self._text(text, 8, indent=24, soft=True)
            sums = say(
                f"全体 {basis.weight_total} のうち {basis.weight} {basis.share}",
                f"{basis.weight} out of {basis.weight_total} in all {basis.share}",
            )
            yield self._text(sums, 8.5, indent=18)

    def _entries(self, indices: Sequence[int], most: int = 20) -> str:
        if not indices:
            return ""
        named = ", ".join(f"#{index}" for index in indices[:most])
        rest = len(indices) - most
        more = self.say(f"ほか{rest}件", f" and {rest} more") if rest > 0 else ""
        return f" ({self.say('台帳の記帳', 'ledger entries')} {named}{more})"

    def _usage(self, view: StatementView) -> Iterator[Flowable]:
        say = self.say
        yield self._heading(say("もとになった利用記録", "The usage behind it"))
        if not view.batches:
            nothing = "You submitted no usage for this month."
            yield self._text(say("この月の利用記録はありません。", nothing), 9)
            return
        count = view.batch_records
        signed = f"The signed totals of these batches ({count} records) are the usage above."
        signed_ja = f"次の送信束（利用記録 計{count}件）の署名済み合計が、上の利用量のもとです。"
        yield self._text(say(signed_ja, signed), 9, after=2)
        head = (
            *(say("記帳", "Entry"), say("受付", "Received")),
            *(say("記録数", "Records"), say("束の根", "Root of the batch")),
        )
        rows = [(f"#{one.index}", one.received, one.count, one.root) for one in view.batches]
        yield self._table([head, *rows], (0.09, 0.26, 0.1, 0.55), size=7)

    def _check(self, view: StatementView) -> Iterator[Flowable]:
        say, index = self.say, view.proposed_index
        yield self._heading(say("自分で確かめる", "Check it yourself"))
        how = (
            f"The settlement stands in entry #{index} of the log. The statement’s data (JSON) "
            "holds the proofs; this paper does not. Verify it with kyojo verify-statement or in "
            "the browser verifier: nobody has to be trusted."
        )
        how_ja = (
            f"この精算は、台帳の記帳 #{index} にあります。証明は計算書のデータ（JSON）にあり、"
            "この書面にはありません。kyojo verify-statement またはブラウザの検証器で、"
            "運営者を信用せずに検証できます。"
        )
        yield self._text(say(how_ja, how), 9, after=2)
        yield self._table(list(self._facts(view)), (0.24, 0.76), size=7, head=False)
        yield self._text(say("証明できないこと", "What this does not prove"), 9, before=4)
        for limit in view.limits:
            yield self._text(f"・{limit}", 8, indent=8)

    def _facts(self, view: StatementView) -> Iterator[tuple[str, str]]:
        say, checkpoint = self.say, view.checkpoint
        yield say("精算の識別子", "Settlement id"), view.settlement_id
        yield say("創設の記帳", "Genesis hash"), view.genesis
        yield say("台帳", "Log"), view.origin
        yield say("チェックポイント", "Checkpoint"), f"{checkpoint.size} {checkpoint.root.hex()}"
        for anchor in view.anchors:
            place = f"{anchor['chain_id']} / {anchor['contract']}"
            block = f"{anchor['block_number']} {anchor['transaction']}"
            yield say("アンカー", "Anchor"), f"{place}\n{block}"

    def _heading(self, text: str) -> Flowable:
        return self._text(text, 13, before=14, after=4)

    def _item(self, number: str, title: str, text: str) -> Flowable:
        joined = f"{title}{self.say('：', ': ')}{text}" if text else title
        return self._text(f"{number}. {joined}", 8.5, before=3)

    def _text(self, text: str, size: float, **look: Any) -> Flowable:
        """A paragraph; ``look`` takes ``soft``, ``indent``, ``before``, ``after``, ``right``."""
        style = ParagraphStyle(
            "text",
            fontName=self.faces.latin,
            fontSize=size,
            leading=size * 1.45,
            textColor=_SOFT if look.get("soft") else _INK,
            leftIndent=look.get("indent", 0),
            spaceBefore=look.get("before", 0),
            spaceAfter=look.get("after", 0),
            alignment=TA_RIGHT if look.get("right") else TA_LEFT,
            wordWrap="CJK" if look.get("cell") or self.say.language == "ja" else None,
        )
        return Paragraph(self.faces.markup(text), style)

    def _table(
        self,
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        *,
        numbers: int = 0,
        size: float = 8,
        head: bool = True,
    ) -> Flowable:
        """A ruled table; the last ``numbers`` columns are set to the right."""
        first = len(widths) - numbers
        cells = [
            [
                self._text(text, size, right=at >= first, cell=self._breaks(text))
                for at, text in enumerate(row)
            ]
            for row in rows
        ]
        table = Table(
            cells,
            colWidths=[_WIDTH * width for width in widths],
            repeatRows=1 if head else 0,
            spaceAfter=4,
        )
        rules = [("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        if head:
            rules.append(("LINEBELOW", (0, 0), (-1, 0), 0.9, _INK))
        table.setStyle(TableStyle(rules))
        return table

    def _breaks(self, text: str) -> bool:
        """Whether a cell may break anywhere: hashes must, words must not."""
        return max(map(len, text.split() or [""])) > _WORD_MAX
