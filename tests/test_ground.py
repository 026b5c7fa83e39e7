"""The ground floor: canonical JSON against published vectors and a second encoder, money, time."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger import canonical
from ledger.errors import KyojoError, MalformedDocument, OutOfRange
from ledger.money import AMOUNT_MAX, format_minor, parse_minor
from ledger.period import (
    add_days,
    format_instant,
    is_plausible_month,
    month_bounds,
    parse_instant,
    parse_rfc3339,
)

# Canonical JSON.

VECTORS = ("arrays", "french", "structures", "unicode", "weird")

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=12)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def integers_only(value):
    """Whole numbers that a vector writes as fractions (56.0), which ours would not read."""
    if isinstance(value, float):
        assert value == int(value)
        return int(value)
    if isinstance(value, list):
        return [integers_only(item) for item in value]
    if isinstance(value, dict):
        return {name: integers_only(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize("name", VECTORS)
def test_published_vectors(shared, name):
    folder = shared / "samples" / "jcs"
    given_ = json.loads((folder / f"{name}.input.json").read_bytes())
    wanted = (folder / f"{name}.output.json").read_bytes()
    assert canonical.encode(integers_only(given_)) == wanted


def test_the_published_vector_with_fractions_is_refused(shared):
    data = (shared / "samples" / "jcs" / "values.input.json").read_bytes()
    with pytest.raises(MalformedDocument):
        canonical.parse(data)
    with pytest.raises(MalformedDocument):
        canonical.encode(json.loads(data))


@given(documents)
def test_the_second_encoder_agrees(document):
    assert canonical.encode(document) == rfc8785.dumps(document)


@pytest.mark.parametrize("wrong", [1.5, 2**53, -(2**53), b"x", {1: 2}, {None: 2}, {3}, "\ud800"])
@pytest.mark.parametrize("at", range(6))
def test_what_has_no_canonical_form_is_refused_wherever_it_stands(wrong, at):
    around = [
        wrong, ["a", 1, wrong], ("a", wrong), {"a": True, "b": wrong}, {"a": [[1], {"b": wrong}]},
        {"é": wrong},
    ][at]  # fmt: skip
    with pytest.raises((MalformedDocument, OutOfRange)):
        canonical.encode(around)


def test_nesting_is_encoded_up_to_its_limit():
    document: object = 1
    for _ in range(canonical.DEPTH_MAX):
        document = {"a": document}
    assert canonical.encode(document) == rfc8785.dumps(document)
    with pytest.raises(OutOfRange):
        canonical.encode([document])


@given(documents)
def test_canonical_bytes_are_read_back(document):
    data = canonical.encode(document)
    assert canonical.parse_canonical(data) == document
    assert canonical.parse(json.dumps(document).encode()) == document


NOT_JSON = {
    "nothing": b"",
    "a name twice": b'{"a":1,"a":1}',
    "a name twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a name twice, deep": b'[{"b":{"a":1,"a":2}}]',
    "a fraction": b"1.5",
    "a whole number as a fraction": b"1.0",
    "an exponent": b"1e3",
    "minus zero": b"-0",
    "2**53": b"9007199254740992",
    "-2**53": b"-9007199254740992",
    "5,000 digits": b"9" * 5000,
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "something after it": b"{} {}",
    "too deep for any reader": b"[" * 100_000,
    "too deep in objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "too deep after a string that never ends": b'"' + b"[" * 40,
    "single quotes": b"{'a':1}",
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_strict_json_is_refused(data):
    with pytest.raises(MalformedDocument):
        canonical.parse(data)


def test_brackets_do_not_end_the_process_when_a_library_raised_the_recursion_limit():
    program = """
import sys
from ledger.canonical import parse
from ledger.errors import MalformedDocument
sys.setrecursionlimit(1_000_000)
for data in (b"[" * 500_000, b'{"a":' * 500_000):
    try:
        parse(data)
    except MalformedDocument:
        print("refused")
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert found.stdout.split() == [b"refused", b"refused"]


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 32 + b"]" * 32,
        b'{"a":"' + b"[" * 400 + b'"}',
        b'["\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["]',
        b"[" + b"[],{}," * 500 + b"1]",
    ],
    ids=["32 deep", "brackets in a string", "after an escaped mark", "many side by side"],
)
def test_brackets_that_do_not_nest_are_read(data):
    assert canonical.parse(data) == json.loads(data)


def test_the_cost_of_looking_for_depth_is_linear():
    canonical.parse(b"[" + b'"' + b"a[" * 200_000 + b'"]')
    with pytest.raises(MalformedDocument):
        canonical.parse(b"[]" * 40 + b'"' + b"a" * 400_000)


@given(document=documents, is_ascii=st.booleans())
def test_what_is_read_as_canonical_is_so_for_the_second_encoder(document, is_ascii):
    data = json.dumps(document, ensure_ascii=is_ascii, separators=(",", ":")).encode()
    if data == rfc8785.dumps(document):
        assert canonical.parse_canonical(data) == document
    else:
        with pytest.raises(MalformedDocument):
            canonical.parse_canonical(data)


NOT_CANONICAL = {
    "a space": b'{"a": 1}',
    "a line feed after it": b"{}\n",
    "names not sorted": b'{"b":1,"a":1}',
    "names sorted by code point, not by UTF-16": '{"\ufb33":1,"\U0001f600":2}'.encode(),
    "an escape that is not needed": b'"\\u0061"',
    "a slash escaped": b'"\\/"',
    "capital hexadecimals": b'"\\u000F"',
    "a lone surrogate": b'"\\ud800"',
    "nested 33 deep": b"[" * 33 + b"]" * 33,
}


@pytest.mark.parametrize("data", NOT_CANONICAL.values(), ids=NOT_CANONICAL.keys())
def test_json_in_another_form_is_refused(data):
    with pytest.raises(MalformedDocument):
        canonical.parse_canonical(data)


@given(st.binary(max_size=60))
def test_any_bytes_raise_only_our_error(data):
    try:
        document = canonical.parse_canonical(data)
    except MalformedDocument:
        return
    assert canonical.encode(document) == data


@pytest.mark.parametrize("value", [1.0, b"x", {1: 2}, {"a": {1, 2}}, object(), "\ud800", 2**53])
def test_values_without_a_canonical_form(value):
    with pytest.raises(KyojoError):
        canonical.encode(value)


def test_deep_nesting_is_refused_before_it_exhausts_anything():
    deep: list = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(OutOfRange):
        canonical.encode(deep)


# Money.

MONEY = [
    ("0", 0, 0), ("12", 0, 12), ("12.5", 2, 1250), ("-0.05", 2, -5), ("1.50", 1, 15),
    ("007", 0, 7), ("12.000", 0, 12), ("9007199254740991", 0, None),
    ("900719925474099", 0, 900_719_925_474_099),
    ("90071992547409.91", 2, AMOUNT_MAX),
]  # fmt: skip


@pytest.mark.parametrize(("text", "digits", "minor"), MONEY)
def test_amounts(text, digits, minor):
    if minor is None:
        with pytest.raises(OutOfRange):
            parse_minor(text, digits=digits)
    else:
        assert parse_minor(text, digits=digits) == minor


@pytest.mark.parametrize(
    ("text", "digits"),
    [("", 2), ("1.005", 2), ("1,000", 0), ("1e3", 0), (" 1", 0), ("1\n", 0), ("+1", 0), (".5", 2),
     ("5.", 2), ("１", 0), ("90071992547409.92", 2), ("--1", 0), ("NaN", 2)],
)  # fmt: skip
def test_texts_that_are_no_amount(text, digits):
    with pytest.raises(OutOfRange):
        parse_minor(text, digits=digits)


@given(st.integers(-(10**14), 10**14), st.integers(0, 6))
def test_amounts_are_read_back(minor, digits):
    text = format_minor(minor, digits=digits)
    assert parse_minor(text, digits=digits) == minor
    grouped = format_minor(minor, digits=digits, grouped=True)
    assert grouped.replace(",", "") == text


def test_grouped_amounts():
    assert format_minor(-123456789, digits=2, grouped=True) == "-1,234,567.89"
    assert format_minor(1234567, digits=0, grouped=True) == "1,234,567"


# Time.

# Without a zone: Hypothesis asks for that.
MOMENTS = (datetime.fromisoformat("1900-01-01"), datetime.fromisoformat("9000-01-01"))
moments = st.datetimes(*MOMENTS, timezones=st.just(UTC))


@given(moments)
def test_instants_are_read_back_and_sort_as_times(moment):
    text = format_instant(moment)
    assert len(text) == 24
    assert timedelta() <= moment - parse_instant(text) < timedelta(milliseconds=1)
    later = format_instant(moment + timedelta(milliseconds=1))
    assert text < later


@pytest.mark.parametrize(
    "text",
    ["", "2026-10-31T15:00:00Z", "2026-10-31T15:00:00.000+00:00", "2026-13-01T00:00:00.000Z",
     "2026-02-30T00:00:00.000Z", "2026-10-31 15:00:00.000Z", "2026-10-31T15:00:00.000Z\n",
     "2026-10-31T24:00:00.000Z", "0000-01-01T00:00:00.000Z"],
)  # fmt: skip
def test_texts_that_are_no_instant(text):
    with pytest.raises(OutOfRange):
        parse_instant(text)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(text):
    with contextlib.suppress(OutOfRange):
        assert parse_rfc3339(text).tzinfo is not None


def test_a_time_without_zone_is_not_written():
    with pytest.raises(OutOfRange):
        format_instant(datetime(2026, 10, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("month", "zone", "bounds"),
    [
        ("2026-10", "Asia/Tokyo", ("2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z")),
        ("2026-12", "UTC", ("2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z")),
        # Months in which the clocks change are an hour shorter or longer.
        ("2017-03", "Europe/Zurich", ("2017-02-28T23:00:00.000Z", "2017-03-31T22:00:00.000Z")),
        ("2017-10", "Europe/Zurich", ("2017-09-30T22:00:00.000Z", "2017-10-31T23:00:00.000Z")),
        ("2024-02", "Asia/Tokyo", ("2024-01-31T15:00:00.000Z", "2024-02-29T15:00:00.000Z")),
    ],
)
def test_months(month, zone, bounds):
    assert month_bounds(month, zone=zone) == bounds
    assert is_plausible_month(month, *bounds)


@given(
    st.integers(1970, 2090), st.integers(1, 12),
    st.sampled_from(["Asia/Tokyo", "Europe/Zurich", "America/New_York", "Pacific/Kiritimati"]),
)  # fmt: skip
def test_months_meet_without_gap_or_overlap(year, number, zone):
    following = f"{year + number // 12}-{number % 12 + 1:02d}"
    start, end = month_bounds(f"{year}-{number:02d}", zone=zone)
    assert start < end == month_bounds(following, zone=zone)[0]
    local = parse_instant(start).astimezone(ZoneInfo(zone))
    assert (local.year, local.month, local.day) == (year, number, 1)


@pytest.mark.parametrize(
    ("month", "zone"),
    [("2026-00", "UTC"), ("2026-13", "UTC"), ("2026-1", "UTC"), ("2026-10\n", "UTC"),
     ("0000-01", "UTC"), ("0001-01", "Asia/Tokyo"), ("9999-12", "UTC"), ("2026-10", "Mars/Olympus"),
     ("2026-10", "America"), ("2026-10", "../../etc/passwd"), ("2026-10", ""), ("2026-10", "\x00")],
)  # fmt: skip
def test_months_and_zones_that_do_not_exist(month, zone):
    with pytest.raises(OutOfRange):
        month_bounds(month, zone=zone)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-10-01T00:00:00.000Z", "2026-11-30T15:00:00.000Z"),
        ("2026-09-01T00:00:00.000Z", "2026-10-01T00:00:00.000Z"),
        ("2026-10-02T00:00:00.000Z", "2026-10-31T15:00:00.000Z"),
    ],
)
def test_bounds_that_are_not_that_month_anywhere(start, end):
    assert not is_plausible_month("2026-10", start, end)


def test_days_are_added_in_instants():
    assert add_days("2026-10-31T15:00:00.000Z", 30) == "2026-11-30T15:00:00.000Z"
    with pytest.raises(OutOfRange):
        add_days("9999-12-31T00:00:00.000Z", 1)
