"""Money in the inputs: revenue and its origin, and what must agree with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from ledger.rules.inputs.reader import Quantity, Reader
from ledger.rules.yamltext import child

Origin = Literal["member", "other", "public"]


@dataclass(frozen=True, slots=True)
class Revenue:
    """Money that came in under one id, in minor units, and from whom."""

    amount_minor: int
    origin: Origin = "member"


def read_revenue(reader: Reader) -> dict[str, Revenue]:
    """Revenue by id: an int, which members brought, or ``{amount_minor, origin}``."""
    return reader.tables("revenue", lambda value, pointer: _revenue(reader, value, pointer))


def _revenue(reader: Reader, value: Any, pointer: str) -> Revenue:
    if not isinstance(value, dict):
        return Revenue(reader.integer(value, pointer))
    if value.keys() != {"amount_minor", "origin"}:
        reader.refuse(pointer, "shape", "revenue is an int or {amount_minor, origin}")
        return Revenue(0)
    if value["origin"] not in get_args(Origin):
        reader.refuse(f"{pointer}/origin", "origin", "origin is member, other or public")
        return Revenue(0)
    amount = reader.integer(value["amount_minor"], f"{pointer}/amount_minor")
    return Revenue(amount, value["origin"])


def check_charges(
    reader: Reader, totals: Mapping[str, Mapping[str, Quantity]], revenue: Mapping[str, Revenue]
) -> None:
    """Refuse money that is metered and reported too, and charges that are not whole."""
    for name, figures in totals.items():
        prefix, _, kind = name.partition(".")
        if prefix != "charge":
            continue
        if kind in revenue:
            message = f"{kind!r} is metered as charges; the same money cannot be reported too"
            reader.refuse(child("/revenue", kind), "twice", message)
        for member, amount in figures.items():
            if not isinstance(amount, int):
                pointer = child(child("/totals", name), member)
                reader.refuse(pointer, "integer", "charges are whole minor units")


def check_owed(
    reader: Reader, carry: Mapping[str, int], owed: Mapping[str, Mapping[str, int]]
) -> None:
    """Refuse amounts owed that do not add up to the carry."""
    for step, amounts in owed.items():
        if sum(amounts.values()) != carry.get(step, 0):
            message = f"the amounts do not add up to the carry of step {step!r}"
            reader.refuse(child("/owed", step), "sum", message)
