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

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_RATIO = re.compile(r"-?[0-9]+/[0-9]+")


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
        return Fraction(body) / scale
    if _RATIO.fullmatch(text) and int(text.partition("/")[2]) != 0:
        return Fraction(text)
    raise OutOfRange(f"{text[:40]!r} is not a number such as 5, 2.5, 70% or 1/3")


def format_fraction(numerator: int, denominator: int = 1) -> str:
    """Write a quotient in lowest terms: ``"3"``, ``"-1/2"``; ``denominator`` is not zero."""
    divisor = gcd(numerator, denominator)
    if denominator < 0:
        divisor = -divisor
    top, bottom = numerator // divisor, denominator // divisor
    return str(top) if bottom == 1 else f"{top}/{bottom}"


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
    return value if -INTEGER_MAX <= value <= INTEGER_MAX else str(value)


def parse_integer_json(value: Any) -> int:
    """Read what ``integer_json`` wrote, in that form only; raises OutOfRange."""
    if type(value) is int:
        return value
    if type(value) is str and re.fullmatch(r"-?[1-9][0-9]{15,159}", value):
        number = int(value)
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
