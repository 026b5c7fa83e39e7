"""The two back ends, and a ledger on each."""

from __future__ import annotations

import pytest
from ledgers import Ledger, open_ledger

from tests.databases import *  # noqa: F403 - fixtures


@pytest.fixture
def ledger(database) -> Ledger:
    """An empty ledger of the test co-op."""
    return open_ledger(database)


@pytest.fixture
def prepared(ledger) -> Ledger:
    """A ledger whose October is open, with all its usage; its world is in step with it."""
    ledger.follow()
    return ledger
