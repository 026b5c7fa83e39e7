"""Figures by member behind an ``input`` name: totals, where who is not named has 0, and readings.

A reading that is missing is never taken for 0: whoever needs one has its own, or the town's where
the kpi is read for the whole town only, or the rule set's ``default``; else there is no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.inputs import TOWN, Quantity
from ledger.rules.keys.base import Source, input_place, no_heads, outside_of
from ledger.rules.names import Measured
from ledger.rules.scope import Scope
from ledger.rules.yamltext import child

NAMED_MAX = 10
"""How many of the members without a reading a message names."""

Table = Literal["totals", "kpis"]


def takes_part(members: Collection[str] | None, scope: Scope, name: str) -> frozenset[str]:
    """Who is left out of a key on ``name``: readings are of firms, totals of accounts."""
    if scope.measured(name).table == "totals":
        return outside_of(members, scope)
    return no_heads(members, scope)


def figures(name: str, scope: Scope, outside: Collection[str]) -> Mapping[str, Quantity]:
    """The figure of every member that is not ``outside``, and perhaps of others."""
    measured = scope.measured(name)
    if measured.table == "totals":
        return scope.totals(name)
    return readings(measured, scope, [one for one in scope.inputs.members if one not in outside])


def readings(measured: Measured, scope: Scope, needed: Collection[str]) -> dict[str, Quantity]:
    """The reading of everybody who is ``needed``, and those of the others who have one.

    Raises Infeasible naming the kpi and who has no reading.
    """
    given = scope.inputs.kpis.get(measured.name, {})
    common = _common(measured, given)
    found = {member: value for member, value in given.items() if member != TOWN}
    missing = [member for member in needed if member not in found]
    if missing and common is None:
        more = f" and {len(missing) - NAMED_MAX} more" if len(missing) > NAMED_MAX else ""
        text = f"no reading of {measured.name!r} for {', '.join(missing[:NAMED_MAX])}{more}"
        raise Infeasible(text, kpi=measured.name, members=missing[:NAMED_MAX])
    if common is not None:
        found |= dict.fromkeys(missing, common)
    return found


def figure_source(
    name: str, scope: Scope, member: str, table: Table = "totals"
) -> tuple[Source, ...]:
    """Where ``member``'s figure stands; nothing where it has no reading and needs none."""
    measured = scope.measured(name, table)
    if measured.table == "totals":
        value = scope.totals(name).get(member, 0)
        return (Source(input_place("totals", measured.name, member), Fraction(value)),)
    given = scope.inputs.kpis.get(measured.name, {})
    for whose in (member, TOWN):
        if whose in given and (whose == member or len(given) == 1):
            place = input_place("kpis", measured.name, whose, "value")
            return (Source(place, Fraction(given[whose])),)
    if measured.default is not None:
        return (Source("rules:" + child("/inputs", name) + "/default", measured.default),)
    return ()


def _common(measured: Measured, given: Mapping[str, Quantity]) -> Quantity | None:
    """What holds for whoever has no reading: the town's if there is no other, else the default."""
    return given[TOWN] if given.keys() == {TOWN} else measured.default
