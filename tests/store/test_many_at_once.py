"""Threads and processes that write at once, snapshots, and a database that was put back."""

from __future__ import annotations

import multiprocessing
import threading

import pytest
from ledgers import (
    MONTH,
    Ledger,
    accept,
    assert_equals_world,
    audit,
    open_ledger,
    submit_together,
    usage,
    verify_receipt,
)
from sqlalchemy import delete, select, update

from ledger.coop.state import state_hash
from ledger.coop.submission import Submission
from ledger.errors import (
    DuplicateId,
    InvariantViolated,
    ReadOnly,
)
from ledger.store import sequencer as sequencer_module
from ledger.store.database import Database
from ledger.store.reading import LogReader
from ledger.store.rebuild import rebuild
from ledger.store.sequencer import write_snapshot
from ledger.store.tables import batches, entries, logs, record_ids, snapshots
from tests.builder import World, charter, record

# Many at once.


def test_racing_duplicates_are_one_entry(prepared):
    submission = usage(prepared, "bus", record("x"))
    answers = []
    start = threading.Barrier(100)

    def run():
        start.wait()
        answers.append(prepared.submit(submission))

    threads = [threading.Thread(target=run) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 100
    assert {receipt.index for receipt in answers} == {len(prepared.world.entries)}
    assert sum(receipt.is_new for receipt in answers) == 1
    prepared.world.accept(submission)
    assert_equals_world(prepared)


def test_duplicates_within_one_group_are_one_entry(prepared):
    submission = usage(prepared, "bus", record("x"))
    other = usage(prepared, "bus", record("y"))
    first, second, third = submit_together(prepared, [submission, submission, other])
    assert (first.is_new, second.is_new) == (True, False)
    assert first.index == second.index
    assert isinstance(third, DuplicateId)
    assert third.details["index"] == first.index


def test_threads_of_one_process_and_sequencers_of_several(prepared):
    other = prepared.again()
    jobs = [
        (ledger, usage(prepared, who, record(f"{who}-{n}x"), ahead=n, n=n))
        for ledger, who in ((prepared, "bus"), (other, "ev"), (prepared, "bike"))
        for n in range(12)
    ]
    failures = []

    def run(who: str):
        for ledger, submission in jobs:
            if submission.draft.actor == who:
                try:
                    verify_receipt(ledger.submit(submission))
                except Exception as error:  # noqa: BLE001 - shown below
                    failures.append(error)

    threads = [
        threading.Thread(target=run, args=(actor,))
        for actor in {submission.draft.actor for _, submission in jobs}
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert prepared.size() == len(prepared.world.entries) + len(jobs)
    audit(prepared)


def _write_many(url: str, submissions: list[Submission], ready, answers) -> None:
    database = Database(url)
    ledger = open_ledger(database)
    ready.wait()
    answers.put([ledger.submit(submission).index for submission in submissions])
    database.close()


def test_two_processes_write_one_gapless_log(prepared, database_url):
    context = multiprocessing.get_context("spawn")
    answers, ready = context.Queue(), context.Barrier(2)
    processes = [
        context.Process(
            target=_write_many,
            args=(
                database_url,
                [usage(prepared, who, record(f"{who}-{n}p"), ahead=n, n=n) for n in range(25)],
                ready,
                answers,
            ),
        )
        for who in ("bus", "ev")
    ]
    for process in processes:
        process.start()
    indexes = [index for _ in processes for index in answers.get(timeout=60)]
    for process in processes:
        process.join(30)
    start = len(prepared.world.entries)
    assert sorted(indexes) == list(range(start, start + 50))
    audit(prepared)
    state = prepared.sequencer.state()
    assert state.periods[MONTH].usage["bus"].records == 26


# Snapshots, catching up, and a database that was put back.


def test_a_start_rests_on_the_newest_snapshot(prepared, monkeypatch):
    monkeypatch.setattr(sequencer_module, "SNAPSHOT_EVERY", 4)
    accept(prepared, usage(prepared, "bus", record("a")))
    for n in range(4):
        accept(prepared, usage(prepared, "bus", record(f"b{n}")))
    with prepared.database.write(prepared.log.id) as connection:
        sizes = connection.execute(select(snapshots.c.size)).scalars().all()
        assert sizes
        damage = update(entries).where(entries.c.index == 1).values(data=b"{}")
        connection.execute(damage)  # before the snapshot: not read any more
    assert state_hash(prepared.again().sequencer.state()) == state_hash(prepared.world.state)
    with prepared.database.write(prepared.log.id) as connection:
        connection.execute(update(snapshots).values(hash=bytes(32)))
    with pytest.raises(InvariantViolated):
        prepared.again().sequencer.state()


def test_a_snapshot_of_another_log_is_not_taken(prepared):
    size = prepared.world.state.size
    other = World(charter=charter(nonce="cd" * 32))
    other.prepare()
    assert other.state.size == size
    with prepared.database.write(prepared.log.id) as connection:
        write_snapshot(connection, prepared.log.id, other.state)
    with pytest.raises(InvariantViolated, match="not of this log"):
        prepared.again().sequencer.state()
    rebuild(prepared.database, prepared.log)
    assert state_hash(prepared.again().sequencer.state()) == state_hash(prepared.world.state)


def test_a_second_process_sees_what_the_first_wrote(prepared):
    other = prepared.again()
    assert other.sequencer.state().size == len(prepared.world.entries)
    accept(prepared, usage(prepared, "bus", record("a")))
    assert other.sequencer.state().size == len(prepared.world.entries)
    other.submit(usage(prepared, "bus", record("b"), n=1))
    audit(prepared)


def test_a_reader_that_began_earlier_sees_its_own_state(prepared):
    with prepared.database.read() as connection:
        size = LogReader(connection, prepared.log.id).head().size
        thread = threading.Thread(
            target=prepared.submit, args=(usage(prepared, "bus", record("a")),)
        )
        thread.start()
        thread.join()
        assert prepared.sequencer.state_at(connection).size == size
    assert prepared.sequencer.state().size == size + 1


def _cut_back(ledger: Ledger, size: int, root: bytes, note: bytes) -> None:
    with ledger.database.write(ledger.log.id) as connection:
        connection.execute(delete(entries).where(entries.c.index >= size))
        connection.execute(delete(batches).where(batches.c.index >= size))
        connection.execute(delete(record_ids).where(record_ids.c.index >= size))
        connection.execute(update(logs).values(size=size, root=root, checkpoint=note))


def test_nothing_is_signed_on_a_database_that_was_put_back(prepared):
    with prepared.reading() as reader:
        head = reader.head()
    one = usage(prepared, "bus", record("a"))
    two = usage(prepared, "bus", record("b"), n=1)
    prepared.submit(one)
    _cut_back(prepared, head.size, head.root, head.note)
    for _ in range(2):  # and not on the second try either
        with pytest.raises(ReadOnly):
            prepared.submit(two)
    assert prepared.size() == head.size
    replaced = prepared.again()  # a new process cannot know; witnesses and the chain do
    replaced.submit(two)
    with pytest.raises(ReadOnly):
        prepared.submit(usage(prepared, "ev", record("c")))
