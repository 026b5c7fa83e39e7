"""What every step shares: its model's base, what it may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import floor
from typing import Literal

from ledger.errors import Infeasible, InvariantViolated
from ledger.rules.inputs import TOWN
from ledger.rules.keys import Source, Weights
from ledger.rules.models import (
    Ceiling,
    Label,
    Limit,
    Name,
    OutsideName,
    Problem,
    Reading,
    RoundingModel,
    RuleModel,
)
from ledger.rules.names import NamesUsed, names_of_limit
from ledger.rules.rounding import Rounded, Rounding, divide
from ledger.rules.scope import Scope
from ledger.rules.short import ShortRule

TaxTag = Literal["none", "taxable_sale", "sales_return", "purchase_return"]


class WhenModel(RuleModel):
    """A condition: the whole town's reading of a kpi, as it is given, is at least so much."""

    kpi: OutsideName
    at_least: Reading


class StepModel(RuleModel):
    """Fields common to all steps. ``of`` says what a percentage refers to.

    ``tax`` is a tag for the books: what a line of this step is to consumption tax. A step whose
    ``when`` is not met takes 0.
    """

    id: Name
    source: OutsideName
    limit: Limit | None = None
    of: Literal["entry", "opening"] = "entry"
    rounding: RoundingModel | None = None
    when: WhenModel | None = None
    tax: TaxTag | None = None
    label: Label | None = None

    def names(self) -> NamesUsed:
        """The outside names that the step refers to; here those of its limit and condition."""
        of_limit = names_of_limit(None if self.limit is None else self.limit.of)
        kpis = frozenset(() if self.when is None else (self.when.kpi,))
        return of_limit | NamesUsed(kpis=kpis)

    def targets(self) -> tuple[str, ...]:
        """The funds and pools that the step may pay into."""
        return ()

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

    ``available`` is what its source holds now and ``opening`` what it began with and was fed;
    ``funds`` are balances including what earlier steps of this run put aside; ``taken`` is what
    earlier steps took, ``held`` what the pools hold now. ``advances`` is what members still have
    to pay back out of their lines. All in minor units. ``waits``: a condition is not met, so that
    ``available`` is 0 whatever the source holds.
    """

    scope: Scope
    available: int
    opening: int
    rounding: Rounding
    funds: Mapping[str, int]
    taken: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    advances: Mapping[str, int] = field(default_factory=dict)
    waits: bool = False


@dataclass(frozen=True, slots=True)
class PartDivision:
    """One part of a divided step: ``fraction`` of the total, divided by ``weights``."""

    part: str
    fraction: Fraction
    weights: Weights
    weight_sum: int


@dataclass(frozen=True, slots=True)
class Basis:
    """What exact amounts follow from where they are not simply in proportion to weights.

    A member brings ``weights[i] / denominator``: its key's weight, its combined share, or its
    claim. ``rule`` says how its exact amount follows:

    - ``bounds``: clamp(scale · weights[i], low_i, high_i);
    - ``caps``: its cap, and of the ``rest`` beyond all caps a part by weight;
    - a short rule: by ``scale`` where the rule has a level, of what is awarded or, if ``losses``,
      of what is lost. Its claim is its weight, or its floor if ``is_of_floors``.

    ``low`` and ``high`` are whole minor units, in the size of the amounts; ``cap`` and ``floor``
    are given where one value holds for everybody.
    """

    rule: ShortRule | Literal["bounds", "caps"]
    weights: tuple[int, ...]
    denominator: int = 1
    scale: Fraction | None = None
    losses: bool = False
    is_of_floors: bool = False
    low: tuple[int, ...] = ()
    high: tuple[int | None, ...] = ()
    cap: int | None = None
    floor: int | None = None
    rest: int = 0

    @property
    def weight_sum(self) -> int:
        """The sum of the numerators."""
        return sum(self.weights)


@dataclass(frozen=True, slots=True)
class Division:
    """``total`` divided among all members of the inputs, in their order.

    A member's weight is ``weights[i] / denominator``. In a step with parts it is the combined
    share, so that the weights add up to ``denominator``; with a ``basis`` it is the exact amount,
    so that they add up to the total. ``recouped`` is what each member paid back out of its amount.
    """

    total: int
    weights: tuple[int, ...]
    denominator: int
    weight_sum: int
    outside: frozenset[str]
    rounding: Rounding
    rounded: Rounded
    parts: tuple[PartDivision, ...] = ()
    basis: Basis | None = None
    recouped: tuple[int, ...] = ()

    @property
    def amounts(self) -> tuple[int, ...]:
        """What each member gets, or is charged, after what it paid back."""
        if not self.recouped:
            return self.rounded.amounts
        pairs = zip(self.rounded.amounts, self.recouped, strict=True)
        return tuple(amount - back for amount, back in pairs)


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step took from its source and where it went.

    ``division`` says how members share it, ``fund`` the account of a reserve, and ``payees`` what
    other accounts (``fund.x``, ``pool.x``, ``project.x``) get, with their ``payee_weights`` where
    the amounts were rounded. ``carry`` is cost left unpaid, ``owed`` to whom; ``overflow`` is what
    stays in the source by name; ``advances`` is what members have to pay back in later periods.
    """

    taken: int
    division: Division | None = None
    fund: str | None = None
    carry: int | None = None
    owed: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    payees: Mapping[str, int] = field(default_factory=dict)
    payee_weights: Mapping[str, Fraction] = field(default_factory=dict)
    overflow: int = 0
    advances: Mapping[str, int] = field(default_factory=dict)


def unmet(when: WhenModel | None, scope: Scope) -> str | None:
    """Why a condition is not met, as a note; None when it is, or there is none.

    Raises Infeasible when the town has no reading and the rule set's input names no default.
    """
    if when is None:
        return None
    measured = scope.measured(when.kpi, "kpis")
    kpi = measured.name
    value = scope.inputs.kpis.get(kpi, {}).get(TOWN, measured.default)
    if value is None:
        text = f"there is no reading of {kpi!r} for the whole town, and the rules name no default"
        raise Infeasible(text, kpi=kpi)
    if value < when.at_least:
        return f"{kpi!r} is {value}, less than {when.at_least}; the step takes nothing"
    return None


def ceiling(limit: Ceiling | None, step: StepModel, view: StepView) -> int | None:
    """A limit or rate in minor units, floored; None means that there is none."""
    if limit is None:
        return None
    if limit.of is not None:
        return floor(limit.times * _measure(limit.of, view))
    if limit.percent is None:
        return limit.amount_minor
    whole = view.opening if limit.of_opening or step.of == "opening" else view.available
    return floor(limit.percent * whole)


def _measure(of: str, view: StepView) -> int | Fraction:
    """What a limit of something else is a multiple of.

    A cost that nobody reported is none, and a fund that nothing was paid into holds 0; but a total
    that nobody metered is not 0, and raises Infeasible.
    """
    what, _, name = of.partition(".")
    inputs = view.scope.inputs
    if what == "step":
        return view.taken.get(name, 0)
    if what == "pool":
        return view.held.get(name, 0)
    if what == "cost":
        return sum(inputs.costs.get(name, {}).values())
    if what == "balance":
        return view.funds.get(f"fund.{name}", 0)
    return sum(view.scope.totals(name, stated=True).values())


def bounded(wanted: int, step: StepModel, view: StepView) -> int:
    """``wanted``, but at most the step's limit and what its source holds, and never negative."""
    limit = ceiling(step.limit, step, view)
    least = wanted if limit is None else min(wanted, limit)
    return max(0, min(least, view.available))


def divide_by(
    total: int,
    weights: Weights,
    view: StepView,
    parts: tuple[PartDivision, ...] = (),
    *,
    within: bool = False,
) -> Division:
    """Divide ``total`` by ``weights`` under the step's rounding; raises NoWeights.

    ``within``: the weights are exact amounts that keep to bounds, which rounding must not break.
    """
    scope, rounding = view.scope, view.rounding
    members, numerators = scope.inputs.members, weights.numerators
    rounded = divide(total, numerators, members, rounding, scope.declared, within=within)
    return Division(
        total=total,
        weights=weights.numerators,
        denominator=weights.denominator,
        weight_sum=sum(weights.numerators),
        outside=weights.outside,
        rounding=rounding,
        rounded=rounded,
        parts=parts,
    )


def divide_exactly(total: int, exact: Weights, basis: Basis, view: StepView) -> Division:
    """Round exact amounts that are no plain proportion, and say what they rest on.

    ``exact`` holds their sizes; they add up to that of ``total``.
    """
    if sum(exact.numerators) != abs(total) * exact.denominator:
        raise InvariantViolated(f"exact amounts do not add up to {total}")
    return replace(divide_by(total, exact, view, within=True), basis=basis)
