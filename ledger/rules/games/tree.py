"""The Shapley value of a network that is a tree: who needs an edge shares it (RULES.md section 4).

A node's edge leads towards the source; a player needs the edges between its node and the source.
Every edge's cost is split equally among the players at or below it, which is the Shapley value of
the game whose coalition costs what its edges cost (N. Megiddo, "Computational complexity of the
game theory approach to cost allocation for a tree", Mathematics of Operations Research 3 (1978)).
An airport is a tree without branches.

>>> tree((9000, 7000, 14000), (None, 0, 1), (0, 1, 2))
Shares(numerators=(3000, 6500, 20500), denominator=1)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

from ledger.errors import Infeasible
from ledger.rules.shares import Shares

COUNTS_MAX = 1024


def tree(costs: Sequence[int], parents: Sequence[int | None], at: Sequence[int]) -> Shares:
    """The share of each player, who is ``at`` a node; an edge that nobody needs costs nobody.

    Nodes are numbered with parents before their children. Raises Infeasible when edges are shared
    by more than 1,024 different numbers of players: the common denominator grows with them.
    """
    users = _users(parents, at)
    sharing = {count for count, cost in zip(users, costs, strict=True) if count and cost}
    if len(sharing) > COUNTS_MAX:
        text = f"edges are shared by {len(sharing)} different numbers of players"
        raise Infeasible(f"{text}, at most {COUNTS_MAX} can be", counts=len(sharing))
    common = lcm(*sharing)
    path: list[int] = []
    for cost, parent, count in zip(costs, parents, users, strict=True):
        above = 0 if parent is None else path[parent]
        path.append(above + (cost * (common // count) if cost and count else 0))
    return Shares(tuple(path[node] for node in at), common).reduced()


def _users(parents: Sequence[int | None], at: Sequence[int]) -> list[int]:
    """How many players are at or below each node."""
    users = [0] * len(parents)
    for node in at:
        users[node] += 1
    for node in reversed(range(len(parents))):
        parent = parents[node]
        if parent is not None:
            users[parent] += users[node]
    return users
