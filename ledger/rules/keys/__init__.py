"""Keys (配賦基準): how figures become weights (RULES.md section 4).

A kind of key is one module with a model and a function ``weigh(key, scope) -> Weights``, one member
of the union ``Key``, and one row of ``KEY_KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from ledger.rules.keys import airport, capital, equal, fixed, proportional, quadratic, scrb, shapley
from ledger.rules.keys.airport import AirportKey
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, weigh_heads
from ledger.rules.keys.capital import CapitalKey
from ledger.rules.keys.equal import EqualKey
from ledger.rules.keys.fixed import FixedKey
from ledger.rules.keys.proportional import ProportionalKey
from ledger.rules.keys.quadratic import QuadraticKey
from ledger.rules.keys.scrb import ScrbKey
from ledger.rules.keys.shapley import ShapleyKey
from ledger.rules.scope import Scope

__all__ = [
    "KEY_KINDS",
    "Key",
    "KeyModel",
    "Source",
    "Weights",
    "input_place",
    "weigh",
    "weigh_heads",
]

Key = Annotated[
    EqualKey
    | FixedKey
    | ProportionalKey
    | CapitalKey
    | AirportKey
    | ShapleyKey
    | ScrbKey
    | QuadraticKey,
    Field(discriminator="kind"),
]

KEY_KINDS: Mapping[str, Callable[[Any, Scope], Weights]] = {
    "equal": equal.weigh,
    "fixed": fixed.weigh,
    "proportional": proportional.weigh,
    "capital": capital.weigh,
    "airport": airport.weigh,
    "shapley": shapley.weigh,
    "scrb": scrb.weigh,
    "quadratic": quadratic.weigh,
}


def weigh(key: Key, scope: Scope) -> Weights:
    """The weights of ``key`` for this period's figures."""
    return KEY_KINDS[key.kind](key, scope)
