"""Totals: what a batch adds up to, per period, facility, name and currency.

A name is a metric of the vocabulary, or ``charge.`` and a kind of charge; only charges have a
currency. Totals only ever add up: a reversal's negative figures are part of the sum. The signed
batch names a *totals blob*: 32 random bytes, then the rows as canonical JSON, sorted:

    [["2026-10", "facility-1", "charge.fare", "JPY", 1200], ["2026-10", …]]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from ledger import canonical
from ledger.errors import MalformedBatch, MalformedDocument, OutOfRange
from ledger.money import AMOUNT_MAX

SALT_BYTES = 32
CHARGE = "charge."
_ROW_TYPES = [str, str, str, str, int]


class TotalKey(NamedTuple):
    """What one total counts; ``currency`` is empty for a metric."""

    period: str
    facility: str
    name: str
    currency: str


Totals = Mapping[TotalKey, int]


def encode_totals(salt: bytes, totals: Totals) -> bytes:
    """The totals blob: the salt, then the rows in canonical form."""
    if len(salt) != SALT_BYTES:
        raise OutOfRange(f"a blob's salt has {SALT_BYTES} bytes, this one has {len(salt)}")
    return salt + canonical.encode([[*key, amount] for key, amount in sorted(totals.items())])


def parse_totals(blob: bytes) -> dict[TotalKey, int]:
    """Read a totals blob; raises MalformedBatch unless it is exactly what we would write."""
    if len(blob) < SALT_BYTES:
        raise MalformedBatch("the totals blob is shorter than its 32-byte salt")
    try:
        rows = canonical.parse_canonical(blob[SALT_BYTES:], what="the totals")
    except MalformedDocument as error:
        raise MalformedBatch(error.message) from error
    if not isinstance(rows, list):
        raise MalformedBatch("the totals are a list of rows")
    keys = [_parse_row(row) for row in rows]
    if any(a >= b for (a, _), (b, _) in pairwise(keys)):
        raise MalformedBatch("the rows of the totals are not sorted, or one stands twice")
    return dict(keys)


def add_totals(parts: Iterable[Totals]) -> dict[TotalKey, int]:
    """The sum of several totals."""
    found: dict[TotalKey, int] = {}
    for part in parts:
        for key, amount in part.items():
            found[key] = found.get(key, 0) + amount
    return found


def differences(stated: Totals, counted: Totals) -> list[tuple[TotalKey, int, int]]:
    """Every key whose stated and counted amounts differ, with both; a missing one counts as 0."""
    keys = sorted(stated.keys() | counted.keys())
    return [
        (key, stated.get(key, 0), counted.get(key, 0))
        for key in keys
        if stated.get(key) != counted.get(key)
    ]


def _parse_row(row: object) -> tuple[TotalKey, int]:
    if isinstance(row, list) and list(map(type, row)) == _ROW_TYPES:
        period, facility, name, currency, amount = row
        if abs(amount) <= AMOUNT_MAX and name.startswith(CHARGE) == bool(currency):
            return TotalKey(period, facility, name, currency), amount
    raise MalformedBatch(f"not a row of totals: {str(row)[:120]}")
