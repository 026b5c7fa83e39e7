"""Key ``tiered``: w_i from a member's figure x_i by tiers of different weight.

Tier k reaches from t_{k−1} (t_0 = 0) to t_k, the last without end. ``graduated`` weighs every
unit by the tier in which it lies: w_i = Σ_k r_k · (min(x_i, t_k) − t_{k−1})⁺. ``volume`` weighs all
units by the tier in which the last one lies: w_i = r_k · x_i for t_{k−1} < x_i ≤ t_k.

With tiers 1 up to 100 and 1/2 above, a member with 300 weighs 200 graduated, and 150 by volume.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Literal

from pydantic import Field

from ledger.rules.keys.base import KeyModel, Source, Weights, listed, reduced
from ledger.rules.keys.figures import figure_source, figures, takes_part
from ledger.rules.models import Number, OutsideName, Problem, RuleModel, Weight
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope

TIERS_MAX = 100


class TierModel(RuleModel):
    """The units up to and including ``upto``, and what each weighs; the last tier has no end."""

    upto: Number | None = None
    weight: Weight


class TieredKey(KeyModel):
    """``tiers`` in rising order; ``mode`` says how they are applied."""

    kind: Literal["tiered"]
    input: OutsideName
    mode: Literal["graduated", "volume"] = "graduated"
    tiers: tuple[TierModel, ...] = Field(min_length=1, max_length=TIERS_MAX)

    def names(self) -> NamesUsed:
        """The input by its name in the rule set."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def problems(self) -> Iterator[Problem]:
        """Tiers that do not rise, or leave a gap at the end."""
        for index, tier in enumerate(self.tiers[:-1]):
            if tier.upto is None:
                yield f"/tiers/{index}", "only the last tier has no 'upto'"
        if self.tiers[-1].upto is not None:
            yield f"/tiers/{len(self.tiers) - 1}/upto", "the last tier has no end: leave 'upto' out"
        ends = [
            (index, tier.upto) for index, tier in enumerate(self.tiers) if tier.upto is not None
        ]
        for (_, before), (index, upto) in pairwise([(-1, Fraction()), *ends]):
            if upto <= before:
                yield f"/tiers/{index}/upto", f"{upto} is not above {before}"
        if not any(tier.weight for tier in self.tiers):
            yield "/tiers", "every tier weighs 0"

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's figure."""
        return figure_source(self.input, scope, member)


def weigh(key: TieredKey, scope: Scope) -> Weights:
    """Integers throughout: figures and bounds over one denominator, weights over another."""
    outside = takes_part(key.members, scope, key.input)
    given, figures_bottom = listed(figures(key.input, scope, outside), scope, outside)
    rates, rates_bottom = over_common_denominator(tier.weight for tier in key.tiers)
    ends, ends_bottom = over_common_denominator(tier.upto or 0 for tier in key.tiers[:-1])
    bottom = lcm(figures_bottom, ends_bottom)
    ends = tuple(end * (bottom // ends_bottom) for end in ends)
    units = [figure * (bottom // figures_bottom) for figure in given]
    apply = _graduated if key.mode == "graduated" else _volume
    return Weights(*reduced(apply(units, ends, rates), bottom * rates_bottom), outside)


def _graduated(units: Sequence[int], ends: Sequence[int], rates: Sequence[int]) -> list[int]:
    starts, below = (0, *ends), [0]
    for index, (start, end) in enumerate(pairwise(starts)):
        below.append(below[-1] + rates[index] * (end - start))
    tiers = [bisect_left(ends, unit) for unit in units]
    return [
        below[tier] + rates[tier] * (unit - starts[tier])
        for tier, unit in zip(tiers, units, strict=True)
    ]


def _volume(units: Sequence[int], ends: Sequence[int], rates: Sequence[int]) -> list[int]:
    return [rates[bisect_left(ends, unit)] * unit for unit in units]
