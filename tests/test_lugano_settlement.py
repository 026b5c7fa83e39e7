"""The product and the independent computation arrive at the same month.

From the same CSV bytes: the importer, the rule language and the settlement on one side,
``tests/lugano_oracle.py`` on the other.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import Result
from ledger.settlement.run import run
from ledger.usage.formats.charging_csv import Options, convert
from tests import lugano_oracle as oracle

CSV = oracle.FOLDER / "sessions-2017-06.csv"
ENERGY, DEBIT = "energy_wh", "charge.debit"


def totals_of(csv: bytes, coop: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Metric → account → sum, over what the importer makes of the file."""
    account_of = {name: member["id"] for member in coop["members"] for name in member["operators"]}
    found: dict[str, dict[str, int]] = {ENERGY: defaultdict(int), DEBIT: defaultdict(int)}
    for record in convert(csv, Options()).importable():
        operator = record["attributes"].get("operator")
        account = account_of[operator] if operator else coop["suspense"]["account"]
        found[ENERGY][account] += record["measures"]["energy_wh"]
        found[DEBIT][account] += record.get("charges", {}).get("debit", 0)
    return found


def settle(coop: dict[str, Any]) -> Result:
    """The month by the product's own importer, rule language and settlement."""
    inputs = {
        "kyojo_inputs": 1,
        "period": {"start": "2017-06-01", "end": "2017-07-01"},
        "members": [*(member["id"] for member in coop["members"]), coop["suspense"]["account"]],
        "totals": totals_of(CSV.read_bytes(), coop),
        "costs": coop["costs"],
        "funding": coop["funding"],
    }
    rules = parse_rules((oracle.FOLDER / "rules.yaml").read_bytes())
    return run(rules, parse_inputs(inputs))


def constructed(costs: dict[str, int] | None = None) -> dict[str, Any]:
    coop = oracle.load("coop.yaml")
    return coop if costs is None else coop | {"costs": {"platform": costs}}


@pytest.mark.parametrize(
    "costs",
    [None, {"ail": 60001, "emoti": 30000}, {"evpass": 1}, {"ail": 7, "emoti": 7, "evpass": 124911}],
    ids=["as shipped", "beyond the limit", "one unit", "far beyond the limit"],
)
def test_both_give_the_same_month(costs: dict[str, int] | None) -> None:
    coop = constructed(costs)
    theirs = oracle.settle(CSV, coop, oracle.load("rules.yaml"), suspense="weighs")
    ours = settle(coop)
    assert dict(ours.member_totals) == {name: theirs.total(name) for name in theirs.usage}
    assert dict(ours.funds) == {"fund.reserve": theirs.reserve}
    assert dict(ours.pools_left) == {"gross": 0}
    assert sum(ours.carry.values()) == theirs.unpaid_costs


def test_the_division_depends_on_the_energy() -> None:
    """A guard for the comparison itself: other usage gives another month."""
    coop = constructed()
    coop["members"][2]["operators"], coop["members"][3]["operators"] = (
        coop["members"][3]["operators"],
        coop["members"][2]["operators"],
    )
    swapped = settle(coop)
    assert swapped.member_totals["evpass"] != settle(constructed()).member_totals["evpass"]
    assert sum(swapped.member_totals.values()) + swapped.funds["fund.reserve"] == 124911
