"""What keys and steps may look at: the period's figures and the rule set's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ledger.rules.inputs import Inputs, Quantity


@dataclass(frozen=True)
class Scope:
    """The inputs, the rule set's names for metrics, and the declared order of the members.

    ``declared`` holds indices into ``inputs.members``. ``amount`` is what a key is to divide, in
    the units of the step's source and exact in a step with parts; None where a key must divide
    everything, whatever it is.
    """

    inputs: Inputs
    metrics: Mapping[str, str]
    declared: tuple[int, ...]
    amount: Quantity | None = None

    def dividing(self, amount: Quantity) -> Scope:
        """This scope for a key that is to divide ``amount``, or as much of it as it can."""
        return replace(self, amount=amount)

    @cached_property
    def members(self) -> frozenset[str]:
        """The ids that may receive something."""
        return frozenset(self.inputs.members)

    def metric(self, name: str) -> str:
        """The metric (or ``charge.x``) behind a rule set's ``input`` name."""
        return self.metrics.get(name, name)

    def totals(self, name: str) -> Mapping[str, Quantity]:
        """Totals by member under an ``input`` name; empty when nothing was recorded."""
        return self.inputs.totals.get(self.metric(name), {})
