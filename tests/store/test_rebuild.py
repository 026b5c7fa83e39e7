"""A rebuild arrives at what was there, or says what was edited and changes nothing."""

from __future__ import annotations

import pytest
from ledgers import (
    Ledger,
    accept,
    assert_equals_world,
    copy,
    month,
    open_ledger,
    refuse,
    settled,
    usage,
)
from sqlalchemy import delete, select, update

from ledger.coop.state import state_hash
from ledger.errors import (
    DuplicateId,
    KyojoError,
)
from ledger.store.rebuild import rebuild
from ledger.store.tables import batches, blobs, entries, logs, record_ids, snapshots, tiles, totals
from tests.builder import ORIGIN, record

# Rebuilding.


def test_a_rebuild_arrives_at_the_same_state_root_and_totals(database):
    ledger = open_ledger(database, settled())
    ledger.follow()
    accept(ledger, usage(ledger, "bus", record("late")))
    undo = record("u", reverses="late", measures={"trips": -1})
    accept(ledger, usage(ledger, "bus", undo))
    before = _contents(ledger)
    found = rebuild(database, ledger.log)
    assert (found.size, found.root) == (len(ledger.world.entries), ledger.world.seen().root)
    assert found.state_hash == state_hash(ledger.world.state)
    assert _contents(ledger) == before
    assert_equals_world(ledger)
    refuse(ledger, usage(ledger, "bus", record("bus-1")), DuplicateId)
    accept(ledger.again(), usage(ledger, "bus", record("after")))
    assert_equals_world(ledger)


def _contents(ledger: Ledger) -> dict[str, list[tuple]]:
    with ledger.database.read() as connection:
        return {
            table.name: sorted(tuple(row) for row in connection.execute(select(table)))
            for table in (batches, blobs, record_ids, tiles, totals)
        } | {
            "entries": [
                tuple(row) for row in connection.execute(select(entries).order_by(entries.c.index))
            ]
        }


def test_lost_projections_are_made_again_where_nothing_contradicts(prepared):
    before = _contents(prepared)
    with prepared.database.write(prepared.log.id) as connection:
        for table in (record_ids, tiles, snapshots):
            connection.execute(delete(table))
        connection.execute(update(entries).values(member=None, period=None, amount_minor=None))
    rebuild(prepared.database, prepared.log)
    assert _contents(prepared) == before


DAMAGE = {
    "a total": update(totals).where(totals.c.account == "bus").values(amount=totals.c.amount + 1),
    "a total gone": delete(totals).where(totals.c.account == "bus"),
    "an entry's stamp": None,
    "an entry gone": delete(entries).where(entries.c.index == 3),
    "a blob gone": delete(blobs),
    "a blob's byte": update(blobs).values(data=b"x"),
    "a batch's lines gone": delete(batches),
    "a batch's seed": update(batches).values(seed=bytes(32)),
    "a batch's line": update(batches).values(lines=record("other", measures={"trips": 413})),
    "the head's root": update(logs).values(root=bytes(32)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_rebuild_finds_what_was_edited_and_changes_nothing(prepared, damage):
    with prepared.database.write(prepared.log.id) as connection:
        statement = DAMAGE[damage]
        if statement is None:
            data = prepared.world.entries[3].replace(b"T00:00:00.000Z", b"T00:00:00.001Z")
            assert data != prepared.world.entries[3]
            statement = update(entries).where(entries.c.index == 3).values(data=data)
        connection.execute(statement)
    before = _contents(prepared)
    with pytest.raises(KyojoError):
        rebuild(prepared.database, prepared.log)
    assert _contents(prepared) == before


def test_a_rebuild_of_an_empty_log(ledger):
    found = rebuild(ledger.database, ledger.log)
    assert found.size == 0
    ledger.follow()
    assert_equals_world(ledger)


def test_worlds_are_copies():
    assert copy(month()).entries == month().entries
    assert month().charter.origin == ORIGIN
