"""``kyojo rules diff``: the example's table, a co-op's closed months, the picture."""

from __future__ import annotations

import json
import re
import shlex
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.cli.rules.picture import Heading, svg, text_bar
from ledger.settlement.comparison import Change
from tests import lugano_oracle as oracle
from tests.cli.conftest import Kyojo, check_error
from tests.installation import MONTH, NEXT, RULES_TEXT, Place
from tests.settlement.cases import KAGA, by_trips, inputs, kaga_inputs, one_step
from tests.test_lugano_settlement import CSV, constructed, totals_of

REPOSITORY = Path(__file__).resolve().parents[2]
LUGANO = REPOSITORY / "examples" / "lugano"
RULE_SETS = (LUGANO / "rules.yaml", LUGANO / "rules-v2.yaml")
MONTHS = ("--over", "2017-06", "--inputs", LUGANO / "inputs")
EQUAL = one_step("kind: allocate, key: {kind: equal}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.yaml").write_text(by_trips())
    (tmp_path / "new.yaml").write_text(EQUAL)
    totals = {"trips": {"bus": 3, "ev": 1}}
    for month, following in (("2026-01", "2026-02"), ("2026-03", "2026-04")):
        period = {"start": f"{month}-01", "end": f"{following}-01"}
        figures = inputs(totals=totals, revenue={"fares": 400}) | {"period": period}
        (tmp_path / f"{month}.json").write_text(json.dumps(figures))
    return tmp_path


def test_the_readme_shows_what_the_command_prints(
    kyojo: Kyojo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (LUGANO / "README.md").read_text("utf-8")
    command = re.search(r"^\.venv/bin/(kyojo rules diff .*?--picture var/diff\.svg)\n```", text,
                        re.MULTILINE | re.DOTALL)  # fmt: skip
    printed = re.search(r"^```text\n(old .*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert command is not None
    assert printed is not None
    words = shlex.split(command[1].replace("\\\n", " "))[1:]
    picture = tmp_path / "diff.svg"
    monkeypatch.chdir(REPOSITORY)
    ran = kyojo(*[str(picture) if word == "var/diff.svg" else word for word in words])
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == printed[1]
    assert "81.76 CHF" in text.split("## Who gains by other rules")[1]
    assert ET.fromstring(picture.read_text("utf-8")).tag.endswith("svg")


def test_an_old_set_without_a_place_for_a_cost_names_it(kyojo: Kyojo, folder: Path) -> None:
    new = one_step("kind: recover_cost, costs: [rent]")
    (folder / "new.yaml").write_text(new)
    path = folder / "2026-01.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "costs": {"rent": {"bus": 9}}}))
    ran = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml",
                "--over", "2026-01", "--inputs", folder)  # fmt: skip
    check_error(ran, 2, "/costs/rent")
    assert "no step of this rule set recovers or charges the cost 'rent'" in ran.err + ran.out
    assert "2026-01" in ran.err + ran.out


def test_the_examples_inputs_are_those_of_its_csv() -> None:
    coop = constructed()
    written = json.loads((LUGANO / "inputs" / "2017-06.json").read_text())
    assert written["totals"] == totals_of(CSV.read_bytes(), coop)
    assert (written["costs"], written["funding"]) == (coop["costs"], coop["funding"])
    ids = {member["id"] for member in coop["members"]} | {coop["suspense"]["account"]}
    assert set(written["members"]) == ids


def test_the_example_is_what_the_independent_computation_gives(kyojo: Kyojo) -> None:
    document = kyojo("rules", "diff", *RULE_SETS, *MONTHS, "--json").document
    coop = oracle.load("coop.yaml")
    sides = {
        side: oracle.settle(CSV, coop, oracle.load(name), suspense="weighs")
        for side, name in (("old", "rules.yaml"), ("new", "rules-v2.yaml"))
    }
    for row in document["members"]:
        for side, month in sides.items():
            assert row[f"{side}_minor"] == month.total(row["member"]), row
    assert document["funds"][0]["new_minor"] == sides["new"].reserve
    assert sum(row["delta_minor"] for row in document["members"] + document["funds"]) == 0


def test_months_without_a_file_are_left_out_by_name(kyojo: Kyojo, folder: Path) -> None:
    ran = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml",
                "--over", "2026-01..2026-04", "--inputs", folder, "--json")  # fmt: skip
    assert ran.document["periods"] == ["2026-01", "2026-03"]
    assert ran.document["left_out"] == ["2026-02", "2026-04"]
    row = ran.document["members"][0]
    assert row == {"member": "bus", "old_minor": 600, "new_minor": 266, "delta_minor": -334}
    text = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml",
                 "--over", "2026-01..2026-04", "--inputs", folder).out  # fmt: skip
    assert "over 2026-01 to 2026-03: 2 months" in text
    assert "left out, because not closed or without a file: 2026-02, 2026-04" in text


def test_a_co_ops_closed_months_are_read_and_nothing_is_written(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place_of("settled")
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(RULES_TEXT)
    new.write_text(RULES_TEXT.replace("weight: 70%", "weight: 10%").replace("5%", "6%"))
    before = kyojo("status", "--json").document
    ran = kyojo("rules", "diff", old, new, "--over", f"{MONTH}..{NEXT}", "--json")
    assert (ran.document["periods"], ran.document["left_out"]) == ([MONTH], [NEXT])
    settled = {row["member"]: row["old_minor"] for row in ran.document["members"]}
    assert sum(settled.values()) == 1_000_001 - ran.document["funds"][0]["old_minor"]
    assert any(row["delta_minor"] for row in ran.document["members"])
    assert kyojo("status", "--json").document == before
    check_error(kyojo("rules", "diff", old, new, "--over", NEXT), 2, "no closed month")
    # A file goes before the ledger, and stands beside its months.
    figures = kaga_inputs() | {"period": {"start": f"{NEXT}-01", "end": "2024-07-01"}}
    figures["totals"] = {"trips": figures["totals"]["validated_trips"]}
    (tmp_path / f"{NEXT}.json").write_text(json.dumps(figures))
    both = kyojo("rules", "diff", old, new, "--over", f"{MONTH}..{NEXT}", "--inputs", tmp_path,
                 "--coop", "kaga", "--json")  # fmt: skip
    assert both.document["periods"] == [MONTH, NEXT]


def test_a_month_that_is_closed_and_not_yet_proposed(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("open")
    from tests.cli.test_office import submit_usages

    submit_usages(place)
    kyojo("closing", MONTH)
    kyojo("close", MONTH)
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES_TEXT)
    found = kyojo("rules", "diff", rules, rules, "--over", MONTH, "--coop", "kaga", "--json")
    draft = kyojo("draft", MONTH, "--json").document
    paid = sum(row["old_minor"] for row in found.document["members"])
    assert paid == draft["totals"]["paid_to_members"]


def test_what_is_malformed(kyojo: Kyojo, folder: Path) -> None:
    old, new = folder / "old.yaml", folder / "new.yaml"

    def diff(*more: object) -> object:
        return kyojo("rules", "diff", old, new, *more)

    for over, words in (("2026", "write months"), ("2026-02..2026-01", "lies before"),
                        ("1990-01..2026-01", "more than 120"), ("2026-13", "write")):  # fmt: skip
        check_error(diff("--over", over, "--inputs", folder), 2, words)
    check_error(diff("--over", "2026-07", "--inputs", folder), 2, "no closed month")
    check_error(diff("--over", "2026-01", "--inputs", old), 2, "no folder")
    (folder / "2026-02.json").write_text((folder / "2026-01.json").read_text())
    (folder / "2026-04.json").write_text("{}")
    ran = diff("--over", "2026-01..2026-04", "--inputs", folder)
    check_error(ran, 2, "2026-02.json /period/start: the file is named 2026-02", "2026-04.json")
    check_error(diff("--over", "2026-01", "--inputs", folder, "--picture", folder), 2, "write")
    new.write_text("a: 1")
    check_error(diff("--over", "2026-01", "--inputs", folder), 2, "new.yaml:1:1 /kyojo_rules")
    new.write_text(KAGA)
    check_error(diff("--over", "2026-01", "--inputs", folder), 3, "2026-01, kaga-mobility")


def test_funds_carry_and_pools_stand_beside_the_members(kyojo: Kyojo, folder: Path) -> None:
    (folder / "old.yaml").write_text(KAGA.replace("limit: 40%", "limit: 1%"))
    (folder / "new.yaml").write_text(KAGA)
    (folder / "2026-10.json").write_text(json.dumps(kaga_inputs()))
    text = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml",
                 "--over", "2026-10", "--inputs", folder).out  # fmt: skip
    for name in ("fund.reserve", "left in gross", "carried by opex", "step opex", "min share"):
        assert name in text
    again = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml", "--over", "2026-10",
                  "--inputs", folder, "--json").document  # fmt: skip
    assert again["carry"] == [
        {"step": "opex", "old_minor": 30000, "new_minor": 0, "delta_minor": -30000}
    ]


def test_a_measure_that_is_not_defined_is_said_to_be_so(kyojo: Kyojo, folder: Path) -> None:
    figures = inputs(revenue={"fares": -100}, totals={"trips": {"bus": 1}})
    (folder / "2026-10.json").write_text(json.dumps(figures))
    text = kyojo("rules", "diff", folder / "old.yaml", folder / "new.yaml",
                 "--over", "2026-10", "--inputs", folder).out  # fmt: skip
    assert text.count("not defined") == 4


# The picture.

HEADING = Heading("Gains & losses", "2026-10", "JPY", 0)


def test_bars_lie_on_both_sides_of_the_line_and_carry_their_amounts() -> None:
    changes = [Change("<bus>", 500, 0), Change("加賀", 0, 250), Change("ev", 7, 7),
               Change("bike", 0, 1)]  # fmt: skip
    root = ET.fromstring(svg(changes, HEADING))
    space = "{http://www.w3.org/2000/svg}"
    line = root.find(f"{space}line")
    assert line is not None
    middle = int(line.attrib["x1"])
    _, loss, gain, small = root.findall(f"{space}rect")
    assert int(loss.attrib["x"]) + int(loss.attrib["width"]) == middle
    assert int(gain.attrib["x"]) == int(small.attrib["x"]) == middle
    assert int(loss.attrib["width"]) == 2 * int(gain.attrib["width"])
    assert int(small.attrib["width"]) == 1
    words = [one.text for one in root.findall(f"{space}text")]
    for part in ("Gains & losses", "<bus>", "-500", "加賀", "+250", "0", "+1"):
        assert part in words
    width = int(root.attrib["width"])
    assert all(0 <= int(one.attrib["x"]) <= width for one in root.iter(f"{space}text"))
    assert ET.fromstring(svg([], HEADING)) is not None


def test_bars_of_text() -> None:
    assert text_bar(-12, 12) == "█" * 12 + "|" + " " * 12
    assert text_bar(1, 1000) == " " * 12 + "|█" + " " * 11
    assert text_bar(0, 0).strip() == "|"
