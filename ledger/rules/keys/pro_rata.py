"""Key ``pro_rata``: w_i = Σ_u n_{u,i}, all uses of member i, whoever the payer is."""

from __future__ import annotations

from typing import Literal

from ledger.rules.keys.base import Weights, listed, outside_of
from ledger.rules.keys.payers import PayersKey, all_uses, matrix_of
from ledger.rules.scope import Scope


class ProRataKey(PayersKey):
    """Every use weighs the same; what its payer paid does not matter."""

    kind: Literal["pro_rata"]


def weigh(key: ProRataKey, scope: Scope) -> Weights:
    """The sum of the matrix over its payers."""
    outside = outside_of(key.members, scope)
    uses = all_uses(matrix_of(key.matrix, scope), outside)
    return Weights(*listed(uses, scope, outside), outside)
