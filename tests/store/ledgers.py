"""A ledger in a database beside the same co-op in memory, and the audit from public data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache

import pytest
from sqlalchemy import event, func, select

from ledger.coop.apply import apply
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import State, state_hash
from ledger.coop.step import Change
from ledger.coop.submission import Submission
from ledger.errors import DuplicateId, KyojoError
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.merkle import leaf_hash, root_hash, verify_inclusion
from ledger.log.note import Ed25519Signer
from ledger.service.coop import Coop, Office
from ledger.store.database import Database
from ledger.store.logs import Log, create_log, find_log
from ledger.store.reading import LogReader
from ledger.store.sequencer import Receipt, Sequencer
from ledger.store.tables import metadata, totals
from ledger.usage.totals import parse_totals
from tests.builder import ORIGIN, START, World, log_key, signing_key
from tests.coop.stages import MONTH, fork, propose

ID_KEY = bytes(range(32))


@dataclass
class Recording(World):
    """A world that remembers what was submitted to it."""

    submissions: list[Submission] = field(default_factory=list)

    def accept(self, submission: Submission) -> Change:
        change = super().accept(submission)
        self.submissions.append(submission)
        return change


@cache
def _month() -> Recording:
    world = Recording()
    world.prepare()
    return world


@cache
def _settled() -> Recording:
    world = copy(_month())
    world.close()
    propose(world)
    world.carry("bus", "ev")
    settlement = world.state.period(MONTH).settlement
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    return world


def copy(world: Recording) -> Recording:
    return replace(fork(world), submissions=list(world.submissions))


def month() -> Recording:
    """October with all its usage."""
    return copy(_month())


def settled() -> Recording:
    """October from the charter to its settlement."""
    return copy(_settled())


@dataclass
class Ledger:
    """A log in a database, its sequencer, and the world that it should equal."""

    database: Database
    log: Log
    sequencer: Sequencer
    world: Recording

    def follow(self) -> list[Receipt]:
        """Submit whatever the world has accepted and the log has not."""
        with self.reading() as reader:
            start = reader.head().size
        return [self.submit(found) for found in self.world.submissions[start:]]

    def submit(self, submission: Submission) -> Receipt:
        return self.sequencer.submit(submission)

    def again(self) -> Ledger:
        """The same log, opened anew as another process would."""
        return replace(self, sequencer=sequencer_of(self.database, self.log))

    @contextmanager
    def reading(self) -> Iterator[LogReader]:
        with self.database.read() as connection:
            yield LogReader(connection, self.log.id)

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        with self.database.read() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    def size(self) -> int:
        with self.reading() as reader:
            return reader.head().size


def sequencer_of(
    database: Database, log: Log, clock: Callable[[], str] = lambda: START
) -> Sequencer:
    return Sequencer(
        database,
        log_id=log.id,
        origin=log.origin,
        id_key=log.id_key,
        signers=[Ed25519Signer(log_key(log.origin))],
        clock=clock,
    )


def open_ledger(database: Database, world: Recording | None = None) -> Ledger:
    try:
        log = create_log(database, slug="kaga", origin=ORIGIN, id_key=ID_KEY)
    except DuplicateId:
        log = find_log(database, "kaga")
    return Ledger(database, log, sequencer_of(database, log), world or month())


def coop_of(database: Database, world: Recording) -> Coop:
    """The co-op, when all that the world was given has been submitted at the world's times."""
    ledger = open_ledger(database, world)
    times = iter([parse_envelope(data).received_at for data in world.entries])
    sequencer = sequencer_of(database, ledger.log, clock=lambda: next(times))
    for submission in world.submissions:
        sequencer.submit(submission)
    office = Office(signing_key("office"), bytes(32))
    return Coop(ledger.log, database, sequencer, lambda: world.now, bytes, office)


def verify_receipt(receipt: Receipt) -> None:
    """Raise unless the receipt's entry stands under a checkpoint that the log signed."""
    head = open_checkpoint(
        receipt.note, origin=ORIGIN, verifiers=[verifier_of(log_key().verifier_key)]
    ).checkpoint
    assert head.size == receipt.size
    verify_inclusion(leaf_hash(receipt.entry), receipt.index, head.size, receipt.proof, head.root)


def audit(ledger: Ledger) -> State:
    """Check all that a reader can see of a log, by folding it; answers with the state.

    Entries are gapless and lead to the signed root; tiles give every proof; records lie under
    their batches' roots and are counted once; the stored totals are the sums of the signed ones.
    """
    with ledger.database.read() as connection:
        reader = LogReader(connection, ledger.log.id)
        head = reader.head()
        data = list(reader.entry_data(0, head.size))
        leaves = [leaf_hash(entry) for entry in data]
        assert root_hash(leaves) == head.root
        if head.size:
            key = verifier_of(log_key().verifier_key)
            note = open_checkpoint(head.note, origin=ORIGIN, verifiers=[key]).checkpoint
            assert (note.size, note.root) == (head.size, head.root)
        for index in range(head.size):
            proof = reader.inclusion(index, head.size)
            verify_inclusion(leaves[index], index, head.size, proof, head.root)
        state, counted = State(), {}
        for index, entry in enumerate(data):
            envelope = parse_envelope(entry)
            change = apply(state, envelope, reader)
            state = change.state
            for row in change.totals:
                counted[tuple(row[:6])] = counted.get(tuple(row[:6]), 0) + row.amount
            if envelope.draft.kind == "usage-batch":
                _audit_batch(reader, index, envelope.draft.body)
        stored = {
            tuple(row)[1:7]: row.amount
            for row in connection.execute(select(totals).where(totals.c.log_id == ledger.log.id))
        }
        assert stored == counted
    return state


def _audit_batch(reader: LogReader, index: int, body: dict) -> None:
    held = reader.batch(index)
    assert len(held.lines) == body["count"]
    assert held.root().hex() == body["root"]
    parse_totals(reader.blob(body["totals"]["sha256"]))


def assert_equals_world(ledger: Ledger) -> None:
    """The log in the database is the one in memory: entries, root, state and totals."""
    state = audit(ledger)
    world = ledger.world
    assert state_hash(state) == state_hash(world.state)
    with ledger.reading() as reader:
        assert list(reader.entry_data(0, reader.head().size)) == world.entries
        assert reader.head().root == world.seen().root
        for epochs in (1, 2):
            assert reader.totals(MONTH, epochs) == world.totals(MONTH, epochs)


def submit_together(ledger: Ledger, submissions: Sequence[Submission]) -> list[Receipt | Exception]:
    """Submit from as many threads, so that all wait in one group."""
    sequencer = ledger.sequencer
    answers: list[Receipt | Exception | None] = [None] * len(submissions)

    def run(position: int) -> None:
        try:
            answers[position] = sequencer.submit(submissions[position])
        except Exception as error:  # noqa: BLE001 - the answer is what is tested
            answers[position] = error

    threads = []
    with sequencer._commit_lock:
        for position in range(len(submissions)):  # one after the other: the order is the group's
            thread = threading.Thread(target=run, args=(position,))
            thread.start()
            threads.append(thread)
            while len(sequencer._queue) <= position:
                thread.join(0.001)
    for thread in threads:
        thread.join()
    assert None not in answers
    return answers


@contextmanager
def counting_commits(database: Database) -> Iterator[list[object]]:
    """The write transactions that are committed meanwhile."""
    found: list[object] = []

    def note(connection):
        if connection.get_execution_options().get("kyojo_write"):
            found.append(connection)

    event.listen(database.engine, "commit", note)
    try:
        yield found
    finally:
        event.remove(database.engine, "commit", note)


def usage(ledger: Ledger, who: str, *lines: bytes, n: int = 0, **changes) -> Submission:
    """A batch for the ledger as it is now; ``account`` and ``ahead`` (of the counter)."""
    world = ledger.world
    ahead = changes.pop("ahead", 0)
    made = world.usage(who, *lines, n=n, **changes)
    draft = world.draft(who, "usage-batch", made.draft.body, sequence=world.sequence(who) + ahead)
    return replace(made, draft=draft)


def accept(ledger: Ledger, submission: Submission):
    """Into the log and into the world."""
    receipt = ledger.submit(submission)
    ledger.world.accept(submission)
    return receipt


def refuse(ledger: Ledger, submission: Submission, error) -> KyojoError:
    before = ledger.rows()
    with pytest.raises(error) as caught:
        ledger.submit(submission)
    assert caught.value.code == error.code
    assert ledger.rows() == before
    return caught.value
