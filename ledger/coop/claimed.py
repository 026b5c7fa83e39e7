"""Figures of a run's inputs by their place, for disputes: read as they are, or set otherwise.

A place is the path to a figure in the inputs (RULES.md section 7): ``totals/trips/bus``,
``costs/platform/bus``, ``funding/network/ev``, ``revenue/fares``, ``kpis/uptime/bus``,
``payments/u1`` or ``matrices/plays/u1/bus``. Of games and ballots no single figure is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ledger.errors import NotFound, OutOfRange
from ledger.rules.number import integer_json

_ENDS: Final[Mapping[str, tuple[str, ...]]] = {"revenue": ("amount_minor",), "kpis": ("value",)}
_BY_ACCOUNT: Final = ("totals", "costs", "funding", "matrices")
"""Tables whose rows name accounts, of which who is left out has 0."""


def figure_at(document: Mapping[str, Any], where: str) -> int:
    """The figure at a place.

    Raises NotFound if the inputs have none there, OutOfRange if it is no whole number: then nothing
    whole can be claimed as a difference from it.
    """
    table, *names = where.split("/")
    if table in _BY_ACCOUNT and names[-1] not in document["members"]:
        raise NotFound(f"{names[-1]} has no part in this settlement")
    value: Any = document
    for name in (table, *names, *_ENDS.get(table, ())):
        ends = table in _BY_ACCOUNT and name == names[-1]
        value = value.get(name, 0 if ends else None)
        if value is None:
            raise NotFound(f"the settlement has no figure {where}")
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise OutOfRange(f"{where} is {value!r:.80}, no whole number: report it anew") from error


def amend(document: dict[str, Any], amended: Mapping[str, int]) -> dict[str, Any]:
    """The inputs with figures raised or lowered by what upheld disputes say; a new document."""
    for where, change in sorted(amended.items()):
        table, *names = where.split("/")
        path = (table, *names, *_ENDS.get(table, ()))
        document = _with(document, path, integer_json(figure_at(document, where) + change))
    return document


def _with(tree: Mapping[str, Any], path: Sequence[str], value: int | str) -> dict[str, Any]:
    name, *rest = path
    return {**tree, name: _with(tree[name], rest, value) if rest else value}
