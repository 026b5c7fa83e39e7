"""The days on which banks in Japan are open: the committed list against the rules of the law."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ledger.errors import HolidaysUnknown, MalformedDocument, OutOfRange, TooLarge
from ledger.payout.bank_calendar import (
    FILE_BYTES_MAX,
    bundled_calendar,
    extended,
    parse_calendar,
    parse_holidays,
)
from ledger.payout.zengin_order import TransferDay, check_transfer_day

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
    with pytest.raises(HolidaysUnknown, match="ends in 2027") as caught:
        bundled_calendar().next_open(date(2027, 12, 31))
    assert caught.value.details == {"day": "2028-01-01", "last_year": 2027}
    assert "holidays" in caught.value.remedy_en
    assert "syukujitsu.csv" in caught.value.remedy_ja


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


# --- further years --------------------------------------------------------------------------------

EQUINOXES_OF_2028 = "2028/3/20,春分の日", "2028/9/22,秋分の日"
TABLE = "\r\n".join([
    "国民の祝日・休日月日,国民の祝日・休日名称",
    "2027/1/1,元日", "2027/6/1,臨時の休日", "2027/11/23,勤労感謝の日",
    "2028/1/1,元日", "2028/1/10,成人の日", "2028/2/11,建国記念の日", "2028/2/23,天皇誕生日",
    EQUINOXES_OF_2028[0], "2028/4/29,昭和の日", "2028/5/3,憲法記念日", "2028/5/4,みどりの日",
    "2028/5/5,こどもの日", "2028/7/17,海の日", "2028/8/11,山の日", "2028/9/18,敬老の日",
    EQUINOXES_OF_2028[1], "2028/10/9,スポーツの日", "2028/11/3,文化の日",
    "2028/11/23,勤労感謝の日", "",
])  # fmt: skip


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
def test_a_town_adds_a_year_by_the_table_that_the_government_publishes(encoding):
    more = parse_holidays(TABLE.encode(encoding))
    assert (more.first_year, more.last_year, len(more.holidays)) == (2027, 2028, 19)
    calendar = extended(bundled_calendar(), more)
    assert (calendar.first_year, calendar.last_year) == (2024, 2028)
    assert calendar.closure(date(2028, 1, 10)) == "成人の日"
    assert calendar.next_open(date(2027, 12, 31)) == date(2028, 1, 4)
    check_transfer_day(TransferDay(date(2028, 1, 4), date(2027, 12, 1), calendar))
    # Years of the file are whole: they take the place of the bundled ones.
    assert calendar.closure(date(2027, 6, 1)) == "臨時の休日"
    assert bundled_calendar().is_open(date(2027, 6, 1))
    assert calendar.closure(date(2026, 11, 3)) == "文化の日"
    assert "syukujitsu.csv" in calendar.source


def test_a_year_is_added_as_json_too():
    days = {"2028-01-01": "元日", "2028-11-23": "勤労感謝の日"}
    more = {**DOCUMENT, "first_year": 2028, "last_year": 2028, "days": days}
    calendar = extended(bundled_calendar(), parse_holidays(json.dumps(more).encode()))
    assert calendar.last_year == 2028
    del days["2028-11-23"]
    with pytest.raises(MalformedDocument, match="lacks 2028-11-23"):
        parse_holidays(json.dumps(more).encode())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (TABLE.replace("2028/11/23,勤労感謝の日", "").encode("cp932"), "lacks 2028-11-23"),
        (TABLE.replace("2028/2/11", "2028/2/30").encode("cp932"), "row 7"),
        (TABLE.replace("2028/2/11", "11.2.2028").encode("cp932"), "row 7"),
        (TABLE.replace("2028/2/11", "2028/1/10").encode("cp932"), "row 7"),
        (TABLE.replace(",建国記念の日", ",").encode("cp932"), "row 7"),
        (TABLE.replace(",建国記念の日", "").encode("cp932"), "row 7"),
        (b"day,name\r\n", "no holiday"),
        (b"\x81 ", "neither UTF-8 nor CP932"),
        (b"day,name\n" + b"1" * 200_000, "no table"),
    ],
)  # fmt: skip
def test_a_table_out_of_form_is_refused(data, says):
    with pytest.raises(MalformedDocument, match=says):
        parse_holidays(data)


def test_a_table_beyond_any_is_refused_and_so_is_a_gap():
    with pytest.raises(TooLarge):
        parse_holidays(b" " * (FILE_BYTES_MAX + 1))
    far = parse_holidays(TABLE.replace("2027/", "2029/").replace("2028/", "2030/").encode())
    with pytest.raises(OutOfRange, match="2024 to 2027, the other 2029 to 2030"):
        extended(bundled_calendar(), far)


def test_a_closed_day_before_the_list_ends_is_told_as_closed():
    day = TransferDay(date(2027, 12, 31), date(2027, 12, 1), bundled_calendar())
    with pytest.raises(OutOfRange, match=r"closed on 2027-12-31.*ends in 2027"):
        check_transfer_day(day)
    beyond = TransferDay(date(2028, 1, 4), date(2027, 12, 1), bundled_calendar())
    with pytest.raises(HolidaysUnknown, match="whether 2028-01-04 is a business day"):
        check_transfer_day(beyond)
