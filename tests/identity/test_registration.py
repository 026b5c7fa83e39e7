"""Corporate numbers and the T numbers of invoice issuers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import OutOfRange
from ledger.identity.registration import (
    check_digit,
    parse_corporate_number,
    parse_registration_number,
)

# The first is of a GTFS-JP feed, the second is the National Tax Agency's own.
PUBLISHED = ["5020001072478", "7000012050002"]
TWELVE = st.text("0123456789", min_size=12, max_size=12)


@pytest.mark.parametrize("number", PUBLISHED)
def test_a_published_number_is_read(number):
    assert parse_corporate_number(number) == number
    assert (
        parse_corporate_number(f" {number[:1]}-{number[1:5]}-{number[5:9]}-{number[9:]}") == number
    )
    for at in range(13):
        for digit in "0123456789":
            if digit != number[at] and {digit, number[at]} != {"0", "9"}:
                with pytest.raises(OutOfRange, match="check digit"):
                    parse_corporate_number(number[:at] + digit + number[at + 1 :])


@given(TWELVE)
def test_a_check_digit_is_from_1_to_9_and_fits(basic):
    digit = check_digit(basic)
    assert digit in "123456789"
    assert parse_corporate_number(digit + basic) == digit + basic


def test_a_registration_number_of_a_corporation_is_its_corporate_number():
    number = f"T{PUBLISHED[0]}"
    assert parse_registration_number("Ｔ5-0200-0107-2478", is_corporation=True) == number
    with pytest.raises(OutOfRange, match="check digit"):
        parse_registration_number("T1020001072478", is_corporation=True)


def test_that_of_a_person_is_another_number():
    assert parse_registration_number("t1234567890123", is_corporation=False) == "T1234567890123"


@pytest.mark.parametrize(
    "text", ["", "T", "5020001072478", "T502000107247", "T50200010724789", "TX"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(OutOfRange):
        parse_registration_number(text, is_corporation=False)
    with pytest.raises(OutOfRange):
        parse_corporate_number(text[1:])
