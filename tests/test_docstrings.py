"""The worked examples in docstrings say what the code does."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


def modules_with_examples() -> list[str]:
    files = (
        path
        for package in ("ledger", "api", "contracts")
        for path in (REPOSITORY / package).rglob("*.py")
        if ">>> " in path.read_text("utf-8")
    )
    parts = (path.relative_to(REPOSITORY).with_suffix("").parts for path in files)
    return sorted(".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts)


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name), report=True)
    assert found.failed == 0
    assert found.attempted > 0
