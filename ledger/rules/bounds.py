"""Floors and caps on shares, solved exactly by water-filling (RULES.md section 4, "Bounds").

With weights w_i, floors lo_i and caps hi_i (None: no cap) there is a level λ at which
Σ clamp(λ·w_i, lo_i, hi_i) is the total. That sum is piecewise linear in λ and bends only where some
λ·w_i meets a bound, so λ is found by walking over those breakpoints in order. Everything is
integers: the amounts have λ's denominator, and no fraction is built per member.

Invariant: the amounts add up to the total and keep to their bounds. They follow from the arguments
alone; where a whole stretch of λ gives them, the smallest λ is told.

>>> found = clamp(100, (5, 3, 2), (0, 0, 0), (40, None, None))
>>> found.numerators, found.denominator, found.scale
((40, 36, 24), 1, Fraction(12, 1))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ledger.errors import CapsBelowPool, FloorsExceedPool, NoWeights, OutOfRange


@dataclass(frozen=True, slots=True)
class Clamped:
    """Exact amounts ``numerators[i] / denominator``, the level λ as ``scale``, and who is bound.

    ``at_floor`` and ``at_cap`` hold the indices whose bound changed λ·w_i; who only just meets a
    bound is in neither.
    """

    numerators: tuple[int, ...]
    denominator: int
    scale: Fraction
    at_floor: frozenset[int]
    at_cap: frozenset[int]


_Bend = tuple[int, int, int, int, int]
"""Where λ·w meets a bound: its place among the others, the bound, the weight, and what the sum's
slope and offset change by there."""


def clamp(
    total: int, weights: Sequence[int], low: Sequence[int], high: Sequence[int | None]
) -> Clamped:
    """Divide ``total`` by ``weights`` within the bounds, one of each per member.

    Costs one sort of the bounds. Raises FloorsExceedPool and CapsBelowPool with the figures when
    no λ exists, NoWeights when there is more than the floors but nobody has a weight, and
    OutOfRange for negative figures or a floor above its cap.
    """
    _check(total, weights, low, high)
    scale = _level(total, weights, low, high)
    top, bottom = scale.numerator, scale.denominator
    numerators, at_floor, at_cap = [], set(), set()
    for index, weight in enumerate(weights):
        amount, least, most = top * weight, low[index] * bottom, high[index]
        if amount < least:
            amount = least
            at_floor.add(index)
        elif most is not None and amount > most * bottom:
            amount = most * bottom
            at_cap.add(index)
        numerators.append(amount)
    return Clamped(tuple(numerators), bottom, scale, frozenset(at_floor), frozenset(at_cap))


def most_of(
    weights: Sequence[int], low: Sequence[int], high: Sequence[int | None]
) -> tuple[int | None, ...]:
    """The most that each member can receive: its cap, but its floor where it has no weight."""
    rows = zip(weights, low, high, strict=True)
    return tuple(most if weight else least for weight, least, most in rows)


def _check(
    total: int, weights: Sequence[int], low: Sequence[int], high: Sequence[int | None]
) -> None:
    for weight, least, most in zip(weights, low, high, strict=True):
        if weight < 0 or least < 0:
            raise OutOfRange(f"a weight of {weight} with a floor of {least}; neither is negative")
        if most is not None and most < least:
            raise OutOfRange(f"a floor of {least} above its cap of {most}")
    if total < 0:
        raise OutOfRange(f"{total} is negative; divide its size, and turn the amounts round")
    floors, reachable = sum(low), most_of(weights, low, high)
    if floors > total:
        text = f"the floors add up to {floors}, but only {total} is there"
        raise FloorsExceedPool(text, floors=floors, total=total)
    if floors < total and not any(weights):
        raise NoWeights(f"{total - floors} is left above the floors, but every weight is zero")
    caps = [most for most in reachable if most is not None]
    if len(caps) == len(reachable) and sum(caps) < total:
        text = f"at most {sum(caps)} can be given under the caps, but {total} is to be divided"
        raise CapsBelowPool(text, caps=sum(caps), total=total)


def _level(
    total: int, weights: Sequence[int], low: Sequence[int], high: Sequence[int | None]
) -> Fraction:
    """The smallest λ; the sum is slope·λ + offset between two bends."""
    offset = sum(low)
    if offset == total:
        return Fraction()
    slope = sum(weight for weight, least in zip(weights, low, strict=True) if not least)
    for _, bound, weight, slope_change, offset_change in sorted(_bends(weights, low, high)):
        if slope * bound >= (total - offset) * weight:
            break
        slope += slope_change
        offset += offset_change
    return Fraction(total - offset, slope)


def _bends(
    weights: Sequence[int], low: Sequence[int], high: Sequence[int | None]
) -> Iterator[_Bend]:
    """A member starts to grow where it passes its floor, and stops at its cap.

    Places are whole numbers that order the quotients λ exactly: two different ones with
    denominators up to W differ by at least 1/W², so their floors differ once both are multiplied by
    a power of two above W².
    """
    shift = 2 * max(weights).bit_length()
    for weight, least, most in zip(weights, low, high, strict=True):
        if weight and least:
            yield (least << shift) // weight, least, weight, weight, -least
        if weight and most is not None:
            yield (most << shift) // weight, most, weight, -weight, most
