"""What keys and steps may look at: the period's figures and the rule set's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ledger.rules.inputs import Inputs, Quantity


@dataclass(frozen=True)
class Scope:
    """The inputs, the rule set's names for metrics, and the declared order of the members.

    ``declared`` holds indices into ``inputs.members``.
    """

    inputs: Inputs
    metrics: Mapping[str, str]
    declared: tuple[int, ...]

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
