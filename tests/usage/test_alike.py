"""Lines with the same fields, read together: never another reading than that of each line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.usage import alike
from ledger.usage.alike import LINES_MIN, SHAPES_MAX, AlikeReader
from ledger.usage.many import parse_lines
from tests.usage.test_many import CHANGES, GOOD, RAW

FULL = {
    **GOOD,
    "measures": {"trips": 1, "energy_wh": 0},
    "charges": {"fare": 120},
    "currency": "JPY",
    "payer": "rider-1",
    "attributes": {"vehicle": "car", "return": False, "seats": 4},
}
BASES = [GOOD, FULL, {**GOOD, "payer": "p"}, {**GOOD, "attributes": {"note": "駅"}}]
COUNT = LINES_MIN + 1


def batch(base, changes=()) -> list[bytes]:
    """Lines that differ in their ids; ``changes`` are made in some of them."""
    documents = [{**base, "id": f"r{number}"} for number in range(COUNT)]
    for number, change in changes:
        documents[number] |= change
    return [json.dumps(one, ensure_ascii=False).encode() for one in documents]


def check(lines: list[bytes]) -> bool:
    """Whether lines are read together; if so, as they are read otherwise."""
    found = AlikeReader().columns(lines)
    if found is not None:
        wanted = parse_lines(lines)
        assert wanted is not None
        assert found == replace(wanted, records=())
    return found is not None


@pytest.mark.parametrize("base", BASES)
def test_good_lines_are_read_together(base):
    """Otherwise this way would be right, and useless."""
    assert check(batch(base))
    assert check(batch(base, [(3, {"facility": "hub-2"}), (9, {"measures": base["measures"]})]))


@given(
    base=st.sampled_from(BASES),
    changes=st.lists(st.tuples(st.integers(0, COUNT - 1), st.sampled_from(CHANGES)), max_size=2),
    raw=st.none() | st.tuples(st.integers(0, COUNT - 1), st.sampled_from(RAW)),
)
def test_no_other_reading_than_of_each_line(base, changes, raw):
    lines = batch(base, changes)
    if raw is not None:
        lines[raw[0]] = raw[1]
    check(lines)


@given(base=st.sampled_from(BASES), number=st.integers(0, COUNT - 1), data=st.data())
def test_a_changed_byte_is_never_read_otherwise(base, number, data):
    lines = batch(base)
    line = bytearray(lines[number])
    line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    lines[number] = bytes(line)
    check(lines)


def test_a_value_over_two_lines_and_two_values_on_one_are_not_read():
    """Read together there are as many values as lines, and each by itself is no record."""
    lines = batch(GOOD)
    first, second = lines[4][:40], lines[4][40:]
    assert not check([*lines[:4], first, second + lines[5], *lines[6:]])
    head, tail = lines[4].split(b"}", 1)
    assert not check([*lines[:4], head + b"}", tail + lines[5], *lines[6:]])
    assert not check([*lines[:4], b"", lines[4] + lines[5], *lines[6:]])
    assert not check([*lines[:4], b" " + lines[4], *lines[5:]])


def test_few_lines_reversals_and_strange_names_go_the_longer_way():
    assert not check(batch(GOOD)[: LINES_MIN - 1])
    assert not check(batch({**GOOD, "measures": {"trips": -1}, "reverses": "x"}))
    assert not check(batch({**GOOD, "measures": {"é": 1}}))
    assert not check(batch({**GOOD, "attributes": {}}))
    assert not check(batch({**GOOD, "attributes": {'a"b': 1}}))


def test_a_reader_makes_a_bounded_number_of_decoders(monkeypatch):
    made = []
    real = alike._make_decoder
    monkeypatch.setattr(alike, "_make_decoder", lambda shape: made.append(shape) or real(shape))
    reader = AlikeReader()
    for number in range(SHAPES_MAX + 5):
        found = reader.columns(batch({**GOOD, "measures": {f"m{number}": 1}}))
        assert (found is None) == (number >= SHAPES_MAX)
    assert reader.columns(batch({**GOOD, "measures": {"m1": 1}})) is not None
    assert len(made) == SHAPES_MAX
