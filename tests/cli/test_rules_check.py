"""``kyojo rules check``: every fault at its place, names against registers, versions in a row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.rules.document import parse_rules
from tests.builder import charter
from tests.cli.conftest import Kyojo, check_error
from tests.installation import RULES_TEXT, Place
from tests.settlement.cases import KAGA, by_trips, inputs, kaga_inputs, one_step

LUGANO = Path(__file__).resolve().parents[2] / "examples" / "lugano"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return make


def test_a_good_rule_set_is_told_with_its_hash_and_names(kyojo: Kyojo, write) -> None:
    path = write("rules.yaml", KAGA)
    ran = kyojo("rules", "check", path)
    assert ran.code == 0
    for part in ("kaga-mobility version 3, in force from 2026-10-01", "validated_trips", "network",
                 "platform", parse_rules(KAGA).rule_hash.hex(), "1 file, no faults"):  # fmt: skip
        assert part in ran.out
    found = kyojo("rules", "check", path, "--json").document
    assert found["faults"] == 0
    assert found["files"][0]["names"]["costs"] == ["platform"]
    assert found["files"][0]["rule_hash"] == parse_rules(KAGA).rule_hash.hex()


def test_every_fault_has_file_line_column_pointer_and_remedy(kyojo: Kyojo, write) -> None:
    text = KAGA.replace("rate: 5%", "rate: 0.05").replace("costs:", "cost:").replace("70%", "x")
    path = write("rules.yaml", text)
    ran = kyojo("rules", "check", path, "--json")
    assert ran.code == 2
    faults = {fault["pointer"]: fault for fault in ran.document["files"][0]["faults"]}
    assert faults.keys() == {
        "/steps/0/cost", "/steps/0/costs", "/steps/1/rate", "/steps/3/parts/0/weight"
    }  # fmt: skip
    rate = faults["/steps/1/rate"]
    lines = text.splitlines()
    assert lines[rate["line"] - 1][rate["column"] - 1 :].startswith("0.05")
    assert rate["code"] == "float"
    for fault in faults.values():
        assert fault["remedy"]["en"]
        assert any(ord(letter) > 0x3000 for letter in fault["remedy"]["ja"])
        assert any(ord(letter) > 0x3000 for letter in fault["message_ja"])
    spoken = kyojo("rules", "check", path)
    assert spoken.code == 2
    assert f"{path}:{rate['line']}:{rate['column']} /steps/1/rate: " in spoken.out
    assert spoken.out.count("  → ") == 2 * len(faults)
    assert "  0.05 は二進小数として読まれ、正確な値になりません" in spoken.out
    assert "1 file, 4 faults" in spoken.out


def test_a_file_that_is_not_yaml_or_not_there(kyojo: Kyojo, write, tmp_path: Path) -> None:
    ran = kyojo("rules", "check", write("broken.yaml", "a: [1"), write("empty.yaml", ""))
    assert ran.code == 2
    assert "broken.yaml:" in ran.out
    assert "empty.yaml:1: the text holds no document" in ran.out
    check_error(kyojo("rules", "check", tmp_path / "none.yaml"), 8, "none.yaml")
    check_error(kyojo("rules", "check", tmp_path), 2, "cannot read")
    check_error(kyojo("rules", "check", write("long.yaml", " " * 300_000)), 2, "[too-large]")


def test_faults_of_all_layers_are_told_at_once(kyojo: Kyojo, write) -> None:
    """A float, a misspelt field, a step without a pool, an unknown zone and a name of nobody."""
    text = KAGA.replace("rate: 5%", "rate: 0.05").replace("Asia/Tokyo", "Asia/Kaga")
    text = text.replace("source: gross, to: fund.community", "source: net, to: fund.community")
    text = text.replace("asset: network", "asset: grid") + "late: {style: grand}\n"
    path = write("rules.yaml", text)
    ran = kyojo("rules", "check", path, "--against", write("in.json", json.dumps(kaga_inputs())),
                "--json")  # fmt: skip
    faults = {one["pointer"]: one for one in ran.document["files"][0]["faults"]}
    assert {at: one["code"] for at, one in faults.items()} == {
        "/timezone": "meaning", "/steps/1/rate": "float", "/steps/2/source": "meaning",
        "/steps/3/parts/1/key/asset": "unknown-name", "/late/style": "malformed-rules",
    }  # fmt: skip
    lines = text.splitlines()
    for at, said in (("/steps/2/source", "net"), ("/timezone", "Asia/Kaga")):
        assert lines[faults[at]["line"] - 1][faults[at]["column"] - 1 :].startswith(said)
    in_order = [(one["line"], one["column"]) for one in ran.document["files"][0]["faults"]]
    assert in_order == sorted(in_order)


@pytest.mark.parametrize(
    ("pools", "at", "judged"),
    [
        # What can be read of a pool is kept, and the steps about it are judged.
        ("gross: {frm: [revenue.fares]}", {"/gross/frm", "/gross/from"}, True),
        ("gross: {from: [revenue.fares, 5]}", {"/gross/from/1"}, True),
        ("gross: {from: [revenue.fares], origin: mine}", {"/gross/origin"}, True),
        ("gross: {from: [fares]}", {"/gross/from/0"}, True),
        # Where it may hold Wh, what its steps may do cannot be told.
        ("gross: {from: [total.wh], units: Wh}", {"/gross/units"}, False),
        ("gross: {from: [revenue.fares], unit: [Wh]}", {"/gross/unit"}, False),
        ("gross: 5", {"/gross"}, False),
        ("[gross]", {""}, False),
        ("gross: {from: [revenue.fares]}, 'a b': {from: []}", {"/a b"}, True),
    ],
)  # fmt: skip
def test_a_broken_pool_hides_no_other_fault(
    kyojo: Kyojo, write, pools: str, at: set[str], judged: bool
) -> None:
    inner = pools if pools.startswith("[") else f"{{{pools}}}"
    text = KAGA.replace(
        "pools:\n  gross: {from: [revenue.fares], origin: member}", f"pools: {inner}"
    )
    text = text.replace("Asia/Tokyo", "Asia/Kaga").replace("asset: network", "asset: grid")
    text = text.replace("label: {en: Shares, ja: 配分}", "bounds: {cap: 1%}")
    text = text.replace("rate: 3%}", "rate: 3%, limit: {of: step.later}}")
    against = write("in.json", json.dumps(kaga_inputs()))
    ran = kyojo("rules", "check", write("rules.yaml", text), "--against", against, "--json")
    wanted = {f"/pools{place}" for place in at} | {"/timezone"}
    if judged:
        wanted |= {"/steps/2/limit", "/steps/3/bounds/cap", "/steps/3/parts/1/key/asset"}
    assert {one["pointer"] for one in ran.document["files"][0]["faults"]} == wanted


def test_the_cap_of_a_match_is_not_counted_with_members(kyojo: Kyojo, write) -> None:
    """Three members, and a match that is capped at 30 % of the step: projects are not members."""
    text = one_step(
        "kind: allocate, key: {kind: quadratic, ballots: town}, bounds: {cap: 30%}, overflow: error"
    )
    against = write("in.json", json.dumps(kaga_inputs()))
    path = write("rules.yaml", text)
    faults = kyojo("rules", "check", path, "--against", against, "--json").document["files"][0]
    assert [one["pointer"] for one in faults["faults"] if "bounds" in one["pointer"]] == []
    equal = text.replace("kind: quadratic, ballots: town", "kind: equal")
    again = kyojo("rules", "check", write("equal.yaml", equal), "--against", against, "--json")
    assert "/steps/0/bounds/cap" in {one["pointer"] for one in again.document["files"][0]["faults"]}


@pytest.mark.parametrize(
    ("old", "new", "pointers"),
    [
        # What refers to a step that cannot be read is not called wrong, nor is its profile.
        ("limit: 40%", "limit: x", {"/steps/0/limit"}),
        ("rate: 3%}", "rate: 3%, limit: {of: step.opex}}", set()),
        ("costs: [platform],\n     limit: 40%", "limit: 40%", {"/steps/0/costs"}),
        ("{from:", "{frm:", {"/pools/gross/frm", "/pools/gross/from"}),
        ("pools:", "profile: jp-sme-coop\npools:", {"/articles"}),
    ],
)  # fmt: skip
def test_nothing_is_called_wrong_for_what_is_broken_elsewhere(
    kyojo: Kyojo, write, old: str, new: str, pointers: set[str]
) -> None:
    text = KAGA.replace(old, new, 1)
    broken = text.replace("rate: 3%", "rate: 3%, limit: {of: step.opex}", 1)
    for one in (text, broken if "/steps/0" in str(pointers) else text):
        ran = kyojo("rules", "check", write("rules.yaml", one), "--json")
        assert {fault["pointer"] for fault in ran.document["files"][0]["faults"]} == pointers


def test_pools_that_are_fed_and_not_used_or_used_and_not_yet_fed_are_warned_of(
    kyojo: Kyojo, write
) -> None:
    text = (
        KAGA[: KAGA.index("pools:")]
        + """\
pools:
  gross: {from: [revenue.fares], origin: member}
  idle: {from: [revenue.rent]}
  late: {from: []}
  never: {from: []}
steps:
  - {id: early, kind: reserve, source: late, to: fund.a, rate: 5%}
  - {id: cut, kind: allocate, source: gross, split: {pool.late: 70%, fund.b: remaining}}
  - {id: rest, kind: reserve, source: never, to: fund.a, rate: 5%}
"""
    )
    path = write("rules.yaml", text)
    ran = kyojo("rules", "check", path, "--json")
    assert (ran.code, ran.document["faults"], ran.document["warnings"]) == (0, 0, 3)
    found = [
        (one["code"], one["pointer"], one["line"]) for one in ran.document["files"][0]["warnings"]
    ]
    lines = text.splitlines()
    assert found == [
        ("pool-unused", "/pools/idle", lines.index("  idle: {from: [revenue.rent]}") + 1),
        ("pool-unfed", "/steps/0/source", len(lines) - 2),
        ("pool-unfed", "/steps/2/source", len(lines)),
    ]
    spoken = kyojo("rules", "check", path).out
    assert "warning: no step uses the pool 'idle': what comes into it stays there" in spoken
    assert "'early' uses the pool 'late', which only a later step feeds" in spoken
    assert "'rest' uses the pool 'never', which nothing feeds" in spoken
    assert "1 file, no faults, 3 warnings" in spoken


def test_versions_that_overlap_or_leave_a_gap(kyojo: Kyojo, write) -> None:
    third = write("3.yaml", KAGA)
    fourth = KAGA.replace("version: 3", "version: 4")
    right = write("4.yaml", fourth.replace("2026-10-01", "2026-11-01"))
    assert kyojo("rules", "check", right, third).code == 0

    def codes(*files: Path) -> list[tuple[str, str, str]]:
        found = kyojo("rules", "check", *files, "--json").document["files"]
        return [
            (Path(file["file"]).name, fault["pointer"], fault["code"])
            for file in found
            for fault in file["faults"]
        ]

    assert codes(third, write("late.yaml", fourth)) == [("late.yaml", "/effective_from", "overlap")]
    sixth = write("6.yaml", fourth.replace("version: 4", "version: 6"))
    assert codes(sixth, right) == [
        ("6.yaml", "/version", "gap"),
        ("6.yaml", "/effective_from", "overlap"),
    ]
    assert codes(third, write("again.yaml", KAGA)) == [("again.yaml", "/version", "overlap")]
    changed = write("changed.yaml", KAGA.replace("70%", "60%"))
    ran = kyojo("rules", "check", third, changed)
    assert "given twice, with different contents" in ran.out
    ninth = write("9.yaml", fourth.replace("version: 4", "version: 9").replace("10-01", "12-01"))
    assert (
        "version 5 to 8 of 'kaga-mobility' is missing" in kyojo("rules", "check", right, ninth).out
    )
    other = write("other.yaml", KAGA.replace("kaga-mobility", "noto"))
    assert codes(third, other) == []


def test_names_against_the_description_of_the_example(kyojo: Kyojo, write) -> None:
    good = kyojo("rules", "check", LUGANO / "rules.yaml", "--against", LUGANO / "coop.yaml")
    assert (good.code, "metrics:  energy_wh  (not compared)" in good.out) == (0, True)
    text = (LUGANO / "rules.yaml").read_text("utf-8")
    text = text.replace("asset: network", "asset: grid").replace("evpass", "evpas")
    text = text.replace("costs: [platform]", "costs: [platforms]").replace("CHF", "EUR")
    path = write("rules.yaml", text)
    ran = kyojo("rules", "check", path, "--against", LUGANO / "coop.yaml", "--json")
    assert ran.code == 2
    assert {fault["pointer"] for fault in ran.document["files"][0]["faults"]} == {
        "/steps/2/parts/1/key/asset", "/steps/2/parts/2/key/members/2", "/steps/0/costs/0",
        "/currency",
    }  # fmt: skip
    assert ran.document["files"][0]["compared"] == ["costs", "assets", "members"]


def test_names_against_a_charter(kyojo: Kyojo, write) -> None:
    terms = charter().model_dump(mode="json")
    source = write("charter.json", json.dumps(terms))
    path = write("rules.yaml", RULES_TEXT)
    assert kyojo("rules", "check", path, "--against", source).code == 0
    terms["time_zone"] = "Europe/Zurich"
    terms["currencies"][0]["digits"] = 2
    terms["vocabulary"]["metrics"] = [{"id": "other"}]
    source.write_text(json.dumps(terms))
    ran = kyojo("rules", "check", path, "--against", source)
    assert ran.code == 2
    for words in ("the time zone is Europe/Zurich", "JPY has 2 digits, not 0",
                  "is not among the known metrics: other"):  # fmt: skip
        assert words in ran.out


def test_names_against_the_inputs_of_a_period(kyojo: Kyojo, write) -> None:
    figures = kaga_inputs()
    figures["totals"]["charge.fee"] = {}
    rules = write("rules.yaml", KAGA.replace("[revenue.fares]", "[revenue.fares, charge.fees]"))
    source = write("inputs.json", json.dumps(figures))
    ran = kyojo("rules", "check", rules, "--against", source, "--json")
    (fault,) = ran.document["files"][0]["faults"]
    assert (fault["pointer"], fault["code"]) == ("/pools/gross/from/1", "unknown-name")
    weights = KAGA.replace("{kind: equal}", "{kind: fixed, weights: {bus: 1, boat: 2}}")
    rules.write_text(weights)
    ran = kyojo("rules", "check", rules, "--against", source, "--json")
    (fault,) = ran.document["files"][0]["faults"]
    assert fault["pointer"] == "/steps/3/parts/2/key/weights/boat"


def test_names_against_a_local_co_op(kyojo: Kyojo, write, place_of: Callable[[str], Place]) -> None:
    place_of("settled")
    path = write("rules.yaml", RULES_TEXT)
    assert kyojo("rules", "check", path, "--coop", "kaga").code == 0
    path.write_text(RULES_TEXT.replace("revenue.fares", "revenue.fare"))
    ran = kyojo("rules", "check", path, "--coop", "kaga")
    assert ran.code == 2
    assert "'fare' is not among the known revenue: fares" in ran.out
    check_error(kyojo("rules", "check", path, "--coop", "noto"), 8, "noto")


def test_a_source_without_registers(kyojo: Kyojo, write) -> None:
    rules = write("rules.yaml", KAGA)
    for text in ("a: 1", "[]", "a: 0.5", "{", "a: [", "members: 7"):
        ran = kyojo("rules", "check", rules, "--against", write("source", text))
        check_error(ran, 2, "source")


COOPERATIVE = """\
profile: jp-sme-coop
articles: {reserve: fund.law, reserve_ceiling: 5000, paid_capital: 10000}
pools: {p: {from: [revenue.fares], origin: member}}
steps:
  - {id: law, kind: reserve, source: p, to: fund.law, rate: 10%}
  - {id: use, kind: allocate, source: p, key: {kind: patronage, input: trips}}
"""


def test_a_legal_profile_is_told_with_its_reasons_and_its_limits(kyojo: Kyojo, write) -> None:
    text = KAGA[: KAGA.index("pools:")] + COOPERATIVE
    path = write("coop.yaml", text)
    ran = kyojo("rules", "check", path)
    assert ran.code == 0, ran.out
    for part in ("profile jp-sme-coop", "1/10 of the surplus must go to fund.law", "第58条",
                 "not legal advice", "法的助言ではありません"):  # fmt: skip
        assert part in ran.out
    profile = kyojo("rules", "check", path, "--json").document["files"][0]["profile"]
    assert all(check["holds"] for check in profile["checks"])
    assert "not legal advice" in profile["note"]
    refused = kyojo("rules", "check", write("bad.yaml", text.replace("10%", "9%")))
    assert refused.code == 2
    assert "the steps before it surely put 9/100 there" in refused.out


def test_a_legal_profile_that_had_nothing_to_check_does_not_say_that_all_holds(
    kyojo: Kyojo, write
) -> None:
    head = KAGA[: KAGA.index("inputs:")]
    text = head + "profile: jp-llp\npools: {p: {from: [revenue.fares]}}\nsteps: []\n"
    ran = kyojo("rules", "check", write("empty.yaml", text))
    assert ran.code == 0
    assert "profile jp-llp; no step of these rules calls for a check" in ran.out
    assert "these hold" not in ran.out


@pytest.mark.parametrize(
    ("bounds", "at", "said"),
    [
        ("{floor: 40%}", "/steps/0/bounds/floor", "add up to 6/5 of the amount"),
        ("{cap: 30%}", "/steps/0/bounds/cap", "with a cap of 3/10 each"),
    ],
)
def test_bounds_for_everybody_are_counted_with_the_members_that_are_told(
    kyojo: Kyojo, write, bounds: str, at: str, said: str
) -> None:
    text = by_trips(f", bounds: {bounds}")
    alone = write("alone.yaml", text)
    assert kyojo("rules", "check", alone).code == 0
    figures = inputs(totals={"trips": {"bus": 1}}, revenue={"fares": 1})
    against = write("inputs.json", json.dumps(figures))
    listed = write("listed.yaml", text.replace("pools:", "members: [bus, ev, bike]\npools:"))
    for ran in (
        kyojo("rules", "check", alone, "--against", against),
        kyojo("rules", "check", listed),
    ):
        assert ran.code == 2
        assert at in ran.out
        assert "with 3 members: " in ran.out
        assert said in ran.out
    softer = bounds.replace("40%", "33%").replace("30%", "34%")
    fine = write("fine.yaml", by_trips(f", bounds: {softer}"))
    assert kyojo("rules", "check", fine, "--against", against).code == 0
