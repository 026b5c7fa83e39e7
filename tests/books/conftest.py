"""Two full months in a real database, as a co-op of this installation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ledger.coop.envelope import parse_envelope
from ledger.service.coop import Coop, Office
from ledger.store.database import Database
from ledger.store.schema import upgrade
from tests.books.noticed import Noticed, fill_noticed, open_noticed
from tests.builder import authority, charter, signing_key
from tests.coop.bookkept import PAYING, fill
from tests.store.ledgers import Recording, open_ledger, sequencer_of


@pytest.fixture(scope="session")
def noticed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Noticed]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('notices') / 'kyojo.db'}")
    found = open_noticed(database)
    fill_noticed(found)
    yield found
    database.close()


@pytest.fixture(scope="session")
def coop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coop]:
    world = Recording(charter=charter(authority=authority(later=True)), rules=PAYING)
    fill(world)
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('books') / 'kyojo.db'}")
    upgrade(database)
    ledger = open_ledger(database, world)
    times = iter([parse_envelope(data).received_at for data in world.entries])
    sequencer = sequencer_of(database, ledger.log, clock=lambda: next(times))
    for submission in world.submissions:
        sequencer.submit(submission)
    office = Office(signing_key("office"), bytes(32))
    now = "2026-12-31T00:00:00.000Z"
    yield Coop(ledger.log, database, sequencer, lambda: now, bytes, office)
    database.close()
