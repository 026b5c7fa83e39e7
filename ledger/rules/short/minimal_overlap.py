"""Short rule ``minimal_overlap``: units are claimed so that as few as possible are claimed twice.

Each unit is shared equally by those who claim it (O'Neill 1982). When some claim reaches E, the
smaller claims lie inside the larger ones, as needs for a runway do. Otherwise there is a level t
with Σ (c_i − t)⁺ = E − t: up to t the claims lie inside each other, above t they lie side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.rules.games.airport import airport
from ledger.rules.shares import Shares


def minimal_overlap(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """Nested up to the level, apart above it."""
    del order
    if estate <= max(claims, default=0):
        return airport([min(claim, estate) for claim in claims])
    level, bottom = _level(estate, sorted(claims))
    scaled = [claim * bottom for claim in claims]
    nested = airport([min(claim, level) for claim in scaled])
    parts = tuple(
        inside + max(0, claim - level) * nested.denominator
        for inside, claim in zip(nested.numerators, scaled, strict=True)
    )
    return Shares(parts, nested.denominator * bottom)


def _level(estate: int, ascending: Sequence[int]) -> tuple[int, int]:
    """The level t as numerator and denominator, for max c < E ≤ C.

    With k claims above it, t = (their sum − E)/(k − 1). Claims below it are dropped, smallest
    first; two are always left, because E exceeds the largest.
    """
    dropped, above, others = 0, sum(ascending), len(ascending) - 1
    while above - estate > ascending[dropped] * others:
        above -= ascending[dropped]
        dropped, others = dropped + 1, others - 1
    return above - estate, others
