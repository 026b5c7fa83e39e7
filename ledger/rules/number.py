"""Exact numbers of the rule language: integers, ``70%``, ``1/3``, ``0.019%``, ``2.5``.

A number is an int, or text that says exactly what is meant; a binary float never is one.

>>> parse_number("0.019%"), format_fraction(6, -4)
(Fraction(19, 100000), '-3/2')
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from ledger.canonical import INTEGER_MAX
from ledger.errors import OutOfRange

LENGTH_MAX = 80
DIGITS_MAX = 9_865
"""The digits of the largest number that a sum tree holds, of 4096 bytes."""

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_RATIO = re.compile(r"-?[0-9]+/[0-9]+")
_LONG = re.compile(rf"-?[1-9][0-9]{{15,{DIGITS_MAX - 1}}}")
_CHUNK_DIGITS = 4_000
_CHUNK: int = 10**_CHUNK_DIGITS


def parse_number(value: Any, *, length_max: int = LENGTH_MAX) -> Fraction:
    """Read an int or a number's text; raises OutOfRange for anything else, floats above all."""
    if type(value) is int:
        return Fraction(value)
    if type(value) is float:
        raise OutOfRange(f"{value!r} is a binary float; write the number in quotes")
    if type(value) is not str:
        raise OutOfRange(f"{type(value).__name__} is not a number")
    if len(value) > length_max:
        raise OutOfRange(f"{value[:20]}… is longer than {length_max} characters")
    return _parse_text(value)


def _parse_text(text: str) -> Fraction:
    body, scale = (text[:-1], 100) if text.endswith("%") else (text, 1)
    if _DECIMAL.fullmatch(body):
        whole, _, decimals = body.partition(".")
        return Fraction(parse_digits(whole + decimals), scale * 10 ** len(decimals))
    if _RATIO.fullmatch(text):
        top, _, bottom = text.partition("/")
        if bottom.strip("0"):
            return Fraction(parse_digits(top), parse_digits(bottom))
    raise OutOfRange(f"{text[:40]!r} is not a number such as 5, 2.5, 70% or 1/3")


def format_fraction(numerator: int, denominator: int = 1) -> str:
    """Write a quotient in lowest terms: ``"3"``, ``"-1/2"``; ``denominator`` is not zero."""
    divisor = gcd(numerator, denominator)
    if denominator < 0:
        divisor = -divisor
    top, bottom = numerator // divisor, denominator // divisor
    return format_digits(top) + ("" if bottom == 1 else f"/{format_digits(bottom)}")


def format_digits(value: int) -> str:
    """An integer in decimal digits, however long; Python's own ``str`` stops at 4,300 of them."""
    if value < 0:
        return "-" + format_digits(-value)
    high, low = divmod(value, _CHUNK)
    return format_digits(high) + str(low).zfill(_CHUNK_DIGITS) if high else str(low)


def parse_digits(text: str) -> int:
    """Read what ``format_digits`` wrote."""
    if text.startswith("-"):
        return -parse_digits(text[1:])
    if len(text) <= _CHUNK_DIGITS:
        return int(text)
    return parse_digits(text[:-_CHUNK_DIGITS]) * _CHUNK + int(text[-_CHUNK_DIGITS:])


def over_common_denominator(values: Iterable[int | Fraction]) -> tuple[tuple[int, ...], int]:
    """The values as integers over their least common denominator; ints cost nothing."""
    listed = tuple(values)
    bottoms = {value.denominator for value in listed}
    if bottoms <= {1}:
        return tuple(map(int, listed)), 1
    common = lcm(*bottoms)
    return tuple(value.numerator * (common // value.denominator) for value in listed), common


def integer_json(value: int) -> int | str:
    """An integer as JSON holds it exactly: a number within ±(2**53 − 1), decimal text beyond."""
    return value if -INTEGER_MAX <= value <= INTEGER_MAX else format_digits(value)


def parse_integer_json(value: Any) -> int:
    """Read what ``integer_json`` wrote, in that form only; raises OutOfRange."""
    if type(value) is int:
        return value
    if type(value) is str and _LONG.fullmatch(value):
        number = parse_digits(value)
        if abs(number) > INTEGER_MAX:
            return number
    raise OutOfRange(f"{value!r:.60} is not an integer as kyojo writes it")


def simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction strictly between two non-negative ones that has the smallest denominator.

    Of several such the smallest. It is found along the Stern–Brocot tree, by continued fractions.
    """
    if not 0 <= low < high:
        raise OutOfRange(f"there is nothing between {low} and {high}")
    whole = low.numerator // low.denominator
    if whole + 1 < high:
        return Fraction(whole + 1)
    rest_low, rest_high = low - whole, high - whole
    if rest_low == 0:
        smallest = rest_high.denominator // rest_high.numerator + 1
        return whole + Fraction(1, smallest)
    inner = simplest_between(1 / rest_high, 1 / rest_low)
    return whole + 1 / inner
