"""Projects that may be funded whole, and the order in which ties are broken."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ledger.errors import Infeasible
from ledger.rules.inputs import Ballots


@dataclass(frozen=True, slots=True)
class Candidate:
    """A project with its cost in minor units and the number of voters who approve it."""

    id: str
    cost: int
    approvals: int

    @property
    def rank(self) -> tuple[int, int, str]:
        """Sorts by approvals, the most first, then by cost, then by id."""
        return -self.approvals, self.cost, self.id


def candidates_of(name: str, ballots: Ballots) -> list[Candidate]:
    """All projects that somebody approves; raises Infeasible for one without a cost."""
    counts: Counter[str] = Counter()
    for approved, voters in ballots.approvals.items():
        for project in approved:
            counts[project] += voters
    return [
        Candidate(project, _cost(name, project, cost), counts[project])
        for project, cost in ballots.costs.items()
        if counts[project]
    ]


def _cost(name: str, project: str, cost: int | None) -> int:
    if cost is None:
        text = f"the project {project!r} of the ballots {name!r} has no cost to fund"
        raise Infeasible(text, project=project)
    return cost
