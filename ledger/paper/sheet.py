"""What every printed document is set with: faces, a foot on each page, paragraphs and tables.

The same texts give the same bytes: no clock, no random identifier. Latin letters and signs are set
in the face Vera, which is embedded. Japanese is set in the standard face ``HeiseiKakuGo-W5``, which
is named only: the program that shows the document supplies it, and every common one can. With a
TrueType file (for example IPA Gothic) its letters are embedded too, as archives ask.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
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
from ledger.paper.speech import Speech

STANDARD_FONT: Final = "HeiseiKakuGo-W5"
EMBEDDED_FONT: Final = "kyojo-statement"

_INK, _SOFT, _RULE = HexColor(0x1A1A1A), HexColor(0x5A5F66), HexColor(0xC9CED4)
_MARGIN = 18 * mm
_WORD_MAX = 30
_WIDTH = A4[0] - 2 * _MARGIN


def set_pdf(story: Iterable[Flowable], foot: Foot, *, title: str, author: str) -> bytes:
    """The document of these paragraphs and tables, A4, with a foot on every page."""
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author=author,
        invariant=1,
    )
    document.build(list(story), onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Faces:
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


def faces_with(font: Path | None) -> Faces:
    """The registered faces; ``font`` is the file of the Japanese one."""
    latin = TTFont("Vera", "Vera.ttf")
    pdfmetrics.registerFont(latin)
    letters = frozenset(latin.face.charToGlyph) | {ord(" ")}
    if font is None:
        pdfmetrics.registerFont(UnicodeCIDFont(STANDARD_FONT))
        return Faces("Vera", STANDARD_FONT, letters)
    try:
        pdfmetrics.registerFont(TTFont(EMBEDDED_FONT, str(font)))
    except (TTFError, OSError) as error:
        raise InvalidInput(f"{font} is no TrueType font that can be embedded: {error}") from error
    return Faces("Vera", EMBEDDED_FONT, letters)


@dataclass(frozen=True, slots=True)
class Foot:
    """What stands at the foot of every page: whose document it is, and the page's number."""

    faces: Faces
    whose: str

    def __call__(self, canvas: Any, document: Any) -> None:
        """Draw it; ReportLab calls this once a page."""
        canvas.saveState()
        canvas.setFillColor(_SOFT)
        line = canvas.beginText(_MARGIN, 10 * mm)
        for face, run in self.faces.runs(self.whose):
            line.setFont(face, 7.5)
            line.textOut(run)
        canvas.drawText(line)
        canvas.setFont(self.faces.latin, 7.5)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, str(document.page))
        canvas.restoreState()


@dataclass(frozen=True, slots=True)
class Sheet:
    """Sets texts, in one language."""

    say: Speech
    faces: Faces

    def heading(self, text: str) -> Flowable:
        """A heading of a section."""
        return self.text(text, 13, before=14, after=4)

    def item(self, number: str, title: str, text: str) -> Flowable:
        """A numbered line with a title."""
        joined = f"{title}{self.say('：', ': ')}{text}" if text else title
        return self.text(f"{number}. {joined}", 8.5, before=3)

    def text(self, text: str, size: float, **look: Any) -> Flowable:
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

    def table(
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
                self.text(text, size, right=at >= first, cell=self._breaks(text))
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
