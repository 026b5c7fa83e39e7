"""The totals blob: read back exactly, and only in the one form that we write."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import KyojoError, MalformedBatch, OutOfRange
from ledger.usage.totals import TotalKey, add_totals, differences, encode_totals, parse_totals

SALT = bytes(32)
TRIPS = TotalKey("2026-10", "hub-1", "trips", "")
FARE = TotalKey("2026-10", "hub-1", "charge.fare", "JPY")

words = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=6)
keys = st.one_of(
    st.builds(
        TotalKey, words, words, words.filter(lambda w: not w.startswith("charge.")), st.just("")
    ),
    st.builds(TotalKey, words, words, words.map("charge.".__add__), words),
)
totals = st.dictionaries(keys, st.integers(-(2**53) + 1, 2**53 - 1), max_size=8)


@given(totals, st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read_back(found, salt):
    blob = encode_totals(salt, found)
    assert blob[:32] == salt
    assert parse_totals(blob) == found


@given(totals)
def test_the_order_of_counting_does_not_show(found):
    backwards = dict(reversed(list(found.items())))
    assert encode_totals(SALT, found) == encode_totals(SALT, backwards)


ROW = b'["2026-10","hub-1","trips","",3]'
REFUSED = {
    "shorter than its salt": bytes(31),
    "salt alone": SALT,
    "not a list": SALT + b"{}",
    "not canonical": SALT + b"[" + ROW + b" ]",
    "a row of four": SALT + b'[["2026-10","hub-1","trips",3]]',
    "a row of six": SALT + b'[["2026-10","hub-1","trips","",3,4]]',
    "a row that is an object": SALT + b'[{"a":1}]',
    "true for an amount": SALT + ROW.replace(b"3]", b"true]").join((b"[", b"]")),
    "a fraction": SALT + ROW.replace(b"3]", b"3.5]").join((b"[", b"]")),
    "2**53": SALT + ROW.replace(b"3]", b"9007199254740992]").join((b"[", b"]")),
    "a row twice": SALT + b"[" + ROW + b"," + ROW + b"]",
    "rows not sorted": SALT
    + b'[["2026-11","hub-1","trips","",3],["2026-10","hub-1","trips","",3]]',
    "a charge without currency": SALT + b'[["2026-10","hub-1","charge.fare","",3]]',
    "a metric with a currency": SALT + b'[["2026-10","hub-1","trips","JPY",3]]',
    "not UTF-8": SALT + b'[["\xff"]]',
}


@pytest.mark.parametrize("blob", REFUSED.values(), ids=REFUSED.keys())
def test_refused(blob):
    with pytest.raises(MalformedBatch):
        parse_totals(blob)


@given(st.binary(max_size=100))
def test_any_bytes_raise_only_our_error(tail):
    with contextlib.suppress(MalformedBatch):
        assert encode_totals(SALT, parse_totals(SALT + tail)) == SALT + tail


def test_a_sum_that_a_double_cannot_hold_is_refused():
    with pytest.raises(KyojoError):
        encode_totals(SALT, {TRIPS: 2**53})


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_salt_of_another_length_is_refused(size):
    with pytest.raises(OutOfRange):
        encode_totals(bytes(size), {TRIPS: 1})


def test_sums_of_several_totals():
    assert add_totals([{TRIPS: 3, FARE: 5}, {TRIPS: -1}, {}]) == {TRIPS: 2, FARE: 5}


def test_differences_name_both_figures_and_count_what_is_missing_as_zero():
    assert differences({TRIPS: 3, FARE: 5}, {TRIPS: 4, FARE: 5}) == [(TRIPS, 3, 4)]
    assert differences({TRIPS: 3}, {FARE: 5}) == [(FARE, 0, 5), (TRIPS, 3, 0)]
    assert differences({TRIPS: 0}, {}) == [(TRIPS, 0, 0)]
    assert differences({TRIPS: 3}, {TRIPS: 3}) == []
