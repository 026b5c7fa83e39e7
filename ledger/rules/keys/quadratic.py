"""Key ``quadratic``: projects receive in proportion to their ideal match (``ballots.quadratic``).

Its recipients are the accounts ``project.<id>``, not members, so it stands alone in a step and
takes no ``members``. A project's cost, where one is given, caps its match. Where the pool is more
than all matches, the rest is not allocated unless ``scale_up`` is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import floor
from typing import Literal

from ledger.errors import Infeasible
from ledger.rules.ballots.quadratic import ideal_matches, match
from ledger.rules.inputs import Ballots
from ledger.rules.keys.base import KeyModel, Weights, amount_of
from ledger.rules.models import OutsideName, Problem
from ledger.rules.names import NamesUsed
from ledger.rules.number import over_common_denominator
from ledger.rules.scope import Scope
from ledger.rules.shares import Shares


class QuadraticKey(KeyModel):
    """``ballots`` names the votes, of which contributions count and approvals do not."""

    kind: Literal["quadratic"]
    ballots: OutsideName
    scale_up: bool = False

    def names(self) -> NamesUsed:
        """The ballots."""
        return super().names() | NamesUsed(ballots=frozenset({self.ballots}))

    def partial(self) -> bool:
        """The pool may be more than all matches."""
        return True

    def problems(self) -> Iterator[Problem]:
        """A restriction to members."""
        if self.members is not None:
            yield "/members", "a quadratic key pays projects, not members"


def weigh(key: QuadraticKey, scope: Scope) -> Weights:
    """What each project receives of the scope's amount."""
    pool = floor(amount_of(scope, key.kind))
    return weigh_projects(key.ballots, pool, scope, scale_up=key.scale_up)


def weigh_projects(
    name: str,
    pool: int,
    scope: Scope,
    *,
    scale_up: bool,
    caps: Mapping[str, int | None] | None = None,
) -> Weights:
    """How ``pool`` is matched, by project; ``caps`` are further caps, by project.

    The weights are the ideal matches, or the exact amounts where a cap changes the proportion.
    Raises Infeasible when the inputs have no such ballots.
    """
    ballots = ballots_of(name, scope)
    ideal = ideal_matches(ballots.contributions)
    wanted = [ideal[project] for project in ballots.costs]
    limits = [least_cap(cost, (caps or {}).get(project)) for project, cost in ballots.costs.items()]
    shares = match(pool, wanted, limits, scale_up=scale_up)
    weights = Shares(*over_common_denominator(wanted))
    if not _in_proportion(shares.numerators, weights.numerators):
        weights = shares
    reduced = weights.reduced()
    return Weights(
        numerators=reduced.numerators,
        denominator=reduced.denominator,
        outside=scope.members,
        allocated=shares.total,
        recipients=tuple(f"project.{project}" for project in ballots.costs),
    )


def _in_proportion(amounts: Sequence[int], weights: Sequence[int]) -> bool:
    total, whole = sum(amounts), sum(weights)
    rows = zip(amounts, weights, strict=True)
    return all(amount * whole == weight * total for amount, weight in rows)


def ballots_of(name: str, scope: Scope) -> Ballots:
    """The ballots of that name; raises Infeasible when the inputs do not have them."""
    ballots = scope.inputs.ballots.get(name)
    if ballots is None:
        raise Infeasible(f"the inputs hold no ballots {name!r}", ballots=name)
    return ballots


def least_cap(*caps: int | None) -> int | None:
    """The smallest of the caps that are given."""
    return min((cap for cap in caps if cap is not None), default=None)
