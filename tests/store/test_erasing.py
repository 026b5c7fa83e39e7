"""Erased records in the store: gone from every table and file, and all else stands."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from ledgers import (
    MONTH,
    Ledger,
    accept,
    assert_equals_world,
    open_ledger,
    refuse,
    submit_together,
    usage,
)
from sqlalchemy import delete, select, update
from test_rebuild import _contents
from test_write_faults import Faults

from ledger.coop.erasure import all_erased
from ledger.coop.state import state_hash
from ledger.coop.submission import Submission
from ledger.errors import Conflict, DuplicateId, InvariantViolated, Unavailable
from ledger.log.merkle import EMPTY_ROOT, prove_inclusion, verify_inclusion
from ledger.store.held import erase_again, holds_erased, rewrite_batch
from ledger.store.rebuild import rebuild
from ledger.store.scrub import compact
from ledger.store.tables import batches, metadata, record_ids
from ledger.usage.commitment import record_leaf
from ledger.usage.held import HeldBatch
from tests.builder import record

PAYER = "resident-4711"


def line_of(number: int, payer: str = PAYER, **changes) -> bytes:
    return record(f"trip-{number}", payer=payer, measures={"trips": number + 1}, **changes)


def send(ledger: Ledger, *lines: bytes, n: int = 0) -> int:
    """Submit a batch of bus; its entry index."""
    return accept(ledger, usage(ledger, "bus", *lines, n=n)).index


def erase(ledger: Ledger, batch: int, *records: int, who: str = "bus") -> Submission:
    body = {"batch": batch, "records": list(records), "reason": "on request"}
    return Submission(ledger.world.draft(who, "records-erased", body))


def held(ledger: Ledger, batch: int) -> HeldBatch:
    with ledger.reading() as reader:
        return reader.batch(batch)


@pytest.fixture
def batch(prepared) -> int:
    """A batch of six records, the even ones of PAYER."""
    payers = (PAYER if number % 2 == 0 else f"other-{number}" for number in range(6))
    return send(prepared, *(line_of(number, payer) for number, payer in enumerate(payers)))


# What is gone, and what stands.


def test_line_salt_and_seed_are_gone_and_leaves_and_neighbours_stand(prepared, batch):
    before = held(prepared, batch)
    with prepared.reading() as reader:
        totals = reader.totals(MONTH, 1)
    accept(prepared, erase(prepared, batch, 0, 2, 4))
    after = held(prepared, batch)
    assert (after.seed, after.erased) == (None, {0, 2, 4})
    assert after.leaves == before.leaves
    for number in (1, 3, 5):
        assert (after.lines[number], after.salts[number]) == (
            before.lines[number],
            before.salts[number],
        )
        proof = prove_inclusion(after.leaves, number)
        leaf = record_leaf(after.salts[number], after.lines[number])
        verify_inclusion(leaf, number, 6, proof, before.root())
    with prepared.reading() as reader:
        assert reader.totals(MONTH, 1) == totals
    assert_equals_world(prepared)
    assert state_hash(prepared.again().sequencer.state()) == state_hash(prepared.world.state)


def test_all_records_of_a_batch_and_a_batch_of_one_record(prepared, batch):
    single = send(prepared, line_of(99), n=1)
    accept(prepared, erase(prepared, batch, *range(6)))
    accept(prepared, erase(prepared, single, 0))
    assert held(prepared, batch).lines == (b"",) * 6
    assert held(prepared, single).lines == (b"",)
    assert_equals_world(prepared)
    refuse(prepared, erase(prepared, single, 0), Conflict)


def test_step_by_step_and_by_a_vote(prepared, batch):
    accept(prepared, erase(prepared, batch, 0))
    accept(prepared, erase(prepared, batch, 2, 3, who="office"))
    assert held(prepared, batch).erased == {0}
    (hash_,) = prepared.world.state.proposals
    for who in ("ev", "bike"):
        accept(prepared, Submission(prepared.world.ballot(who, hash_)))
    assert held(prepared, batch).erased == {0, 2, 3}
    assert_equals_world(prepared)


def test_a_batch_and_its_erasure_in_one_group(prepared):
    """The erasure names the place that the batch is about to get."""
    made = usage(prepared, "bus", line_of(1), line_of(2))
    index = prepared.size()
    body = {"batch": index, "records": [1], "reason": "a mistake"}
    sequence = prepared.world.sequence("bus") + 1
    draft = prepared.world.draft("bus", "records-erased", body, sequence=sequence)
    answers = submit_together(prepared, [made, Submission(draft)])
    assert [answer.index for answer in answers] == [index, index + 1]
    assert held(prepared, index).erased == {1}
    prepared.world.accept(made)
    prepared.world.accept(Submission(draft))
    assert_equals_world(prepared)


def test_the_same_batch_again_gets_its_receipt_and_brings_nothing_back(prepared):
    made = usage(prepared, "bus", line_of(1), line_of(2))
    first = accept(prepared, made)
    accept(prepared, erase(prepared, first.index, 0, 1))
    again = prepared.submit(made)
    assert (again.index, again.is_new) == (first.index, False)
    assert held(prepared, first.index).erased == {0, 1}


# Ids and reversals.


def test_an_erased_id_is_not_used_again(prepared, batch):
    accept(prepared, erase(prepared, batch, 0))
    refuse(prepared, usage(prepared, "bus", line_of(0)), DuplicateId)


def test_a_reversal_of_an_erased_record_says_what_to_do_instead(prepared, batch):
    accept(prepared, erase(prepared, batch, 0))
    undo = record("undo", payer=PAYER, reverses="trip-0", measures={"trips": -1})
    error = refuse(prepared, usage(prepared, "bus", undo), DuplicateId)
    assert "was erased" in error.faults[0].message
    assert "reported and confirmed" in error.faults[0].message
    undo = record("undo", payer="other-1", reverses="trip-1", measures={"trips": -2})
    accept(prepared, usage(prepared, "bus", undo))
    assert_equals_world(prepared)


# Nothing half-erased.


@pytest.mark.parametrize("after", [False, True], ids=["not persisted", "persisted"])
def test_every_write_of_an_erasure_fails_once(database, after):
    ledger = open_ledger(database)
    ledger.follow()
    faults = Faults(database)
    for target in itertools.count():
        batch = send(ledger, line_of(2 * target), line_of(2 * target + 1), n=target)
        whole = held(ledger, batch)
        submission = erase(ledger, batch, 0)
        with faults.at(target, after=after):
            (answer,) = submit_together(ledger, [submission])
        is_over = len(faults.seen) <= target
        is_persisted = is_over or (after and faults.seen[-1] == "COMMIT")
        assert isinstance(answer, Unavailable) is not is_persisted, answer
        assert held(ledger, batch) == (whole.without({0}) if is_persisted else whole)
        assert ledger.submit(submission).is_new is not is_persisted
        assert held(ledger, batch) == whole.without({0})
        ledger.world.accept(submission)
        if is_over:
            break
    assert target >= 8
    assert_equals_world(ledger)


def test_lines_that_are_not_here_are_not_said_to_be_erased(prepared, batch):
    with prepared.database.write(prepared.log.id) as connection:
        connection.execute(delete(batches).where(batches.c.index == batch))
        with pytest.raises(InvariantViolated):
            rewrite_batch(connection, prepared.log.id, batch, HeldBatch((b"",), None, bytes(64)))


# Rebuilding, and copies that were made before.


def test_a_rebuild_arrives_at_the_same_rows_and_state(prepared, batch):
    undo = record("undo", payer="other-1", reverses="trip-1", measures={"trips": -2})
    accept(prepared, usage(prepared, "bus", undo))
    accept(prepared, erase(prepared, batch, 0, 1))
    accept(prepared, erase(prepared, send(prepared, line_of(50), n=2), 0))
    before = _contents(prepared)
    found = rebuild(prepared.database, prepared.log)
    assert found.state_hash == state_hash(prepared.world.state)
    assert _contents(prepared) == before
    refuse(prepared, usage(prepared, "bus", line_of(0)), DuplicateId)
    assert_equals_world(prepared.again())


def put_back(ledger: Ledger, batch: int, whole: HeldBatch) -> None:
    """The row of a batch as a backup had it."""
    with ledger.database.write(ledger.log.id) as connection:
        rewrite_batch(connection, ledger.log.id, batch, whole)


@pytest.mark.parametrize("is_whole", [True, False], ids=["all of it", "a later erasure only"])
def test_what_a_restored_copy_holds_is_erased_again(prepared, batch, is_whole):
    copy = held(prepared, batch)
    accept(prepared, erase(prepared, batch, 0))
    if not is_whole:
        copy = held(prepared, batch)
    accept(prepared, erase(prepared, batch, 2))
    wanted = held(prepared, batch)
    erased = all_erased(prepared.world.state)
    with prepared.database.write(prepared.log.id) as connection:
        assert not holds_erased(connection, prepared.log.id, erased)
    put_back(prepared, batch, copy)
    with prepared.database.write(prepared.log.id) as connection:
        assert holds_erased(connection, prepared.log.id, erased)
        assert erase_again(connection, prepared.log.id, erased) == (2 if is_whole else 1)
        assert erase_again(connection, prepared.log.id, erased) == 0
    assert held(prepared, batch) == wanted
    put_back(prepared, batch, copy)
    rebuild(prepared.database, prepared.log)
    assert held(prepared, batch) == wanted


BROKEN = {
    "a record that nothing erases": lambda left: left.without({1}),
    "a leaf": lambda left: HeldBatch(left.lines, None, left.kept[:-1] + b"\x00"),
    "a salt": lambda left: HeldBatch(left.lines, None, left.kept[:64] + b"\x01" + left.kept[65:]),
    "a surviving line": lambda left: HeldBatch((b"", b"{}", *left.lines[2:]), None, left.kept),
    "fewer lines": lambda left: HeldBatch(left.lines[:-1], None, left.kept[:-64]),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_rebuild_finds_what_was_changed_in_an_erased_batch(prepared, batch, damage):
    accept(prepared, erase(prepared, batch, 0))
    put_back(prepared, batch, BROKEN[damage](held(prepared, batch)))
    before = _contents(prepared)
    with pytest.raises(InvariantViolated):
        rebuild(prepared.database, prepared.log)
    assert _contents(prepared) == before


def test_a_rebuild_says_when_ids_of_erased_records_are_gone(prepared, batch):
    accept(prepared, erase(prepared, batch, 0))
    with prepared.database.write(prepared.log.id) as connection:
        connection.execute(delete(record_ids))
    with pytest.raises(InvariantViolated, match="record_ids from a backup"):
        rebuild(prepared.database, prepared.log)


# Gone from every row and every byte, and not to be guessed back.


def stored_values(ledger: Ledger) -> Iterator[bytes]:
    """Every value of every row of every table, as bytes."""
    with ledger.database.read() as connection:
        for table in metadata.tables.values():
            for row in connection.execute(select(table)):
                for value in row:
                    is_binary = isinstance(value, bytes | memoryview)
                    yield bytes(value) if is_binary else str(value).encode()


def stored_bytes(ledger: Ledger) -> bytes:
    """All rows, and on SQLite the database's files as they lie on the disk."""
    found = b"\x00".join(stored_values(ledger))
    if ledger.database.is_sqlite:
        for ending in ("", "-wal", "-journal"):
            path = Path(ledger.database.url.database + ending)
            found += path.read_bytes() if path.exists() else b""
    return found


def test_nothing_of_erased_records_is_left_in_any_table_or_file(prepared):
    """Batches of many sizes, so that pages are split, filled and emptied."""
    gone: list[bytes] = []
    for n, size in enumerate((1, 2, 1, 40, 3, 1, 7, 100, 2, 1)):
        payers = [f"payer-{n}-{number}-{secrets.token_hex(6)}" for number in range(size)]
        lines = [
            record(f"id-{n}-{number}-{secrets.token_hex(6)}", payer=payer)
            for number, payer in enumerate(payers)
        ]
        batch = send(prepared, *lines, n=n)
        whole = held(prepared, batch)
        records = sorted({0, size // 2})
        stored = stored_bytes(prepared)
        here = [whole.seed]
        for number in records:
            here += [lines[number], payers[number].encode()]
            here += [lines[number].split(b'"')[3], whole.salts[number]]
        assert all(secret in stored for secret in here if secret not in whole.salts)
        gone += here
        accept(prepared, erase(prepared, batch, *records))
        assert held(prepared, batch).seed is None
    stored = stored_bytes(prepared)
    assert [secret for secret in gone if secret in stored] == []
    assert_equals_world(prepared)


def guess(leaf: bytes, lines: list[bytes], salts: list[bytes]) -> bytes | None:
    """What a thief does: every likely line with every salt that can be had."""
    for salt, line in itertools.product(salts, lines):
        if record_leaf(salt, line) == leaf or sha256(salt + line).digest() == leaf:
            return line
    return None


def test_a_short_line_cannot_be_guessed_without_its_salt(prepared, batch):
    """All that is left is tried as a salt; where the seed was left behind, the same succeeds."""
    whole = held(prepared, batch)
    likely = [
        record("trip-0", payer=payer, measures={"trips": trips})
        for payer in (PAYER, "other-1", "nobody")
        for trips in range(1, 30)
    ]
    assert whole.lines[0] in likely
    accept(prepared, erase(prepared, batch, 0))
    left = held(prepared, batch)
    windows = {
        value[at : at + 32]
        for value in stored_values(prepared)
        if len(value) >= 32
        for at in range(len(value) - 31)
    }
    seeds = [value for value in stored_values(prepared) if len(value) == 32]
    derived = [sha256(seed + bytes(8)).digest() for seed in seeds]
    candidates = [*left.salts, *left.leaves, EMPTY_ROOT, *windows, *derived]
    assert guess(whole.leaves[0], likely, candidates) is None
    # The attack itself works: with the seed it finds the line at once.
    assert (
        guess(whole.leaves[0], likely, [sha256(whole.seed + bytes(8)).digest()]) == whole.lines[0]
    )
    with prepared.database.write(prepared.log.id) as connection:
        connection.execute(update(batches).where(batches.c.index == batch).values(seed=whole.seed))
    seeds = [value for value in stored_values(prepared) if len(value) == 32]
    derived = [sha256(seed + bytes(8)).digest() for seed in seeds]
    assert guess(whole.leaves[0], likely, derived) == whole.lines[0]


def test_compacting_changes_no_row(prepared, batch):
    accept(prepared, erase(prepared, batch, 0))
    before = _contents(prepared)
    assert compact(prepared.database)
    assert _contents(prepared) == before
    send(prepared, line_of(50), n=5)
    assert_equals_world(prepared)


def test_a_reader_in_between_makes_the_next_commit_empty_the_write_ahead_log(prepared, batch):
    secret = held(prepared, batch).lines[0]
    submission = erase(prepared, batch, 0)
    with prepared.reading() as reader:
        reader.head()
        accept(prepared, submission)
    if prepared.database.is_sqlite:
        assert secret in stored_bytes(prepared), "the reader's pages are still there"
    send(prepared, line_of(50), n=5)
    assert secret not in stored_bytes(prepared)
