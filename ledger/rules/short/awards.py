"""The short rules that follow from one level, one quotient or one order.

Three of them are water-filling: equal awards up to a level; equal losses, their dual; and the
Talmud's, which is the one on half-claims up to half of what is claimed and the other beyond
(Aumann and Maschler, "Game theoretic analysis of a bankruptcy problem from the Talmud", Journal of
Economic Theory 36 (1985)).
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.rules.bounds import clamp
from ledger.rules.shares import Shares


def proportional(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """E·c_i/C."""
    del order
    return Shares(tuple(estate * claim for claim in claims), sum(claims) or 1)


def constrained_equal_awards(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """min(c_i, λ)."""
    del order
    filled = clamp(estate, (1,) * len(claims), (0,) * len(claims), claims)
    return Shares(filled.numerators, filled.denominator)


def constrained_equal_losses(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """max(0, c_i − λ): what is missing is divided as equal awards of C − E."""
    lost = constrained_equal_awards(sum(claims) - estate, claims, order)
    return _what_remains(claims, lost)


def talmud(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """Equal awards on half-claims while E ≤ C/2, else c_i less the same of what is missing."""
    missing = sum(claims) - estate
    lesser = constrained_equal_awards(2 * min(estate, missing), claims, order)
    halved = Shares(lesser.numerators, 2 * lesser.denominator)
    return halved if estate <= missing else _what_remains(claims, halved)


def priority(estate: int, claims: Sequence[int], order: Sequence[int]) -> Shares:
    """Each in declared order takes what it claims, while something is left."""
    amounts, left = [0] * len(claims), estate
    for index in order:
        amounts[index] = min(claims[index], left)
        left -= amounts[index]
    return Shares(tuple(amounts))


def _what_remains(claims: Sequence[int], lost: Shares) -> Shares:
    rows = zip(claims, lost.numerators, strict=True)
    parts = tuple(claim * lost.denominator - gone for claim, gone in rows)
    return Shares(parts, lost.denominator)
