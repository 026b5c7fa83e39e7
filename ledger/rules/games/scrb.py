"""Separable costs, remaining benefits: x_i = m_i + (C(N) − Σm)·(c_i − m_i)/Σ_j(c_j − m_j).

m_i is what player i adds to the others' cost, c_i what it would cost alone, so that c_i − m_i is
what joining is worth to it. The method divides joint costs of dams since the Tennessee Valley
Authority (P. D. Straffin and J. P. Heaney, "Game theory and the Tennessee Valley Authority",
International Journal of Game Theory 10 (1981)).

>>> scrb((9, 6), (4, 3), 11)  # savings of 5 and 3 share the joint cost of 4
Shares(numerators=(13, 9), denominator=2)
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.rules.shares import Shares


def scrb(alone: Sequence[int], separable: Sequence[int], total: int) -> Shares:
    """The shares of ``total``; what is not separable is split equally when nobody saves anything.

    A share may be negative; they add up to ``total``.
    """
    rest = total - sum(separable)
    savings = [cost - own for cost, own in zip(alone, separable, strict=True)]
    whole = sum(savings)
    if whole == 0:
        savings, whole = [1] * len(savings), len(savings)
    if whole < 0:
        savings, whole = [-saving for saving in savings], -whole
    rows = zip(separable, savings, strict=True)
    return Shares(tuple(own * whole + rest * saving for own, saving in rows), whole or 1).reduced()
