"""Key ``equal``: w_i = 1."""

from __future__ import annotations

from typing import Literal

from ledger.rules.keys.base import KeyModel, Weights, weigh_heads
from ledger.rules.scope import Scope


class EqualKey(KeyModel):
    """One share each; the suspense account has none unless ``members`` names it."""

    kind: Literal["equal"]


def weigh(key: EqualKey, scope: Scope) -> Weights:
    """Weight 1 for every member that takes part."""
    return weigh_heads(scope, key.members)
