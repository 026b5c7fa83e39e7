"""``kyojo rules eval``: two files in, one result out, nothing else touched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from tests.cli.conftest import Kyojo, Ran, check_error
from tests.settlement.cases import KAGA, by_trips, inputs, kaga_inputs


class Folder:
    """Rules and inputs in files, and the command on them."""

    def __init__(self, root: Path, kyojo: Kyojo) -> None:
        self.rules, self.inputs, self.previous = (
            root / name for name in ("rules.yaml", "inputs.json", "previous.json")
        )
        self.kyojo = kyojo
        self.write(KAGA, kaga_inputs())

    def write(self, rules: str, figures: Any) -> None:
        self.rules.write_text(rules, "utf-8")
        self.inputs.write_text(json.dumps(figures), "utf-8")

    def eval(self, *more: object) -> Ran:
        case = ("--rules", self.rules, "--inputs", self.inputs)
        return self.kyojo("rules", "eval", *case, *more)


@pytest.fixture
def folder(tmp_path: Path, kyojo: Kyojo) -> Folder:
    return Folder(tmp_path, kyojo)


def test_the_result_as_json_is_the_engines(folder: Folder) -> None:
    expected = result_document(run(parse_rules(KAGA), parse_inputs(kaga_inputs())))
    ran = folder.eval("--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document == expected


def test_the_result_for_people_is_in_currency_form(folder: Folder) -> None:
    text = folder.eval().out
    for part in ("kaga-mobility version 3, 2026-10, amounts in JPY",
                 "opex (recover_cost): took 40,000 of 1,000,001 in gross, left 960,001",
                 "fund.community   27,360", "in 1,000,001 = out 1,000,001"):  # fmt: skip
        assert part in text
    francs = KAGA.replace("JPY", "CHF").replace("minor_digits: 0", "minor_digits: 2")
    folder.write(francs, kaga_inputs() | {"period": {"start": "2026-10-02", "end": "2026-10-09"}})
    text = folder.eval().out
    assert "2026-10-02/2026-10-09, amounts in CHF" in text
    assert "in 10,000.01 = out 10,000.01" in text


def test_japanese_ids_stay_in_their_columns(folder: Folder) -> None:
    figures = inputs(members=["加賀", "ev"], revenue={"fares": 10}, totals={"trips": {"ev": 1}})
    folder.write(by_trips(), figures)
    rows = [line for line in folder.eval().out.splitlines() if line.startswith("  ")]
    assert rows[:2] == ["  加賀   0", "  ev    10"]


def test_notes_and_carry_are_told(folder: Folder) -> None:
    figures = kaga_inputs()
    figures["costs"] = {"platform": {"bus": 900_000}}
    folder.write(KAGA, figures)
    text = folder.eval().out
    assert "note: 500000 of the costs is carried forward" in text
    assert "carried by opex" in text


def test_malformed_input_names_every_fault_of_both_files(folder: Folder) -> None:
    figures = kaga_inputs()
    figures["revenue"] = {"fares": "1/2"}
    figures["costs"]["platform"]["boat"] = 1
    folder.write(KAGA.replace("rate: 5%", "rate: 500%"), figures)
    ran = folder.eval("--json")
    assert (ran.code, ran.out) == (2, "")
    places = [fault["where"].rpartition(" ")[2] for fault in ran.error["errors"]]
    assert places == ["/steps/1/rate", "/revenue/fares", "/costs/platform/boat"]
    check_error(folder.eval(), 2, "rules.yaml:", "inputs.json /costs/platform/boat", "3 faults")


def test_what_only_a_run_can_find_names_the_inputs(folder: Folder) -> None:
    folder.write(KAGA, kaga_inputs() | {"revenue": {"fares": 1, "tips": 2}})
    check_error(folder.eval(), 2, "inputs.json /revenue/tips")
    folder.write(KAGA.replace("{kind: equal}", "{kind: equal, members: [boat]}"), kaga_inputs())
    check_error(folder.eval(), 2, "boat")


def test_rules_without_an_answer(folder: Folder) -> None:
    folder.write(by_trips(), inputs(revenue={"fares": 10}))
    check_error(folder.eval(), 3, "[no-weights]", "step 's'")


def test_files_that_are_not_there(folder: Folder) -> None:
    folder.inputs.unlink()
    check_error(folder.eval(), 8, "inputs.json")


@pytest.mark.parametrize("style", ["delta", "ledger"])
def test_corrections_lead_from_the_earlier_result(folder: Folder, style: str) -> None:
    folder.previous.write_text(folder.eval("--json").out)
    figures = kaga_inputs()
    figures["totals"]["validated_trips"]["ev"] = 300
    folder.write(KAGA, figures)
    before = json.loads(folder.previous.read_text())["totals"]
    ran = folder.eval("--previous", folder.previous, "--style", style, "--json")
    after, rows = ran.document["totals"], ran.document["corrections"]
    found = {**before["members"], **before["funds"]}
    for row in rows:
        assert row["charge_class"] == "Correction"
        assert row["period"] == "2026-10"
        assert len(row["correction_of"]) == 64
        found[row["member"]] += row["amount_minor"]
    assert found == {**after["members"], **after["funds"]}
    roles = {"delta": {"delta"}, "ledger": {"negate", "restate"}}[style]
    assert {row["role"] for row in rows} == roles
    text = folder.eval("--previous", folder.previous, "--style", style).out
    assert f"corrections of {rows[0]['correction_of']}" in text
    assert f"  {rows[0]['role']}" in text


def test_nothing_to_correct(folder: Folder) -> None:
    folder.previous.write_text(folder.eval("--json").out)
    ran = folder.eval("--previous", folder.previous)
    assert "no corrections: every total is as before" in ran.out
    assert folder.eval("--previous", folder.previous, "--json").document["corrections"] == []


def test_corrections_that_cannot_be(folder: Folder) -> None:
    folder.previous.write_text(folder.eval("--json").out)
    check_error(folder.eval("--style", "delta"), 2, "--previous")
    folder.write(KAGA.replace("70%", "60%"), kaga_inputs())
    check_error(folder.eval("--previous", folder.previous), 2, "under its own rules")
    folder.previous.write_text('{"kyojo_result": 1}')
    check_error(folder.eval("--previous", folder.previous), 2, "previous.json /totals")


def test_the_command_itself_prints_one_document(folder: Folder) -> None:
    command = [sys.executable, "-m", "ledger.cli", "rules", "eval", "--json"]
    case = ["--rules", str(folder.rules), "--inputs", str(folder.inputs)]
    done = subprocess.run([*command, *case], capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["totals"]["in"] == 1000001
    assert done.stderr == b""
