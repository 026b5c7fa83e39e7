"""Files that members' commands are given."""

from __future__ import annotations

from pathlib import Path

from ledger.errors import NotFound


def read_file(path: Path) -> bytes:
    """The bytes of a file; raises NotFound if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error}") from error
