"""Exact amounts as integers over one denominator: what a formula answers before rounding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd


@dataclass(frozen=True, slots=True)
class Shares:
    """Amount i is ``numerators[i] / denominator``; the denominator is positive."""

    numerators: tuple[int, ...]
    denominator: int = 1

    @property
    def total(self) -> Fraction:
        """What they add up to."""
        return Fraction(sum(self.numerators), self.denominator)

    def reduced(self) -> Shares:
        """The same amounts over the smallest denominator."""
        divisor = gcd(self.denominator, *self.numerators)
        parts = tuple(numerator // divisor for numerator in self.numerators)
        return Shares(parts, self.denominator // divisor)
