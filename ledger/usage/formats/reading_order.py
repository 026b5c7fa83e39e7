"""Whether a file's own order speaks against the way its dates are read.

Exports are written in the order of time. A file that is out of order as read, but in order when
the dates of some separator are read the other way round, is being read wrongly: its sessions would
move by months without any error. What follows is a warning, never another reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise, product
from typing import NamedTuple

from ledger.errors import OutOfRange
from ledger.usage.formats.local_time import READINGS, parse_clock, parse_date, separator
from ledger.usage.formats.report import Warned

DAYS_LIKE_MONTHS_MAX = 12


class Beginning(NamedTuple):
    """When a row says that it begins, as it stands in the file."""

    row: int
    day: str
    clock: str


def reading_warnings(
    beginnings: Sequence[Beginning], readings: Mapping[str, str]
) -> Iterator[Warned]:
    """Signs that the dates are read the wrong way round.

    ``date-order``: out of order as read, but in order under another reading of some separator; the
    row is the first out of order, None if some dates cannot even be read. ``no-day-above-12``:
    nothing in the file tells the readings apart, so its order is the only witness.
    """
    chosen = _read(beginnings, readings)
    if chosen and max(moment.day for moment in chosen.values()) <= DAYS_LIKE_MONTHS_MAX:
        yield Warned(None, "no-day-above-12")
    if _is_whole_and_ordered(chosen, beginnings):
        return
    used = sorted({separator(beginning.day) for beginning in beginnings} & set(readings))
    others = (
        dict(zip(used, choice, strict=True)) for choice in product(READINGS, repeat=len(used))
    )
    if any(_is_whole_and_ordered(_read(beginnings, other), beginnings) for other in others):
        yield Warned(_first_out_of_order(chosen), "date-order")


def _read(beginnings: Sequence[Beginning], readings: Mapping[str, str]) -> dict[int, datetime]:
    """The beginnings that can be read so, by row, in the order of the file."""
    found = {}
    for row, day, clock in beginnings:
        try:
            found[row] = datetime.combine(parse_date(day, readings), parse_clock(clock))
        except OutOfRange:
            continue
    return found


def _is_whole_and_ordered(found: Mapping[int, datetime], beginnings: Sequence[Beginning]) -> bool:
    return len(found) == len(beginnings) and _first_out_of_order(found) is None


def _first_out_of_order(found: Mapping[int, datetime]) -> int | None:
    pairs = pairwise(found.items())
    return next((row for (_, before), (row, after) in pairs if after < before), None)
