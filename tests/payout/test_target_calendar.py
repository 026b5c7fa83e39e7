"""The days on which euros move: the ECB's rule, and Easter against another computation of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.errors import OutOfRange
from ledger.payout.iban_days import check_day, closure, next_day, notes_on_day
from ledger.payout.target_calendar import easter_sunday, target_closure

# Published: the closing days of T2 in 2026 and 2027 that are no weekend.
CLOSED = {
    2026: ["2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25"],
    2027: ["2027-01-01", "2027-03-26", "2027-03-29"],
}


def paschal_sunday(year: int) -> date:
    """Easter by its definition: the Sunday after the ecclesiastical full moon on or after 21 March.

    The moon by golden number and epact (Clavius), day by day; no formula for Easter itself.
    """
    golden = year % 19 + 1
    century = year // 100 + 1
    solar = 3 * century // 4 - 12
    lunar = (8 * century + 5) // 25 - 5
    epact = (11 * golden + 20 + lunar - solar) % 30
    if (epact == 25 and golden > 11) or epact == 24:
        epact += 1
    moon = date(year, 3, 1) + timedelta(days=44 - epact - 1)
    if moon < date(year, 3, 21):
        moon += timedelta(days=30)
    day = moon + timedelta(days=1)
    while day.isoweekday() != 7:
        day += timedelta(days=1)
    return day


def test_easter_is_the_sunday_after_the_full_moon():
    for year in range(1900, 2600):
        assert easter_sunday(year) == paschal_sunday(year)
    assert easter_sunday(2038) == date(2038, 4, 25)  # the latest there is
    assert easter_sunday(2285) == date(2285, 3, 22)  # the earliest there is


@pytest.mark.parametrize("year", CLOSED)
def test_the_closing_days_of_a_year_are_those_published(year: int):
    days = [date(year, 1, 1) + timedelta(days=at) for at in range(365)]
    weekdays = [day for day in days if day.isoweekday() < 6]
    assert [day.isoformat() for day in weekdays if target_closure(day)] == CLOSED[year]
    assert all(target_closure(day) for day in days if day.isoweekday() > 5)


def test_a_closed_day_is_named_in_both_languages():
    assert target_closure(date(2026, 4, 3)) == ("Good Friday", "聖金曜日")
    assert target_closure(date(2027, 12, 25)) == ("Christmas Day", "クリスマス")
    assert target_closure(date(2027, 12, 26)) == ("26 December", "12月26日")
    assert target_closure(date(2026, 11, 28)) == ("Saturday", "土曜日")
    assert target_closure(date(2026, 11, 29)) == ("Sunday", "日曜日")
    assert target_closure(date(2026, 12, 24)) is None


def test_only_of_euros_are_the_holidays_known():
    friday = date(2026, 4, 3)
    assert closure("EUR", friday) is not None
    assert closure("CHF", friday) is None
    assert closure("CHF", date(2026, 11, 28)) == ("Saturday", "土曜日")
    assert next_day("EUR", friday) == date(2026, 4, 7)
    assert next_day("CHF", friday) == friday
    assert notes_on_day("EUR", friday) == []
    (note,) = notes_on_day("CHF", friday)
    assert "CHF" in note["en"]
    assert "2026-04-03" in note["ja"]


def test_a_day_that_is_past_or_closed_is_refused():
    check_day("EUR", date(2026, 4, 2), date(2026, 4, 2))
    with pytest.raises(
        OutOfRange, match=r"Good Friday, 聖金曜日.*next day of payment is 2026-04-07"
    ):
        check_day("EUR", date(2026, 4, 3), date(2026, 4, 1))
    with pytest.raises(OutOfRange, match="before 2026-04-02"):
        check_day("EUR", date(2026, 4, 1), date(2026, 4, 2))
