"""Paying projects by exact weights: for a step of its own, and for a key whose recipients they are.

Whole units are taken: exact amounts add up to a fraction where roots are in them, and the part of a
unit stays in the source. Then they are rounded as the step says, ties by the project's account.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

from ledger.errors import Infeasible
from ledger.rules.keys import Weights
from ledger.rules.keys.base import amount_of
from ledger.rules.keys.quadratic import QuadraticKey, ballots_of, weigh_projects
from ledger.rules.models import Ceiling
from ledger.rules.rounding import divide
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.base import StepOutcome, StepView, bounded
from ledger.rules.steps.bounding import OverflowTo, units_of
from ledger.rules.steps.claims import to_the_unit


def allocate_to_projects(key: QuadraticKey, step: AllocateStep, view: StepView) -> StepOutcome:
    """The matches out of what the limit allows; a pool below 0 pays and charges nobody.

    ``bounds.cap`` caps every match; what is not matched goes where ``overflow`` sends it.
    """
    total = bounded(view.available, step, view)
    scope = view.scope.dividing(total)
    caps: dict[str, int | None] = {}
    cap = None if step.bounds is None else step.bounds.cap
    if isinstance(cap, Ceiling):
        most = units_of(cap, total, up=False)
        caps = dict.fromkeys(ballots_of(key.ballots, scope).costs, most)
    pool = floor(amount_of(scope, key.kind))
    weights = weigh_projects(key.ballots, pool, scope, scale_up=key.scale_up, caps=caps)
    return _placed(pay_projects(total, weights, view), total, step)


def _placed(paid: StepOutcome, total: int, step: AllocateStep) -> StepOutcome:
    """What stays of the total, sent where the step says."""
    rest = total - paid.taken
    if rest and step.overflow in ("error", "redistribute"):
        text = f"the matches leave {rest} of {total} over, and overflow is {step.overflow!r}"
        raise Infeasible(f"{text}; say where it goes, or that it is carried")
    if rest and isinstance(step.overflow, OverflowTo):
        to = step.overflow.to
        return replace(paid, taken=total, payees={**paid.payees, to: rest}, notes=())
    return replace(paid, overflow=rest if step.overflow == "carry" else 0)


def pay_projects(pool: int, weights: Weights, view: StepView) -> StepOutcome:
    """Take from ``pool`` what the weights allocate, in whole units, and say what stays."""
    recipients = weights.recipients or ()
    taken = floor(weights.allocated or 0)
    rounded = divide(taken, weights.numerators, recipients, to_the_unit(view.rounding))
    return StepOutcome(
        taken=taken,
        notes=(f"the matches come to {taken}; {pool - taken} stays",) if taken < pool else (),
        payees=dict(zip(recipients, rounded.amounts, strict=True)),
        payee_weights={
            recipient: Fraction(numerator, weights.denominator)
            for recipient, numerator in zip(recipients, weights.numerators, strict=True)
        },
    )
