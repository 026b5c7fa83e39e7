"""What docs/rules.md shows is what the commands take."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from ledger import canonical
from ledger.cli.main import build_parser
from ledger.rules.yamltext import read_yaml
from tests.cli.conftest import Kyojo

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = (REPOSITORY / "docs" / "rules.md").read_text("utf-8")


def block(language: str) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The spec and the inputs of the guide, beside rules that fit them."""
    shared = read_yaml((REPOSITORY / "examples/rules/odd-unit.spec.yaml").read_bytes()).document
    rules = shared["rules"]
    (tmp_path / "rules.yaml").write_bytes(canonical.encode(rules))
    opex = {"id": "opex", "kind": "recover_cost", "costs": ["platform"],
            "source": rules["steps"][0]["source"]}  # fmt: skip
    with_costs = {**rules, "steps": [opex, *rules["steps"]]}
    (tmp_path / "with-costs.yaml").write_bytes(canonical.encode(with_costs))
    (tmp_path / "guide.spec.yaml").write_text(block("yaml"), "utf-8")
    (tmp_path / "inputs.json").write_text(block("json"), "utf-8")
    return tmp_path


def test_the_spec_of_the_guide_runs(kyojo: Kyojo, folder: Path) -> None:
    ran = kyojo("rules", "test", folder)
    assert (ran.code, "2 cases, 0 failed" in ran.out) == (0, True), ran.out


def test_the_inputs_of_the_guide_are_inputs(kyojo: Kyojo, folder: Path) -> None:
    ran = kyojo("rules", "eval", "--rules", folder / "with-costs.yaml",
                "--inputs", folder / "inputs.json", "--json")  # fmt: skip
    assert ran.document["totals"]["in"] == 1000001


def test_every_verb_has_its_section_and_nothing_else_is_shown() -> None:
    parser = build_parser("rules")
    (top,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    rules = top.choices["rules"]
    (verbs,) = [a for a in rules._actions if isinstance(a, argparse._SubParsersAction)]
    sections = {line.split(":")[0] for line in re.findall(r"^## (\w+:?).*$", GUIDE, re.MULTILINE)}
    assert set(verbs.choices) <= sections
    assert set(re.findall(r"^kyojo rules (\w+)", GUIDE, re.MULTILINE)) <= set(verbs.choices)
    for option in set(re.findall(r"`(--[a-z]+)", GUIDE)):
        assert any(option in verb.format_help() for verb in verbs.choices.values()), option
