"""Gains and losses as bars: an SVG file, and a bar of text for the terminal.

Plain: one bar a member, to the right for a gain and to the left for a loss, with the amount and its
sign beside it, so that nothing hangs on colour. No script, no font of its own, no outside file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ledger.cli.rules.tables import display_width, money
from ledger.settlement.comparison import Change

GAIN, LOSS = "#1b6e3c", "#b3261e"

_ROW, _BAR = 28, 16
_HEAD, _FOOT = 64, 36
_HALF, _LETTER, _TITLE_LETTER, _EDGE = 220, 8, 10, 16

_TEXT_HALF = 12


@dataclass(frozen=True, slots=True)
class Heading:
    """What the picture says above its bars, and how amounts are written."""

    title: str
    below: str
    currency: str
    digits: int


def svg(changes: Sequence[Change], heading: Heading) -> str:
    """The picture as an SVG document."""
    labels = max((display_width(one.name) for one in changes), default=0) * _LETTER
    sums = [money(one.delta, heading.digits, signed=True) for one in changes]
    beside = max(map(len, sums), default=0) * _LETTER + _LETTER
    middle = _EDGE + labels + beside + _HALF
    words = max(
        display_width(heading.title) * _TITLE_LETTER, display_width(heading.below) * _LETTER
    )
    width = max(middle + _HALF + beside, _EDGE + words) + _EDGE
    size = (width, _HEAD + _ROW * len(changes) + _FOOT)
    return "\n".join(_svg_lines(changes, sums, heading, (middle, *size))) + "\n"


def text_bar(delta: int, largest: int) -> str:
    """A bar of fixed width around ``|``, scaled to the largest absolute amount."""
    length = -(-abs(delta) * _TEXT_HALF // largest) if largest else 0
    bar = "█" * length
    left, right = (bar, "") if delta < 0 else ("", bar)
    return f"{left:>{_TEXT_HALF}}|{right:<{_TEXT_HALF}}"


def _svg_lines(
    changes: Sequence[Change], sums: Sequence[str], heading: Heading, size: tuple[int, int, int]
) -> Iterator[str]:
    middle, width, height = size
    title, below = escape(heading.title), escape(heading.below)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="14">'
    )
    yield f"<title>{title}</title>"
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text x="{_EDGE}" y="26" font-size="16" font-weight="bold">{title}</text>'
    yield f'<text x="{_EDGE}" y="48" fill="#444444">{below}</text>'
    largest = max((abs(one.delta) for one in changes), default=0)
    for place, (change, amount) in enumerate(zip(changes, sums, strict=True)):
        yield from _svg_row(change, amount, (middle, _HEAD + _ROW * place), largest)
    end = _HEAD + _ROW * len(changes)
    yield f'<line x1="{middle}" y1="{_HEAD - 6}" x2="{middle}" y2="{end}" stroke="#222222"/>'
    currency = escape(heading.currency)
    yield (
        f'<text x="{middle}" y="{end + 22}" text-anchor="middle" fill="#444444">'
        f"◀ less · {currency} · more ▶</text>"
    )
    yield "</svg>"


def _svg_row(change: Change, amount: str, at: tuple[int, int], largest: int) -> Iterator[str]:
    middle, top = at
    base = top + _BAR - 3
    yield f'<text x="{_EDGE}" y="{base}">{escape(change.name)}</text>'
    # What is not nothing is seen: at least one unit wide.
    length = max(abs(change.delta) * _HALF // largest, 1) if change.delta else 0
    is_loss = change.delta < 0
    left = middle - length if is_loss else middle
    if length:
        colour = LOSS if is_loss else GAIN
        yield f'<rect x="{left}" y="{top}" width="{length}" height="{_BAR}" fill="{colour}"/>'
    beside = left - 6 if is_loss else left + length + 6
    anchor = "end" if is_loss else "start"
    yield f'<text x="{beside}" y="{base}" text-anchor="{anchor}">{escape(amount)}</text>'
