"""Method ``greedy``: the most approved first, while it fits.

The rule of most cities: projects by approvals (then cost, then id), each funded if what is left
covers it. A project that nobody approves is no candidate, even where money is left.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger.rules.ballots.candidates import Candidate


def greedy(budget: int, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Those that are funded, in the order of funding."""
    funded, left = [], budget
    for candidate in sorted(candidates, key=lambda one: one.rank):
        if candidate.cost <= left:
            funded.append(candidate)
            left -= candidate.cost
    return tuple(funded)
