"""Key ``airport``: x_(i) = Σ_{k≤i} (c_k − c_{k−1})/(n − k + 1), needs c sorted ascending.

For facilities of which everybody needs a beginning and some need more: a runway, a road, a quay.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from ledger.rules.games.airport import airport
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, weigh_by
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class AirportKey(KeyModel):
    """``input`` names the needs, as money, size or whatever grows with them."""

    kind: Literal["airport"]
    input: OutsideName

    def names(self) -> NamesUsed:
        """The input by its name in the rule set."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's need; what others need decides with how many it shares."""
        where = input_place("totals", scope.metric(self.input), member)
        return (Source(where, Fraction(scope.totals(self.input).get(member, 0))),)


def weigh(key: AirportKey, scope: Scope) -> Weights:
    """Shares of the largest need, to which they add up."""
    needs = weigh_by(scope.totals(key.input), scope, key.members)
    shares = airport(needs.numerators)
    denominator = shares.denominator * needs.denominator
    return Weights(shares.numerators, denominator, needs.outside)
