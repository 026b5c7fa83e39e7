"""Money as whole minor units: integers, never floats.

An amount is an int of minor units (1 JPY, 0.01 CHF); the currency and its number of decimal
digits travel beside it.

>>> parse_minor("12.5", digits=2), format_minor(-1205, digits=2)
(1250, '-12.05')
"""

from __future__ import annotations

import re

from ledger.errors import OutOfRange

AMOUNT_MAX = 2**53 - 1
CURRENCY = re.compile(r"[A-Z]{3}")

_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,9}))?")


def parse_minor(text: str, *, digits: int) -> int:
    """Read a decimal amount such as ``"12.5"`` as minor units; more digits are refused, not cut."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise OutOfRange(f"{text!r} is not a decimal amount")
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if len(fraction.rstrip("0")) > digits:
        raise OutOfRange(f"{text!r} has more than {digits} decimal digits")
    value = int(whole + fraction[:digits].ljust(digits, "0"))
    if value > AMOUNT_MAX:
        raise OutOfRange(f"{text!r} is beyond the largest amount")
    return -value if sign else value


def format_minor(amount_minor: int, *, digits: int, grouped: bool = False) -> str:
    """Write minor units as a decimal amount, with thousands commas when ``grouped``."""
    sign = "-" if amount_minor < 0 else ""
    whole, fraction = divmod(abs(amount_minor), 10**digits)
    head = f"{whole:,}" if grouped else str(whole)
    return f"{sign}{head}.{fraction:0{digits}d}" if digits else sign + head
