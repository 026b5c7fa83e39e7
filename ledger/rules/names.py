"""The outside names that a rule set refers to.

A co-op compares them with its registers before anybody signs the rule set.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class NamesUsed:
    """Names by register: metrics, charge kinds, revenue ids, cost ids, assets, members, funds.

    ``pools`` are the rule set's own; ``funds`` are given without ``fund.``. ``kpis`` are readings,
    ``matrices`` tables of what payers used. ``games`` and ``ballots`` are in no register: a
    period's inputs have them or not.
    """

    metrics: frozenset[str] = frozenset()
    charges: frozenset[str] = frozenset()
    revenue: frozenset[str] = frozenset()
    costs: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    funds: frozenset[str] = frozenset()
    games: frozenset[str] = frozenset()
    ballots: frozenset[str] = frozenset()
    kpis: frozenset[str] = frozenset()
    matrices: frozenset[str] = frozenset()

    def __or__(self, other: NamesUsed) -> NamesUsed:
        """The union, register by register."""
        both = {f.name: getattr(self, f.name) | getattr(other, f.name) for f in fields(self)}
        return NamesUsed(**both)


@dataclass(frozen=True, slots=True)
class Measured:
    """Where figures by member stand in the inputs: under ``name`` in ``totals`` or in ``kpis``.

    A member that a total does not name has 0. A reading that is missing is an error, unless the
    rule set gives a ``default``; and so is a total that must be ``stated``. A total's default is 0
    for everybody.
    """

    table: Literal["totals", "kpis"]
    name: str
    default: Fraction | None = None
    stated: bool = False

    def names(self) -> NamesUsed:
        """The metric, charge kind or kpi."""
        if self.table == "totals":
            return names_of_total(self.name)
        return NamesUsed(kpis=frozenset({self.name}))


def names_of_total(name: str) -> NamesUsed:
    """Whether a key of ``totals`` is a charge kind (``charge.x``) or a metric."""
    prefix, _, rest = name.partition(".")
    if prefix == "charge" and rest:
        return NamesUsed(charges=frozenset({rest}))
    return NamesUsed(metrics=frozenset({name}))


def names_of_limit(of: str | None) -> NamesUsed:
    """The total or the fund that a limit is a multiple of.

    A cost is not among them: ``costs`` are those that a step pays back or charges.
    """
    what, _, name = (of or "").partition(".")
    if what == "total":
        return NamesUsed(metrics=frozenset({name}))
    return NamesUsed(funds=frozenset({name} if what == "balance" else ()))
