"""Columns for people; Japanese letters take two places."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from ledger.money import format_minor


def display_width(text: str) -> int:
    """How many places of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)


def columns(rows: Sequence[Sequence[str]], align: str, indent: str = "") -> Iterator[str]:
    """Rows as aligned lines; ``align`` has one ``<`` or ``>`` a column."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (_pad(*one) for one in zip(row, widths, align, strict=True))
        yield (indent + "  ".join(cells)).rstrip()


def _pad(text: str, width: int, side: str) -> str:
    space = " " * (width - display_width(text))
    return text + space if side == "<" else space + text


def money(amount_minor: int, digits: int, *, signed: bool = False) -> str:
    """An amount in its currency's decimal form; ``signed`` writes ``+`` too."""
    text = format_minor(amount_minor, digits=digits, grouped=True)
    return f"+{text}" if signed and amount_minor > 0 else text


def amounts(rows: Iterable[tuple[str, int]], digits: int, indent: str = "  ") -> list[str]:
    """Accounts with their amounts."""
    listed = [(name, money(amount, digits)) for name, amount in rows]
    return list(columns(listed, "<>", indent)) if listed else []
