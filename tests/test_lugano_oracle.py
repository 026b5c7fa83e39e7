"""The demo's month by the independent computation: its facts, its sums, and its own soundness."""

from __future__ import annotations

import ast
import csv
import itertools
from fractions import Fraction
from pathlib import Path

import pytest

from tests import lugano_oracle as oracle

EXCERPT = oracle.FOLDER / "sessions-2017-06.csv"


def francs(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02d}"


def test_the_oracle_imports_nothing_of_the_product() -> None:
    tree = ast.parse(Path(oracle.__file__).read_text("utf-8"))
    names = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name for name in names if name.split(".")[0] in {"ledger", "api", "contracts"}} == set()
    assert "csv" in names


@pytest.mark.parametrize("treatment", oracle.TREATMENTS)
def test_every_unit_of_the_revenue_is_somewhere(treatment: str) -> None:
    month = oracle.settle_example(suspense=treatment)
    assert month.revenue == 124911
    assert sum(month.shares.values()) == month.divided
    assert sum(month.exact.values()) == month.divided
    placed = sum(month.total(account) for account in month.usage) + month.reserve + month.held
    assert placed == month.revenue


@pytest.mark.parametrize("treatment", oracle.TREATMENTS)
def test_a_share_is_within_one_unit_of_its_exact_value(treatment: str) -> None:
    month = oracle.settle_example(suspense=treatment)
    assert all(abs(month.shares[name] - exact) < 1 for name, exact in month.exact.items())


def test_one_share_by_hand() -> None:
    month = oracle.settle_example()
    left = 124911 - 32000
    left -= left * 5 // 100
    energy = Fraction(175208, 1587447 + 175208 + 764 + 168043)
    by_hand = left * (
        Fraction(70, 100) * energy + Fraction(20, 100) * Fraction(4, 100) + Fraction(10, 100) / 5
    )
    assert month.exact["evpass"] == by_hand
    assert month.shares["evpass"] == round(by_hand)


def test_held_money_is_what_the_nameless_sessions_were_charged() -> None:
    weighs, held = (oracle.settle_example(suspense=name) for name in oracle.TREATMENTS)
    assert (weighs.held, held.held) == (0, 10072)
    assert "suspense" in weighs.shares
    assert "suspense" not in held.shares


def test_costs_beyond_the_limit_stay_unpaid_and_are_shared_in_proportion() -> None:
    coop = oracle.load("coop.yaml")
    coop["costs"]["platform"] = {"ail": 60001, "emoti": 30000}
    month = oracle.settle(EXCERPT, coop, oracle.load("rules.yaml"), suspense="weighs")
    limit = 124911 * 30 // 100
    assert month.costs == {"ail": 24982, "emoti": 12491}
    assert sum(month.costs.values()) == limit
    assert month.unpaid_costs == 90001 - limit


def test_small_divisions_are_whole_and_favour_weight_then_name() -> None:
    assert oracle.divide(1, {"b": Fraction(1), "a": Fraction(1)})[1] == {"b": 0, "a": 1}
    assert oracle.divide(2, {"a": Fraction(1), "b": Fraction(3)})[1] == {"a": 0, "b": 2}
    for amount, *weights in itertools.product(range(8), range(4), range(4), range(1, 4)):
        named = {name: Fraction(weight) for name, weight in zip("abc", weights, strict=True)}
        exact, units = oracle.divide(amount, named)
        assert sum(units.values()) == amount
        assert all(abs(units[name] - exact[name]) < 1 for name in named)


def test_the_table_in_the_readme_is_the_month() -> None:
    month = oracle.settle_example()
    rows = [
        f"| {name} | {use.sessions} | {use.energy_wh} | {francs(use.debit_minor)} | "
        f"{francs(month.costs.get(name, 0))} | {francs(month.shares[name])} | "
        f"{francs(month.total(name))} |"
        for name, use in month.usage.items()
    ]
    rows.append(f"| fund.reserve | | | | | | {francs(month.reserve)} |")
    rows.append(
        f"| **all** | {sum(use.sessions for use in month.usage.values())} | "
        f"{sum(use.energy_wh for use in month.usage.values())} | {francs(month.revenue)} | "
        f"{francs(sum(month.costs.values()))} | {francs(month.divided)} | {francs(month.revenue)} |"
    )
    readme = (oracle.FOLDER / "README.md").read_text("utf-8")
    assert "\n".join(rows) in readme


def test_the_excerpt_is_published_bytes_of_one_month(shared: Path) -> None:
    lines = (shared / "samples" / "ev-charging-2017h1.csv").read_bytes().decode("utf-8")
    published = list(csv.DictReader(lines.splitlines(keepends=True)))
    kept = EXCERPT.read_bytes().decode("utf-8").split("\r\n")
    columns = kept[0].split(",")
    june = [row for row in published if row["BeginDate"][:2] == "06"]
    assert len(june) == 490
    assert kept[1:-1] == [",".join(row[column] for column in columns) for row in june]
    assert kept[-1] == ""


def test_the_excerpt_has_nothing_about_users() -> None:
    header = EXCERPT.read_text("utf-8").splitlines()[0]
    assert "UserId" not in header
    assert header.count(",") == 11


def test_the_constructed_coop_covers_the_excerpt() -> None:
    coop = oracle.load("coop.yaml")
    with EXCERPT.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["ChargingStationId"] for row in rows} == {item["id"] for item in coop["facilities"]}
    named = {name for member in coop["members"] for name in member["operators"]}
    assert {row["UserOperatorName"] for row in rows} == named | {""}
    members = {member["id"] for member in coop["members"]}
    assert set(coop["costs"]["platform"]) | set(coop["funding"]["network"]) <= members
    assert {item["owner"] for item in coop["facilities"]} <= members
    assert coop["suspense"]["submitted_by"] in members
