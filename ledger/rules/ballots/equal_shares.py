"""Method of Equal Shares: every voter has the same purse, and pays for what it approves.

Each of n voters holds B/n. A project is ρ-affordable if its supporters can pay for it with at most
ρ·u each, u being its utility: Σ min(purse, ρ·u) = cost. Again and again the project with the
smallest ρ is funded and its supporters are charged min(purse, ρ·u); it ends when none is
affordable (D. Peters, G. Pierczyński and P. Skowron, "Proportional participatory budgeting with
additive utilities", NeurIPS 2021).

Exact: purses are integers over one denominator, which grows with every project funded. Voters who
approve the same projects always have the same purse, so they are kept as one group. A purse only
shrinks, so a project's ρ only grows: an old ρ is a lower bound, and in a heap of such bounds only
the projects on top are computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from heapq import heapify, heappop, heappush
from math import lcm
from typing import Literal

from ledger.rules.ballots.candidates import Candidate

Utility = Literal["cost", "cardinality"]


def equal_shares(
    budget: int,
    candidates: Sequence[Candidate],
    approvals: Mapping[tuple[str, ...], int],
    utility: Utility,
) -> tuple[Candidate, ...]:
    """Those that are funded, in the order of funding; ``approvals`` counts voters by their set.

    Ties: approvals desc, cost asc, id. Nothing is completed: money may be left that no supporters
    of a project have together.
    """
    purses = _Purses(budget, candidates, approvals)
    known = {candidate.id: candidate for candidate in candidates}
    bounds = [(Fraction(), candidate.rank) for candidate in candidates]
    heapify(bounds)
    funded = []
    while bounds:
        bound, rank = heappop(bounds)
        candidate = known[rank[-1]]
        payment = purses.payment(candidate)
        if payment is None:
            continue
        price = payment / (candidate.cost if utility == "cost" else 1)
        if price > bound:
            heappush(bounds, (price, rank))
            continue
        purses.charge(candidate, payment)
        funded.append(candidate)
    return tuple(funded)


class _Purses:
    """What the voters of each group still hold: integers over ``denominator``."""

    def __init__(
        self,
        budget: int,
        candidates: Sequence[Candidate],
        approvals: Mapping[tuple[str, ...], int],
    ) -> None:
        groups = sorted(approvals.items())
        self.voters = [count for _, count in groups]
        self.held = [budget] * len(groups)
        self.denominator = sum(self.voters)
        self.supporters: dict[str, list[int]] = {candidate.id: [] for candidate in candidates}
        for group, (approved, _) in enumerate(groups):
            for project in approved:
                self.supporters[project].append(group)

    def payment(self, candidate: Candidate) -> Fraction | None:
        """The most that a supporter has to pay, or None where they cannot afford it."""
        missing = candidate.cost * self.denominator
        payers = candidate.approvals
        for group in sorted(self.supporters[candidate.id], key=self.held.__getitem__):
            if self.held[group] * payers >= missing:
                return Fraction(missing, payers * self.denominator)
            missing -= self.held[group] * self.voters[group]
            payers -= self.voters[group]
        return None

    def charge(self, candidate: Candidate, payment: Fraction) -> None:
        """Take min(purse, payment) from every supporter."""
        common = lcm(self.denominator, payment.denominator)
        factor = common // self.denominator
        most = payment.numerator * (common // payment.denominator)
        self.denominator = common
        self.held = [purse * factor for purse in self.held]
        for group in self.supporters[candidate.id]:
            self.held[group] -= min(self.held[group], most)
