"""The airport formula: who needs more also pays for what the others need (RULES.md section 4).

With needs sorted ascending, c_0 = 0 and n members, x_(i) = Σ_{k≤i} (c_k − c_{k−1})/(n − k + 1):
each stretch is shared equally by those who need it. It is the Shapley value of the game whose
coalition costs what its largest need costs (S. C. Littlechild and G. Owen, "A simple expression for
the Shapley value in a special case", Management Science 20 (1973)).

>>> airport((9000, 16000, 30000))
Shares(numerators=(3000, 6500, 20500), denominator=1)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import lcm

from ledger.errors import Infeasible
from ledger.rules.shares import Shares

LEVELS_MAX = 1024


def airport(needs: Sequence[int]) -> Shares:
    """The shares of non-negative needs; they add up to the largest.

    Different needs may be 1,024, raises Infeasible beyond: the common denominator grows with them.
    """
    counts = Counter(needs)
    levels = sorted(counts)
    if len(levels) > LEVELS_MAX:
        text = f"the airport formula takes at most {LEVELS_MAX} different needs, not {len(levels)}"
        raise Infeasible(text, needs=len(levels))
    sharing = list(accumulate(counts[level] for level in reversed(levels)))[::-1]
    common = lcm(*sharing)
    share, below, shares = 0, 0, {}
    for level, count in zip(levels, sharing, strict=True):
        share += (level - below) * (common // count)
        shares[level], below = share, level
    return Shares(tuple(shares[need] for need in needs), common).reduced()
