"""Fixtures that more than one part's tests use."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# No test is about time: a busy machine must not make one fail.
settings.register_profile("kyojo", deadline=None, print_blob=True)
settings.load_profile("kyojo")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--update-golden``: write what the code gives into the committed files; read the diff."""
    parser.addoption("--update-golden", action="store_true", help="renew the committed files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a committed file, or writes it there under ``--update-golden``."""
    update = request.config.getoption("--update-golden")

    def compare(name: str, text: str) -> None:
        path = REPOSITORY / name
        if update:
            path.write_text(text, "utf-8")
        assert path.read_text("utf-8") == text, f"{name} is not what the code gives"

    return compare


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material beside the checkout; tests that need it skip without."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "samples").is_dir():
        pytest.skip("SKIPPED FOR WANT OF DATA: no ../shared/samples beside this checkout")
    return folder


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Installations to copy: ``open`` has a founded co-op and an open month, ``settled`` more."""
    from tests import installation

    root = tmp_path_factory.mktemp("installations")
    place = installation.lay_out(root / "open")
    shutil.copytree(root / "open", root / "empty")
    installation.prepare(place)
    shutil.copytree(root / "open", root / "settled")
    installation.settle(installation.Place(root / "settled"))
    return {name: root / name for name in ("empty", "open", "settled")}
