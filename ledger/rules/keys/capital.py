"""Key ``capital``: w_i = what member i put into an asset, or into all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, weigh_by
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class CapitalKey(KeyModel):
    """``asset`` names one funded asset; without it all funding counts."""

    kind: Literal["capital"]
    asset: OutsideName | None = None
    time_weighted: Literal[False] = False

    def names(self) -> NamesUsed:
        """The asset, and the members of the restriction."""
        named = frozenset(() if self.asset is None else (self.asset,))
        return super().names() | NamesUsed(assets=named)

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """What the member put into each asset that counts."""
        funding = scope.inputs.funding
        assets = sorted(funding) if self.asset is None else [self.asset]
        return tuple(
            Source(
                input_place("funding", asset, member),
                Fraction(funding.get(asset, {}).get(member, 0)),
            )
            for asset in assets
        )


def weigh(key: CapitalKey, scope: Scope) -> Weights:
    """Funding in minor units."""
    return weigh_by(_funding(key, scope), scope, key.members)


def _funding(key: CapitalKey, scope: Scope) -> Mapping[str, int]:
    if key.asset is not None:
        return scope.inputs.funding.get(key.asset, {})
    every: Counter[str] = Counter()
    for amounts in scope.inputs.funding.values():
        every.update(amounts)
    return every
