r"""Strict JSON in, canonical JSON (RFC 8785) out.

kyojo signs and hashes documents in their RFC 8785 form. Its documents hold no fractions, so this
is the part of RFC 8785 without floating-point numbers: objects, arrays, strings, booleans, null,
and integers within ±(2**53 − 1), the range in which an IEEE double is exact. Anything else is
refused rather than rounded. Names are sorted by their UTF-16 code units, as §3.2.3 requires.

Invariant: ``encode(parse(data)) == data`` for every ``data`` that ``parse_canonical`` accepts.

>>> encode({"b": 1, "a": ["é", None]})
b'{"a":["\xc3\xa9",null],"b":1}'
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, NoReturn

from ledger.errors import MalformedDocument, OutOfRange

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 32
_DIGITS_MAX = len(str(INTEGER_MAX))

# Strings, and all else that is no bracket; possessive, so that its cost is linear.
_NO_BRACKETS = re.compile(rb'(?s:"(?:[^"\\]++|\\.)*+"|[^\[\]{}"]++|")')
_PLAIN, _AS_IT_COMES = (
    json.JSONEncoder(
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
        check_circular=False,  # nothing deeper than DEPTH_MAX gets here
        sort_keys=is_sorted,
    )
    for is_sorted in (True, False)
)
_HARMLESS = frozenset((str, bool, type(None)))


def encode(document: Any) -> bytes:
    """The RFC 8785 form of ``document``.

    Raises OutOfRange for an integer that a double cannot hold exactly or for nesting deeper than
    ``DEPTH_MAX``, MalformedDocument for a value that JSON or kyojo does not know (floats, bytes).
    """
    if not _is_simple(document, DEPTH_MAX):
        document = _ordered(document, DEPTH_MAX)
        text = _AS_IT_COMES.encode(document)
    else:
        text = _PLAIN.encode(document)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedDocument("a string holds a lone surrogate, which UTF-8 lacks") from error


def digest(document: Any) -> bytes:
    """SHA-256 of the canonical form of ``document``, 32 bytes."""
    return hashlib.sha256(encode(document)).digest()


def parse(data: bytes, *, what: str = "document") -> Any:
    """Read strict JSON: UTF-8 without BOM, no repeated names, no fractions, no huge integers.

    Raises MalformedDocument, naming ``what`` was being read.
    """
    if _is_too_deep(data):
        raise MalformedDocument(f"{what} is nested deeper than {DEPTH_MAX} levels")
    try:
        return _STRICT.decode(data.decode("utf-8", "strict"))
    except MalformedDocument as error:
        raise MalformedDocument(f"{what}: {error.message}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedDocument(f"{what} is not JSON in UTF-8: {error}") from error


def parse_canonical(data: bytes, *, what: str = "document") -> Any:
    """Read JSON that must already be in its canonical form, byte for byte."""
    document = parse(data, what=what)
    try:
        again = _PLAIN.encode(document).encode() if _is_plain(data) else encode(document)
    except OutOfRange as error:
        raise MalformedDocument(f"{what}: {error.message}") from error
    if again != data:
        raise MalformedDocument(f"{what} is JSON but not in its RFC 8785 form")
    return document


def _is_plain(data: bytes) -> bool:
    """Whether all names in what was read are ASCII, of which the decoder's own order is ours.

    What ``parse`` gives has no other fault that ``encode`` would find.
    """
    return data.isascii() and b"\\u" not in data


def _is_too_deep(data: bytes) -> bool:
    """Whether brackets nest deeper than we read.

    The decoder recurses on the C stack. A library that raises Python's recursion limit, as those
    of the chain do, takes away its only guard, and a body of brackets would end the process.
    """
    if data.count(b"[") + data.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for bracket in _NO_BRACKETS.sub(b"", data):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_MAX:
            return True
    return False


def _is_simple(value: Any, depth: int) -> bool:
    """Whether the encoder by itself gives the form of ``value``: nothing in it is refused or rare.

    Most documents are so, and this only looks; ``_ordered`` makes a copy, and says what is wrong.
    """
    kind = type(value)
    if kind is dict:
        inner, names = value.values(), set(map(type, value))
        # Of ASCII names the encoder's order, by code points, is that by UTF-16 code units.
        if depth == 0 or not names <= {str} or not "".join(value).isascii():
            return False
    elif kind is list or kind is tuple:
        inner = value
        if depth == 0:
            return False
    else:
        return kind in _HARMLESS or (kind is int and -INTEGER_MAX <= value <= INTEGER_MAX)
    others = set(map(type, inner)) - _HARMLESS
    if others == {int}:
        return all(-INTEGER_MAX <= item <= INTEGER_MAX for item in inner if type(item) is int)
    return not others or all(_is_simple(item, depth - 1) for item in inner)


def _ordered(value: Any, depth: int) -> Any:
    if value is None or value is True or value is False or type(value) is str:
        return value
    if type(value) is int:
        if -INTEGER_MAX <= value <= INTEGER_MAX:
            return value
        raise OutOfRange(f"integer {value} is beyond ±(2**53 − 1); send it as a string")
    if depth == 0:
        raise OutOfRange(f"nested deeper than {DEPTH_MAX} levels")
    if isinstance(value, list | tuple):
        return [_ordered(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {name: _ordered(value[name], depth - 1) for name in _sorted_names(value)}
    raise MalformedDocument(f"a {type(value).__name__} has no place in a kyojo document")


def _sorted_names(value: dict[Any, Any]) -> list[str]:
    if not all(type(name) is str for name in value):
        raise MalformedDocument("a name in an object is not a string")
    if all(name.isascii() for name in value):
        return sorted(value)
    return sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MalformedDocument(f"the name {twice!r} stands twice in one object")
    return found


def _bounded_integer(text: str) -> int:
    if len(text) > _DIGITS_MAX + 1 or abs(number := int(text)) > INTEGER_MAX:
        raise MalformedDocument(f"integer {text[:24]} is beyond ±(2**53 − 1)")
    if text == "-0":
        raise MalformedDocument("-0 is not an integer of this format")
    return number


def _refuse_fraction(text: str) -> NoReturn:
    raise MalformedDocument(f"{text[:24]} is not an integer; fractions travel as strings")


_STRICT = json.JSONDecoder(  # last, for it is made of the functions above
    object_pairs_hook=_unique_names,
    parse_float=_refuse_fraction,
    parse_constant=_refuse_fraction,
    parse_int=_bounded_integer,
)
