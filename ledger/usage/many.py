"""Many lines at once: the same judgement as ``parse_line``, taken over a whole batch.

A line that is good needs no message, so its checks can be shared: names that repeat in every
record are matched once, marks are counted once, and the decoder runs without patterns, which
cost more than all else. Records that measure the same are laid out as a table, so that signs and
sums are those of columns. Where anything is in doubt the answer is None, and the caller judges
line by line.

Invariant: ``parse_lines(lines)`` is None or holds ``[parse_line(line) for line in lines]``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter, itemgetter, lt
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

MATCH_NAME = re.compile(NAME).match
MATCH_CURRENCY = re.compile(CURRENCY).match
_attributes = attrgetter("attributes")
REQUIRED_STRINGS = 9  # strings of every record: five names, four values


@dataclass(frozen=True, slots=True)
class Table:
    """One field of records in which it has the same names: its values, name by name.

    ``columns[name][n]`` is the value of the record at ``positions[n]``.
    """

    positions: Sequence[int]
    columns: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Records field by field.

    ``reversals`` are the positions of the records that take back another; ``currencies`` has None
    for a record without charges. Columns without reversals may come without ``records``, see
    ``alike``.
    """

    records: Sequence[Record]
    ids: tuple[str, ...]
    facilities: tuple[str, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]
    measures: Sequence[Table]
    charges: Sequence[Table]
    currencies: tuple[str | None, ...]
    payers: tuple[str | None, ...]
    reversals: Sequence[int]


def parse_lines(lines: Sequence[bytes]) -> Columns | None:
    """The records of good lines; None if any line needs a closer look."""
    if not lines or max(map(len, lines)) > LINE_BYTES_MAX:
        return None
    try:
        columns = columns_of(list(map(decode_record, lines)))
        attributes = _tables(tuple(map(_attributes, columns.records)))
        if not _has_meaning(columns) or not _is_spelt(columns, attributes):
            return None
        _check_texts(lines, columns, attributes)
    except (msgspec.DecodeError, UnicodeDecodeError, MalformedRecord):
        return None
    return columns


def columns_of(records: Sequence[Record]) -> Columns:
    """The fields of one or more records."""
    rows = map(msgspec.structs.astuple, records)
    ids, facilities, starts, ends, measures, *optional = zip(*rows, strict=True)
    charges, currencies, payers, reverses, _ = optional
    return Columns(
        records=records,
        ids=ids,
        facilities=facilities,
        starts=starts,
        ends=ends,
        measures=_tables(measures),
        charges=_tables(charges),
        currencies=currencies,
        payers=payers,
        reversals=_given(reverses),
    )


def _given(values: tuple[Any, ...]) -> Sequence[int]:
    """The positions of the values that are not None."""
    missing = values.count(None)
    if missing in (0, len(values)):
        return () if missing else range(len(values))
    return [position for position, value in enumerate(values) if value is not None]


def _tables(values: tuple[Any, ...]) -> Sequence[Table]:
    """Objects as tables: one, if all of those that are there have the same names."""
    positions = _given(values)
    if not positions:
        return ()
    found = _table(positions, values)
    if found is not None:
        return (found,)
    alike: dict[frozenset[str], list[int]] = {}
    for position in positions:
        alike.setdefault(frozenset(values[position]), []).append(position)
    tables = (_table(together, values) for together in alike.values())
    return [table for table in tables if table is not None]


def _table(positions: Sequence[int], values: tuple[Any, ...]) -> Table | None:
    """The table of these objects; None unless they have the same names."""
    rows = values if len(positions) == len(values) else [values[at] for at in positions]
    names = rows[0]
    if sum(map(len, rows)) != len(names) * len(rows):
        return None
    try:
        return Table(positions, {name: list(map(itemgetter(name), rows)) for name in names})
    except KeyError:
        return None


def _check_texts(lines: Sequence[bytes], columns: Columns, attributes: Sequence[Table]) -> None:
    """``check_text`` for all lines at once, or for each where marks do not settle it.

    No line has fewer marks than two for each string of its record, so the sum tells for all.
    """
    text = b"\n".join(lines)
    marks = text.count(b'"')
    if (
        b"\\" not in text
        and LONG_FRACTION.search(text) is None
        and marks == 2 * _count_strings(columns, attributes)
    ):
        return
    for line, record in zip(lines, columns.records, strict=True):
        check_text(line, record)


def _has_meaning(columns: Columns) -> bool:
    """Times in order, charges with a currency, negative figures in reversals only."""
    if any(map(lt, columns.ends, columns.starts)):
        return False
    charged = [position for table in columns.charges for position in table.positions]
    if sorted(charged) != list(_given(columns.currencies)):
        return False
    if not columns.reversals:
        tables = (*columns.measures, *columns.charges)
        return all(min(amounts) >= 0 for table in tables for amounts in table.columns.values())
    return all(map(_has_right_signs, columns.records))


def _has_right_signs(record: Record) -> bool:
    amounts = [*record.measures.values(), *(record.charges or {}).values()]
    return max(amounts) <= 0 if record.reverses is not None else min(amounts) >= 0


def _is_spelt(columns: Columns, attributes: Sequence[Table]) -> bool:
    """Whether identifiers, names and currencies are made of the characters that they may have."""
    payers = filter(None, columns.payers)
    reversed_ids = (str(columns.records[position].reverses) for position in columns.reversals)
    joined = "".join(chain(columns.ids, payers, reversed_ids))
    tables = chain(columns.measures, columns.charges, attributes)
    names = set(columns.facilities)
    names.update(name for table in tables for name in table.columns)
    return (
        joined.isascii()
        and joined.isprintable()
        and " " not in joined
        and all(map(MATCH_NAME, names))
        and all(map(MATCH_CURRENCY, filter(None, set(columns.currencies))))
    )


def _count_strings(columns: Columns, attributes: Sequence[Table]) -> int:
    """How many strings the lines of these records hold, names included."""
    texts = sum(
        list(map(type, values)).count(str)
        for table in attributes
        for values in table.columns.values()
    )
    return (
        REQUIRED_STRINGS * len(columns.records)
        + _count_names(columns.measures, 0)
        + _count_names(columns.charges, 3)  # charges, currency and its value
        + 2 * len(_given(columns.payers))
        + 2 * len(columns.reversals)
        + _count_names(attributes, 1)
        + texts
    )


def _count_names(tables: Sequence[Table], beside: int) -> int:
    """The names in the objects of tables, and as many strings beside each object."""
    return sum(len(table.positions) * (beside + len(table.columns)) for table in tables)
