"""On which days euros move between banks: the closing days of TARGET (T2).

Since 2002 and until further notice TARGET is closed, beside Saturdays and Sundays, on New Year's
Day, Good Friday, Easter Monday, 1 May, Christmas Day and 26 December (European Central Bank,
long-term calendar of 14 December 2000). The rule has no list that could end; Easter is computed by
the Gregorian calendar, exactly.

>>> easter_sunday(2027)
datetime.date(2027, 3, 28)
>>> target_closure(date(2027, 3, 29)).en
'Easter Monday'
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

FIRST_YEAR: Final = 2002
_SATURDAY: Final = 6
_FIXED: Final = {
    (1, 1): ("New Year's Day", "元日"),
    (5, 1): ("Labour Day", "メーデー"),
    (12, 25): ("Christmas Day", "クリスマス"),
    (12, 26): ("26 December", "12月26日"),
}


class Closure(NamedTuple):
    """Why banks are closed on a day, in both languages."""

    en: str
    ja: str


def easter_sunday(year: int) -> date:
    """Easter Sunday of the western churches (Meeus, Jones and Butcher; exact for every year).

    Every division is rounded down.
    """
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, odd_centuries = divmod(century, 4)
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - correction + 15) % 30
    leaps, odd = divmod(rest, 4)
    weekday = (32 + 2 * odd_centuries + 2 * leaps - epact - odd) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def weekend(day: date) -> Closure | None:
    """Saturday or Sunday; None on any other day."""
    if day.isoweekday() < _SATURDAY:
        return None
    return Closure("Saturday", "土曜日") if day.isoweekday() == _SATURDAY else Closure(
        "Sunday", "日曜日"
    )  # fmt: skip


def target_closure(day: date) -> Closure | None:
    """Why TARGET is closed on a day from 2002 on; None if it is open."""
    easter = easter_sunday(day.year)
    if day == easter - timedelta(days=2):
        return Closure("Good Friday", "聖金曜日")
    if day == easter + timedelta(days=1):
        return Closure("Easter Monday", "復活祭月曜日")
    named = _FIXED.get((day.month, day.day))
    return Closure(*named) if named else weekend(day)
