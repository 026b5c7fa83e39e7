"""Readings (RULES.md section 2): kpi → member, or ``_`` for the whole town → ``{value, scale}``.

``value`` is compared as it is given; ``scale`` says for readers what makes a whole (1,000,000 for
parts per million) and may be left out when it is 1. All readings of one kpi have one scale, so that
figures in different units are never compared.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.rules.inputs.reader import Quantity, Reader
from ledger.rules.yamltext import child

TOWN: Final = "_"
"""Whose reading holds for the whole town."""

_FIELDS = ({"value"}, {"value", "scale"})


def read_kpis(reader: Reader) -> dict[str, dict[str, Quantity]]:
    """The values by kpi and member, or ``TOWN``."""
    return reader.tables("kpis", lambda value, pointer: _readings(reader, value, pointer))


def _readings(reader: Reader, value: Any, pointer: str) -> dict[str, Quantity]:
    found = reader.per_member(
        value, pointer, lambda one, at: _reading(reader, one, at), beside=frozenset({TOWN})
    )
    scales = {scale for _, scale in found.values()}
    if len(scales) > 1:
        text = f"the readings of one kpi have one scale, these have {sorted(scales)}"
        reader.refuse(pointer, "scale", text)
    return {member: reading for member, (reading, _) in found.items()}


def _reading(reader: Reader, value: Any, pointer: str) -> tuple[Quantity, int]:
    if not isinstance(value, dict) or value.keys() not in _FIELDS:
        reader.refuse(pointer, "shape", "a reading is {value, scale}")
        return 0, 1
    scale = reader.integer(value.get("scale", 1), child(pointer, "scale"))
    if scale < 1:
        reader.refuse(child(pointer, "scale"), "scale", f"a scale is at least 1, not {scale}")
    return reader.quantity(value["value"], child(pointer, "value")), scale
