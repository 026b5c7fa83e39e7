"""Fixtures: an embedded chain per test, one anvil per session, and either as ``chain``."""

from dataclasses import dataclass

import pytest

from ledger.chain.node import open_node
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import ANVIL_PAYER, EMBEDDED_PAYER


@dataclass(frozen=True)
class Chain:
    """Where a test's chain is and whose key has money there."""

    url: str
    payer: bytes


@pytest.fixture(scope="session")
def anvil_url():
    require_anvil()
    with running_anvil() as url:
        yield url


@pytest.fixture
def embedded_url(tmp_path):
    return f"embedded:{tmp_path / 'chain.sqlite'}"


@pytest.fixture(params=["embedded", "anvil"])
def chain(request):
    if request.param == "embedded":
        return Chain(request.getfixturevalue("embedded_url"), EMBEDDED_PAYER)
    return Chain(request.getfixturevalue("anvil_url"), ANVIL_PAYER)


@pytest.fixture
def node(chain):
    with open_node(chain.url) as opened:
        yield opened
