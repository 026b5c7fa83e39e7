"""Every write fails, before or after it took effect; the writer is killed; then the log is audited.

Whatever happened, afterwards: the log verifies from public data, no record is lost or counted
twice, and sending the same bytes again gets a receipt.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledgers import MONTH, assert_equals_world, audit, open_ledger, submit_together, usage
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from ledger.errors import DuplicateId, StoreBusy, Unavailable
from ledger.store.database import Database
from tests.builder import record

REPOSITORY = Path(__file__).resolve().parents[2]


class Broken(OSError):
    """The disk or the wire, as a test breaks it."""


class Faults:
    """Breaks one numbered operation of the write transactions of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.target: int | None = None
        self.after = False
        self.seen: list[str] = []

    def _meet(self, what: str) -> None:
        self.seen.append(what)
        if self.target == len(self.seen) - 1:
            raise OperationalError(what, {}, Broken("broken by the test"))

    @staticmethod
    def _writes(connection) -> bool:
        return bool(connection.get_execution_options().get("kyojo_write"))

    @contextmanager
    def at(self, target: int | None, *, after: bool = False) -> Iterator[Faults]:
        """Break operation ``target``, before or after it has been done; None only counts."""
        self.target, self.after, self.seen = target, after, []
        is_write = threading.local()
        note_commit = lambda c: setattr(is_write, "now", self._writes(c))
        before_execute = lambda c, _cur, sql, *_: self._writes(c) and not after and self._meet(sql)
        after_execute = lambda c, _cur, sql, *_: self._writes(c) and after and self._meet(sql)
        listeners = [
            ("before_cursor_execute", before_execute),
            ("after_cursor_execute", after_execute),
            ("commit", note_commit),
        ]
        engine = self._database.engine
        for name, listener in listeners:
            event.listen(engine, name, listener)
        commit = engine.dialect.do_commit

        def do_commit(connection):
            counts = is_write.now
            if counts and not after:
                self._meet("COMMIT")
            commit(connection)
            if counts and after:
                self._meet("COMMIT")

        engine.dialect.do_commit = do_commit
        try:
            yield self
        finally:
            engine.dialect.do_commit = commit
            for name, listener in listeners:
                event.remove(engine, name, listener)
            self.target = None


OPERATIONS_MAX = 40


@pytest.mark.parametrize("after", [False, True], ids=["not persisted", "persisted"])
def test_every_write_fails_once(database, after):
    """One log meets a fault at each of its writes in turn, group after group."""
    ledger = open_ledger(database)
    ledger.follow()
    world = ledger.world
    faults = Faults(database)
    target, broken = 0, 0
    while True:
        group = [
            usage(ledger, who, record(f"{who}-{target}-f"), record(f"{who}-{target}-g"), n=target)
            for who in ("bus", "ev")
        ]
        with faults.at(target, after=after):
            answers = submit_together(ledger, group)
        is_over = len(faults.seen) <= target
        is_persisted = after and faults.seen[-1] == "COMMIT" and not is_over
        for answer in answers:
            if is_over or is_persisted:
                assert not isinstance(answer, Exception), answer
            else:
                assert isinstance(answer, Unavailable), answer
        broken += not is_over
        for submission in group:  # the same bytes again
            receipt = ledger.submit(submission)
            assert receipt.is_new is not (is_over or is_persisted)
            assert not ledger.submit(submission).is_new
            world.accept(submission)
        if target % 5 == 0 or is_over or is_persisted:
            assert_equals_world(ledger)
        if is_over:
            break
        target += 1
        assert target < OPERATIONS_MAX
    assert broken >= 10
    assert_equals_world(ledger.again())


def test_the_log_cannot_even_be_read_after_the_fault(prepared, monkeypatch):
    submission = usage(prepared, "bus", record("a"))
    database = prepared.database

    @contextmanager
    def broken(*_):
        raise StoreBusy("the database is gone")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(database, "write", broken)
        patched.setattr(database, "read", broken)
        with pytest.raises(StoreBusy):
            prepared.submit(submission)
    assert prepared.submit(submission).is_new
    prepared.world.accept(submission)
    assert_equals_world(prepared)


def test_a_commit_of_unknown_outcome_and_another_writer_in_between(prepared):
    submission = usage(prepared, "bus", record("a"))
    other = usage(prepared, "ev", record("a"))
    with Faults(prepared.database).at(None) as faults:
        prepared.submit(usage(prepared, "bike", record("count")))
    count = len(faults.seen)
    prepared.world.accept(usage(prepared, "bike", record("count")))
    with Faults(prepared.database).at(count - 1), pytest.raises(Unavailable):
        prepared.submit(submission)
    second = prepared.again()
    second.submit(other)
    prepared.world.accept(other)
    assert prepared.submit(submission).is_new
    prepared.world.accept(submission)
    assert_equals_world(prepared)


def test_an_interrupt_leaves_nobody_waiting(prepared, monkeypatch):
    good = [usage(prepared, "bus", record("a")), usage(prepared, "ev", record("a"))]

    def interrupted(*_):
        raise KeyboardInterrupt

    answers = []
    with monkeypatch.context() as patched:
        patched.setattr(prepared.sequencer, "_write_group", interrupted)
        for submission in good:
            with pytest.raises(KeyboardInterrupt):
                prepared.submit(submission)
            answers.append(submission)
    for submission in answers:
        assert prepared.submit(submission).is_new
        prepared.world.accept(submission)
    assert_equals_world(prepared)


WRITER = """
    import sys
    sys.path[:0] = [".", "tests/store"]
    from ledgers import open_ledger, usage
    from ledger.store.database import Database
    from tests.builder import record

    ledger = open_ledger(Database(sys.argv[1]))
    start = int(sys.argv[2])
    for n in range(start, start + 500):
        submission = usage(ledger, "bus", record(f"k{n}"), n=n, ahead=n)
        receipt = ledger.submit(submission)
        print(n, receipt.index, flush=True)
"""


def killed_writer(url: str, start: int, answers: int) -> list[tuple[int, int]]:
    """A process that writes until it is killed after so many answers; what it was answered."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), url, str(start)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = []
    assert process.stdout is not None
    for line in process.stdout:
        number, index = line.split()
        found.append((int(number), int(index)))
        if len(found) == answers:
            os.kill(process.pid, signal.SIGKILL)
            break
    rest = process.stdout.read()
    process.stdout.close()
    process.wait(30)
    found += [(int(number), int(index)) for number, index in map(str.split, rest.splitlines())]
    assert process.returncode == -signal.SIGKILL
    return found


def test_a_killed_writer_loses_nothing_that_was_answered(prepared, database_url):
    size, written = prepared.size(), 0
    for answers in (3, 7):
        answered = killed_writer(database_url, written, answers)
        assert len(answered) >= answers
        state = audit(prepared)
        records = state.periods[MONTH].usage["bus"].records - 1
        assert records == state.size - size
        assert records >= written + len(answered)
        for number, index in answered:
            assert index == size + number
        written = records
    again = prepared.again()
    again.world.now = prepared.world.now
    for n in range(written):
        receipt = again.submit(usage(again, "bus", record(f"k{n}"), n=n, ahead=n))
        assert (receipt.index, receipt.is_new) == (size + n, False)
    with pytest.raises(DuplicateId):
        again.submit(usage(again, "bus", record("k0"), n=999, ahead=written))
    assert again.submit(usage(again, "bus", record("next"), ahead=written)).is_new
    audit(again)
