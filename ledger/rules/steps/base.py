"""What every step shares: its model's base, what it may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Literal

from ledger.rules.keys import Source, Weights
from ledger.rules.models import (
    Ceiling,
    Label,
    Limit,
    Name,
    OutsideName,
    Problem,
    RoundingModel,
    RuleModel,
)
from ledger.rules.rounding import Rounded, Rounding, divide
from ledger.rules.scope import Scope


class StepModel(RuleModel):
    """Fields common to all steps. ``of`` says what a percentage refers to."""

    id: Name
    source: OutsideName
    limit: Limit | None = None
    of: Literal["entry", "opening"] = "entry"
    rounding: RoundingModel | None = None
    label: Label | None = None

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The figures from which ``member``'s weight in this step is made."""
        del scope, member
        return ()

    def problems(self) -> Iterator[Problem]:
        """An impossible rounding."""
        if self.rounding is not None:
            yield from (("/rounding" + at, text) for at, text in self.rounding.problems())


@dataclass(frozen=True, slots=True)
class StepView:
    """What a step may look at.

    ``available`` is what its source holds now and ``opening`` what it began with; ``funds`` are
    balances including what earlier steps of this run put aside. All in minor units.
    """

    scope: Scope
    available: int
    opening: int
    rounding: Rounding
    funds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PartDivision:
    """One part of a divided step: ``fraction`` of the total, divided by ``weights``."""

    part: str
    fraction: Fraction
    weights: Weights
    weight_sum: int


@dataclass(frozen=True, slots=True)
class Division:
    """``total`` divided among all members of the inputs, in their order.

    A member's weight is ``weights[i] / denominator``. In a step with parts it is the combined
    share, so that the weights add up to ``denominator``.
    """

    total: int
    weights: tuple[int, ...]
    denominator: int
    weight_sum: int
    outside: frozenset[str]
    rounding: Rounding
    rounded: Rounded
    parts: tuple[PartDivision, ...] = ()


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step took from its source and where it went.

    ``division`` says how members share ``taken``, ``fund`` names the account that got it, or
    ``payees`` says what other accounts (``project.x``) get, with their ``payee_weights`` where the
    amounts were rounded. ``carry`` is cost left unpaid, ``owed`` to whom.
    """

    taken: int
    division: Division | None = None
    fund: str | None = None
    carry: int | None = None
    owed: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    payees: Mapping[str, int] = field(default_factory=dict)
    payee_weights: Mapping[str, Fraction] = field(default_factory=dict)


def ceiling(limit: Ceiling | None, step: StepModel, view: StepView) -> int | None:
    """A limit or rate in minor units, floored; None means that there is none."""
    if limit is None:
        return None
    if limit.percent is None:
        return limit.amount_minor
    whole = view.opening if limit.of_opening or step.of == "opening" else view.available
    return floor(limit.percent * whole)


def bounded(wanted: int, step: StepModel, view: StepView) -> int:
    """``wanted``, but at most the step's limit and what its source holds, and never negative."""
    limit = ceiling(step.limit, step, view)
    least = wanted if limit is None else min(wanted, limit)
    return max(0, min(least, view.available))


def divide_by(
    total: int, weights: Weights, view: StepView, parts: tuple[PartDivision, ...] = ()
) -> Division:
    """Divide ``total`` by ``weights`` under the step's rounding; raises NoWeights."""
    scope = view.scope
    rounded = divide(total, weights.numerators, scope.inputs.members, view.rounding, scope.declared)
    return Division(
        total=total,
        weights=weights.numerators,
        denominator=weights.denominator,
        weight_sum=sum(weights.numerators),
        outside=weights.outside,
        rounding=view.rounding,
        rounded=rounded,
        parts=parts,
    )
