"""Paying projects by exact weights: for a step of its own, and for a key whose recipients they are.

Whole units are taken: exact amounts add up to a fraction where roots are in them, and the part of a
unit stays in the source. Then they are rounded as the step says, ties by the project's account.
"""

from __future__ import annotations

from fractions import Fraction

from ledger.rules.keys import Weights, weigh
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.rounding import divide
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.base import StepOutcome, StepView, bounded


def allocate_to_projects(key: QuadraticKey, step: AllocateStep, view: StepView) -> StepOutcome:
    """The matches out of what the limit allows; a pool below 0 pays and charges nobody."""
    total = bounded(view.available, step, view)
    return pay_projects(total, weigh(key, view.scope.dividing(total)), view)


def pay_projects(pool: int, weights: Weights, view: StepView) -> StepOutcome:
    """Take from ``pool`` what the weights allocate, in whole units, and say what stays."""
    recipients, whole = weights.recipients or (), sum(weights.numerators)
    taken = whole // weights.denominator
    rounded = divide(taken, weights.numerators, recipients, view.rounding)
    return StepOutcome(
        taken=taken,
        notes=(f"the matches come to {taken}; {pool - taken} stays",) if taken < pool else (),
        payees=dict(zip(recipients, rounded.amounts, strict=True)),
        payee_weights={
            recipient: Fraction(numerator, whole or 1)
            for recipient, numerator in zip(recipients, weights.numerators, strict=True)
        },
    )
