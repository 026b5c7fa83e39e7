"""On which days banks in Japan move money.

They are closed on Saturdays, Sundays, national holidays, and from 31 December to 3 January (article
15 of the Banking Act and article 5 of its enforcement order). Holidays are data, because the two
equinoxes are announced only in February of the year before: ``data/holidays-jp.json`` names its
source and its years. A day outside these years is an error that says where the list ends, never a
day that is silently taken for open.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from ledger import canonical
from ledger.errors import MalformedDocument, OutOfRange

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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

        Raises OutOfRange for a day that the list does not reach.
        """
        if not self.first_year <= day.year <= self.last_year:
            raise OutOfRange(
                f"the holiday list ends in {self.last_year} and begins in {self.first_year}; "
                f"whether {day} is a business day is not known. Supply a newer list"
            )
        if (day.month, day.day) in {(12, 31), (1, 1), (1, 2), (1, 3)}:
            return "年末年始"
        if day.weekday() >= _SATURDAY:
            return "土曜日" if day.weekday() == _SATURDAY else "日曜日"
        return self.holidays.get(day)

    def is_open(self, day: date) -> bool:
        """Whether banks are open; raises OutOfRange for a day that the list does not reach."""
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


def _day(text: str, name: Any, first: int, last: int) -> date:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not first <= day.year <= last or not isinstance(name, str) or not name:
        raise MalformedDocument(f"the holiday list: {text[:20]!r} is no named day of its years")
    return day
