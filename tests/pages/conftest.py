from __future__ import annotations

import pytest

from ledger.service.coop import Coop
from tests.pages.month import closed_month, settled_month


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Coop:
    """A settled month; tests only read it."""
    return settled_month(tmp_path_factory.mktemp("settled"))


@pytest.fixture
def closed(tmp_path_factory: pytest.TempPathFactory) -> Coop:
    """A closed month of one's own, to propose in."""
    return closed_month(tmp_path_factory.mktemp("closed"))
