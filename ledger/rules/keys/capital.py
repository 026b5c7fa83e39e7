"""Key ``capital``: w_i = what member i put into an asset, or into all of them.

What stands at the period's end counts. ``time_weighted`` counts Σ amount × days held in the period
instead, so that who put money in on the last day is not paid for a month; an amount without dates
counts as held throughout, and a note says so.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Literal

from ledger.rules.inputs import Funding
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, listed, outside_of
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class CapitalKey(KeyModel):
    """``asset`` names one funded asset; without it all funding counts."""

    kind: Literal["capital"]
    asset: OutsideName | None = None
    time_weighted: bool = False

    def names(self) -> NamesUsed:
        """The asset, and the members of the restriction."""
        named = frozenset(() if self.asset is None else (self.asset,))
        return super().names() | NamesUsed(assets=named)

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """What the member put into each asset that counts: the amount, or its amount-days."""
        return tuple(
            Source(
                input_place("funding", asset, member),
                Fraction((one.days if self.time_weighted else one.standing).get(member, 0)),
            )
            for asset, one in _counted(self, scope).items()
        )


def weigh(key: CapitalKey, scope: Scope) -> Weights:
    """Funding in minor units, or in minor units times days."""
    outside = outside_of(key.members, scope)
    counted = _counted(key, scope)
    total: Counter[str] = Counter()
    for one in counted.values():
        total.update(one.days if key.time_weighted else one.standing)
    undated = [name for name, one in counted.items() if one.undated] if key.time_weighted else []
    notes = [f"funding of {name!r} without dates counts as held all period" for name in undated]
    return Weights(*listed(total, scope, outside), outside, notes=tuple(notes))


def _counted(key: CapitalKey, scope: Scope) -> dict[str, Funding]:
    """The funding by asset, in the order of the assets' names."""
    funding = scope.inputs.funding
    if key.asset is None:
        return dict(sorted(funding.items()))
    nothing = Funding({}, {}, frozenset())
    return {key.asset: funding.get(key.asset, nothing)}
