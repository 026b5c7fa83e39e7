"""Golden files of bytes: what the code gives, committed; ``--update-golden`` renews them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden_bytes(request: pytest.FixtureRequest) -> Callable[[str, bytes], None]:
    """Compares bytes with a committed file, or writes them there under ``--update-golden``."""
    update = request.config.getoption("--update-golden")

    def compare(name: str, data: bytes) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        assert path.read_bytes() == data, f"{name} is not what the code gives"

    return compare
