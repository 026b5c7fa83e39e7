"""Many lines at once: the same judgement as ``parse_line``, taken over a whole batch.

A line that is good needs no message, so its checks can be shared: names that repeat in every
record are matched once, marks are counted once, and the decoder runs without patterns, which
cost more than all else. Where anything is in doubt the answer is None, and the caller judges
line by line.

Invariant: ``parse_lines(lines)`` is None or holds ``[parse_line(line) for line in lines]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import lt
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


@dataclass(frozen=True, slots=True)
class Columns:
    """Records field by field; of optional fields only what the records have.

    ``reversals`` are the positions of the records that take back another.
    """

    records: list[Record]
    ids: tuple[str, ...]
    facilities: tuple[str, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    measures: tuple[dict[str, int], ...]
    charges: Sequence[dict[str, int]]
    currencies: Sequence[str]
    payers: Sequence[str]
    reversals: Sequence[int]
    attributes: Sequence[dict[str, Any]]


def parse_lines(lines: Sequence[bytes]) -> Columns | None:
    """The records of good lines; None if any line needs a closer look."""
    if not lines or max(map(len, lines)) > LINE_BYTES_MAX:
        return None
    try:
        columns = _columns(list(map(decode_record, lines)))
        if not _has_meaning(columns) or not _is_spelt(columns):
            return None
        _check_texts(lines, columns)
    except (msgspec.DecodeError, UnicodeDecodeError, MalformedRecord):
        return None
    return columns


def _columns(records: list[Record]) -> Columns:
    rows = map(msgspec.structs.astuple, records)
    ids, facilities, starts, ends, measures, *optional = zip(*rows, strict=True)
    charges, currencies, payers, reverses, attributes = optional
    return Columns(
        records=records,
        ids=ids,
        facilities=facilities,
        starts=starts,
        ends=ends,
        measures=measures,
        charges=_given(charges),
        currencies=_given(currencies),
        payers=_given(payers),
        reversals=_places(reverses),
        attributes=_given(attributes),
    )


def _places(values: tuple[Any, ...]) -> Sequence[int]:
    if values.count(None) == len(values):
        return ()
    return [position for position, value in enumerate(values) if value is not None]


def _given(values: tuple[Any, ...]) -> Sequence[Any]:
    missing = values.count(None)
    if missing in (0, len(values)):
        return () if missing else values
    return [value for value in values if value is not None]


def _check_texts(lines: Sequence[bytes], columns: Columns) -> None:
    """``check_text`` for all lines at once, or for each where marks do not settle it.

    No line has fewer marks than two for each string of its record, so the sum tells for all.
    """
    text = b"\n".join(lines)
    marks = text.count(b'"')
    if (
        b"\\" not in text
        and LONG_FRACTION.search(text) is None
        and marks == 2 * _count_strings(columns)
    ):
        return
    for line, record in zip(lines, columns.records, strict=True):
        check_text(line, record)


def _has_meaning(columns: Columns) -> bool:
    """Times in order, charges with a currency, negative figures in reversals only."""
    if any(map(lt, columns.ends, columns.starts)):
        return False
    records, charged = columns.records, len(columns.charges)
    if charged != len(columns.currencies):
        return False
    if charged < len(records) and any(
        (record.charges is None) != (record.currency is None) for record in records
    ):
        return False
    if not columns.reversals:
        return min(_amounts(chain(columns.measures, columns.charges))) >= 0
    return all(map(_has_right_signs, records))


def _has_right_signs(record: Record) -> bool:
    amounts = list(_amounts([record.measures, record.charges or {}]))
    return max(amounts) <= 0 if record.reverses is not None else min(amounts) >= 0


def _amounts(rows: Iterable[dict[str, int]]) -> Iterable[int]:
    return chain.from_iterable(map(dict.values, rows))


def _is_spelt(columns: Columns) -> bool:
    """Whether identifiers, names and currencies are made of the characters that they may have."""
    reversed_ids = (str(columns.records[position].reverses) for position in columns.reversals)
    joined = "".join(chain(columns.ids, columns.payers, reversed_ids))
    names = set(columns.facilities)
    names.update(chain.from_iterable(columns.measures))
    names.update(chain.from_iterable(columns.charges))
    names.update(chain.from_iterable(columns.attributes))
    return (
        joined.isascii()
        and joined.isprintable()
        and " " not in joined
        and all(map(_match_name, names))
        and all(map(_match_currency, set(columns.currencies)))
    )


def _count_strings(columns: Columns) -> int:
    """How many strings the lines of these records hold, names included."""
    charges, attributes = columns.charges, columns.attributes
    kinds = list(map(type, chain.from_iterable(map(dict.values, attributes))))
    return (
        _REQUIRED * len(columns.records)
        + sum(map(len, columns.measures))
        + 3 * len(charges)  # charges, currency and its value
        + sum(map(len, charges))
        + 2 * len(columns.payers)
        + 2 * len(columns.reversals)
        + len(attributes)
        + len(kinds)
        + kinds.count(str)
    )
