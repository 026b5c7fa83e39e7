"""Whose dealings the totals are made of: total → origin → member → quantity.

Totals have no origin. ``origins`` splits off what came from dealings with ``other`` customers or
the ``public``; the rest of a total is dealings with members. A part is at least 0, and a member's
parts together are at most its total.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.rules.inputs.reader import Quantity, Reader
from ledger.rules.yamltext import child

OUTSIDERS: Final = ("other", "public")

Origins = Mapping[str, Mapping[str, Quantity]]


def read_origins(
    reader: Reader, totals: Mapping[str, Mapping[str, Quantity]]
) -> dict[str, Origins]:
    """The parts by total, origin and member."""

    def read_split(value: Any, pointer: str) -> Origins:
        split = reader.table(value, pointer, reader.quantities)
        for origin in sorted(split.keys() - set(OUTSIDERS)):
            text = "an origin split off is other or public; the rest is members'"
            reader.refuse(child(pointer, origin), "origin", text)
        for origin, parts in split.items():
            for member, part in parts.items():
                if part < 0:
                    at = child(child(pointer, origin), member)
                    reader.refuse(at, "negative", f"{part} is negative")
        return split

    origins = reader.tables("origins", read_split)
    for name, split in origins.items():
        _check_sums(reader, name, split, totals.get(name, {}))
    return origins


def _check_sums(reader: Reader, name: str, split: Origins, total: Mapping[str, Quantity]) -> None:
    for member in dict.fromkeys(member for parts in split.values() for member in parts):
        split_off = sum(parts.get(member, 0) for parts in split.values())
        if split_off > total.get(member, 0):
            text = f"{split_off} of {member!r} are split off, its total is {total.get(member, 0)}"
            reader.refuse(child("/origins", name), "sum", text)
