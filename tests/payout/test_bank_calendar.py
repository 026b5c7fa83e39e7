"""The days on which banks in Japan are open: the committed list against the rules of the law."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ledger.errors import MalformedDocument, OutOfRange
from ledger.payout.bank_calendar import bundled_calendar, parse_calendar

# Equinoxes as announced by the National Astronomical Observatory: (March, September).
EQUINOXES = {2024: (20, 22), 2025: (20, 23), 2026: (20, 23), 2027: (21, 23)}
FIXED = [(1, 1), (2, 11), (2, 23), (4, 29), (5, 3), (5, 4), (5, 5), (8, 11), (11, 3), (11, 23)]
MONDAYS = [(1, 2), (7, 3), (9, 3), (10, 2)]
DOCUMENT = {
    "holidays_jp": 1,
    "source": "x",
    "first_year": 2026,
    "last_year": 2026,
    "days": {"2026-01-01": "元日"},
}


def by_law(year):
    """Act 178 of 1948: articles 2 (days) and 3 (a Sunday's substitute, a day between two)."""
    named = {date(year, month, day) for month, day in FIXED}
    named |= {date(year, 3, EQUINOXES[year][0]), date(year, 9, EQUINOXES[year][1])}
    for month, number in MONDAYS:
        days = [date(year, month, day) for day in range(1, 29)]
        named.add([day for day in days if day.weekday() == 0][number - 1])
    found = set(named)
    for day in named:
        substitute = day
        while day.weekday() == 6 and substitute in named:
            substitute += timedelta(days=1)
        found.add(substitute)
    for day in named:
        between = day + timedelta(days=1)
        if between + timedelta(days=1) in named and between not in named:
            found.add(between)
    return found


@pytest.mark.parametrize("year", EQUINOXES)
def test_the_committed_list_is_what_the_law_says(year):
    listed = {day for day in bundled_calendar().holidays if day.year == year}
    assert listed == by_law(year)


def test_the_list_covers_the_years_that_are_tested():
    calendar = bundled_calendar()
    assert (calendar.first_year, calendar.last_year) == (min(EQUINOXES), max(EQUINOXES))
    assert "法律第178号" in calendar.source


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-12-31", "年末年始"), ("2027-01-02", "年末年始"), ("2027-01-03", "年末年始"),
        ("2026-11-28", "土曜日"), ("2026-11-29", "日曜日"), ("2026-09-22", "休日（国民の休日）"),
        ("2026-11-30", None), ("2026-12-30", None), ("2027-01-04", None),
    ],
)  # fmt: skip
def test_a_day(day, why):
    assert bundled_calendar().closure(date.fromisoformat(day)) == why


def test_the_next_and_the_last_business_day():
    calendar = bundled_calendar()
    assert calendar.next_open(date(2026, 12, 31)) == date(2027, 1, 4)
    assert calendar.previous_open(date(2027, 1, 3)) == date(2026, 12, 30)
    assert calendar.next_open(date(2026, 11, 30)) == date(2026, 11, 30)


def test_a_list_that_ends_is_an_error():
    with pytest.raises(OutOfRange, match="the holiday list ends in 2027"):
        bundled_calendar().closure(date(2028, 1, 4))
    with pytest.raises(OutOfRange, match="begins in 2024"):
        bundled_calendar().is_open(date(2023, 12, 29))
    with pytest.raises(OutOfRange, match="ends in 2027"):
        bundled_calendar().next_open(date(2027, 12, 31))


@pytest.mark.parametrize(
    "change",
    [
        {"holidays_jp": 2}, {"first_year": 2027}, {"last_year": "2026"}, {"source": 1},
        {"days": []}, {"days": {"2026-02-30": "x"}}, {"days": {"2025-01-01": "元日"}},
        {"days": {"2026-01-01": ""}}, {"days": {"20260101": "x"}}, {"more": 1}, {"last_year": 2027},
    ],
)  # fmt: skip
def test_a_list_out_of_form_is_refused(change):
    assert parse_calendar(json.dumps(DOCUMENT).encode()).first_year == 2026
    with pytest.raises(MalformedDocument):
        parse_calendar(json.dumps(DOCUMENT | change).encode())
    with pytest.raises(MalformedDocument):
        parse_calendar(b"[")
