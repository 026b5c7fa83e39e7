"""``kyojo rules test``: specs as users write them, and what they are told when one fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Kyojo, check_error
from tests.settlement.cases import KAGA

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "rules"
SHARED = """\
kyojo_spec: 1
rules: rules.yaml
inputs:
  kyojo_inputs: 1
  period: {start: 2026-10-01, end: 2026-11-01}
  members: [bus, ev, bike]
  totals: {validated_trips: {bus: 1, ev: 1, bike: 2}}
  funding: {network: {bus: 1}}
  revenue: {fares: 1000}
cases:
"""


@pytest.fixture
def spec(tmp_path: Path):
    (tmp_path / "rules.yaml").write_text(KAGA)

    def write(cases: str, name: str = "a.spec.yaml") -> Path:
        path = tmp_path / name
        path.write_text(SHARED + cases, "utf-8")
        return path

    return write


def test_every_published_example_comes_out(kyojo: Kyojo) -> None:
    ran = kyojo("rules", "test", EXAMPLES, "--json")
    assert ran.code == 0, kyojo("rules", "test", EXAMPLES).out
    files = [Path(file["file"]).name for file in ran.document["files"]]
    assert files == sorted(path.name for path in EXAMPLES.glob("*.spec.yaml"))
    assert ran.document["cases"] >= 11
    assert all(case["source"] for file in ran.document["files"] for case in file["cases"])


def test_a_case_that_fails_shows_what_was_expected_and_what_was_found(kyojo: Kyojo, spec) -> None:
    path = spec(
        "  - {name: good, expect: {totals: {in: 1000}}}\n"
        "  - name: bad\n"
        "    source: nowhere\n"
        "    expect:\n"
        "      totals: {members: {bus: 1, boat: 2}, in: 1000}\n"
        "      steps: [{step: town, left: 1}, {step: none}]\n"
        "      lines: [{step: share, member: ev, part: use, share: 7/40}, {step: town}, 7]\n"
        "      total: {}\n"
    )
    ran = kyojo("rules", "test", path)
    assert ran.code == 1
    assert "  ok    good\n" in ran.out
    assert "  FAIL  bad  (nowhere)\n" in ran.out
    assert "2 cases, 1 failed" in ran.out
    document = kyojo("rules", "test", path, "--json").document
    good, bad = document["files"][0]["cases"]
    assert (good["ok"], bad["ok"]) == (True, False)
    found = {row["at"]: (row["expected"], row["found"]) for row in bad["differences"]}
    assert found.keys() == {"/totals/members/bus", "/totals/members/boat", "/steps/town/left",
                            "/steps/none", "/lines/town", "/lines", "/total"}  # fmt: skip
    assert found["/totals/members/boat"] == ("2", "nothing of this name")
    assert found["/steps/none"][1] == "no such row"
    left = document["files"][0]["cases"][1]["differences"]
    row = next(one for one in left if one["at"] == "/steps/town/left")
    assert row["found"] == "922 (+921)"
    assert "            expected  1\n            found     922 (+921)\n" in ran.out


def test_errors_are_expected_by_code_place_and_words(kyojo: Kyojo, spec) -> None:
    path = spec(
        "  - {name: code, inputs: {revenue: {tips: 1}}, expect: {error: malformed-rules}}\n"
        "  - {name: fault, inputs: {revenue: {tips: 1}},\n"
        "     expect: {error: {code: no-pool, at: /revenue/tips, says: no pool takes}}}\n"
        "  - {name: rules, rules: {version: 0}, expect: {error: {at: /version}}}\n"
        "  - {name: words, rules: none.yaml, expect: {error: {code: not-found, says: none.yaml}}}\n"
    )
    ran = kyojo("rules", "test", path)
    assert ran.code == 0, ran.out
    bad = spec(
        "  - {name: none, expect: {error: no-weights}}\n"
        "  - {name: other, inputs: {revenue: {tips: 1, x: 1}}, expect: {error: no-weights}}\n"
        "  - {name: place, inputs: {revenue: {tips: 1}}, expect: {error: {at: /revenue/x}}}\n"
        "  - {name: words, rules: {version: 0}, expect: {error: {says: nothing, zz: 1}}}\n"
        "  - {name: result, rules: {version: 0}, expect: {totals: {in: 1}}}\n"
    )
    document = kyojo("rules", "test", bad, "--json").document
    cases = {case["name"]: case["differences"] for case in document["files"][0]["cases"]}
    assert {name: [row["at"] for row in rows] for name, rows in cases.items()} == {
        "none": ["/error"],
        "other": ["/error/code"],
        "place": ["/error/at"],
        "words": ["/error/says", "/error/zz"],
        "result": ["/error"],
    }
    assert cases["none"][0]["found"] == "a result"
    assert "/revenue/x: no pool takes" in cases["other"][0]["found"]
    assert "/version" in cases["result"][0]["found"]


def test_rules_and_figures_come_from_files_or_stand_in_the_case(kyojo: Kyojo, spec) -> None:
    path = spec(
        "  - {name: over, inputs: {revenue: {fares: 2000}}, expect: {totals: {in: 2000}}}\n"
        "  - {name: a file, inputs: i.json, expect: {totals: {in: 7}, version: 3}}\n"
        "  - {name: exact, inputs: {totals: {}, funding: {network: {ev: 1}}, revenue: {}},\n"
        "     rules: {steps: [{id: s, kind: allocate, source: gross, key: {kind: equal}}]},\n"
        "     expect: {lines: {step: s, member: ev, share: 2/6, weight: '1'}}}\n"
        "  - {name: no number, expect: {lines: [{step: town, member: fund.community,\n"
        "     exact: x}]}}\n"
        "  - {name: broken, rules: broken.yaml, expect: {error: float}}\n"
        "  - {name: no map, rules: list.yaml, expect: {error: {code: shape, says: no mapping}}}\n"
        "  - {name: truth, expect: {steps: [{step: town, taken: true}]}}\n"
    )
    (path.parent / "i.json").write_text(
        '{"kyojo_inputs": 1, "period": {"start": "2026-10-01", "end": "2026-11-01"},'
        '"members": ["a"], "totals": {"validated_trips": {"a": 1}}, "revenue": {"fares": 7},'
        '"funding": {"network": {"a": 1}}}'
    )
    (path.parent / "broken.yaml").write_text("kyojo_rules: 0.5\n")
    (path.parent / "list.yaml").write_text("[]\n")
    document = kyojo("rules", "test", path, "--json").document
    cases = {case["name"]: case for case in document["files"][0]["cases"]}
    wrong = {name for name, case in cases.items() if not case["ok"]}
    assert wrong == {"no number", "truth"}, cases


def test_a_spec_that_is_malformed(kyojo: Kyojo, spec, tmp_path: Path) -> None:
    spec("  - {name: good, expect: {totals: {in: 1000}}}\n", "good.spec.yaml")
    spec("  - {nam: x, expect: {}}\n", "bad.spec.yaml")
    spec("  - {name: x, expect: {error: a, totals: {}}}\n", "both.spec.yaml")
    (tmp_path / "list.spec.yaml").write_text("[]")
    ran = kyojo("rules", "test", tmp_path)
    assert ran.code == 2
    assert "1 case, 0 failed, 3 malformed specs" in ran.out
    assert "  ok    good" in ran.out
    for place in ("bad.spec.yaml:11:11 /cases/0/nam", "both.spec.yaml:11:23 /cases/0/expect",
                  "list.spec.yaml:1:1: a spec is a mapping"):  # fmt: skip
        assert place in ran.out
    faults = kyojo("rules", "test", tmp_path / "bad.spec.yaml", "--json").document["files"]
    assert {fault["pointer"] for fault in faults[0]["faults"]} == {
        "/cases/0/nam", "/cases/0/name", "/cases/0/expect"
    }  # fmt: skip


def test_a_run_without_a_case_is_no_success(
    kyojo: Kyojo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_error(kyojo("rules", "test", tmp_path), 2, "*.spec.yaml")
    check_error(kyojo("rules", "test", tmp_path / "none.spec.yaml"), 8, "none.spec.yaml")
    monkeypatch.chdir(EXAMPLES)
    assert kyojo("rules", "test").code == 0
