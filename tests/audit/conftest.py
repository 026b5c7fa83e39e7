"""A settled month whose head stands on an embedded chain, made once."""

import pytest

from ledger.chain.node import open_node
from tests.audit.world import anchored_month, chain_url, files_of


@pytest.fixture(scope="session")
def chain_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="session")
def month(chain_folder):
    with open_node(chain_url(chain_folder)) as node:
        return anchored_month(node)


@pytest.fixture(scope="session")
def files(month):
    return files_of(month.bundle)
