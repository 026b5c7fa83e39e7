"""Key ``proportional``: w_i = x_i, a member's total of one metric or charge."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, weigh_by
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class ProportionalKey(KeyModel):
    """``input`` names one of the rule set's inputs, or a metric directly."""

    kind: Literal["proportional"]
    input: OutsideName

    def names(self) -> NamesUsed:
        """The input by its name in the rule set; the rule set knows the metric behind it."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's total."""
        where = input_place("totals", scope.metric(self.input), member)
        return (Source(where, Fraction(scope.totals(self.input).get(member, 0))),)


def weigh(key: ProportionalKey, scope: Scope) -> Weights:
    """The totals as they were metered; suspense weighs what was recorded for it."""
    return weigh_by(scope.totals(key.input), scope, key.members)
