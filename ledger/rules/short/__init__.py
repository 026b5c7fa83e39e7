"""Short pools: an estate E that is less than the claims on it, C = Σ c_i (RULES.md section 4).

A rule is one function ``(estate, claims, order) -> Shares`` and one row of ``SHORT_RULES``. Every
rule gives each claim between 0 and itself, and E in all, exactly; rounding comes afterwards.

After W. Thomson, "Axiomatic and game-theoretic analysis of bankruptcy and taxation problems: a
survey", Mathematical Social Sciences 45 (2003); the formulas are named in each function.

>>> shares = divide_short("talmud", 200, (100, 200, 300))
>>> [int(part) // shares.denominator for part in shares.numerators]
[50, 75, 75]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from ledger.errors import OutOfRange
from ledger.rules.shares import Shares
from ledger.rules.short import awards, minimal_overlap, random_arrival

__all__ = ["SHORT_RULES", "ShortRule", "divide_short"]

ShortRule = Literal[
    "proportional", "cea", "cel", "talmud", "random_arrival", "priority", "minimal_overlap"
]

SHORT_RULES: Mapping[str, Callable[[int, Sequence[int], Sequence[int]], Shares]] = {
    "proportional": awards.proportional,
    "cea": awards.constrained_equal_awards,
    "cel": awards.constrained_equal_losses,
    "talmud": awards.talmud,
    "priority": awards.priority,
    "random_arrival": random_arrival.random_arrival,
    "minimal_overlap": minimal_overlap.minimal_overlap,
}


def divide_short(
    rule: ShortRule, estate: int, claims: Sequence[int], order: Sequence[int] = ()
) -> Shares:
    """Divide ``estate`` among ``claims`` by ``rule``.

    ``order`` gives the indices in declared order (default: as they stand); only ``priority`` looks
    at it. Raises OutOfRange for negative figures and for an estate above the claims, Infeasible
    when ``random_arrival`` has more than 20 claims above zero.
    """
    if estate < 0 or min(claims, default=0) < 0:
        raise OutOfRange("neither an estate nor a claim can be negative")
    if estate > sum(claims):
        text = f"{estate} covers all claims, {sum(claims)}; a short rule has nothing to say"
        raise OutOfRange(text)
    return SHORT_RULES[rule](estate, claims, order or range(len(claims)))
