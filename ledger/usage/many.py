"""Many lines at once: the same judgement as ``parse_line``, taken over a whole batch.

A line that is good needs no message, so its checks can be shared: names that repeat in every
record are matched once, marks are counted once, and the decoder runs without patterns, which
cost more than all else. Where anything is in doubt the answer is None, and the caller judges
line by line.

Invariant: ``parse_lines(lines)`` is None or ``[parse_line(line) for line in lines]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter, lt
from typing import Any

import msgspec

from ledger.errors import MalformedRecord
from ledger.usage.record import (
    CURRENCY,
    LINE_BYTES_MAX,
    LONG_FRACTION,
    NAME,
    Record,
    check_text,
    decode_record,
)

_match_name = re.compile(NAME).match
_match_currency = re.compile(CURRENCY).match
_REQUIRED = 9  # strings of every record: five names, four values


def parse_lines(lines: Sequence[bytes]) -> list[Record] | None:
    """The records of good lines; None if any line needs a closer look."""
    if not lines or max(map(len, lines)) > LINE_BYTES_MAX:
        return None
    try:
        records = list(map(decode_record, lines))
        if not _has_meaning(records) or not _is_spelt(records):
            return None
        _check_texts(lines, records)
    except (msgspec.DecodeError, UnicodeDecodeError, MalformedRecord):
        return None
    return records


def given(records: Sequence[Record], name: str) -> list[Any]:
    """One field of all the records that have it."""
    return [value for value in map(attrgetter(name), records) if value is not None]


def _check_texts(lines: Sequence[bytes], records: Sequence[Record]) -> None:
    """``check_text`` for all lines at once, or for each where marks do not settle it.

    No line has fewer marks than two for each string of its record, so the sum tells for all.
    """
    text = b"\n".join(lines)
    marks = text.count(b'"')
    if (
        b"\\" not in text
        and LONG_FRACTION.search(text) is None
        and marks == 2 * _count_strings(records)
    ):
        return
    for line, record in zip(lines, records, strict=True):
        check_text(line, record)


def _has_meaning(records: Sequence[Record]) -> bool:
    """Times in order, charges with a currency, negative figures in reversals only."""
    starts, ends = map(attrgetter("started_at"), records), map(attrgetter("ended_at"), records)
    if any(map(lt, ends, starts)):
        return False
    if any((record.charges is None) != (record.currency is None) for record in records):
        return False
    reversals = [record for record in records if record.reverses is not None]
    if not reversals:
        return min(_amounts(records)) >= 0
    others = [record for record in records if record.reverses is None]
    return max(_amounts(reversals)) <= 0 and min(_amounts(others), default=0) >= 0


def _amounts(records: Sequence[Record]) -> Iterable[int]:
    rows = chain(map(attrgetter("measures"), records), given(records, "charges"))
    return chain.from_iterable(map(dict.values, rows))


def _is_spelt(records: Sequence[Record]) -> bool:
    """Whether identifiers, names and currencies are made of the characters that they may have."""
    words = chain.from_iterable(given(records, name) for name in ("id", "payer", "reverses"))
    joined = "".join(words)
    names = set(map(attrgetter("facility"), records))
    names.update(chain.from_iterable(given(records, "measures")))
    names.update(chain.from_iterable(given(records, "charges")))
    names.update(chain.from_iterable(given(records, "attributes")))
    return (
        joined.isascii()
        and joined.isprintable()
        and " " not in joined
        and all(map(_match_name, names))
        and all(map(_match_currency, set(given(records, "currency"))))
    )


def _count_strings(records: Sequence[Record]) -> int:
    """How many strings the lines of these records hold, names included."""
    charges = given(records, "charges")
    attributes = given(records, "attributes")
    kinds = list(map(type, chain.from_iterable(map(dict.values, attributes))))
    return (
        _REQUIRED * len(records)
        + sum(map(len, given(records, "measures")))
        + 3 * len(charges)  # charges, currency and its value
        + sum(map(len, charges))
        + 2 * len(given(records, "payer"))
        + 2 * len(given(records, "reverses"))
        + len(attributes)
        + len(kinds)
        + kinds.count(str)
    )
