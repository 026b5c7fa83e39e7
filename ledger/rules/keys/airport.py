"""Key ``airport``: x_(i) = Σ_{k≤i} (c_k − c_{k−1})/(n − k + 1), needs c sorted ascending.

For facilities of which everybody needs a beginning and some need more: a runway, a road, a quay.
"""

from __future__ import annotations

from typing import Literal

from ledger.rules.games.airport import airport
from ledger.rules.keys.base import KeyModel, Source, Weights, listed, reduced
from ledger.rules.keys.figures import figure_source, figures, takes_part
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class AirportKey(KeyModel):
    """``input`` names the needs, metered or read, as money, size or whatever they grow with."""

    kind: Literal["airport"]
    input: OutsideName

    def names(self) -> NamesUsed:
        """The input by its name in the rule set."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's need; what others need decides with how many it shares."""
        return figure_source(self.input, scope, member)


def weigh(key: AirportKey, scope: Scope) -> Weights:
    """Shares of the largest need, to which they add up."""
    outside = takes_part(key.members, scope, key.input)
    needs, denominator = listed(figures(key.input, scope, outside), scope, outside)
    shares = airport(needs)
    return Weights(*reduced(shares.numerators, shares.denominator * denominator), outside)
