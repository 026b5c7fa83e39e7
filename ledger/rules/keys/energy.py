"""Key ``energy``: produced energy P, divided among members with a demand d_i.

``static``: a_i = min(d_i, β_i · P), by coefficients β_i that add up to 1. What a member cannot use
is not given to another. ``dynamic``: a_i = d_i · min(1, P / Σd), by demand alone. ``hybrid``: by β
as well, but what a member cannot use is divided again by β among those who still need some, until
production or their demand is exhausted: a_i = min(d_i, λ · β_i) for one λ. What is not allocated is
left to the step's ``overflow``. P is what the step divides, and may be Wh instead of money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Literal

from pydantic import Field

from ledger.rules.keys.base import (
    KeyModel,
    Source,
    Weights,
    amount_of,
    listed,
    reduced,
    require_members,
)
from ledger.rules.keys.figures import figure_source, figures, takes_part
from ledger.rules.models import MemberName, OutsideName, Problem, WeightOrRemaining
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope
from ledger.rules.yamltext import child


class EnergyKey(KeyModel):
    """``demand`` names the input d; ``coefficients`` are β, one of which may be ``remaining``."""

    kind: Literal["energy"]
    mode: Literal["static", "dynamic", "hybrid"]
    demand: OutsideName
    coefficients: dict[MemberName, WeightOrRemaining] | None = Field(default=None, min_length=1)

    def names(self) -> NamesUsed:
        """The demand, and the members with a coefficient."""
        named = NamesUsed(
            metrics=frozenset({self.demand}), members=frozenset(self.coefficients or ())
        )
        return super().names() | named

    def partial(self) -> bool:
        """Production that nobody needs is left over."""
        return True

    def problems(self) -> Iterator[Problem]:
        """Coefficients that are missing, out of place, or do not add up to 1."""
        if (self.coefficients is None) != (self.mode == "dynamic"):
            need = "takes no" if self.mode == "dynamic" else "needs"
            yield "/coefficients", f"the mode {self.mode!r} {need} coefficients"
        if self.coefficients is None:
            return
        given = [one for one in self.coefficients.values() if one is not None]
        open_count, total = len(self.coefficients) - len(given), sum(given, Fraction())
        if open_count > 1:
            yield "/coefficients", "only one coefficient may be 'remaining'"
        elif total > 1 or (open_count == 0 and total != 1):
            yield "/coefficients", f"the coefficients add up to {total}, not to 1"
        if self.members is not None and set(self.coefficients) - set(self.members):
            yield "/coefficients", "a coefficient is given to somebody outside 'members'"

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's demand, and its coefficient."""
        demand = figure_source(self.demand, scope, member)
        if self.coefficients is None:
            return demand
        beta = self.resolved().get(member, Fraction())
        return (*demand, Source("rules:" + child("/coefficients", member), beta, own=True))

    def resolved(self) -> dict[str, Fraction]:
        """The coefficients with ``remaining`` worked out."""
        given = self.coefficients or {}
        total = sum((one for one in given.values() if one is not None), Fraction())
        return {name: 1 - total if one is None else one for name, one in given.items()}


@dataclass(frozen=True, slots=True)
class _Case:
    """Integers: P and d in one small unit, and β as ``shares`` of ``whole``."""

    produced: int
    demands: tuple[int, ...]
    shares: tuple[int, ...]
    whole: int


def weigh(key: EnergyKey, scope: Scope) -> Weights:
    """What each member is allocated; together it may be less than what was produced."""
    require_members(key.coefficients or (), scope)
    outside = takes_part(key.members, scope, key.demand)
    produced = amount_of(scope, key.kind)
    if scope.measured(key.demand).table == "totals":
        scope.totals(key.demand, stated=True)  # unmetered demand would leave everything over
    demands, demand_bottom = listed(figures(key.demand, scope, outside), scope, outside)
    shares, whole = listed(key.resolved(), scope, outside)
    bottom = lcm(demand_bottom, produced.denominator)
    case = _Case(
        int(produced * bottom),
        tuple(demand * (bottom // demand_bottom) for demand in demands),
        shares,
        whole,
    )
    numerators, scale = _MODES[key.mode](case)
    weights, denominator = reduced(numerators, scale * bottom)
    return Weights(weights, denominator, outside, Fraction(sum(weights), denominator))


def _static(case: _Case) -> tuple[list[int], int]:
    """The lesser of d and β·P, over the denominator of β."""
    pairs = zip(case.demands, case.shares, strict=True)
    found = [min(demand * case.whole, share * case.produced) for demand, share in pairs]
    return found, case.whole


def _dynamic(case: _Case) -> tuple[Sequence[int], int]:
    """What is wanted or, where production is short, d · P over Σd."""
    wanted = sum(case.demands)
    if case.produced >= wanted:
        return case.demands, 1
    return [demand * case.produced for demand in case.demands], wanted


def _hybrid(case: _Case) -> tuple[list[int], int]:
    """The lesser of d and λ·β, over the denominator of λ.

    Members are satisfied in the order of d/β while λ·β would reach their demand. The order comes
    from integers: two fractions with denominators up to b differ by at least 1/b², so that the
    whole parts of b²·d/β keep every strict order.
    """
    demands, shares = case.demands, case.shares
    scale = max(shares, default=0) ** 2
    served = [index for index, share in enumerate(shares) if share]
    served.sort(key=lambda index: demands[index] * scale // shares[index])
    left, open_shares = case.produced, sum(shares)
    satisfied = 0
    for index in served:
        if demands[index] * open_shares > left * shares[index]:
            break
        left -= demands[index]
        open_shares -= shares[index]
        satisfied += 1
    level = Fraction(left, open_shares) if satisfied < len(served) else Fraction(0)
    found = [0] * len(demands)
    for index in served[:satisfied]:
        found[index] = demands[index] * level.denominator
    for index in served[satisfied:]:
        found[index] = shares[index] * level.numerator
    return found, level.denominator


_MODES: Mapping[str, Callable[[_Case], tuple[Sequence[int], int]]] = {
    "static": _static,
    "dynamic": _dynamic,
    "hybrid": _hybrid,
}
