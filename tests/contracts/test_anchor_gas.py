"""What CheckpointAnchor costs: a committed table that the embedded chain confirms, and ceilings.

``pytest tests/contracts/test_anchor_gas.py --update-golden`` renews the table and its copy in
docs/contracts.md; read the diff. Only the tester's chain may be quoted: pyrevm's gas is that of a
warm access list.
"""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.contracts.gas_table import as_markdown, measure

TABLE = "tests/contracts/anchor_gas.json"
PAGE = "docs/contracts.md"
PLACE = re.compile(r"(<!-- gas: CheckpointAnchor -->\n\n).*?(\n<!-- end -->)", re.DOTALL)


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


def test_the_two_figures_that_are_promised():
    """Thirty hashes and one signer, the worst order of siblings too, and the next small one."""
    table = json.loads((Path(REPOSITORY) / TABLE).read_text("utf-8"))
    thirty = [row["gas"]["1"] for row in table["next"] if row["hashes"] == 30]
    assert len(thirty) == 2
    assert max(thirty) <= 90_000
    small = next(row for row in table["next"] if row["to"] == 2)
    assert small["gas"]["1"] <= 60_000


def test_deployment_and_rotation_stay_below_their_ceilings(table):
    assert table["deploy"]["16"] <= 2_500_000
    assert table["rotate"]["16"] <= 600_000


def test_every_further_signer_costs_less_than_seven_thousand(table):
    for row in table["next"]:
        assert row["gas"]["16"] - row["gas"]["1"] <= 15 * 7_000
