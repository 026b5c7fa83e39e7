"""Short rule ``random_arrival``: the mean over all orders of min(c_i, what is left).

B. O'Neill, "A problem of rights arbitration from the Talmud", Mathematical Social Sciences 2
(1982): it is the Shapley value of v(S) = max(0, E − Σ_{j∉S} c_j), and computed as that.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.errors import Infeasible
from ledger.rules.games.table import PLAYERS_MAX, shapley
from ledger.rules.shares import Shares


def random_arrival(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """Claims of zero receive nothing; of the others there may be 20, raises Infeasible beyond."""
    del order
    claimants = [index for index, claim in enumerate(claims) if claim]
    if len(claimants) > PLAYERS_MAX:
        text = f"random_arrival takes at most {PLAYERS_MAX} claims, there are {len(claimants)}"
        raise Infeasible(text, claims=len(claimants))
    found = shapley(_what_others_leave(estate, [claims[index] for index in claimants]))
    numerators = [0] * len(claims)
    for index, numerator in zip(claimants, found.numerators, strict=True):
        numerators[index] = numerator
    return Shares(tuple(numerators), found.denominator)


def _what_others_leave(estate: int, claims: Sequence[int]) -> list[int]:
    """v(S) by coalition, bit i of its number being claim i."""
    rest = [estate - sum(claims)]
    for claim in claims:
        rest += [value + claim for value in rest]
    return [max(0, value) for value in rest]
