"""A settled month in a real SQLite store: two facilities, several batches, a suspense account."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ledger.coop.signing import Seen, sign_decision
from ledger.coop.submission import Submission
from ledger.log.note import Ed25519Signer, Ed25519Verifier
from ledger.service.coop import Coop, Office
from ledger.service.settle import propose_settlement, settle
from ledger.service.sign_in import Reader
from ledger.service.submit import submit
from ledger.store import schema
from ledger.store.database import Database
from ledger.store.logs import create_log
from ledger.store.sequencer import Sequencer
from tests.builder import ORIGIN, START, World, log_key, record, signing_key

MONTH = "2026-10"
LOG_KEY = log_key(ORIGIN)
VERIFIER = Ed25519Verifier(LOG_KEY.verifier_key)
AUDITOR = Reader("audit", ("auditor",), signing_key("audit").address)


class Recording(World):
    """The world of the builder, keeping what was sent so that a real store can take it too."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(**changes)
        self.sent: list[Submission] = []

    def accept(self, submission: Submission) -> Any:
        change = super().accept(submission)
        self.sent.append(submission)
        return change


def reader(member: str, *roles: str) -> Reader:
    return Reader(member, roles or ("member",), signing_key(member).address)


def new_coop(folder: Path, origin: str = ORIGIN, clock: Callable[[], str] = lambda: START) -> Coop:
    database = Database(f"sqlite:///{folder / 'coop.db'}")
    schema.upgrade(database)
    log = create_log(database, slug="kaga", origin=origin, id_key=bytes(32))
    sequencer = Sequencer(
        database,
        log_id=log.id,
        origin=origin,
        id_key=log.id_key,
        signers=[Ed25519Signer(LOG_KEY)],
        clock=clock,
    )
    office = Office(signing_key("office"), b"settlement secret of the tests")
    return Coop(log, database, sequencer, clock, bytes, office)


def send_usage(world: World) -> None:
    hub = {"id": "hub-2", "name": {"ja": "拠点二", "en": "Hub 2"}, "owner": None}
    world.write("office", "facility-registered", hub)
    for firm, trips in (("bus", 400), ("ev", 291), ("bike", 137)):
        fare = {"fare": 7 * trips}
        world.submit(
            firm,
            record(f"{firm}-1", measures={"trips": trips}, charges=fare, currency="JPY"),
            record(f"{firm}-2", measures={"trips": 3}, facility="hub-2"),
        )
    world.submit("bus", record("bus-3", measures={"trips": 10}), n=1)
    world.submit("ev", record("ev-lost", measures={"trips": 5}), account="suspense", n=2)


def closed_month(folder: Path, world: Recording | None = None) -> Coop:
    """A co-op whose October is closed, in a new database under ``folder``."""
    world = world or Recording()
    world.prepare(with_usage=False)
    send_usage(world)
    world.close()
    coop = new_coop(folder)
    for submission in world.sent:
        submit(coop, submission)
    return coop


def vote(coop: Coop, *voters: str, action: str = "approve") -> None:
    """Each voter votes on the newest proposal, until it is decided."""
    for voter in voters:
        with coop.reading() as (state, log):
            head = log.head()
        if not state.proposals:
            return
        wanted = max(state.proposals, key=lambda found: state.proposals[found].index)
        draft = sign_decision(
            signing_key(voter),
            Seen(ORIGIN, bytes.fromhex(state.genesis), head.size, head.root),
            sequence=state.keys[signing_key(voter).address].sequence,
            action=action,
            subject=state.proposals[wanted].subject,
            subject_hash=wanted,
        )
        submit(coop, Submission(draft))


def settled_month(folder: Path, world: Recording | None = None) -> Coop:
    coop = closed_month(folder, world)
    propose_settlement(coop, MONTH)
    vote(coop, "bus", "ev", "bike")
    settle(coop, MONTH)
    return coop
