"""One line of a batch: what is read, and everything that is refused."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import MalformedRecord
from ledger.usage.record import LINE_BYTES_MAX, Record, negates, parse_line

GOOD = {
    "id": "r1",
    "facility": "hub-1",
    "started_at": "2026-10-05T08:00:00+09:00",
    "ended_at": "2026-10-05T08:30:00+09:00",
    "measures": {"trips": 3},
}


def line(**changes) -> bytes:
    document = {name: v for name, v in {**GOOD, **changes}.items() if v is not ...}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def raw(old: bytes, new: bytes, **changes) -> bytes:
    found = line(**changes)
    assert old in found
    return found.replace(old, new)


ACCEPTED = {
    "the least": line(),
    "everything": line(
        charges={"fare": 300},
        currency="JPY",
        payer="card-9",
        attributes={"line": "5番", "night": True, "zone": 3},
    ),
    "spaces between": json.dumps(GOOD).encode(),
    "a CR belongs to the line": line() + b"\r",
    "escapes without repetition": raw(b'"facility"', b'"facil\\u0069ty"'),
    "nulls for what is not said": line(charges=None, currency=None, payer=None),
    "no time at all between start and end": line(ended_at=GOOD["started_at"]),
    "the largest amount": line(measures={"trips": 2**53 - 1}),
    "a measure of zero": line(measures={"trips": 0}),
    "a reversal": line(id="r2", reverses="r1", measures={"trips": -3}),
    "six decimals of a second": line(started_at="2026-10-05T08:00:00.123456+09:00"),
    "a payer full of decimals": line(payer="1.23456789"),
    "names in Japanese": line(facility="拠点", measures={"回数": 1}),
    "the longest line": line(attributes={f"a{i}": "x" * 200 for i in range(32)}),
}

REFUSED = {
    "nothing": b"",
    "a space": b" ",
    "a list": b"[]",
    "null": b"null",
    "an object of nothing": b"{}",
    "two objects": line() + line(),
    "something after it": line() + b"x",
    "cut short": line()[:-1],
    "a byte order mark": b"\xef\xbb\xbf" + line(),
    "UTF-16": line().decode().encode("utf-16"),
    "invalid UTF-8 in a text": raw(b"x", b"\xff", attributes={"a": "x"}),
    "invalid UTF-8 in a name": raw(b"trips", b"\xfftrips"),
    "an overlong UTF-8 form": raw(b"x", b"\xc0\xaf", attributes={"a": "x"}),
    "a lone surrogate": raw(b"x", b"\\ud800", attributes={"a": "x"}),
    "a raw control character": raw(b"x", b"\x01", attributes={"a": "x"}),
    "a comment": line()[:-1] + b"/* */}",
    "a trailing comma": line()[:-1] + b",}",
    "nested too deep": b'{"a":' * 2000 + b"1" + b"}" * 2000,
    "too long": line(attributes={f"a{i}": "x" * 200 for i in range(31)} | {"b": "x" * 200})
    + b" " * LINE_BYTES_MAX,
    "an unknown field": line(colour="red"),
    "an unknown field, null": line(colour=None),
    "a field missing": line(facility=...),
    "no measures": line(measures={}),
    "measures missing": line(measures=...),
    "measures null": line(measures=None),
    "33 measures": line(measures={f"m{i}": 1 for i in range(33)}),
    "33 attributes": line(attributes={f"a{i}": 1 for i in range(33)}),
    "a name twice": line()[:-1] + b',"id":"r2"}',
    "a name twice, same value": line()[:-1] + b',"id":"r1"}',
    "a name twice, once escaped": line()[:-1] + b',"\\u0069d":"r1"}',
    "a measure twice": raw(b'"trips":3', b'"trips":3,"trips":3'),
    "a measure twice, once escaped": raw(b'"trips":3', b'"trips":3,"trip\\u0073":3'),
    "an attribute twice": raw(b'"a":1', b'"a":1,"a":2', attributes={"a": 1}),
    "an optional field twice, once null": line(payer="p")[:-1] + b',"payer":null}',
    "1.0 for a count": raw(b":3", b":3.0"),
    "1e3 for a count": raw(b":3", b":3e3"),
    "1E2 for a count": raw(b":3", b":3E2"),
    "a half": raw(b":3", b":0.5"),
    "1.0 in an attribute": raw(b":3}}", b":3.0}}", attributes={"a": 3}),
    "NaN": raw(b":3", b":NaN"),
    "Infinity": raw(b":3", b":Infinity"),
    "-Infinity": raw(b":3", b":-Infinity"),
    "a leading zero": raw(b":3", b":03"),
    "a plus sign": raw(b":3", b":+3"),
    "hexadecimal": raw(b":3", b":0x3"),
    "a count in quotes": line(measures={"trips": "3"}),
    "true for a count": line(measures={"trips": True}),
    "null for a count": line(measures={"trips": None}),
    "2**53": line(measures={"trips": 2**53}),
    "2**64": line(measures={"trips": 2**64}),
    "400 digits": raw(b":3", b":" + b"9" * 400),
    "1e400": raw(b":3", b":1e400"),
    "an id that is a number": line(id=1),
    "an empty id": line(id=""),
    "an id with a space": line(id="a b"),
    "an id with a line feed at its end": line(id="r1\n"),
    "an id in Japanese": line(id="記録"),
    "an id of 129": line(id="x" * 129),
    "a facility with a line feed at its end": line(facility="hub-1\n"),
    "a facility with a zero byte": line(facility="hub\x00"),
    "a facility with a plus": line(facility="a+b"),
    "a facility of 65": line(facility="x" * 65),
    "a measure's name with a line feed at its end": line(measures={"trips\n": 1}),
    "a currency in small letters": line(charges={"fare": 1}, currency="jpy"),
    "a currency with a line feed at its end": line(charges={"fare": 1}, currency="JPY\n"),
    "charges without a currency": line(charges={"fare": 1}),
    "a currency without charges": line(currency="JPY"),
    "empty charges": line(charges={}, currency="JPY"),
    "an attribute of 201": line(attributes={"a": "x" * 201}),
    "an attribute that is a list": line(attributes={"a": [1]}),
    "an attribute that is null": line(attributes={"a": None}),
    "a time without zone": line(started_at="2026-10-05T08:00:00"),
    "a date": line(started_at="2026-10-05"),
    "a time as a number": line(started_at=1759622400),
    "the 30th of February": line(started_at="2026-02-30T08:00:00Z"),
    "a leap second": line(ended_at="2026-12-31T23:59:60Z"),
    "seven decimals, which would be rounded": line(started_at="2026-10-05T08:00:00.1234567+09:00"),
    "seven decimals under an escaped name": raw(
        b"ended_at", b"ended\\u005fat", ended_at="2026-10-31T14:59:59.9999999Z"
    ),
    "ended before it started": line(ended_at="2026-10-05T07:59:59+09:00"),
    "ended before it started, across offsets": line(ended_at="2026-10-05T08:30:00+10:00"),
    "a negative measure": line(measures={"trips": -1}),
    "a negative charge": line(charges={"fare": -300}, currency="JPY"),
    "one negative measure among others": line(measures={"trips": 3, "energy_wh": -1}),
    "a reversal that adds": line(id="r2", reverses="r1"),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(data):
    assert isinstance(parse_line(data), Record)


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_refused(data):
    with pytest.raises(MalformedRecord) as caught:
        parse_line(data)
    assert caught.value.message


def test_a_record_says_what_its_line_says():
    record = parse_line(ACCEPTED["everything"])
    assert (record.id, record.facility, record.measures) == ("r1", "hub-1", {"trips": 3})
    assert (record.charges, record.currency, record.payer) == ({"fare": 300}, "JPY", "card-9")
    assert record.started_at.isoformat() == GOOD["started_at"]
    assert record.attributes == {"line": "5番", "night": True, "zone": 3}


def test_the_field_at_fault_is_named():
    with pytest.raises(MalformedRecord) as caught:
        parse_line(line(started_at="yesterday"))
    assert caught.value.details["field"] == "started_at"


@given(st.binary(max_size=300))
@example(b"[" * 8000)
def test_any_bytes_raise_only_our_error(data):
    with pytest.raises(MalformedRecord):
        parse_line(data)


@given(st.integers(0, len(line()) - 1), st.binary(max_size=3))
def test_any_damage_is_read_or_refused_as_ours(at, patch):
    damaged = line()[:at] + patch + line()[at + 1 :]
    try:
        record = parse_line(damaged)
    except MalformedRecord:
        return
    assert json.loads(damaged)["id"] == record.id  # another reader agrees on what is left


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "charges", "currency", "payer", "reverses", "attributes"]),
        json_values,
        max_size=4,
    )
)
def test_wrong_types_are_refused_as_ours(changes):
    data = json.dumps({**GOOD, **changes}).encode()
    with contextlib.suppress(MalformedRecord):
        assert isinstance(parse_line(data), Record)


# What takes a record back.

ORIGINAL = parse_line(line(charges={"fare": 300}, currency="JPY", payer="p"))
EXACT = {
    "id": "r2", "reverses": "r1", "measures": {"trips": -3},
    "charges": {"fare": -300}, "currency": "JPY", "payer": "p",
}  # fmt: skip


def test_the_exact_negative():
    assert negates(parse_line(line(**EXACT)), ORIGINAL)


def test_the_same_instant_in_another_offset_is_the_same_time():
    other = {"started_at": "2026-10-04T23:00:00Z", "ended_at": "2026-10-04T23:30:00Z"}
    assert negates(parse_line(line(**EXACT, **other)), ORIGINAL)


@pytest.mark.parametrize(
    "change",
    [
        {"reverses": "r9"},
        {"measures": {"trips": -2}},
        {"measures": {"trips": -3, "energy_wh": 0}},
        {"charges": {"fare": -299}},
        {"charges": None, "currency": None},
        {"currency": "CHF"},
        {"payer": None},
        {"payer": "q"},
        {"facility": "hub-2"},
        {"started_at": "2026-10-05T08:00:01+09:00"},
        {"ended_at": "2026-10-05T08:30:01+09:00"},
    ],
    ids=str,
)
def test_anything_else(change):
    assert not negates(parse_line(line(**{**EXACT, **change})), ORIGINAL)


def test_a_reversal_is_not_reversed():
    reversal = parse_line(line(**EXACT))
    again = parse_line(line(**{**EXACT, "id": "r3", "reverses": "r2"}))
    assert not negates(again, reversal)
