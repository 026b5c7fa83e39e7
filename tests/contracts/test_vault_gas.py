"""What RevenueVault costs: a committed table that the embedded chain confirms, and ceilings.

``pytest tests/contracts/test_vault_gas.py --update-golden`` renews the table and its copy in the
page; read the diff. Only the tester's chain may be quoted: pyrevm's gas is that of a warm access
list.
"""

import json
import re

import pytest

from tests.conftest import REPOSITORY
from tests.contracts.vault_gas import as_markdown, measure

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

TABLE = "tests/contracts/vault_gas.json"
PAGE = "docs/contracts.md"
PLACE = re.compile(r"(<!-- gas: RevenueVault -->\n\n).*?(\n<!-- end -->)", re.DOTALL)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return measure(f"embedded:{tmp_path_factory.mktemp('gas') / 'chain.sqlite'}")


def test_the_committed_table_is_what_the_contract_costs(table, golden):
    golden(TABLE, json.dumps(table, indent=1) + "\n")


def test_the_page_shows_the_table(table, golden):
    text = (REPOSITORY / PAGE).read_text("utf-8")
    shown, count = PLACE.subn(lambda found: found[1] + as_markdown(table) + found[2], text)
    assert count == 1
    golden(PAGE, shown)


def test_a_claim_stays_near_its_prototype(table):
    """The prototype without holds, expiry and cap took 89,804 to 92,287 with 100 accounts."""
    (hundred,) = [row for row in table["claim"] if row["accounts"] == 100]
    assert hundred["hashes"] == 7
    assert hundred["new account, most"] <= 93_000
    assert hundred["next claim"] <= 59_000


def test_approvals_stay_below_their_ceilings(table):
    approved = table["approved"]
    assert approved["deploy"]["16"] <= 3_600_000
    assert approved["publish, next"]["3"] <= 100_000
    for name, gas in approved.items():
        if name not in {"deploy", "rotate all"}:
            assert gas["16"] - gas["1"] <= 15 * 7_000
