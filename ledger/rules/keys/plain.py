"""The keys that look at figures only, and may be the base of another key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger.rules.keys import (
    capital,
    equal,
    fixed,
    patronage,
    pro_rata,
    proportional,
    tiered,
    user_centric,
)
from ledger.rules.keys.base import Weights
from ledger.rules.keys.capital import CapitalKey
from ledger.rules.keys.equal import EqualKey
from ledger.rules.keys.fixed import FixedKey
from ledger.rules.keys.patronage import PatronageKey
from ledger.rules.keys.pro_rata import ProRataKey
from ledger.rules.keys.proportional import ProportionalKey
from ledger.rules.keys.tiered import TieredKey
from ledger.rules.keys.user_centric import UserCentricKey
from ledger.rules.scope import Scope

PlainKey = (
    EqualKey
    | FixedKey
    | ProportionalKey
    | PatronageKey
    | TieredKey
    | CapitalKey
    | ProRataKey
    | UserCentricKey
)

PLAIN_KINDS: Mapping[str, Callable[[Any, Scope], Weights]] = {
    "equal": equal.weigh,
    "fixed": fixed.weigh,
    "proportional": proportional.weigh,
    "patronage": patronage.weigh,
    "tiered": tiered.weigh,
    "capital": capital.weigh,
    "pro_rata": pro_rata.weigh,
    "user_centric": user_centric.weigh,
}


def weigh_plain(key: PlainKey, scope: Scope) -> Weights:
    """The weights of a plain key."""
    return PLAIN_KINDS[key.kind](key, scope)
