"""The command in this process, over copies of prepared installations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ledger.cli.main import main
from tests.installation import Place


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err.splitlines()[-1])


Kyojo = Callable[..., Ran]


@pytest.fixture
def kyojo(capsys: pytest.CaptureFixture[str]) -> Kyojo:
    """Runs ``kyojo`` with these arguments."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as left:
            code = int(str(left.code or 0))
        found = capsys.readouterr()
        return Ran(code, found.out, found.err)

    return run


@pytest.fixture
def place_of(
    templates: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Place]:
    """A copy of an installation, named by KYOJO_CONFIG."""

    def copy(name: str) -> Place:
        place = Place(shutil.copytree(templates[name], tmp_path / name))
        monkeypatch.setenv("KYOJO_CONFIG", str(place.config))
        return place

    return copy


def check_error(ran: Ran, code: int, *words: str) -> None:
    """An error on standard error: what, its code, and how to mend it, in both languages."""
    assert ran.code == code, ran
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert ran.err.count("  → ") == 2, ran.err
    assert any(ord(letter) > 0x3000 for letter in ran.err.splitlines()[-1]), ran.err
    for word in words:
        assert word in ran.err, ran.err
