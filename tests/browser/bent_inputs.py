"""Figures of a month with one value that is odd, out of range or missing."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**53 - 1, -(2**53 - 1), "5", "5/2", "4/2", "2.0", "1e3", "", "-", "x",
    "0/0", "1/0", "9007199254740993", "-9007199254740993", "70%", [], {}, [1], {"bus": 1},
    {"nobody": 1}, "2026-10-01", "2026-02-30", "9" * 90,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document, of lists and objects too: what holds it, and its name there."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    for name, inner in pairs:
        yield value, name
        if isinstance(inner, dict | list):
            yield from places(inner)


def bent_inputs(
    good: dict[str, Any], chosen: random.Random, share: float
) -> Iterator[dict[str, Any]]:
    """The document with one value replaced, missing, or with a name beside it; a share of all."""
    count = sum(1 for _ in places(good))
    for at in range(count):
        for odd in (*ODD, "missing", "beside"):
            if chosen.random() >= share:
                continue
            document = copy.deepcopy(good)
            holder, name = list(places(document))[at]
            if odd == "missing":
                del holder[name]
            elif odd == "beside" and isinstance(holder, dict):
                holder["a b"] = holder[name]
            else:
                holder[name] = copy.deepcopy(odd)
            yield document
