"""What keys and steps may look at: the period's figures and the rule set's own names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.inputs import Inputs, Quantity
from ledger.rules.names import Measured


@dataclass(frozen=True)
class Scope:
    """The inputs, the rule set's names for metrics, and the declared order of the members.

    ``declared`` holds indices into ``inputs.members``. ``amount`` is what a key is to divide, in
    the units of the step's source and exact in a step with parts; None where a key must divide
    everything, whatever it is.
    """

    inputs: Inputs
    metrics: Mapping[str, Measured]
    declared: tuple[int, ...]
    amount: Quantity | None = None

    def dividing(self, amount: Quantity) -> Scope:
        """This scope for a key that is to divide ``amount``, or as much of it as it can."""
        return replace(self, amount=amount)

    @cached_property
    def members(self) -> frozenset[str]:
        """The ids that may receive something."""
        return frozenset(self.inputs.members)

    def measured(self, name: str, table: Literal["totals", "kpis"] = "totals") -> Measured:
        """What is behind a rule set's ``input`` name; others stand for themselves in ``table``."""
        return self.metrics.get(name) or Measured(table, name)

    def metric(self, name: str) -> str:
        """The name in the inputs behind a rule set's ``input`` name."""
        return self.measured(name).name

    def totals(self, name: str, *, stated: bool = False) -> Mapping[str, Quantity]:
        """Totals by member under an ``input`` name; empty when nothing was recorded.

        ``stated``: nothing is not taken for 0, unless the rule set's input says ``default: 0``.
        Raises Infeasible for a name that stands for readings, for a count that nobody stated, and
        for any other total that must be.
        """
        found = self.measured(name)
        if found.table != "totals":
            raise Infeasible(f"{name!r} stands for readings of {found.name!r}, not for a total")
        missing = found.name not in self.inputs.totals and found.default is None
        if missing and (stated or found.stated):
            text = f"nobody metered or reported {found.name!r}"
            text += "" if found.name == name else f", for which {name!r} stands"
            text += f"; where that means 0, say so: inputs: {{{name}: {{metric: …, default: 0}}}}"
            raise Infeasible(text, name=found.name)
        return self.inputs.totals.get(found.name, {})
