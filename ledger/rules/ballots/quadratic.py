"""Quadratic matching: many small contributions draw more than few large ones.

What one voter gives to one project is one contribution c. A project's ideal match is
M = (Σ√c)² − Σc (V. Buterin, Z. Hitzig and E. G. Weyl, "A flexible design for funding public goods",
Management Science 65 (2019)). Contributions are grouped by value v with multiplicity m_v, so that
equal ones need no root:

    M = Σ_v m_v(m_v − 1)v + 2·Σ_{u<v} m_u·m_v·√(uv),   √x = isqrt(x·10¹⁸)/10⁹

The root is rounded down to nine decimals; everything else is exact, so anybody gets the same M.

>>> ideal_match((100, 100)), ideal_match((1, 4))
(Fraction(200, 1), Fraction(4, 1))
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import isqrt

from ledger.errors import Infeasible
from ledger.rules.bounds import clamp, most_of
from ledger.rules.number import over_common_denominator
from ledger.rules.shares import Shares

DECIMALS = 10**9
PAIRS_MAX = 4_000_000


def ideal_match(contributions: Sequence[int]) -> Fraction:
    """M of one project's contributions, one a voter; costs d² roots for d different values."""
    counts = sorted(Counter(contributions).items())
    same = sum(count * (count - 1) * value for value, count in counts)
    roots = sum(
        many * more * isqrt(low * high * DECIMALS**2)
        for (low, many), (high, more) in combinations(counts, 2)
    )
    return same + Fraction(2 * roots, DECIMALS)


def ideal_matches(contributions: Mapping[str, Sequence[int]]) -> dict[str, Fraction]:
    """M of every project; raises Infeasible where there are too many different contributions."""
    pairs = sum(_pairs(contributions))
    if pairs > PAIRS_MAX:
        text = f"{pairs} pairs of different contributions, at most {PAIRS_MAX} are matched"
        raise Infeasible(f"{text}; round contributions to fewer values", pairs=pairs)
    return {project: ideal_match(given) for project, given in contributions.items()}


def match(
    pool: int, ideal: Sequence[Fraction], caps: Sequence[int | None], *, scale_up: bool = False
) -> Shares:
    """What each project receives of ``pool``, exactly; their total may be less than the pool.

    Where the pool does not cover the ideal matches they are scaled down in proportion, and scaled
    up where it is more and ``scale_up`` is true; else every project has its ideal match. Nobody
    gets more than its cap; what that frees goes to the others, as far as they may have it.
    """
    weights, denominator = over_common_denominator(ideal)
    lows = (0,) * len(weights)
    if not scale_up:
        capped = tuple(
            weight if cap is None else min(weight, cap * denominator)
            for weight, cap in zip(weights, caps, strict=True)
        )
        if sum(capped) <= pool * denominator:
            return Shares(capped, denominator)
    most = most_of(weights, lows, caps)
    reached = tuple(cap for cap in most if cap is not None)
    if len(reached) == len(most) and sum(reached) <= pool:
        return Shares(reached)
    filled = clamp(pool, weights, lows, caps)
    return Shares(filled.numerators, filled.denominator)


def _pairs(contributions: Mapping[str, Sequence[int]]) -> Iterator[int]:
    for given in contributions.values():
        count = len(set(given))
        yield count * (count - 1) // 2
