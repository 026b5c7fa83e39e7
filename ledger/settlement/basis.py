"""How a member's exact amount follows from its weight or claim, where it is no plain proportion.

The settlement shows the rule and its level λ; the member knows its own weight, cap and floor. For
rules that have no level (random arrival, minimal overlap, priority) a member sees that it got
between nothing and its claim, and only who has all claims can recompute the rest.
"""

from __future__ import annotations

from fractions import Fraction

from ledger.rules.steps.claims import award
from ledger.settlement.shape import BasisShape, OwnBasisShape

LEVELLED = frozenset({"bounds", "caps", "proportional", "cea", "cel", "talmud"})
"""The rules whose outcome a member can recompute from the level."""
BOUNDED = frozenset({"bounds", "caps"})


def follows(exact: Fraction, basis: BasisShape, own: OwnBasisShape) -> bool:
    """Whether a member's exact amount, in size, is what the rule gives it."""
    if basis.rule == "caps":
        return exact == _beyond(basis, own)
    if basis.rule == "bounds":
        return basis.scale is not None and exact == _within(basis.scale, own)
    claim = _claim(basis, own)
    if basis.rule not in LEVELLED:
        return 0 <= exact <= claim
    if basis.scale is None:
        return False
    if basis.rule == "proportional":
        return exact == basis.scale * claim
    return exact == award(basis.rule, claim, basis.scale, losses=basis.losses)


def _claim(basis: BasisShape, own: OwnBasisShape) -> Fraction:
    if basis.of_floors:
        return Fraction(own.floor or 0)
    return Fraction(own.weight_units, basis.denominator)


def _within(scale: Fraction, own: OwnBasisShape) -> Fraction:
    amount = max(scale * own.weight_units, Fraction(own.floor or 0))
    return amount if own.cap is None else min(amount, Fraction(own.cap))


def _beyond(basis: BasisShape, own: OwnBasisShape) -> Fraction:
    """Its cap, or the floor of who has no weight, and its part of what is beyond the caps."""
    reached = own.cap or 0 if own.weight_units else own.floor or 0
    return reached + Fraction(basis.rest * own.weight_units, int(basis.weight_sum) or 1)


def bounds_agree(basis: BasisShape, own: OwnBasisShape, *, takes_part: bool) -> bool:
    """Whether a member's own bounds are those that hold for everybody, where there are such.

    A floor of None means that the floor for everybody does not reach this account: suspense, and
    who is there only for what it is owed. Bounds by name stand in the rule set.
    """
    if basis.rule not in BOUNDED and not basis.of_floors:
        return own.cap is None and own.floor is None
    if basis.floor is not None and own.floor not in (None, basis.floor):
        return False
    if basis.cap is None or not takes_part:
        return True
    return own.cap == max(basis.cap, own.floor or 0)
