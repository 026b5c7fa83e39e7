"""Blobs as entries name them: ``{"sha256", "bytes"}`` in a body, larger bytes beside the log.

Apart from ``submission``, so that whoever only looks for names loads no model of any body.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BLOB_BYTES_MAX = 64 * 2**20


def blob_references(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every ``{"sha256", "bytes"}`` in a body that was read as JSON, at any depth."""
    if isinstance(value, dict):
        if value.keys() == {"sha256", "bytes"} and isinstance(value["sha256"], str):
            yield value
        else:
            for inner in value.values():
                yield from blob_references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from blob_references(inner)
