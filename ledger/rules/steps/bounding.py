"""Caps and floors of an allocation: what they are in minor units, and dividing within them.

A bound is whole minor units or a percentage of the step's amount; caps are rounded down, floors
up. Exact amounts are clamp(λ·w_i, floor_i, cap_i); a negative amount is divided as its size. Where
the floors are more than there is, ``short_rule`` divides it among the floors; where the caps are
less, ``overflow`` says what becomes of the rest.

A floor that is one value for everybody is paid to heads: not to ``suspense``, nor to those who are
there only for what they are owed.

Bounds hold after rounding too, whatever the policy. Bounds are whole units, so an exact amount
rounded up or down stays within them; ``sequential`` passes by amounts that are whole already, and
an account of half-even rounding that is itself bounded takes no residual: then the odd units go to
the largest remainders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from ledger.errors import Infeasible
from ledger.rules.bounds import clamp, most_of
from ledger.rules.inputs import SUSPENSE
from ledger.rules.keys import Weights
from ledger.rules.keys.base import require_members
from ledger.rules.models import Account, Bound, Ceiling, MemberName, Problem, RuleModel
from ledger.rules.number import over_common_denominator
from ledger.rules.short import ShortRule, divide_short
from ledger.rules.steps.base import (
    Basis,
    Division,
    PartDivision,
    StepView,
    divide_by,
    divide_exactly,
)
from ledger.rules.steps.claims import level_of, to_the_unit


def _form(value: Any) -> str:
    return "map" if isinstance(value, dict) else "one"


OneOrMap = Annotated[
    Annotated[Bound, Tag("one")] | Annotated[dict[MemberName, Bound], Tag("map")],
    Discriminator(_form),
]


class BoundsModel(RuleModel):
    """``cap`` and ``floor``: one value for everybody, or a map by member."""

    cap: OneOrMap | None = None
    floor: OneOrMap | None = None

    def members(self) -> frozenset[str]:
        """The members who have a bound of their own."""
        maps = [bound for bound in (self.cap, self.floor) if isinstance(bound, dict)]
        return frozenset(member for bound in maps for member in bound)


class OverflowTo(RuleModel):
    """The fund or pool that gets what the caps leave over."""

    to: Account


Overflow = Annotated[
    Annotated[Literal["error", "carry", "redistribute"], Tag("one")]
    | Annotated[OverflowTo, Tag("map")],
    Discriminator(_form),
]


@dataclass(frozen=True, slots=True)
class Within:
    """A division, and what of the amount it could not place, in size."""

    division: Division
    rest: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What an allocation says about bounds."""

    bounds: BoundsModel | None
    overflow: str | OverflowTo | None
    short_rule: ShortRule | None


def divide_within(
    total: int,
    weights: Weights,
    parts: tuple[PartDivision, ...],
    policy: Policy,
    view: StepView,
) -> Within:
    """Divide ``total`` by ``weights`` within the bounds.

    Raises FloorsExceedPool, CapsBelowPool where the policy has no answer, UnknownField when a bound
    is given to nobody of this period.
    """
    if policy.bounds is None or view.waits or not any(weights.numerators):
        return Within(divide_by(total, weights, view, parts))
    size = abs(total)
    limits = _limits(policy.bounds, size, weights, view)
    if sum(limits.low) > size and policy.short_rule is not None:
        exact, basis = _among_floors(size, weights, limits, policy.short_rule, view)
        return Within(_bounded(total, exact, basis, parts, view))
    reachable = [0 if most is None else most for most in _most(weights, limits)]
    endless = None in _most(weights, limits)
    rest = 0 if endless else max(0, size - sum(reachable))
    if rest and policy.overflow == "redistribute":
        exact, basis = _beyond_caps(reachable, rest, weights, limits)
        return Within(_bounded(total, exact, basis, parts, view))
    if policy.overflow in (None, "error"):
        rest = 0
    placed = total + rest if total < 0 else total - rest
    found = clamp(abs(placed), weights.numerators, limits.low, limits.high)
    basis = replace(_basis("bounds", weights, limits), scale=found.scale)
    exact = Weights(found.numerators, found.denominator, weights.outside)
    return Within(_bounded(placed, exact, basis, parts, view), rest)


@dataclass(frozen=True, slots=True)
class _Limits:
    """Floors and caps by member in whole units; ``cap`` and ``floor`` where one value holds."""

    low: tuple[int, ...]
    high: tuple[int | None, ...]
    cap: int | None
    floor: int | None


def _limits(bounds: BoundsModel, size: int, weights: Weights, view: StepView) -> _Limits:
    require_members(bounds.members(), view.scope)
    outside, members = weights.outside, view.scope.inputs.members
    passed_by = outside | {SUSPENSE} | view.scope.inputs.beside
    low, high = [], []
    for member in members:
        least = _own(bounds.floor, member, passed_by)
        most = _own(bounds.cap, member, outside)
        low.append(0 if least is None else units_of(least, size, up=True))
        high.append(None if most is None else units_of(most, size, up=False))
        if least is not None and most is not None:
            high[-1] = _not_below(low[-1], high[-1], (least, most), size)
    one_cap = bounds.cap if isinstance(bounds.cap, Ceiling) else None
    one_floor = bounds.floor if isinstance(bounds.floor, Ceiling) else None
    return _Limits(
        low=tuple(low),
        high=tuple(high),
        cap=None if one_cap is None else units_of(one_cap, size, up=False),
        floor=None if one_floor is None else units_of(one_floor, size, up=True),
    )


def _own(
    bound: Ceiling | dict[str, Ceiling] | None, member: str, passed_by: Collection[str]
) -> Ceiling | None:
    """A member's bound: by name, or the one for everybody who is not passed by."""
    if isinstance(bound, dict):
        return bound.get(member)
    return None if member in passed_by else bound


def units_of(bound: Ceiling, size: int, *, up: bool) -> int:
    """A bound in whole units: a percentage of the amount, rounded up or down."""
    if bound.percent is None:
        return bound.amount_minor or 0
    return ceil(bound.percent * size) if up else floor(bound.percent * size)


def _not_below(low: int, high: int | None, given: tuple[Ceiling, Ceiling], size: int) -> int:
    """The cap, raised to the floor where only rounding put it below; else Infeasible."""
    least, most = (
        Fraction(bound.amount_minor or 0) if bound.percent is None else bound.percent * size
        for bound in given
    )
    if least > most:
        text = f"a floor of {low} is above the cap of {high}"
        raise Infeasible(text, floor=low, cap=high)
    return max(low, high or 0)


def _most(weights: Weights, limits: _Limits) -> tuple[int | None, ...]:
    return most_of(weights.numerators, limits.low, limits.high)


def _among_floors(
    size: int, weights: Weights, limits: _Limits, rule: ShortRule, view: StepView
) -> tuple[Weights, Basis]:
    """What there is, divided among the floors as claims."""
    shares = divide_short(rule, size, limits.low, view.scope.declared).reduced()
    scale, losses = level_of(rule, size, limits.low, shares)
    basis = replace(_basis(rule, weights, limits), scale=scale, losses=losses, is_of_floors=True)
    if rule == "proportional":
        basis = replace(basis, scale=Fraction(size, sum(limits.low)))
    return Weights(shares.numerators, shares.denominator, weights.outside), basis


def _beyond_caps(
    reachable: list[int], rest: int, weights: Weights, limits: _Limits
) -> tuple[Weights, Basis]:
    """Everybody's cap, and the rest by weight as if there were none."""
    whole = sum(weights.numerators)
    amounts = (
        most + Fraction(rest * weight, whole)
        for most, weight in zip(reachable, weights.numerators, strict=True)
    )
    numerators, denominator = over_common_denominator(amounts)
    basis = replace(_basis("caps", weights, limits), rest=rest)
    return Weights(numerators, denominator, weights.outside), basis


def _basis(rule: ShortRule | Literal["bounds", "caps"], weights: Weights, limits: _Limits) -> Basis:
    return Basis(
        rule=rule,
        weights=weights.numerators,
        denominator=weights.denominator,
        low=limits.low,
        high=limits.high,
        cap=limits.cap,
        floor=limits.floor,
    )


def _bounded(
    total: int, exact: Weights, basis: Basis, parts: tuple[PartDivision, ...], view: StepView
) -> Division:
    if _evens_out_bounded(view, basis):
        view = replace(view, rounding=to_the_unit(view.rounding))
    return replace(divide_exactly(total, exact, basis, view), parts=parts)


def _evens_out_bounded(view: StepView, basis: Basis) -> bool:
    """Whether the residual of half-even rounding would go to a member with a bound of its own."""
    members, account = view.scope.inputs.members, view.rounding.residual_to
    if account not in members:
        return False
    index = members.index(account)
    return basis.high[index] is not None or basis.low[index] > 0


def bounds_problems(
    policy: Policy, members: Collection[str] | None, limit: Ceiling | None
) -> Iterator[Problem]:
    """Bounds that no amount can keep to, as far as the rule set alone shows.

    ``members`` are those to whom all keys of the step are restricted, or None.
    """
    if policy.bounds is None:
        return
    cap, least = policy.bounds.cap, policy.bounds.floor
    if cap is None and least is None:
        yield "/bounds", "bounds need a 'cap' or a 'floor'"
    if members is not None and (strangers := policy.bounds.members() - set(members)):
        names = ", ".join(sorted(strangers))
        yield "/bounds", f"a bound is given to {names}, whom the key leaves out"
    yield from _crossing(cap, least)
    if policy.short_rule is None and isinstance(least, dict):
        yield from _too_many_floors(least, members, limit)
    yield from shared_bounds_problems(policy, members, limit)


def shared_bounds_problems(
    policy: Policy, members: Collection[str] | None, limit: Ceiling | None
) -> Iterator[Problem]:
    """What ``members`` cannot keep to of a floor or a cap that is one value for everybody."""
    if policy.bounds is None:
        return
    cap, least = policy.bounds.cap, policy.bounds.floor
    if policy.short_rule is None and isinstance(least, Ceiling):
        yield from _too_many_floors(least, members, limit)
    if policy.overflow in (None, "error") and isinstance(cap, Ceiling) and members is not None:
        percent = cap.percent
        if percent is not None and percent * len(members) < 1:
            text = f"{len(members)} members with a cap of {percent} each cannot get everything"
            yield "/bounds/cap", f"{text}; say what becomes of the rest with 'overflow'"


def _crossing(
    cap: Ceiling | dict[str, Ceiling] | None, least: Ceiling | dict[str, Ceiling] | None
) -> Iterator[Problem]:
    """A floor above its cap, both in units or both in percent."""
    names = {*(cap if isinstance(cap, dict) else ()), *(least if isinstance(least, dict) else ())}
    for name in sorted(names) or [""]:
        low, high = _own(least, name, ()), _own(cap, name, ())
        if low is None or high is None:
            continue
        pairs = ((low.percent, high.percent), (low.amount_minor, high.amount_minor))
        if any(a is not None and b is not None and a > b for a, b in pairs):
            yield "/bounds/floor", f"a floor is above its cap{f' for {name}' if name else ''}"


def _too_many_floors(
    least: Ceiling | dict[str, Ceiling], members: Collection[str] | None, limit: Ceiling | None
) -> Iterator[Problem]:
    if isinstance(least, dict):
        floors = list(least.values())
    else:
        floors = [least] * len(set(members or ()) - {SUSPENSE})
    parts = sum((bound.percent for bound in floors if bound.percent is not None), Fraction())
    units = sum(bound.amount_minor or 0 for bound in floors)
    most = None if limit is None else limit.amount_minor
    if parts > 1:
        yield "/bounds/floor", f"the floors add up to {parts} of the amount, more than all of it"
    elif most is not None and units > most * (1 - parts):
        yield "/bounds/floor", f"the floors are more than the limit of {most} leaves for them"
