"""Dividing money among claims: in full where it suffices, by a short rule where it does not.

Paid in full, or in proportion, a claim is a plain weight. The other rules give exact amounts that
are no proportion; then the amounts are the weights, and the claims what they rest on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from ledger.rules.keys import Weights
from ledger.rules.rounding import HALF_EVEN, Rounding
from ledger.rules.shares import Shares
from ledger.rules.short import ShortRule, divide_short
from ledger.rules.steps.base import Basis, Division, StepView, divide_by, divide_exactly


def divide_claims(total: int, claims: Sequence[int], rule: ShortRule, view: StepView) -> Division:
    """Pay ``total``, which is not more than the claims, one claim per member.

    Nobody gets more than it claims: the rounding gives odd units to exact amounts below a claim.
    """
    exactly = replace(view, rounding=to_the_unit(view.rounding))
    listed = tuple(claims)
    if rule == "proportional" or total == sum(listed):
        return divide_by(total, Weights(listed), exactly)
    shares = divide_short(rule, total, listed, view.scope.declared).reduced()
    scale, losses = level_of(rule, total, listed, shares)
    basis = Basis(rule, listed, scale=scale, losses=losses)
    exact = Weights(shares.numerators, shares.denominator)
    return divide_exactly(total, exact, basis, exactly)


def to_the_unit(rounding: Rounding) -> Rounding:
    """A policy under which every amount is its exact one rounded down or up by less than a unit.

    A residual that goes to one account could pay somebody more than it claims.
    """
    return Rounding(tie_break=rounding.tie_break) if rounding.method == HALF_EVEN else rounding


def level_of(
    rule: ShortRule, estate: int, claims: Sequence[int], shares: Shares
) -> tuple[Fraction | None, bool]:
    """The public level λ from which each member's amount follows, and whether it is of losses.

    ``cea``: min(c, λ); ``cel``: max(0, c − λ); ``talmud``: min(c/2, λ), or of losses c − min(c/2,
    λ). The other rules have none: their amounts depend on all claims.
    """
    if rule not in ("cea", "cel", "talmud"):
        return None, False
    losses = rule == "cel" or (rule == "talmud" and 2 * estate > sum(claims))
    rows = zip(claims, shares.numerators, strict=True)
    bottom = shares.denominator
    reached = max(claim * bottom - got if losses else got for claim, got in rows)
    return Fraction(reached, bottom), losses


def award(rule: str, claim: int | Fraction, scale: Fraction, *, losses: bool) -> Fraction:
    """What ``level_of``'s rules give to one claim: how a member checks its exact amount."""
    whole = Fraction(claim)
    if rule == "cel":
        return max(Fraction(), whole - scale)
    most = whole / 2 if rule == "talmud" else whole
    return whole - min(most, scale) if losses else min(most, scale)
