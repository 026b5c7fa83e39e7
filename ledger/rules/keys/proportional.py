"""Key ``proportional``: w_i = x_i, a member's total of a metric or charge, or its reading."""

from __future__ import annotations

from typing import Literal

from ledger.rules.keys.base import KeyModel, Source, Weights, listed
from ledger.rules.keys.figures import figure_source, figures, takes_part
from ledger.rules.models import OutsideName
from ledger.rules.names import NamesUsed
from ledger.rules.scope import Scope


class ProportionalKey(KeyModel):
    """``input`` names one of the rule set's inputs, or a metric directly."""

    kind: Literal["proportional"]
    input: OutsideName

    def names(self) -> NamesUsed:
        """The input by its name in the rule set; the rule set knows what is behind it."""
        return super().names() | NamesUsed(metrics=frozenset({self.input}))

    def sources(self, scope: Scope, member: str) -> tuple[Source, ...]:
        """The member's figure."""
        return figure_source(self.input, scope, member)


def weigh(key: ProportionalKey, scope: Scope) -> Weights:
    """The figures as they were metered or read; suspense weighs what was recorded for it."""
    outside = takes_part(key.members, scope, key.input)
    return Weights(*listed(figures(key.input, scope, outside), scope, outside), outside)
