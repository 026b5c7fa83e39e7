"""Step ``citizens_fund``: citizens' votes decide which projects a pool pays for.

``greedy`` and ``equal_shares`` pay projects their cost, whole or not at all; ``quadratic`` matches
contributions. Lines go to ``project.<id>``, one for every project of the ballots; what they do not
take stays in the source. Approvals count for the first two, amounts for the third; n, the number of
voters of equal shares, is that of the votes that approve.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ledger.rules.ballots.candidates import Candidate, candidates_of
from ledger.rules.ballots.equal_shares import Utility, equal_shares
from ledger.rules.ballots.greedy import greedy
from ledger.rules.keys.quadratic import ballots_of, weigh_projects
from ledger.rules.models import OutsideName, Problem
from ledger.rules.names import NamesUsed
from ledger.rules.steps.base import StepModel, StepOutcome, StepView, bounded
from ledger.rules.steps.projects import pay_projects


class CitizensFundStep(StepModel):
    """``utility`` and ``completion`` belong to equal shares, ``scale_up`` to quadratic matching."""

    kind: Literal["citizens_fund"]
    ballots: OutsideName
    method: Literal["greedy", "equal_shares", "quadratic"]
    utility: Utility | None = None
    completion: Literal["greedy"] | None = None
    scale_up: bool = False

    def names(self) -> NamesUsed:
        """The ballots."""
        return NamesUsed(ballots=frozenset({self.ballots}))

    def problems(self) -> Iterator[Problem]:
        """A field of another method."""
        yield from super().problems()
        for field, method in _BELONGS.items():
            if getattr(self, field) and self.method != method:
                yield f"/{field}", f"{field!r} belongs to the method {method}, not {self.method}"


_BELONGS = {"utility": "equal_shares", "completion": "equal_shares", "scale_up": "quadratic"}


def run(step: CitizensFundStep, view: StepView) -> StepOutcome:
    """What the projects receive of what the limit allows.

    Raises Infeasible when the inputs lack the ballots, or the cost of a project that is approved.
    """
    budget = bounded(view.available, step, view)
    if step.method == "quadratic":
        weights = weigh_projects(step.ballots, budget, view.scope, scale_up=step.scale_up)
        return pay_projects(budget, weights, view)
    paid = dict.fromkeys(ballots_of(step.ballots, view.scope).costs, 0)
    paid |= {candidate.id: candidate.cost for candidate in _funded(step, budget, view)}
    payees = {f"project.{project}": amount for project, amount in paid.items()}
    return StepOutcome(sum(paid.values()), payees=payees)


def _funded(step: CitizensFundStep, budget: int, view: StepView) -> tuple[Candidate, ...]:
    """The projects that are paid for, in the order in which they were chosen."""
    ballots = ballots_of(step.ballots, view.scope)
    candidates = candidates_of(step.ballots, ballots)
    if step.method == "greedy":
        return greedy(budget, candidates)
    chosen = equal_shares(budget, candidates, ballots.approvals, step.utility or "cost")
    if step.completion is None:
        return chosen
    left = budget - sum(candidate.cost for candidate in chosen)
    rest = [candidate for candidate in candidates if candidate not in chosen]
    return (*chosen, *greedy(left, rest))
