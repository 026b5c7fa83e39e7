"""Exact numbers of the rule language."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import OutOfRange
from ledger.rules.number import (
    format_digits,
    format_fraction,
    integer_json,
    over_common_denominator,
    parse_digits,
    parse_integer_json,
    parse_number,
    simplest_between,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, Fraction(7)),
        ("70%", Fraction(7, 10)),
        ("1/3", Fraction(1, 3)),
        ("0.019%", Fraction(19, 100_000)),
        ("-2.5", Fraction(-5, 2)),
    ],
)
def test_numbers_are_exact(value, expected):
    assert parse_number(value) == expected


@pytest.mark.parametrize(
    "value",
    [0.5, True, None, "", "1e3", "1_000", "٣", "1/0", "1/3%", ".5", "5.", " 5", "nan", "1" * 81],
)
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(OutOfRange):
        parse_number(value)


@given(st.fractions())
def test_a_fraction_written_reads_back(value):
    text = format_fraction(value.numerator, value.denominator)
    assert parse_number(text, length_max=len(text)) == value
    assert format_fraction(-value.numerator, -value.denominator) == str(value)


@given(st.integers(-(2**130), 2**130))
def test_an_integer_written_as_json_reads_back(value):
    assert parse_integer_json(integer_json(value)) == value


@pytest.mark.parametrize("value", ["5", "0009007199254740993", 1.0, True, "9007199254740991"])
def test_an_integer_has_one_written_form(value):
    with pytest.raises(OutOfRange):
        parse_integer_json(value)


@pytest.mark.parametrize(
    ("low", "high", "found"), [("0", "1/3", "1/4"), ("1/3", "1/2", "2/5"), ("1", "3", "2")]
)
def test_the_simplest_fraction_between_two(low, high, found):
    assert simplest_between(Fraction(low), Fraction(high)) == Fraction(found)


def test_nothing_is_between_a_number_and_itself():
    with pytest.raises(OutOfRange):
        simplest_between(Fraction(1), Fraction(1))


@given(st.lists(st.one_of(st.integers(), st.fractions()), max_size=6))
def test_common_denominator_keeps_the_values(values):
    numerators, common = over_common_denominator(values)
    assert [Fraction(numerator, common) for numerator in numerators] == values


def test_numbers_beyond_pythons_own_limit_of_digits():
    for value in (10**3999, 10**4000, 7 * 10**9864 + 1, -(10**9000) + 3):
        text = format_digits(value)
        assert len(text.lstrip("-")) == len(format_digits(abs(value)))
        assert parse_digits(text) == value
        assert parse_integer_json(integer_json(value)) == value
        assert parse_number(format_fraction(value, 7), length_max=20_000) == Fraction(value, 7)
    with pytest.raises(OutOfRange):
        parse_integer_json("1" + "0" * 9865)
