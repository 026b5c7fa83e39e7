"""The importer of charging-network CSV files, against the real file and against damage."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvariantViolated, MalformedBatch, MalformedDocument, OutOfRange, TooLarge
from ledger.usage.formats import charging_csv, csv_table
from ledger.usage.formats.charging_csv import Columns, Options, convert
from ledger.usage.formats.local_time import DAY_FIRST, MONTH_FIRST
from ledger.usage.formats.report import REJECT_TEXTS, Conversion, Warned

EXCERPT = Path(__file__).resolve().parent.parent / "examples/lugano/sessions-2017-06.csv"
HEADER = (
    "ChargeLogId,BeginDate,BeginHour,EndDate,EndHour,Duration,PowerConsumption,Debit,Currency,"
    "TransactionType,ChargingStationId,UserOperatorName"
)
GOOD = {
    "id": "7",
    "begin_date": "06/13/2017",
    "begin_clock": "09:00",
    "end_date": "06/13/2017",
    "end_clock": "10:00",
    "duration_s": "3600",
    "energy_wh": "4210",
    "debit": "1.5",
    "currency": "CHF",
    "transaction": "RFID",
    "facility": "2090",
    "operator": "evpass",
}


def line(**changes: str) -> str:
    return ",".join({**GOOD, **changes}.values())


def table(*lines: str) -> bytes:
    return "\r\n".join([HEADER, *lines, ""]).encode()


def read(*lines: str, options: Options | None = None) -> Conversion:
    return convert(table(*lines), options or Options())


def codes(conversion: Conversion) -> list[str]:
    return [row.code for row in conversion.report.rejected]


@pytest.fixture(scope="module")
def half_year(shared: Path) -> Conversion:
    return convert((shared / "samples" / "ev-charging-2017h1.csv").read_bytes(), Options())


# --- the real half-year --------------------------------------------------------------------------


def test_every_row_of_the_half_year_becomes_a_record(half_year: Conversion) -> None:
    report = half_year.report
    assert (report.rows_in, report.records_out, report.merged) == (1085, 1085, 0)
    assert report.rejected == report.defaulted == report.warnings == ()
    assert report.control_totals["energy_wh"] == 5_109_616
    assert report.control_totals["charge.debit"] == 256_436
    assert report.control_totals["count"] == 1085


def test_the_months_of_the_half_year(half_year: Conversion) -> None:
    months = [record["ended_at"][:7] for record in half_year.records]
    counted = [months.count(f"2017-{month:02d}") for month in range(1, 7)]
    assert counted == [171, 83, 92, 98, 151, 490]


@pytest.mark.parametrize(
    ("operator", "rows", "energy_wh", "debit_minor"),
    [
        ("Emotì", 800, 3_819_430, 214_980),
        ("evpass", 106, 346_049, 21_393),
        ("Green Motion", 57, 12_994, 3_317),
        (None, 122, 931_143, 16_746),
    ],
)
def test_each_operator_of_the_half_year(
    half_year: Conversion, operator: str | None, rows: int, energy_wh: int, debit_minor: int
) -> None:
    found = [r for r in half_year.records if r["attributes"].get("operator") == operator]
    assert len(found) == rows
    assert sum(record["measures"]["energy_wh"] for record in found) == energy_wh
    assert sum(record.get("charges", {}).get("debit", 0) for record in found) == debit_minor
    assert all("payer" not in record for record in found)


def test_sessions_without_a_debit_have_no_charge_rather_than_a_charge_of_zero(
    half_year: Conversion,
) -> None:
    free = [record for record in half_year.records if "charges" not in record]
    assert len(free) == 263
    assert sum(record["measures"]["energy_wh"] > 0 for record in free) == 141
    assert all("currency" not in record for record in free)


def test_the_duration_is_the_column_that_does_not_wrap(half_year: Conversion) -> None:
    (long,) = [r for r in half_year.records if r["id"] == "charging:152152"]
    assert long["measures"]["duration_s"] == 154_684


def test_sessions_within_one_minute_end_by_their_duration(half_year: Conversion) -> None:
    coerced = half_year.report.coerced
    assert len(coerced) == 141
    assert {change.rule for change in coerced} == {"end-from-duration"}
    first = coerced[0]
    record = half_year.records[first.row - 2]
    seconds = datetime.fromisoformat(record["ended_at"]) - datetime.fromisoformat(first.before)
    assert seconds.total_seconds() == record["measures"]["duration_s"]


def test_winter_and_summer_time_have_their_offsets(half_year: Conversion) -> None:
    offsets = {record["started_at"][-6:] for record in half_year.records}
    assert offsets == {"+01:00", "+02:00"}


def test_what_no_record_holds_is_counted(half_year: Conversion) -> None:
    dropped = half_year.report.dropped
    assert dropped["Net Payout"] == 822
    assert dropped["Penalty"] == 1085 - 758
    assert "Debit" not in dropped
    assert len(dropped) == 27 - 13


def test_reading_dots_day_first_is_warned_about(shared: Path) -> None:
    data = (shared / "samples" / "ev-charging-2017h1.csv").read_bytes()
    options = Options(dates={".": DAY_FIRST, "/": MONTH_FIRST})
    report = convert(data, options).report
    assert report.rejected == ()
    # Besides, sessions from the 12th into the 13th now last for months.
    found = [warning.code for warning in report.warnings]
    assert found.count("date-order") == 1
    assert report.warnings[0].row is not None
    assert set(found) == {"date-order", "duration-disagrees"}


def test_the_excerpt_is_june() -> None:
    conversion = convert(EXCERPT.read_bytes(), Options())
    assert len(conversion.records) == 490
    assert conversion.report.warnings == ()
    assert len(conversion.report.coerced) == 67
    assert conversion.report.control_totals["charge.debit"] == 124_911
    assert conversion.report.control_totals["energy_wh"] == 1_931_462
    assert {record["ended_at"][:7] for record in conversion.records} == {"2017-06"}
    assert conversion.report.dropped == {}
    assert conversion.records[0] == {
        "id": "charging:200362",
        "facility": "2014",
        "started_at": "2017-06-01T11:27:00+02:00",
        "ended_at": "2017-06-01T14:33:00+02:00",
        "measures": {"count": 1, "duration_s": 11165, "energy_wh": 7978},
        "charges": {"debit": 490},
        "currency": "CHF",
        "attributes": {"operator": "Emotì", "transaction": "RFID"},
    }


# --- one row -------------------------------------------------------------------------------------


def test_one_row_becomes_this_record() -> None:
    (record,) = read(line()).records
    assert record == {
        "id": "charging:7",
        "facility": "2090",
        "started_at": "2017-06-13T09:00:00+02:00",
        "ended_at": "2017-06-13T10:00:00+02:00",
        "measures": {"count": 1, "duration_s": 3600, "energy_wh": 4210},
        "charges": {"debit": 150},
        "currency": "CHF",
        "attributes": {"operator": "evpass", "transaction": "RFID"},
    }


def test_a_debit_of_zero_is_a_charge_of_zero() -> None:
    assert read(line(debit="0")).records[0]["charges"] == {"debit": 0}


def test_a_row_without_operator_names_nobody() -> None:
    (record,) = read(line(operator="", transaction="Hubject Roaming")).records
    assert record["attributes"] == {"transaction": "Hubject Roaming"}
    assert "payer" not in record


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"id": ""}, "ChargeLogId", "missing-value"),
        ({"id": "7/8"}, "ChargeLogId", "bad-id"),
        ({"id": "é"}, "ChargeLogId", "bad-id"),
        ({"facility": "north side"}, "ChargingStationId", "bad-id"),
        ({"operator": "e" * 201}, "UserOperatorName", "too-long"),
        ({"duration_s": ""}, "Duration", "missing-value"),
        ({"duration_s": "12:02:10 AM"}, "Duration", "bad-integer"),
        ({"duration_s": "٣"}, "Duration", "bad-integer"),
        ({"energy_wh": "1.5"}, "PowerConsumption", "bad-integer"),
        ({"energy_wh": "-4"}, "PowerConsumption", "negative"),
        ({"energy_wh": "9007199254740992"}, "PowerConsumption", "bad-integer"),
        ({"debit": "1.005"}, "Debit", "bad-amount"),
        ({"debit": "1e3"}, "Debit", "bad-amount"),
        ({"debit": "-1"}, "Debit", "negative"),
        ({"currency": "EUR"}, "Currency", "other-currency"),
        ({"begin_date": "13/06/2017"}, "BeginDate", "bad-date"),
        ({"begin_date": "2017-06-13"}, "BeginDate", "bad-date"),
        ({"begin_date": "06-13-2017"}, "BeginDate", "bad-date"),
        ({"end_date": "02/29/2017"}, "EndDate", "bad-date"),
        ({"begin_clock": "24:00"}, "BeginHour", "bad-time"),
        ({"begin_clock": "9h"}, "BeginHour", "bad-time"),
        ({"end_clock": "08:59"}, "EndHour", "end-before-begin"),
        ({"begin_date": "03/26/2017", "begin_clock": "02:30"}, "BeginHour", "missing-time"),
        ({"end_date": "10/29/2017", "end_clock": "02:30"}, "EndHour", "ambiguous-time"),
    ],
)
def test_a_row_that_cannot_be_converted_is_named(
    changes: dict[str, str], column: str, code: str
) -> None:
    report = read(line(id="1"), line(**changes), line(id="3")).report
    (found,) = report.rejected
    assert (found.row, found.column, found.code) == (3, column, code)
    assert (report.rows_in, report.records_out) == (3, 2)


def test_a_row_with_other_than_the_headers_columns_is_named() -> None:
    assert codes(read(line(id="1") + ",more", "2,06/13/2017")) == ["bad-row", "bad-row"]


def test_an_exact_repetition_is_merged_and_a_different_one_is_refused() -> None:
    conversion = read(line(), line(), line(energy_wh="1"))
    assert conversion.report.merged == 1
    assert codes(conversion) == ["duplicate-id"]
    assert len(conversion.records) == 1


def test_a_duration_that_disagrees_with_the_times_is_warned_about() -> None:
    assert read(line(duration_s="3659")).report.warnings == ()
    assert read(line(duration_s="3660")).report.warnings == (Warned(2, "duration-disagrees"),)


def test_a_session_within_one_minute_never_ends_after_it() -> None:
    (record,) = read(line(end_clock="09:00", duration_s="900")).records
    assert record["ended_at"] == "2017-06-13T09:00:59+02:00"


@pytest.mark.parametrize(("fold", "offset"), [(0, "+02:00"), (1, "+01:00")])
def test_an_hour_that_occurs_twice_is_resolved_by_option(fold: int, offset: str) -> None:
    changes = {"end_date": "10/29/2017", "end_clock": "02:30"}
    conversion = read(line(**changes), options=Options(fold=fold))
    assert conversion.records[0]["ended_at"] == f"2017-10-29T02:30:00{offset}"
    assert [change.rule for change in conversion.report.coerced] == [f"fold-{fold}"]


@pytest.mark.parametrize(
    ("fold", "moment"), [(0, "2017-03-26T03:30:00+02:00"), (1, "2017-03-26T01:30:00+01:00")]
)
def test_an_hour_that_does_not_occur_is_resolved_by_option(fold: int, moment: str) -> None:
    changes = {"begin_date": "03/26/2017", "begin_clock": "02:30"}
    conversion = read(line(**changes), options=Options(fold=fold))
    assert conversion.records[0]["started_at"] == moment


# --- order of dates ------------------------------------------------------------------------------


def dotted(*days: str) -> list[str]:
    return [line(id=str(i), begin_date=day, end_date=day) for i, day in enumerate(days)]


def test_a_file_in_order_only_the_other_way_round_is_warned_about() -> None:
    days = ("01.02.17", "02.02.17", "01.03.17")
    found = read(*dotted(*days), options=Options(dates={".": MONTH_FIRST})).report.warnings
    assert found == (Warned(None, "no-day-above-12"), Warned(4, "date-order"))
    assert read(*dotted(*days), options=Options(dates={".": DAY_FIRST})).report.warnings == (
        Warned(None, "no-day-above-12"),
    )


def test_dates_that_can_be_read_only_the_other_way_round_are_warned_about() -> None:
    report = read(*dotted("01.02.17", "13.02.17")).report
    assert [row.code for row in report.rejected] == ["bad-date"]
    assert Warned(None, "date-order") in report.warnings


def test_a_file_without_order_says_nothing_about_its_reading() -> None:
    days = ("05/20/2017", "03/20/2017", "04/20/2017")
    assert read(*dotted(*days)).report.warnings == ()


# --- the file and the report ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"a,b\r\n1,2\r\n",
        table(line()).replace(b"Debit", b"Currency"),
        table(line()) + b'"open',
        "\ufeff".encode() + table(line()).replace(b"Duration", b"Dauer"),
    ],
)
def test_bytes_that_are_not_such_a_file_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedDocument):
        convert(data, Options())


def test_a_byte_order_mark_and_empty_lines_do_no_harm() -> None:
    data = b"\xef\xbb\xbf" + table(line(), "", line(id="8"))
    assert [record["id"] for record in convert(data, Options()).records] == [
        "charging:7",
        "charging:8",
    ]


def test_a_file_beyond_the_limits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_table, "ROWS_MAX", 1)
    assert len(read(line()).records) == 1
    with pytest.raises(TooLarge):
        read(line(), line(id="8"))
    monkeypatch.setattr(csv_table, "FILE_BYTES_MAX", 10)
    with pytest.raises(TooLarge):
        read(line())


def test_other_column_names_are_an_option() -> None:
    options = Options(columns=Columns(facility="Station"))
    data = table(line()).replace(b"ChargingStationId", b"Station")
    assert convert(data, options).records == read(line()).records


@pytest.mark.parametrize(
    "changes", [{"zone": "Europe/Atlantis"}, {"dates": {".": "day-last"}}, {"fold": 2}]
)
def test_options_without_meaning_are_refused(changes: dict) -> None:
    with pytest.raises(OutOfRange):
        Options(**changes)


def test_the_map_hash_tells_options_apart() -> None:
    hashes = {
        read(line(), options=options).report.map_hash
        for options in (Options(), Options(fold=0), Options(map_version="2"), Options())
    }
    assert len(hashes) == 3


def test_nothing_is_importable_while_a_row_is_rejected_unless_partial_is_asked() -> None:
    conversion = read(line(), line(id="8", debit="x"))
    with pytest.raises(MalformedBatch) as refused:
        conversion.importable()
    assert [fault.where for fault in refused.value.faults] == ["row 3, Debit"]
    assert conversion.importable(partial=True) == conversion.records
    assert read(line()).importable() == read(line()).records


def test_the_report_is_json_in_the_words_of_the_format_reference() -> None:
    report = read(line(end_clock="09:00", duration_s="5"), line(id="8", debit="x")).report
    document = json.loads(json.dumps(report.as_dict()))
    assert document["format"] == charging_csv.FORMAT
    assert document["rejected"] == [
        {
            "row": 3,
            "column": "Debit",
            "raw": "x",
            "code": "bad-amount",
            "ja": REJECT_TEXTS["bad-amount"][0],
            "en": REJECT_TEXTS["bad-amount"][1],
        }
    ]
    assert document["coerced"][0] == {
        "row": 2,
        "field": "ended_at",
        "from": "2017-06-13T09:00:00+02:00",
        "to": "2017-06-13T09:00:05+02:00",
        "rule": "end-from-duration",
    }
    assert document["control_totals"]["charge.debit"] == 150


def test_a_report_whose_rows_do_not_add_up_is_a_bug() -> None:
    report = read(line()).report
    with pytest.raises(InvariantViolated):
        replace(report, rows_in=2)


@given(st.lists(st.lists(st.text(max_size=12), max_size=13), max_size=6))
def test_no_row_vanishes_and_no_other_error_escapes(rows: list[list[str]]) -> None:
    data = "\r\n".join([HEADER, *(",".join(cells) for cells in rows)]).encode(
        "utf-8", "surrogatepass"
    )
    try:
        report = convert(data, Options()).report
    except MalformedDocument:
        return
    assert report.rows_in == report.records_out + report.merged + len(report.rejected)


@given(changes=st.fixed_dictionaries({}, optional={name: st.text(max_size=10) for name in GOOD}))
def test_one_damaged_row_is_a_record_or_a_rejection(changes: dict[str, str]) -> None:
    cells = ['"' + value.replace('"', '""') + '"' for value in {**GOOD, **changes}.values()]
    try:
        report = convert(table(",".join(cells)), Options()).report
    except (MalformedDocument, UnicodeEncodeError):
        return
    assert report.rows_in == 1
    assert all(row.as_dict()["ja"] for row in report.rejected)
