"""Step ``reserve``: put a rate or an amount into a fund, up to a balance.

taken = min(⌊rate · source⌋ or amount, until_balance − balance, limit, available), never below 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ledger.rules.models import Count, Fund, Problem, Rate
from ledger.rules.names import NamesUsed
from ledger.rules.steps.base import StepModel, StepOutcome, StepView, bounded, ceiling


class ReserveStep(StepModel):
    """``to`` is ``fund.<name>``; exactly one of ``rate`` and ``amount`` is given."""

    kind: Literal["reserve"]
    to: Fund
    rate: Rate | None = None
    amount: Count | None = None
    until_balance: Count | None = None
    round: Literal["floor"] = "floor"

    def names(self) -> NamesUsed:
        """The fund, without its prefix."""
        return super().names() | NamesUsed(funds=frozenset({self.to.removeprefix("fund.")}))

    def targets(self) -> tuple[str, ...]:
        """The fund."""
        return (self.to,)

    def problems(self) -> Iterator[Problem]:
        """Neither or both of rate and amount."""
        yield from super().problems()
        if (self.rate is None) == (self.amount is None):
            yield "", "a reserve needs either 'rate' or 'amount'"


def run(step: ReserveStep, view: StepView) -> StepOutcome:
    """What goes into the fund."""
    rate = ceiling(step.rate, step, view)
    wanted = rate if rate is not None else step.amount or 0
    notes: tuple[str, ...] = ()
    if step.until_balance is not None:
        if step.to not in view.funds:
            notes = (f"no balance of {step.to} was given; it counts as 0",)
        wanted = min(wanted, step.until_balance - view.funds.get(step.to, 0))
    return StepOutcome(bounded(wanted, step, view), fund=step.to, notes=notes)
