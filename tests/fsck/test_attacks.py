"""Whoever edits a value and all that follows from it is convicted by what he cannot write."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update

from ledger import canonical
from ledger.coop.envelope import parse_envelope
from ledger.log.merkle import leaf_hash
from ledger.log.tile import parse_tile
from ledger.service.fsck.report import OutsideHead
from ledger.store.tables import blobs, entries, outbox, snapshots, tiles, totals
from tests.fsck.forger import Forger
from tests.fsck.world import codes, places


@pytest.fixture
def forger(checked):
    with checked.editing() as connection:
        yield Forger(checked, connection)


def last_batch(forger: Forger) -> int:
    """A batch after the settled month: no settlement rests on it."""
    return forger.drafts("usage-batch")[-1][0]


def found(report, code: str):
    return [finding for finding in report.findings if finding.code == code]


# 1. A value with its hashes, but without the member's signature.


@pytest.mark.parametrize("stolen", [False, True], ids=["no log key", "log key stolen"])
def test_a_value_with_all_hashes_recomputed_lacks_the_members_signature(checked, forger, stolen):
    index = last_batch(forger)
    forger.put(index, forger.unsigned(index, forger.move_a_trip(index)))
    forger.fit_tiles()
    forger.fit_head(sign=stolen)
    report = checked.check(forger.connection)
    assert report.exit_code == 3
    refused = found(report, "entry-refused")[0]
    assert refused.where == f"entries {index}, data"
    assert "signature does not verify" in refused.en
    if stolen:
        assert "root-mismatch" not in codes(report)
    else:
        assert found(report, "root-mismatch")
    assert report.vouched_size <= index


def test_a_record_edited_alone_names_batch_and_record(checked, forger):
    index = last_batch(forger)
    forger.move_a_trip(index)
    report = checked.check(forger.connection)
    named = [finding for finding in report.findings if finding.table == "batches"]
    assert {finding.key.split(",")[0] for finding in named} == {str(index)}
    assert found(report, "batch-changed")


# 2. Everything recomputed, every signature made anew with stolen keys.


def rewrite_all(forger: Forger, *, drops_anchor: bool) -> int:
    index = last_batch(forger)
    body = forger.move_a_trip(index)
    first = parse_envelope(forger.data[index]).draft

    def change(draft):
        if (draft.actor, draft.sequence) == (first.actor, first.sequence):
            return body
        if draft.kind != "anchor-recorded":
            return draft.body
        size = draft.body["size"]
        return None if drops_anchor else {**draft.body, "root": forger.root(size).hex()}

    forger.rewrite(index, change)
    forger.fit_tiles()
    forger.fit_head(sign=True)
    return index


def test_the_outbox_convicts_who_holds_every_key(checked, forger):
    index = rewrite_all(forger, drops_anchor=False)
    report = checked.check(forger.connection)
    first, second = checked.anchored
    assert found(report, "anchor-mismatch")[0].where == f"entries {second}, data"
    differs = found(report, "history-differs")[0]
    assert "outbox (transaction" in differs.en
    start, end = (int(part) for part in differs.key.split(" to "))
    assert first <= start <= index
    assert end == second - 1
    assert codes(report) <= {"anchor-mismatch", "history-differs", "outbox-changed"}


def test_the_contract_convicts_who_holds_every_key_and_removes_all_evidence(checked, forger):
    index = rewrite_all(forger, drops_anchor=True)
    recorded = {
        parse_envelope(data).draft.body["transaction"]
        for data in forger.data
        if parse_envelope(data).draft.kind == "anchor-recorded"
    }
    forger.connection.execute(delete(outbox).where(outbox.c.id.not_in(recorded)))
    alone = checked.check(forger.connection)
    # Nothing inside the database contradicts it any more.
    assert codes(alone) == {"orphaned-blob"}, places(alone)
    report = checked.check(forger.connection, chain=True)
    assert report.exit_code == 3
    (differs,) = found(report, "history-differs")
    assert "contract" in differs.en
    first, second = checked.anchored
    start, end = (int(part) for part in differs.key.split(" to "))
    assert first <= start <= index
    assert end == second - 1
    assert first <= report.vouched_size <= index


def test_a_member_that_saw_the_old_root_convicts(checked, forger):
    """The log is rewritten before an entry whose member's key was not stolen."""
    index = forger.drafts("facility-registered")[0][0]
    body = {**parse_envelope(forger.data[index]).draft.body, "owner": None}
    forger.put(index, forger.unsigned(index, body))
    forger.fit_tiles()
    forger.fit_head(sign=True)
    report = checked.check(forger.connection)
    assert found(report, "entry-refused")[0].where == f"entries {index}, data"
    heads = [finding.en for finding in found(report, "history-differs")]
    assert any(sentence.startswith("member (bus)") for sentence in heads)


def test_a_log_cut_off_and_signed_anew_is_behind_the_contract(checked, forger):
    first, second = checked.anchored
    forger.data = forger.data[: second - 5]
    forger.connection.execute(delete(entries).where(entries.c.index >= second - 5))
    forger.fit_tiles()
    forger.fit_head(sign=True)
    forger.connection.execute(delete(outbox))
    assert checked.check(forger.connection).exit_code == 0  # warnings only
    report = checked.check(forger.connection, chain=True)
    (behind,) = found(report, "log-behind")
    assert f"holds size {second}" in behind.en
    assert report.vouched_size >= first


def test_any_head_that_was_kept_elsewhere_is_compared(checked, forger):
    good = OutsideHead("high-water", "a file", 200, forger.root(200), "record")
    late = OutsideHead("high-water", "a file", checked.size + 1, bytes(32), "record")
    other = OutsideHead("witness", "w1", 250, bytes(32), "signature")
    assert checked.check(forger.connection, heads=[good]).exit_code == 0
    report = checked.check(forger.connection, heads=[good, late, other])
    assert codes(report) == {"history-differs", "log-behind"}
    assert found(report, "history-differs")[0].key == "200 to 249"


# 3. to 6. One table only.


def test_tiles_edited_up_to_the_root_are_told_from_entries(checked, forger):
    fake = leaf_hash(b"not an entry")
    rows = forger.connection.execute(select(tiles).where(tiles.c.index == 0)).all()
    data = {row.level: bytes(row.data) for row in rows}
    changed = data[0][:32] + fake + data[0][64:]
    from ledger.log.merkle import root_hash

    above = root_hash(parse_tile(changed, 256)) + data[1][32:]
    for level, new in ((0, changed), (1, above)):
        same = (tiles.c.level == level, tiles.c.index == 0)
        forger.connection.execute(update(tiles).where(*same).values(data=new))
    report = checked.check(forger.connection)
    assert places(report) == ["tiles 0/0, data", "tiles 1/0, data"]
    assert "hash 1 " in report.findings[0].en
    assert codes(report) == {"tile-changed"}


def test_an_entry_and_a_tile_of_another_window_are_told_apart(checked, forger):
    index = last_batch(forger)
    forger.put(index, forger.data[index][:-2] + b"0}")
    row = forger.connection.execute(
        select(tiles.c.data).where(tiles.c.level == 0, tiles.c.index == 1)
    ).scalar_one()
    same = (tiles.c.level == 0, tiles.c.index == 1)
    forger.connection.execute(update(tiles).where(*same).values(data=bytes(32) + bytes(row)[32:]))
    report = checked.check(forger.connection)
    assert [f.where for f in found(report, "entry-changed")] == [f"entries {index}, data"]
    assert [f.where for f in found(report, "tile-changed")] == ["tiles 0/1, data"]


def test_index_columns_are_compared_with_the_entry(checked, forger):
    index = forger.drafts("revenue-reported")[0][0]
    wrong = {"amount_minor": 999, "currency": "USD", "member": "bus", "late": "2024-05"}
    forger.connection.execute(update(entries).where(entries.c.index == index).values(wrong))
    report = checked.check(forger.connection)
    assert codes(report) == {"index-changed"}
    assert {f.column for f in report.findings} == wrong.keys()
    assert {f.key for f in report.findings} == {str(index)}


def test_a_total_that_was_edited_is_named_by_its_key(checked, forger):
    row = forger.connection.execute(select(totals).limit(1)).one()
    same = [totals.c[c.name] == row._mapping[c.name] for c in totals.primary_key.columns]
    forger.connection.execute(update(totals).where(*same).values(amount=row.amount + 1))
    (finding,) = checked.check(forger.connection).findings
    key = "/".join(map(str, tuple(row)[1:7]))
    assert (finding.code, finding.where) == ("total-changed", f"totals {key}, amount")


def test_a_snapshot_with_its_hash_recomputed_is_not_the_state(checked, forger):
    row = forger.connection.execute(select(snapshots).order_by(snapshots.c.size).limit(1)).one()
    state = canonical.parse(bytes(row.state))
    state["members"]["bus"]["roles"] = ["member", "operator"]
    data = canonical.encode(state)
    forger.connection.execute(
        update(snapshots)
        .where(snapshots.c.size == row.size)
        .values(state=data, hash=leaf_hash(data))
    )
    (finding,) = checked.check(forger.connection).findings
    assert (finding.code, finding.where) == ("snapshot-changed", f"snapshots {row.size}, state")
    assert "(members); its hash was made to fit" in finding.en


def test_a_blob_that_nothing_names_is_a_warning(checked, forger):
    from hashlib import sha256

    row = {"log_id": checked.log_id, "sha256": sha256(b"x").digest(), "data": b"x"}
    forger.connection.execute(blobs.insert().values(row))
    report = checked.check(forger.connection)
    assert report.exit_code == 0
    assert [(f.code, f.severity) for f in report.findings] == [("orphaned-blob", "warning")]
