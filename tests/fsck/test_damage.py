"""A database in any state gives a report: rows and tables gone, wrong types, torn files."""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import IntegrityError

from ledger.service.fsck.report_text import report_text
from ledger.service.fsck.walk import fsck
from ledger.store.database import Database
from ledger.store.raw import key_of
from ledger.store.tables import (
    batches,
    blobs,
    entries,
    logs,
    metadata,
    nonces,
    outbox,
    record_ids,
    snapshots,
    tiles,
    tokens,
    totals,
)
from tests.fsck.world import TABLES, codes, places, rows_of

# What is the same in both databases is tried in one.
only_sqlite = pytest.mark.parametrize("checked", ["sqlite"], indirect=True)
NEEDED = (batches, blobs, entries, record_ids, tiles, totals)


@pytest.mark.parametrize("table", NEEDED, ids=lambda table: table.name)
def test_a_row_that_was_deleted_is_named(checked, table):
    stored = rows_of(checked, table)
    row = stored[len(stored) // 2]
    same = [table.c[column.name] == row[column.name] for column in table.primary_key.columns]
    with checked.editing() as connection:
        connection.execute(delete(table).where(*same))
        report = checked.check(connection)
    missing = {(f.table, f.key) for f in report.findings if f.code == "missing-row"}
    assert (table.name, key_of(table, row)) in missing


ADDED = {
    batches: {"index": 3, "seed": bytes(32), "lines": b"{}"},
    entries: {"index": 5000, "data": b"{}", "kind": "x", "actor": "x", "sequence": 1,
              "received_at": "x"},
    record_ids: {"id_hash": bytes(16), "index": 3, "number": 0},
    tiles: {"level": 3, "index": 0, "data": b""},
    totals: {"period": "2024-05", "epoch": 0, "account": "nobody", "facility": "f", "name": "n",
             "currency": "", "amount": 1},
    snapshots: {"size": 9999, "hash": bytes(32), "state": b"{}"},
}  # fmt: skip


@only_sqlite
@pytest.mark.parametrize("table", ADDED, ids=lambda table: table.name)
def test_a_row_that_was_added_is_named(checked, table):
    row = {"log_id": checked.log_id, **ADDED[table]}
    with checked.editing() as connection:
        connection.execute(table.insert().values(row))
        report = checked.check(connection)
    added = [(f.table, f.key) for f in report.findings if f.code == "unexpected-row"]
    assert added == [(table.name, key_of(table, row))]


def test_a_table_that_is_gone_is_a_finding(checked):
    for table in (entries, logs, outbox, tiles):
        with checked.editing() as connection:
            cascade = "" if checked.url.startswith("sqlite") else " CASCADE"
            connection.execute(text(f"DROP TABLE {table.name}{cascade}"))
            report = checked.check(connection)
        gone = [f for f in report.findings if f.code == "unreadable-table"]
        assert (table.name, "the table is missing") in [(f.table, f.en) for f in gone]


@only_sqlite
def test_all_rows_of_a_table_gone_is_told_in_few_words(checked):
    for table in NEEDED:
        with checked.editing() as connection:
            connection.execute(delete(table))
            report = checked.check(connection)
        assert report.exit_code == 3
        assert any(f.table == table.name for f in report.findings)


def test_a_column_that_is_gone_and_an_older_revision_are_findings(checked):
    with checked.editing() as connection:
        connection.execute(text("ALTER TABLE nonces DROP COLUMN expires_at"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
        report = checked.check(connection)
    found = {(f.code, f.table) for f in report.findings}
    assert found == {("unreadable-table", "nonces"), ("wrong-schema", "alembic_version")}
    assert "the column expires_at is missing" in [f.en for f in report.findings]


ONE_NONCE = nonces.c.nonce == select(func.min(nonces.c.nonce)).scalar_subquery()
ONE_TOKEN = tokens.c.token_hash.in_(select(tokens.c.token_hash).limit(1))
MALFORMED = (
    update(nonces).values(expires_at="tomorrow"),
    update(nonces).where(ONE_NONCE).values(nonce="<script>"),
    update(nonces).where(ONE_NONCE).values(nonce="00" * 32),
    update(tokens).where(ONE_TOKEN).values(token_hash=b"short"),
    update(tokens).values(address="0x" + "00" * 20),
    update(tokens).values(expires_at=""),
    update(outbox).values(updated_at="x"),
    update(outbox).values(row=b'{"chain_id":1}'),
    update(outbox).values(row=b"[1]"),
    update(outbox).values(row=b"\xff"),
    update(outbox).values(state="lost"),
)


@only_sqlite
@pytest.mark.parametrize("number", range(len(MALFORMED)))
def test_what_stands_nowhere_else_has_at_least_its_form(checked, number):
    statement = MALFORMED[number]
    with checked.editing() as connection:
        connection.execute(statement)
        report = checked.check(connection)
    assert report.exit_code == 3
    assert codes(report) <= {"malformed-row", "outbox-changed", "outbox-missing"}
    assert {f.table for f in report.findings} == {statement.table.name}


def test_entries_of_the_outbox_and_of_the_log_answer_for_each_other(checked):
    with checked.editing() as connection:
        connection.execute(delete(outbox))
        report = checked.check(connection)
    assert report.exit_code == 0
    assert {f.code for f in report.findings} == {"outbox-missing"}
    assert {f.severity for f in report.findings} == {"warning"}


# SQLite takes a value of any type in any column, and keeps everything in one file.

ANY_TYPE = (None, 1, 1.5, "text", b"bytes", -1, 2**62, "\ud7ff", b"")


@only_sqlite
def test_values_of_any_type_in_any_column_are_findings(checked):
    pick = random.Random(7)
    for table in TABLES:
        with checked.editing() as connection:
            for column in table.columns:
                row = pick.choice(rows_of(checked, table))
                keys = {key.name: row[key.name] for key in table.primary_key.columns}
                where = " AND ".join(f'"{name}" = :{name}_' for name in keys)
                statement = f'UPDATE OR IGNORE {table.name} SET "{column.name}" = :v WHERE {where}'
                values = {"v": pick.choice(ANY_TYPE), **{f"{n}_": v for n, v in keys.items()}}
                with suppress(IntegrityError):  # the number of a row is an integer even there
                    connection.execute(text(statement), values)
            report = checked.check(connection)
        assert report.exit_code == 3
        assert report_text(report)
        assert report_text(report, "ja")


@only_sqlite
def test_text_that_is_not_utf_8_is_a_finding(checked):
    with checked.editing() as connection:
        statement = "UPDATE entries SET kind = CAST(X'FF80' AS TEXT) WHERE \"index\" = 9"
        connection.execute(text(statement))
        (finding,) = checked.check(connection).findings
    assert (finding.code, finding.where) == ("index-changed", "entries 9, kind")


@only_sqlite
def test_a_torn_file_gives_a_report(checked, tmp_path):
    source = Path(checked.url.removeprefix("sqlite:///"))
    whole = Database(checked.url)
    with whole.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    whole.close()
    data = source.read_bytes()
    pick = random.Random(11)
    for number in range(25):
        torn = bytearray(data)
        if number % 5 == 0:
            del torn[pick.randrange(len(torn)) :]
        else:
            for _ in range(pick.randrange(1, 400)):
                torn[pick.randrange(len(torn))] = pick.randrange(256)
        path = tmp_path / f"{number}.db"
        path.write_bytes(bytes(torn))
        database = Database(f"sqlite:///{path}")
        report = fsck(database, checked.wanted)
        database.close()
        assert report.exit_code == 3, number
        assert report_text(report)
    shutil.rmtree(tmp_path)


def test_a_log_that_is_not_there_and_an_empty_one(checked):
    with checked.editing() as connection:
        connection.execute(update(logs).values(slug="other", origin="other"))
        report = checked.check(connection)
        assert "missing-row" in codes(report)
        assert report.exit_code == 3
    with checked.editing() as connection:
        for table in metadata.sorted_tables:
            if table is not logs:
                connection.execute(delete(table))
        root = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        connection.execute(update(logs).values(size=0, root=root, checkpoint=None))
        report = checked.check(connection)
    assert (report.exit_code, report.size, places(report)) == (0, 0, [])


def test_nothing_was_changed_by_all_this(checked):
    with checked.editing() as connection:
        assert checked.check(connection).findings == ()
        assert connection.execute(select(logs.c.size)).scalar_one() == checked.size
