"""CSV in UTF-8 as rows of named cells, within stated limits.

A row keeps the number that a spreadsheet shows for it (the header is row 1), so that a person can
find what a report names. Empty lines are passed over; a row with more or fewer cells than the
header is kept and marked, never filled up or cut.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ledger.errors import MalformedDocument, TooLarge

FILE_BYTES_MAX = 64 * 1024 * 1024
ROWS_MAX = 500_000


class Row(NamedTuple):
    """One row: its number, its cells by column, and whether it has exactly the header's columns."""

    number: int
    cells: dict[str, str]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A file's column names and its rows, both in the order of the file."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def count_values_outside(self, kept: set[str]) -> dict[str, int]:
        """How many cells hold something, for each column that is not among ``kept``."""
        others = (name for name in self.header if name not in kept)
        return {name: sum(bool(row.cells.get(name)) for row in self.rows) for name in others}


def read_table(data: bytes, needed: set[str]) -> Table:
    """Read a file with a header that has the columns ``needed``, in any order, and any others.

    Raises MalformedDocument when it is not UTF-8 (a byte order mark is allowed), not CSV, or lacks
    or repeats a column; TooLarge beyond FILE_BYTES_MAX or ROWS_MAX.
    """
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(f"the file has {len(data)} bytes, the limit is {FILE_BYTES_MAX}")
    try:
        lines = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        header = tuple(next(lines, ()))
        _check_header(header, needed)
        return Table(header, tuple(_rows(header, lines)))
    except UnicodeDecodeError as error:
        raise MalformedDocument(f"the file is not UTF-8 at byte {error.start}") from error
    except csv.Error as error:
        raise MalformedDocument(f"the file is not CSV: {error}") from error


def _rows(header: tuple[str, ...], lines: Iterator[list[str]]) -> Iterator[Row]:
    count = 0
    for number, cells in enumerate(lines, 2):
        if not cells:
            continue
        count += 1
        if count > ROWS_MAX:
            raise TooLarge(f"the file has more than {ROWS_MAX} rows")
        named = dict(zip(header, cells, strict=False))
        yield Row(number, named, len(cells) == len(header))


def _check_header(header: tuple[str, ...], needed: set[str]) -> None:
    if missing := sorted(needed - set(header)):
        raise MalformedDocument(f"the file lacks the columns {', '.join(missing)}")
    if twice := sorted(name for name, count in Counter(header).items() if count > 1):
        raise MalformedDocument(f"the file has several columns named {', '.join(twice)}")
