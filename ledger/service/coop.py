"""A co-op at work: its log, its sequencer, the keys that the office holds, the clock.

Every verb of this package takes a ``Coop``. ``wiring`` is where one is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.coop.state import State
from ledger.identity.signature import SigningKey
from ledger.log.policy import Policy
from ledger.store.database import Database
from ledger.store.logs import Log
from ledger.store.reading import LogReader
from ledger.store.sequencer import Sequencer


@dataclass(frozen=True, slots=True)
class Office:
    """What only the office holds: its key and the secret from which sum-tree seeds are made."""

    key: SigningKey
    settlement_secret: bytes


@dataclass(frozen=True, slots=True)
class Coop:
    """One co-op of this installation. ``office`` is None where only the server runs.

    ``policy`` says who cosigns its checkpoints and how many make a quorum; None if nobody does.
    """

    log: Log
    database: Database
    sequencer: Sequencer
    clock: Callable[[], str]
    random: Callable[[int], bytes]
    office: Office | None = None
    policy: Policy | None = None

    def state(self) -> State:
        """The co-op as of the newest entry."""
        return self.sequencer.state()

    @contextmanager
    def reading(self) -> Iterator[tuple[State, LogReader]]:
        """State and log as one transaction sees them."""
        with self.database.read() as connection:
            yield self.sequencer.state_at(connection), LogReader(connection, self.log.id)
