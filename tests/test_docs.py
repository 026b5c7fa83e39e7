"""The documentation names everything that the code has, and README's commands exist."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.errors import status_of
from ledger.cli.main import build_parser
from ledger.cli.output import EXIT_CODES, exit_code
from ledger.config import (
    CONFIG_VARIABLE,
    DATABASE_VARIABLE,
    ChainSection,
    Config,
    CoopSection,
    DatabaseSection,
    PayoutsSection,
    ServerSection,
    VaultSection,
    WitnessSection,
)
from ledger.errors import KyojoError
from ledger.store.database import Database
from ledger.wiring import Installation

# Sections within a section, whose own settings are listed.
NESTED = {"chain", "vault", "payouts"}
REPOSITORY = Path(__file__).resolve().parent.parent
REFERENCE = (REPOSITORY / "docs" / "reference.md").read_text("utf-8")
README = (REPOSITORY / "README.md").read_text("utf-8")


def leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    choices = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not choices:
        yield name
    for verb, inner in (item for each in choices for item in each.items()):
        yield from leaves(inner, f"{name} {verb}")


def kinds(kind: type[KyojoError]) -> Iterator[type[KyojoError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from kinds(inner)


def settings() -> Iterator[str]:
    sections = (("[database]", DatabaseSection), ("[server]", ServerSection),
                ("[coops.NAME]", CoopSection), ("[coops.NAME.chain]", ChainSection),
                ("[coops.NAME.vault]", VaultSection), ("[coops.NAME.payouts]", PayoutsSection),
                ("[witness]", WitnessSection))  # fmt: skip
    for title, section in sections:
        yield from (f"`{title} {name}`" for name in section.model_fields if name not in NESTED)


def endpoints(folder: Path) -> Iterator[str]:
    database = Database(f"sqlite:///{folder / 'empty.db'}")
    paths = create_app(Installation(Config(), database, {})).openapi()["paths"]
    database.close()
    for path, item in paths.items():
        yield from (f"`{method.upper()} {path}`" for method in item)


@pytest.mark.parametrize("command", list(leaves(build_parser(), "kyojo")))
def test_every_command_is_documented(command: str) -> None:
    assert f"| `{command}` | " in REFERENCE


def test_every_exit_code_is_documented() -> None:
    for code in {0, 4, 75, 78, *EXIT_CODES.values()} - {1}:
        assert f"| {code} | " in REFERENCE


@pytest.mark.parametrize("setting", list(settings()))
def test_every_setting_is_documented(setting: str) -> None:
    assert setting in REFERENCE


def test_every_environment_variable_is_documented() -> None:
    assert f"`{CONFIG_VARIABLE}`" in REFERENCE
    assert f"`{DATABASE_VARIABLE}`" in REFERENCE


def test_every_error_code_stands_with_its_status_and_exit_code() -> None:
    for kind in kinds(KyojoError):
        if kind.__module__ == "ledger.errors":
            error = kind("an example")
            assert f"| `{kind.code}` | {status_of(error)} | {exit_code(error)} | " in REFERENCE


def test_every_endpoint_is_documented_and_nothing_else(tmp_path: Path) -> None:
    stated = set(re.findall(r"^\| (`(?:GET|POST) [^`]+`) \|", REFERENCE, re.MULTILINE))
    assert stated == set(endpoints(tmp_path))


def test_the_commands_of_the_readme_exist() -> None:
    known = set(leaves(build_parser(), "kyojo"))
    used = re.findall(r"\.venv/bin/(kyojo (?:audit |member |prove )?[a-z-]+)", README)
    assert len(used) >= 6
    assert set(used) <= known
    targets = (REPOSITORY / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), target


def test_the_links_of_the_documents_lead_somewhere() -> None:
    for page in (REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
