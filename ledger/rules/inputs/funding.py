"""What members put into assets: asset → member → an amount, or the dated changes of it.

An int is what a member holds, and counts as held for the whole period. Dated changes are a list of
``{amount_minor, from}``: the amount put in on a day, or taken out when it is negative; what stands
is never below 0. A change counts from its day on: with a period from 2026-10-01 to 2026-11-01,

    [{"amount_minor": 300, "from": "2026-09-14"}, {"amount_minor": -100, "from": "2026-10-22"}]

stands at 200 when the period ends, and is 300·31 − 100·10 = 8300 amount-days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger.rules.inputs.ids import is_date
from ledger.rules.inputs.reader import Reader
from ledger.rules.yamltext import child

CHANGES_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Funding:
    """One asset: what stands at the period's end, amount × days held in it, and what had no dates.

    Amounts are minor units; ``undated`` names the members whose amount came without dates.
    """

    standing: Mapping[str, int]
    days: Mapping[str, int]
    undated: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Held:
    standing: int
    days: int
    dated: bool


def read_funding(reader: Reader, start: str, end: str) -> dict[str, Funding]:
    """Funding by asset, for the period from ``start`` to ``end``, which are dates, or empty."""
    bounds = (date.fromisoformat(start), date.fromisoformat(end)) if start and end else None

    def read_asset(value: Any, pointer: str) -> Funding:
        rows = reader.per_member(value, pointer, lambda one, at: _held(reader, one, at, bounds))
        return Funding(
            standing={member: held.standing for member, held in rows.items()},
            days={member: held.days for member, held in rows.items()},
            undated=frozenset(member for member, held in rows.items() if not held.dated),
        )

    return reader.tables("funding", read_asset)


def _held(reader: Reader, value: Any, pointer: str, bounds: tuple[date, date] | None) -> _Held:
    dated = isinstance(value, list)
    changes = (
        _changes(reader, value, pointer) if dated else ((date.min, reader.count(value, pointer)),)
    )
    if bounds is None:
        return _Held(0, 0, dated)
    start, end = bounds
    standing = days = 0
    for day, amount in changes:
        if day < end:
            standing += amount
            days += amount * (end - max(day, start)).days
    return _Held(standing, days, dated)


def _changes(reader: Reader, rows: list[Any], pointer: str) -> list[tuple[date, int]]:
    """The changes by day; refused where more is taken out than stands."""
    if not rows or len(rows) > CHANGES_MAX:
        reader.refuse(pointer, "shape", f"a list of changes has 1 to {CHANGES_MAX} rows")
        return []
    found = sorted(_change(reader, row, f"{pointer}/{at}") for at, row in enumerate(rows))
    by_day: dict[date, int] = {}
    for day, amount in found:
        by_day[day] = by_day.get(day, 0) + amount
    standing = 0
    for day, amount in by_day.items():
        standing += amount
        if standing < 0:
            text = f"on {day} more is taken out than was put in: {standing}"
            reader.refuse(pointer, "negative", text)
            break
    return list(by_day.items())


def _change(reader: Reader, row: Any, pointer: str) -> tuple[date, int]:
    if not isinstance(row, dict) or row.keys() != {"amount_minor", "from"}:
        reader.refuse(pointer, "shape", "a change of funding is {amount_minor, from}")
        return date.min, 0
    amount = reader.integer(row["amount_minor"], child(pointer, "amount_minor"))
    if isinstance(row["from"], str) and is_date(row["from"]):
        return date.fromisoformat(row["from"]), amount
    text = f"{row['from']!r:.40} is not a date like 2026-10-01"
    reader.refuse(child(pointer, "from"), "date", text)
    return date.min, 0
