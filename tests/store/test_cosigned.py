"""Checkpoints before witnesses, on both databases: chosen, joined, signed, forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.store.cosigned import (
    UNWITNESSED_KEPT,
    WITNESSED_KEPT,
    Cosigned,
    keep_cut_head,
)
from ledger.store.logs import create_log
from ledger.store.reading import Head
from ledger.store.tables import entries

A, B = "a.example+00000001", "b.example+00000002"


class Clock:
    """Counts the seconds of one minute after another."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> str:
        return f"2026-11-01T00:{self.seconds // 60:02d}:{self.seconds % 60:02d}.000Z"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cosigned(database, clock) -> Cosigned:
    log = create_log(database, slug="kaga", origin="example.jp/kaga", id_key=bytes(32))
    other = create_log(database, slug="b", origin="example.jp/b", id_key=bytes(32))
    neighbour = Cosigned(database, other.id, clock)
    chosen = neighbour.choose(head(99), held_since="")
    neighbour.keep(chosen, {B: b"another log's"}, both)
    return Cosigned(database, log.id, clock)


def head(size: int) -> Head:
    return Head(size, bytes(32), b"note %d" % size)


def both(signers) -> bool:
    return signers >= {A, B}


def test_a_checkpoint_without_quorum_is_joined_until_it_is_old(cosigned, clock):
    first = cosigned.choose(head(5), held_since="")
    assert cosigned.choose(head(7), held_since=first.chosen_at) == first
    clock.seconds += 1
    newer = cosigned.choose(head(7), held_since=clock())
    assert newer.size == 7
    assert cosigned.newest() == newer


def test_a_checkpoint_with_its_quorum_makes_room_at_once(cosigned, clock):
    first = cosigned.choose(head(5), held_since="")
    cosigned.keep(first, {A: b"1"}, both)
    assert cosigned.newest().witnessed_at is None
    clock.seconds += 3
    cosigned.keep(first, {B: b"2"}, both)
    assert cosigned.newest() == replace(first, witnessed_at=clock())
    clock.seconds += 3
    cosigned.keep(first, {B: b"2 again"}, both)  # the first time counts, for line and quorum
    assert cosigned.newest().witnessed_at < clock()
    assert cosigned.signatures(5) == {A: b"1", B: b"2"}
    assert cosigned.choose(head(5), held_since="").size == 5
    assert cosigned.choose(head(6), held_since="").size == 6
    assert cosigned.signers() == {6: set(), 5: {A, B}}
    assert (cosigned.note(5), cosigned.note(7)) == (b"note 5", None)


def test_trouble_has_a_beginning_and_ends_with_a_cosignature(cosigned, clock):
    cosigned.set_size([A], 3)
    cosigned.set_trouble([A, B], "slow", "x" * 1000)
    began = clock()
    clock.seconds += 60
    cosigned.set_trouble([A], "unreachable", "")
    rows = cosigned.witnesses()
    assert (rows[A].size, rows[A].trouble, rows[A].failing_since) == (3, "unreachable", began)
    assert (rows[B].size, rows[B].answered_at, len(rows[B].detail)) == (0, None, 500)
    cosigned.keep(cosigned.choose(head(5), held_since=""), {A: b"1"}, both)
    row = cosigned.witnesses()[A]
    assert (row.size, row.answered_at, row.trouble, row.failing_since) == (5, clock(), None, None)


def test_old_checkpoints_are_forgotten_but_never_the_newest_with_a_quorum(cosigned):
    witnessed = WITNESSED_KEPT + 10
    for size in range(1, witnessed + 1):
        cosigned.keep(cosigned.choose(head(size), held_since="9"), {A: b"", B: b""}, both)
    for size in range(witnessed + 1, witnessed + 2 * UNWITNESSED_KEPT):
        late = cosigned.choose(head(size), held_since="9")
    sizes = list(cosigned.signers())
    assert len(sizes) == WITNESSED_KEPT + UNWITNESSED_KEPT
    assert {witnessed, late.size} <= set(sizes)
    assert cosigned.signatures(1) == {}
    # A witness that answers very late is kept all the same.
    cosigned.keep(replace(late, size=2, note=b"note 2"), {A: b"1"}, both)
    assert (cosigned.note(2), cosigned.signatures(2)) == (b"note 2", {A: b"1"})


def test_the_heads_of_cut_offs_are_never_forgotten(cosigned, clock, database):
    row = {"log_id": cosigned._log_id, "index": 1, "data": b"", "kind": "period-closed",
           "actor": "0x", "sequence": 0, "received_at": clock()}  # fmt: skip
    with database.write(cosigned._log_id) as connection:
        connection.execute(entries.insert(), row)
        keep_cut_head(connection, cosigned._log_id, head(1), clock())
        keep_cut_head(connection, cosigned._log_id, head(1), clock())
    for size in range(2, UNWITNESSED_KEPT + 5):
        clock.seconds += 1
        cosigned.choose(head(size), held_since=clock())
    assert cosigned.note(1) == b"note 1"
    assert cosigned.note(2) is None
