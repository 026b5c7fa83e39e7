"""Numbers by which Japan's tax office knows businesses: 法人番号, and T numbers of invoice issuers.

A corporate number has 13 digits. The first is a check digit: 9 − (Σ over the other twelve, from the
right, of digit × 1 at odd and × 2 at even places) mod 9. A qualified-invoice issuer's registration
number is ``T`` and 13 digits; that of a corporation is its corporate number, that of a person is
another number, whose digits are not checked here (FORMATS.md section 4). Whether a number is in
use, and whose it is, only the tax office's register says.

>>> parse_corporate_number("5020001072478")
'5020001072478'
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ledger.errors import OutOfRange

DIGITS: Final = 13
_NUMBER = re.compile(r"[0-9]{13}")


def check_digit(basic: str) -> str:
    """The digit before the twelve of ``basic``, from 1 to 9."""
    total = sum(
        int(digit) * (1 if place % 2 else 2) for place, digit in enumerate(reversed(basic), 1)
    )
    return str(9 - total % 9)


def parse_corporate_number(text: str) -> str:
    """A corporate number as 13 digits; OutOfRange for another form or a wrong check digit."""
    number = _plain(text)
    if _NUMBER.fullmatch(number) is None:
        raise OutOfRange(f"{text[:30]!r} is not a corporate number of {DIGITS} digits")
    if check_digit(number[1:]) != number[0]:
        raise OutOfRange(f"the check digit of the corporate number {number} is wrong")
    return number


def parse_registration_number(text: str, *, is_corporation: bool) -> str:
    """An issuer's number as ``T`` and 13 digits; a corporation's must be a corporate number."""
    number = _plain(text)
    if not number.startswith("T") or _NUMBER.fullmatch(number[1:]) is None:
        raise OutOfRange(f"{text[:30]!r} is not a registration number: T and {DIGITS} digits")
    return "T" + parse_corporate_number(number[1:]) if is_corporation else number


def _plain(text: str) -> str:
    """Without hyphens and spaces, in half width, as people write it on paper."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
