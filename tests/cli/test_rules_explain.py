"""``kyojo rules explain``: one amount in words, in the language asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Kyojo, check_error

LUGANO = Path(__file__).resolve().parents[2] / "examples" / "lugano"
CASE = ("--rules", LUGANO / "rules.yaml", "--inputs", LUGANO / "inputs" / "2017-06.json")


def test_a_member_of_the_example_in_both_languages(kyojo: Kyojo) -> None:
    english = kyojo("rules", "explain", *CASE, "--member", "emoti")
    assert english.code == 0
    for part in ("emoti, share (Distribution): 541.35 CHF", "emoti, in all: 621.35 CHF",
                 "From inputs:/totals/energy_wh/emoti: 1587447.",
                 "88266 × 296152114 ÷ 482865500 = 54135, remainder 238651824"):  # fmt: skip
        assert part in english.out
    japanese = kyojo("rules", "explain", *CASE, "--member", "emoti", "--lang", "ja")
    for part in ("emoti, share (分配): 541.35 CHF", "emoti, 合計: 621.35 CHF",
                 "余り 238651824", "inputs:/totals/energy_wh/emoti の値: 1587447"):  # fmt: skip
        assert part in japanese.out
    assert "Distribution" not in japanese.out


def test_one_step_and_json(kyojo: Kyojo) -> None:
    ran = kyojo("rules", "explain", *CASE, "--member", "ail", "--step", "platform", "--json")
    (step,) = ran.document["steps"]
    assert (step["step"], step["rule"], step["amount_minor"]) == (
        "platform", "rules:/steps/0", 24000
    )  # fmt: skip
    assert step["text"][0].keys() == {"en", "ja"}
    text = kyojo("rules", "explain", *CASE, "--member", "ail", "--step", "platform").out
    assert "in all" not in text.replace("32000 in all", "")


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (("--member", "boat"), 8, "green-motion"),
        (("--member", "ail", "--step", "none"), 2, "platform, reserve, share"),
        (("--member", "ail", "--lang", "fr"), 2, "--lang"),
        ((), 2, "--member"),
    ],
)
def test_what_cannot_be_explained(
    kyojo: Kyojo, more: tuple[str, ...], code: int, words: str
) -> None:
    check_error(kyojo("rules", "explain", *CASE, *more), code, words)


def test_inputs_without_a_place_in_the_rules(kyojo: Kyojo, tmp_path: Path) -> None:
    path = tmp_path / "inputs.json"
    text = CASE[3].read_text() if isinstance(CASE[3], Path) else ""
    path.write_text(text.replace('"costs"', '"revenue": {"tips": 1},\n "costs"'))
    ran = kyojo("rules", "explain", *CASE[:3], path, "--member", "ail")
    check_error(ran, 2, "inputs.json /revenue/tips")
