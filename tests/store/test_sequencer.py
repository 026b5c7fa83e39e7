"""What a ledger promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledgers import (
    MONTH,
    Ledger,
    accept,
    assert_equals_world,
    audit,
    counting_commits,
    month,
    open_ledger,
    refuse,
    settled,
    submit_together,
    usage,
    verify_receipt,
)
from sqlalchemy import event, select

from ledger.coop.state import state_hash
from ledger.coop.step import AccountKey
from ledger.coop.submission import Submission
from ledger.errors import (
    DuplicateId,
    InvariantViolated,
    KyojoError,
    NotFound,
    NotPermitted,
    OutOfRange,
    SequenceGap,
    WrongSigner,
)
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.store import sequencer as sequencer_module
from ledger.store.cosigned import Cosigned
from ledger.store.logs import create_log
from ledger.store.reading import Filter, LogReader
from ledger.store.record_ids import hasher, rows_of
from ledger.store.tables import record_ids
from tests.builder import ORIGIN, START, log_key, record

# A month, as in memory.


def test_a_month_is_what_the_world_in_memory_says(database):
    ledger = open_ledger(database, settled())
    for index, receipt in enumerate(ledger.follow()):
        assert (receipt.index, receipt.size, receipt.is_new) == (index, index + 1, True)
        assert receipt.entry == ledger.world.entries[index]
        assert receipt.late == ()
        verify_receipt(receipt)
    assert_equals_world(ledger)
    assert state_hash(ledger.sequencer.state()) == state_hash(ledger.world.state)
    assert state_hash(ledger.again().sequencer.state()) == state_hash(ledger.world.state)


def test_the_index_of_entries_can_be_searched(database):
    ledger = open_ledger(database, settled())
    ledger.follow()
    with ledger.reading() as reader:
        found = reader.search(Filter(kind="settlement-proposed", period=MONTH))
        assert [(row.amount_minor, row.currency) for row in found] == [(952_001, "JPY")]
        large = reader.search(Filter(amount_from=3_000_000, amount_to=5_000_000))
        assert [row.amount_minor for row in large] == [5_000_000, 3_000_000]
        assert {row.member for row in reader.search(Filter(kind="usage-batch"))} == {
            "bus", "ev", "bike",
        }  # fmt: skip
        assert reader.search(Filter(received_to="2026-11-01T00:00:00.000Z")) == []
        with pytest.raises(NotFound):
            reader.entry(10_000)
        with pytest.raises(NotFound):
            reader.root(10_000)
        with pytest.raises(NotFound):
            reader.blob("00" * 32)


def test_two_coops_in_one_database_are_wholly_apart(prepared):
    other = create_log(
        prepared.database, slug="other", origin="ledger.example.jp/other", id_key=bytes(32)
    )
    with prepared.database.read() as connection:
        reader = LogReader(connection, other.id)
        assert reader.head().size == 0
        assert reader.search(Filter()) == []
        assert reader.totals(MONTH, 9) == {}
    assert_equals_world(prepared)


def test_a_charter_of_another_origin_is_not_taken(database):
    log = create_log(database, slug="x", origin="ledger.example.jp/x", id_key=bytes(32))
    ledger = Ledger(database, log, sequencer_module.Sequencer(
        database, log_id=log.id, origin=log.origin, id_key=log.id_key, signers=[],
        clock=lambda: "2026-11-01T00:00:00.000Z",
    ), month())  # fmt: skip
    refuse(ledger, ledger.world.submissions[0], WrongSigner)


# The same again, and not quite the same.


def test_the_same_submission_again_gets_its_first_place(prepared):
    for index, submission in enumerate(prepared.world.submissions):
        receipt = prepared.submit(submission)
        assert (receipt.index, receipt.is_new) == (index, False)
        assert receipt.entry == prepared.world.entries[index]
        verify_receipt(receipt)
    assert prepared.size() == len(prepared.world.entries)


def test_another_entry_under_a_used_number_names_the_first(prepared):
    submission = usage(prepared, "bus", record("a"))
    receipt = accept(prepared, submission)
    other = usage(prepared, "bus", record("b"), ahead=-1)
    error = refuse(prepared, other, DuplicateId)
    assert error.details["index"] == receipt.index
    assert error.details["expected"] == prepared.world.sequence("bus")


def test_a_late_receipt_says_so_each_time(database):
    ledger = open_ledger(database, settled())
    ledger.follow()
    submission = usage(ledger, "bus", record("late"))
    assert accept(ledger, submission).late == (MONTH,)
    assert ledger.submit(submission).late == (MONTH,)
    with ledger.reading() as reader:
        key = AccountKey("bus", "hub-1", "trips", "")
        assert reader.totals(MONTH, 1)[key] == 413
        assert reader.totals(MONTH, 2)[key] == 414
    assert_equals_world(ledger)


# Refused entries.


def test_what_is_refused_leaves_nothing(prepared):
    world = prepared.world
    refuse(prepared, usage(prepared, "bus", record("a"), ahead=1), SequenceGap)
    draft = world.draft("bus", "period-closing", {"period": MONTH})
    refuse(prepared, Submission(draft), NotPermitted)
    draft = world.draft("bus", "usage-confirmed", {"period": MONTH, "batches": 1, "records": 1},
                        key="stranger", sequence=0)  # fmt: skip
    refuse(prepared, Submission(draft), WrongSigner)
    assert_equals_world(prepared)


def test_a_refused_entry_does_not_take_its_group_down(prepared):
    good = [usage(prepared, "bus", record("a")), usage(prepared, "ev", record("a"))]
    taken = usage(prepared, "bike", record("bike-1"))
    gap = usage(prepared, "bus", record("c"), ahead=7)
    stranger = Submission(
        prepared.world.draft("bus", "period-closing", {"period": MONTH}, key="nobody", sequence=0)
    )
    with counting_commits(prepared.database) as commits:
        answers = submit_together(prepared, [good[0], taken, gap, stranger, good[1]])
    assert len(commits) == 1
    assert [type(answer) for answer in answers[1:4]] == [DuplicateId, SequenceGap, WrongSigner]
    for submission, receipt in zip(good, (answers[0], answers[4]), strict=True):
        prepared.world.accept(submission)
        verify_receipt(receipt)
    assert_equals_world(prepared)


class _Trap(dict):
    """Blobs whose reading fails as only a bug of ours would."""

    def __contains__(self, name):
        raise RuntimeError("a bug")


def test_a_bug_met_by_one_entry_is_not_the_groups(prepared):
    good = usage(prepared, "bus", record("a"))
    bad = replace(usage(prepared, "ev", record("a")), blobs=_Trap())
    answers = submit_together(prepared, [bad, good])
    assert isinstance(answers[0], InvariantViolated)
    assert answers[1].is_new
    prepared.world.accept(good)
    assert_equals_world(prepared)


def test_a_group_is_one_transaction_under_one_checkpoint(prepared):
    many = [usage(prepared, "bus", record(f"r{n}"), ahead=n, n=n) for n in range(40)]
    with counting_commits(prepared.database) as commits:
        answers = submit_together(prepared, many)
    assert len(commits) == 1
    assert len({receipt.note for receipt in answers}) == 1
    start = len(prepared.world.entries)
    assert [receipt.index for receipt in answers] == list(range(start, start + 40))
    for receipt in answers:
        verify_receipt(receipt)
    audit(prepared)


def test_a_total_never_leaves_the_exact_integers(prepared):
    """Beyond 2**63 one database counts on in floats and the other fails."""
    most = 2**53 - 1
    accept(prepared, usage(prepared, "bus", record("a", measures={"energy_wh": most})))
    refuse(prepared, usage(prepared, "bus", record("b", measures={"energy_wh": 2**40})), OutOfRange)
    back = record("c", measures={"energy_wh": -most}, reverses="a")
    accept(prepared, usage(prepared, "bus", back))
    again = usage(prepared, "bus", record("d", measures={"energy_wh": most}))
    twice = usage(prepared, "bus", record("e", measures={"energy_wh": most}), ahead=1, n=1)
    first, second = submit_together(prepared, [again, twice])
    assert first.is_new
    assert isinstance(second, OutOfRange)
    prepared.world.accept(again)
    assert_equals_world(prepared)


# Ids and reversals.


def test_an_id_is_used_once_by_a_member_in_a_period(prepared):
    error = refuse(prepared, usage(prepared, "bus", record("x"), record("bus-1")), DuplicateId)
    assert [fault.where for fault in error.faults] == ["record 2, id"]
    accept(prepared, usage(prepared, "ev", record("bus-1")))  # another member's id
    opened = {"period": "2026-11", "start": "2026-10-31T15:00:00.000Z",
              "end": "2026-11-30T15:00:00.000Z"}  # fmt: skip
    accept(prepared, Submission(prepared.world.draft("office", "period-opened", opened)))
    at = "2026-11-02T08:00:00+09:00"
    accept(prepared, usage(prepared, "bus", record("bus-1", started_at=at, ended_at=at)))
    assert_equals_world(prepared)


def test_an_id_is_used_once_within_a_group(prepared):
    one = usage(prepared, "bus", record("x"))
    two = usage(prepared, "bus", record("x"), ahead=1, n=1)
    first, second = submit_together(prepared, [one, two])
    assert first.is_new
    assert isinstance(second, DuplicateId)
    prepared.world.accept(one)
    assert_equals_world(prepared)


TAKE_BACK = {"measures": {"trips": -413}}


def test_a_reversal_of_an_earlier_batch_and_of_the_same_batch(prepared):
    accept(
        prepared,
        usage(
            prepared, "bus",
            record("undo-1", reverses="bus-1", **TAKE_BACK),
            record("bus-1b", measures={"trips": 400}),
            record("undo-1b", reverses="bus-1b", measures={"trips": -400}),
            record("bus-1c", measures={"trips": 401}),
        ),
    )  # fmt: skip
    with prepared.reading() as reader:
        assert reader.totals(MONTH, 1)[AccountKey("bus", "hub-1", "trips", "")] == 401
    assert_equals_world(prepared)


def test_a_reversal_of_a_batch_of_the_same_group(prepared):
    one = usage(prepared, "bus", record("x"))
    two = usage(prepared, "bus", record("y", reverses="x", measures={"trips": -1}), ahead=1, n=1)
    for submission, answer in zip((one, two), submit_together(prepared, [one, two]), strict=True):
        assert answer.is_new
        prepared.world.accept(submission)
    assert_equals_world(prepared)


WRONG_REVERSALS = {
    "other figures": [record("u", reverses="bus-1", measures={"trips": -412})],
    "another metric": [record("u", reverses="bus-1", measures={"energy_wh": -413})],
    "another time": [
        record("u", reverses="bus-1", started_at="2026-10-05T08:00:01+09:00", **TAKE_BACK)
    ],
    "nothing by that id": [record("u", reverses="nothing", **TAKE_BACK)],
    "another member's record": [record("u", reverses="ev-1", measures={"trips": -291})],
    "itself": [record("u", reverses="u", **TAKE_BACK)],
    "what comes after it": [
        record("u", reverses="v", measures={"trips": -9}), record("v", measures={"trips": 9}),
    ],
    "what comes after it, wrongly": [
        record("u", reverses="v", measures={"trips": -99}), record("v", measures={"trips": 9}),
    ],
    "twice in a batch": [
        record("u", reverses="bus-1", **TAKE_BACK), record("v", reverses="bus-1", **TAKE_BACK),
    ],
    "a reversal": [
        record("u", reverses="bus-1", **TAKE_BACK), record("v", reverses="u", measures={"trips": 0})
    ],
}  # fmt: skip


@pytest.mark.parametrize("lines", WRONG_REVERSALS.values(), ids=WRONG_REVERSALS.keys())
def test_a_reversal_that_is_none(prepared, lines):
    try:
        submission = usage(prepared, "bus", *lines)
    except KyojoError:  # a batch that refuses itself
        return
    error = refuse(prepared, submission, DuplicateId)
    assert all("reverses" in fault.where for fault in error.faults)
    assert error.faults


def test_taking_back_a_large_batch_reads_it_once(prepared):
    first = [record(f"x{n}") for n in range(300)]
    back = [record(f"y{n}", reverses=f"x{n}", measures={"trips": -1}) for n in range(300)]
    accept(prepared, usage(prepared, "bus", *first))
    submission = usage(prepared, "bus", *back, n=1)
    read = []
    engine = prepared.database.engine
    event.listen(engine, "before_cursor_execute", lambda *call: read.append(call[2]))
    accept(prepared, submission)
    assert sum("FROM batches" in statement for statement in read) == 1
    assert len(read) < 50
    assert_equals_world(prepared)


def test_a_record_is_reversed_once(prepared):
    accept(prepared, usage(prepared, "bus", record("u", reverses="bus-1", **TAKE_BACK)))
    refuse(
        prepared, usage(prepared, "bus", record("v", reverses="bus-1", **TAKE_BACK)), DuplicateId
    )
    one = usage(prepared, "ev", record("u", reverses="ev-1", measures={"trips": -291}))
    two = usage(
        prepared, "ev", record("v", reverses="ev-1", measures={"trips": -291}), ahead=1, n=1
    )
    first, second = submit_together(prepared, [one, two])
    assert first.is_new
    assert isinstance(second, DuplicateId)


def test_a_reversal_takes_back_from_the_account_that_was_given(prepared):
    """Or a member could lower the suspense account by records that counted for itself."""
    back = record("u", reverses="bus-1", **TAKE_BACK)
    refuse(prepared, usage(prepared, "bus", back, account="suspense"), DuplicateId)
    accept(prepared, usage(prepared, "bus", record("s"), account="suspense"))
    undo = record("s2", reverses="s", measures={"trips": -1})
    refuse(prepared, usage(prepared, "bus", undo), DuplicateId)
    accept(prepared, usage(prepared, "bus", undo, account="suspense"))
    assert_equals_world(prepared)


def test_ids_are_kept_as_keyed_hashes_only(prepared):
    with prepared.database.read() as connection:
        kept = {bytes(row.id_hash) for row in connection.execute(select(record_ids))}
    rows = rows_of(prepared.world.submissions[-1].batch.judged, "bike", hasher(prepared.log.id_key))
    assert {id_hash for _, id_hash in rows} <= kept
    other = rows_of(prepared.world.submissions[-1].batch.judged, "bike", hasher(b"\x01" * 32))
    assert not {id_hash for _, id_hash in other} & kept


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in-a-group"])
def test_the_signed_head_of_a_cut_off_is_kept(prepared, together):
    """A later month's bundle starts there; inside a group it is signed for its own sake."""
    prepared.world.close()
    if together:
        submit_together(prepared, prepared.world.submissions[-2:])
    else:
        prepared.follow()
    assert_equals_world(prepared)
    cut = prepared.world.state.period(MONTH).cut_off
    note = Cosigned(prepared.database, prepared.log.id, lambda: START).note(cut.index)
    key = verifier_of(log_key().verifier_key)
    head = open_checkpoint(note, origin=ORIGIN, verifiers=[key]).checkpoint
    assert (head.size, head.root.hex()) == (cut.index, cut.log_root)
