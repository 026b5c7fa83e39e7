"""The Shapley value of a game given coalition by coalition (RULES.md section 4).

Coalitions are numbered: bit i of S says whether player i is in it. With n players
φ_i = Σ_{S∌i} |S|!(n−|S|−1)!/n! · (v(S∪i) − v(S)). Sorted by coalition instead of by player,

    n!·φ_i = Σ_{S∋i} (p(|S|−1) + p(|S|))·v(S) − Σ_S p(|S|)·v(S)
    p(k) = k!(n−k−1)!, p(−1) = p(n) = 0

so one weighted copy of the table holds all that is needed. The sum over S ∋ i is that of the upper
half for the highest player; folding the upper half onto the lower one leaves the same task with one
player fewer. That is 2·2ⁿ additions in all, instead of n·2ⁿ (L. S. Shapley, "A value for n-person
games", 1953).

>>> shapley((0, 0, 0, 1, 0, 1, 0, 1))  # gloves: player 0 has the only left one
Shares(numerators=(4, 1, 1), denominator=6)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial
from operator import add

from ledger.rules.shares import Shares

PLAYERS_MAX = 20


def shapley(values: Sequence[int]) -> Shares:
    """The value over n!, of 2ⁿ worths of which that of nobody is 0. Exact; seconds for n = 20."""
    players = len(values).bit_length() - 1
    sizes = _sizes(players)
    before = [_orders(size, players) for size in range(players + 1)]
    both = [_orders(size - 1, players) + before[size] for size in range(players + 1)]
    constant = sum(before[size] * value for size, value in zip(sizes, values, strict=True))
    folded = [both[size] * value for size, value in zip(sizes, values, strict=True)]
    found = [0] * players
    for player in reversed(range(players)):
        half = 1 << player
        upper = folded[half:]
        found[player] = sum(upper) - constant
        folded = list(map(add, folded[:half], upper))
    return Shares(tuple(found), factorial(players))


def _orders(size: int, players: int) -> int:
    """In how many orders exactly ``size`` given players come before a given other one."""
    if not 0 <= size < players:
        return 0
    return factorial(size) * factorial(players - size - 1)


def _sizes(players: int) -> list[int]:
    """How many players each coalition has."""
    sizes = [0]
    for _ in range(players):
        sizes += [size + 1 for size in sizes]
    return sizes
