"""Erased records: that they are gone is right, that more is gone or something is left is found."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from ledger.store.tables import batches, record_ids
from ledger.usage.commitment import record_leaf
from ledger.usage.held import NO_SALT, ROW_BYTES
from tests.fsck.world import Checked


def change(checked: Checked, **columns: bytes):
    with checked.editing() as connection:
        statement = update(batches).where(batches.c.index == checked.erased)
        connection.execute(statement.values(**columns))
        return checked.check(connection)


def row_of(checked: Checked):
    with checked.editing() as connection:
        statement = select(batches).where(batches.c.index == checked.erased)
        return connection.execute(statement).one()


def findings(report) -> list[tuple[str, str]]:
    return [(finding.code, finding.where) for finding in report.findings]


def test_a_line_that_is_missing_without_an_erasure_is_named(checked):
    row = row_of(checked)
    lines = bytes(row.lines).split(b"\n")
    assert lines[1] == b""
    leaves = bytearray(row.leaves)
    leaves[2 * ROW_BYTES : 2 * ROW_BYTES + 32] = NO_SALT
    gone = b"\n".join([lines[0], b"", b""])
    report = change(checked, lines=gone, leaves=bytes(leaves))
    place = f"batches {checked.erased}, record 3, lines"
    assert findings(report) == [("missing-record", place)]


def test_a_line_that_was_changed_is_named_by_its_leaf(checked):
    lines = bytes(row_of(checked).lines).split(b"\n")
    changed = b"\n".join([lines[0].replace(b'"trips":1', b'"trips":2'), *lines[1:]])
    report = change(checked, lines=changed)
    place = f"batches {checked.erased}, record 1, lines"
    assert findings(report) == [("record-changed", place)]


def test_a_salt_that_was_left_behind_is_named(checked):
    leaves = bytearray(row_of(checked).leaves)
    leaves[ROW_BYTES : ROW_BYTES + 32] = b"s" * 32
    report = change(checked, leaves=bytes(leaves))
    place = f"batches {checked.erased}, record 2, leaves"
    assert findings(report) == [("salt-left", place)]


def test_a_line_put_in_the_place_of_an_erased_one_is_found(checked):
    row = row_of(checked)
    lines = bytes(row.lines).split(b"\n")
    lines[1] = lines[0].replace(b'-0"', b'-1"')
    report = change(checked, lines=b"\n".join(lines))
    codes = {code for code, _ in findings(report)}
    assert codes == {"record-changed"}
    assert record_leaf(NO_SALT, lines[1]) not in bytes(row.leaves)


def test_the_hashed_id_of_an_erased_record_must_stay(checked):
    with checked.editing() as connection:
        same = (record_ids.c.index == checked.erased, record_ids.c.number == 1)
        connection.execute(delete(record_ids).where(*same))
        report = checked.check(connection)
    place = f"record_ids entry {checked.erased}, record 2"
    assert findings(report) == [("missing-row", place)]
