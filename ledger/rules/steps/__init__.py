"""Steps: ordered rules that take money from a pool (RULES.md section 3).

A kind of step is one module with a model and a function ``run(step, view) -> StepOutcome``, one
member of the union ``Step``, and one row of ``STEP_KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.steps import (
    allocate,
    citizens_fund,
    guarantee,
    projects,
    recover_cost,
    reserve,
)
from ledger.rules.steps.allocate import AllocateStep
from ledger.rules.steps.base import (
    Basis,
    Division,
    PartDivision,
    StepModel,
    StepOutcome,
    StepView,
    unmet,
)
from ledger.rules.steps.citizens_fund import CitizensFundStep
from ledger.rules.steps.guarantee import GuaranteeStep
from ledger.rules.steps.recover_cost import RecoverCostStep
from ledger.rules.steps.reserve import ReserveStep

__all__ = [
    "STEP_KINDS",
    "Basis",
    "Division",
    "PartDivision",
    "Step",
    "StepModel",
    "StepOutcome",
    "StepView",
    "run_step",
]

Step = Annotated[
    RecoverCostStep | ReserveStep | GuaranteeStep | AllocateStep | CitizensFundStep,
    Field(discriminator="kind"),
]


def _allocate(step: AllocateStep, view: StepView) -> StepOutcome:
    """To projects where those are the key's recipients, else to the members."""
    if isinstance(step.key, QuadraticKey):
        return projects.allocate_to_projects(step.key, step, view)
    return allocate.run(step, view)


STEP_KINDS: Mapping[str, Callable[[Any, StepView], StepOutcome]] = {
    "recover_cost": recover_cost.run,
    "reserve": reserve.run,
    "guarantee": guarantee.run,
    "allocate": _allocate,
    "citizens_fund": citizens_fund.run,
}


def run_step(step: Step, view: StepView) -> StepOutcome:
    """Carry out one step on what its source holds; on nothing while its condition is not met."""
    reason = unmet(step.when, view.scope)
    if reason is None:
        return STEP_KINDS[step.kind](step, view)
    outcome = STEP_KINDS[step.kind](step, replace(view, available=0, waits=True))
    return replace(outcome, notes=(*outcome.notes, reason))
