"""Dates as spreadsheets leave them, and local time without a zone.

A spreadsheet that converts a column between locales leaves two styles behind: it rewrites the dates
that it could read and lets the others stand. So the *separator* tells which style a date is in,
never the digits: one format is named per separator, and no row is guessed. ``month_first`` and
``day_first`` are the two readings of a date; which years are short is told by their digits.

Local time becomes an instant with its offset. Twice a year that has no single answer: an hour
occurs twice or not at all. ``fold`` says what then: None refuses, 0 and 1 read the time by the
offset before and after the change (PEP 495).

>>> parse_date("06/28/2017", {"/": MONTH_FIRST}), parse_date("01.02.17", {".": MONTH_FIRST})
(datetime.date(2017, 6, 28), datetime.date(2017, 1, 2))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.errors import OutOfRange

MONTH_FIRST = "month-first"
DAY_FIRST = "day-first"
READINGS = (MONTH_FIRST, DAY_FIRST)

CENTURY = 2000  # of years written with two digits

_DATE = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


class AmbiguousTime(OutOfRange):
    """A local time that occurs twice."""


class MissingTime(OutOfRange):
    """A local time that does not occur."""


def separator(text: str) -> str:
    """The separator of a date in one of the two styles, or the empty string."""
    match = _DATE.fullmatch(text)
    return match.group(2) if match else ""


def parse_date(text: str, readings: Mapping[str, str]) -> date:
    """Read a date by the reading named for its separator; raises OutOfRange."""
    match = _DATE.fullmatch(text)
    reading = readings.get(match.group(2)) if match else None
    if match is None or reading is None:
        raise OutOfRange(f"{text[:20]!r} has no separator that a format is named for")
    first, second, year = int(match.group(1)), int(match.group(3)), int(match.group(4))
    month, day = (first, second) if reading == MONTH_FIRST else (second, first)
    try:
        return date(year if len(match.group(4)) > len("17") else CENTURY + year, month, day)
    except ValueError as error:
        raise OutOfRange(f"{text!r} is not a date when read {reading}") from error


def parse_clock(text: str) -> time:
    """Read a time of day such as ``9:05`` or ``09:05:30``, on a 24-hour clock."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise OutOfRange(f"{text[:20]!r} is not a time of day like 09:05")
    hour, minute, second = (int(part or 0) for part in match.groups())
    try:
        return time(hour, minute, second)
    except ValueError as error:
        raise OutOfRange(f"{text!r} is not a time of day of 24 hours") from error


def load_zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name; raises OutOfRange."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise OutOfRange(f"{name[:40]!r} is not a time zone of the IANA table") from error


def localise(moment: datetime, zone: ZoneInfo, *, fold: int | None = None) -> datetime:
    """The local time ``moment`` (naive) with its offset in ``zone``, whole to the second.

    Where the clock is turned back or forward, ``fold`` chooses; without it AmbiguousTime or
    MissingTime is raised. A time that does not exist is moved by the length of the gap.
    """
    earlier = moment.replace(tzinfo=zone, fold=0)
    later = moment.replace(tzinfo=zone, fold=1)
    before, after = earlier.utcoffset(), later.utcoffset()
    if before == after or before is None or after is None:
        return earlier
    if fold is None:
        fault = AmbiguousTime if before > after else MissingTime
        raise fault(f"{moment.isoformat()} has no single meaning in {zone.key}")
    chosen = later if fold else earlier
    return chosen.astimezone(UTC).astimezone(zone)
