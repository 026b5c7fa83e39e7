"""Keys (配賦基準): how figures become weights (RULES.md section 4).

A kind of key is one module with a model and a function ``weigh(key, scope) -> Weights``, one member
of a union and one row of a table: in ``plain`` if it can be the base of another key, else here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from ledger.rules.keys import airport, energy, kpi_weighted, quadratic, scrb, shapley
from ledger.rules.keys.airport import AirportKey
from ledger.rules.keys.base import KeyModel, Source, Weights, input_place, weigh_heads
from ledger.rules.keys.energy import EnergyKey
from ledger.rules.keys.kpi_weighted import KpiWeightedKey
from ledger.rules.keys.plain import PLAIN_KINDS, PlainKey
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
    PlainKey | KpiWeightedKey | EnergyKey | AirportKey | ShapleyKey | ScrbKey | QuadraticKey,
    Field(discriminator="kind"),
]

KEY_KINDS: Mapping[str, Callable[[Any, Scope], Weights]] = {
    **PLAIN_KINDS,
    "kpi_weighted": kpi_weighted.weigh,
    "energy": energy.weigh,
    "airport": airport.weigh,
    "shapley": shapley.weigh,
    "scrb": scrb.weigh,
    "quadratic": quadratic.weigh,
}


def weigh(key: Key, scope: Scope) -> Weights:
    """The weights of ``key`` for this period's figures."""
    return KEY_KINDS[key.kind](key, scope)
