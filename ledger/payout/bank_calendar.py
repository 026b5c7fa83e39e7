"""On which days banks in Japan move money.

They are closed on Saturdays, Sundays, national holidays, and from 31 December to 3 January (article
15 of the Banking Act and article 5 of its enforcement order). Holidays are data, because the two
equinoxes are announced only in February of the year before: ``data/holidays-jp.json`` names its
source and its years. A day outside these years is an error that says where the list ends, never a
day that is silently taken for open; ``parse_holidays`` reads a list with further years, the table
that the Cabinet Office publishes among them, and ``extended`` puts it in.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

from ledger import canonical
from ledger.errors import HolidaysUnknown, MalformedDocument, OutOfRange, TooLarge

FILE_BYTES_MAX: Final = 1 << 20
TABLE_SOURCE: Final = "内閣府「国民の祝日」の表（syukujitsu.csv の形式）"
# Holidays of every year since the Act of 1948: a list without one of them has been cut off.
_ALWAYS: Final = ((1, 1), (11, 23))
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TABLE_DAY = re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})")
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class BankCalendar:
    """National holidays by day, complete for the years from ``first_year`` to ``last_year``."""

    source: str
    first_year: int
    last_year: int
    holidays: Mapping[date, str]

    def closure(self, day: date) -> str | None:
        """Why banks are closed on a day, in Japanese; None if they are open.

        Raises HolidaysUnknown for a day that the list does not reach.
        """
        if not self.first_year <= day.year <= self.last_year:
            raise HolidaysUnknown(
                f"the holiday list ends in {self.last_year} and begins in {self.first_year}; "
                f"whether {day} is a business day is not known. Supply a newer list",
                day=day.isoformat(),
                last_year=self.last_year,
            )
        if (day.month, day.day) in {(12, 31), (1, 1), (1, 2), (1, 3)}:
            return "年末年始"
        if day.weekday() >= _SATURDAY:
            return "土曜日" if day.weekday() == _SATURDAY else "日曜日"
        return self.holidays.get(day)

    def is_open(self, day: date) -> bool:
        """Whether banks are open; raises HolidaysUnknown for a day that the list does not reach."""
        return self.closure(day) is None

    def next_open(self, day: date) -> date:
        """The day itself if banks are open on it, else the first day after it on which they are."""
        while not self.is_open(day):
            day += timedelta(days=1)
        return day

    def previous_open(self, day: date) -> date:
        """The day itself if banks are open on it, else the last day before it on which they are."""
        while not self.is_open(day):
            day -= timedelta(days=1)
        return day


@cache
def bundled_calendar() -> BankCalendar:
    """The list that comes with kyojo."""
    data = files("ledger.payout").joinpath("data/holidays-jp.json").read_bytes()
    return parse_calendar(data)


def parse_calendar(data: bytes) -> BankCalendar:
    """Read a holiday list; MalformedDocument says what is wrong with it.

    ``{"holidays_jp": 1, "source", "first_year", "last_year", "days": {"2026-01-01": "元日", …}}``
    """
    document = canonical.parse(data, what="the holiday list")
    fields = {"holidays_jp", "source", "first_year", "last_year", "days"}
    if not isinstance(document, dict) or document.keys() != fields or document["holidays_jp"] != 1:
        raise MalformedDocument(f"a holiday list has the fields {', '.join(sorted(fields))}")
    first, last, days = document["first_year"], document["last_year"], document["days"]
    is_range = type(first) is int and type(last) is int and 1949 <= first <= last <= 9999
    if not is_range or not isinstance(document["source"], str) or not isinstance(days, dict):
        raise MalformedDocument("the holiday list's years, source or days are not what they are to")
    holidays = {_day(day, name, first, last): name for day, name in days.items()}
    # A year without holidays is a list that was cut off, not a year without holidays.
    if missing := set(range(first, last + 1)) - {day.year for day in holidays}:
        raise MalformedDocument(f"the holiday list has no holiday in {min(missing)}")
    return BankCalendar(document["source"], first, last, holidays)


def parse_holidays(data: bytes) -> BankCalendar:
    """Read a list of whole years that somebody supplies: JSON as above, or a table.

    The table is the one that the Cabinet Office publishes (CSV in CP932 or UTF-8: a heading, then
    ``2028/1/1,元日``). Raises MalformedDocument for a list out of form or with a year that was cut
    off (without 1 January or 23 November), TooLarge beyond 1 MiB.
    """
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(f"the holiday list has {len(data)} bytes; it has at most {FILE_BYTES_MAX}")
    found = parse_calendar(data) if data.lstrip()[:1] == b"{" else _parse_table(data)
    for year in range(found.first_year, found.last_year + 1):
        for month, day in _ALWAYS:
            if date(year, month, day) not in found.holidays:
                text = f"the holiday list lacks {date(year, month, day)}: {year} is not whole in it"
                raise MalformedDocument(text)
    return found


def extended(calendar: BankCalendar, more: BankCalendar) -> BankCalendar:
    """The calendar with another list's years, which replace its own whole, year by year.

    Raises OutOfRange if a year between the two would be missing.
    """
    if more.first_year > calendar.last_year + 1 or more.last_year < calendar.first_year - 1:
        raise OutOfRange(
            f"one holiday list has {calendar.first_year} to {calendar.last_year}, the other "
            f"{more.first_year} to {more.last_year}: the years between are missing"
        )
    replaced = range(more.first_year, more.last_year + 1)
    kept = {day: name for day, name in calendar.holidays.items() if day.year not in replaced}
    return BankCalendar(
        f"{calendar.source}; {more.first_year}–{more.last_year}: {more.source}",
        min(calendar.first_year, more.first_year),
        max(calendar.last_year, more.last_year),
        {**kept, **more.holidays},
    )


def _parse_table(data: bytes) -> BankCalendar:
    holidays: dict[date, str] = {}
    for number, row in enumerate(_rows(data), 1):
        if number == 1 or not any(row):  # the heading
            continue
        found = _TABLE_DAY.fullmatch(row[0].strip()) if len(row) == 2 else None
        name = row[1].strip() if len(row) == 2 else ""
        try:
            day = None if found is None else date(*map(int, found.groups()))
        except ValueError:
            day = None
        if day is None or not name or day in holidays:
            text = f"the holiday list, row {number}: not a new day and its name, 2028/1/1,元日"
            raise MalformedDocument(text)
        holidays[day] = name
    if not holidays:
        raise MalformedDocument("the holiday list names no holiday")
    years = {day.year for day in holidays}
    return BankCalendar(TABLE_SOURCE, min(years), max(years), holidays)


def _rows(data: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(_decode(data), newline="")))
    except csv.Error as error:
        raise MalformedDocument(f"the holiday list is no table: {error}") from error


def _decode(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise MalformedDocument("the holiday list is neither UTF-8 nor CP932")


def _day(text: str, name: Any, first: int, last: int) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not first <= day.year <= last or not isinstance(name, str) or not name:
        raise MalformedDocument(f"the holiday list: {text[:20]!r} is no named day of its years")
    return day
