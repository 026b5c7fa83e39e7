"""CheckpointAnchor on a real node: deployed, anchored, asked, rotated, at the committed cost."""

import json

import pytest

from ledger.chain.anchor import Head, read_head, read_signers
from ledger.chain.node import open_node
from ledger.errors import Conflict
from tests.chain.anvil import running_anvil
from tests.chain.chain_world import ANVIL_PAYER
from tests.conftest import REPOSITORY
from tests.contracts.anchor_world import ZERO, synthetic_pair
from tests.contracts.gas_table import Meter

# Signatures and roots have other zero bytes on another chain, at 12 gas each.
GAS_APART = 200


def test_a_life_on_a_real_node():
    table = json.loads((REPOSITORY / "tests/contracts/anchor_gas.json").read_text("utf-8"))
    with running_anvil(hardfork="prague") as url, open_node(url) as node:
        meter = Meter(node, 3, payer=ANVIL_PAYER)
        assert abs(meter.deployment - table["deploy"]["3"]) <= GAS_APART
        for row in (table["next"][0], table["next"][-1]):
            first, following = meter.step(row["from"], row["to"])
            assert abs(first - table["first"]["3"]) <= GAS_APART
            assert abs(following - row["gas"]["3"]) <= GAS_APART
            _, root, _ = synthetic_pair(row["from"], row["to"])
            origin = f"gas.example/{row['from']}/{row['to']}"
            assert read_head(node, meter.contract, origin) == Head(row["to"], root)
        hashes, gas = meter.inclusion(12_345, 16_000)
        assert (hashes, abs(gas - table["inclusion"][2]["gas"]) <= GAS_APART) == (14, True)
        with pytest.raises(AssertionError):
            # The same head again: mined, and refused.
            meter.anchor("gas.example/1/2", Head(0, ZERO), Head(2, ZERO), [])
        assert abs(meter.rotate() - table["rotate"]["3"]) <= GAS_APART
        assert read_signers(node, meter.contract).epoch == 2
        with pytest.raises((AssertionError, Conflict)):
            meter.anchor("gas.example/new", Head(0, ZERO), Head(1, ZERO), [])
