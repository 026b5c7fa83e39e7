"""Migrations make exactly the tables that the code knows, on both databases."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from ledger import canonical
from ledger.chain.anchor import Head
from ledger.chain.goals import AnchoredHead
from ledger.errors import Conflict, DuplicateId, NotFound
from ledger.service.anchor_rows import AnchorRows, encode_row, load_row
from ledger.store import schema
from ledger.store.logs import create_log, find_log, list_logs
from ledger.store.outbox import OutboxTable
from ledger.store.reading import LogReader
from ledger.store.schema import current_revision, newest_revision, upgrade
from ledger.store.tables import batches, metadata


def test_migrations_make_the_tables_that_the_code_knows(empty_database):
    assert current_revision(empty_database) is None
    upgrade(empty_database)
    assert current_revision(empty_database) == newest_revision()
    with empty_database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        found = set(inspect(connection).get_table_names())
    assert found == {*metadata.tables, "alembic_version"}


def test_batches_of_a_database_from_before_erasures_stay_as_they_were(empty_database):
    config = schema._config()
    with empty_database.write(0) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002_key_changes")
    log = create_log(empty_database, slug="kaga", origin="example.jp/kaga", id_key=bytes(32))
    row = {"log_id": log.id, "index": 7, "seed": b"\x01" * 32, "lines": b"{}\n{}"}
    with empty_database.write(log.id) as connection:
        connection.execute(batches.insert(), row)
    upgrade(empty_database)
    with empty_database.read() as connection:
        held = LogReader(connection, log.id).batch(7)
    assert (held.seed, held.lines, held.kept) == (row["seed"], (b"{}", b"{}"), None)


def test_anchors_sent_before_rows_had_goals_become_rows_with_one(empty_database):
    config = schema._config()
    with empty_database.write(0) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004_erased_records")
    log = create_log(empty_database, slug="kaga", origin="example.jp/kaga", id_key=bytes(32))
    old = {
        "chain_id": 1, "sender": "0x5E", "nonce": 4, "raw": "02", "transaction_hash": "aa",
        "contract": "0xC0", "origin": "example.jp/組合", "wanted": {"size": 7, "root": "07"},
        "state": "final", "block_number": 3, "block_hash": "bb", "superseded_by": None, "note": "",
    }  # fmt: skip
    when = "2026-11-01T00:00:00.000Z"
    insert = text("INSERT INTO outbox VALUES (:log_id, :id, :state, :at, :row)")
    with empty_database.write(log.id) as connection:
        for id_ in ("aa", "ab"):
            data = canonical.encode({**old, "transaction_hash": id_})
            row = {"log_id": log.id, "id": id_, "state": "final", "at": when, "row": data}
            connection.execute(insert, row)
    upgrade(empty_database)
    rows = AnchorRows(OutboxTable(empty_database, log.id, lambda: when)).anchors()
    assert [(row.goal, row.nonce, row.bump, row.sent_at) for row, _ in rows] == [
        (AnchoredHead("0xC0", "example.jp/組合", Head(7, b"\x07")), 4, bump, when)
        for bump in (0, 1)
    ]
    for stored in OutboxTable(empty_database, log.id, lambda: when).rows():
        assert encode_row(load_row(stored)) == stored.row


def test_upgrading_again_changes_nothing(database):
    create_log(database, slug="kaga", origin="example.jp/kaga", id_key=bytes(32))
    upgrade(database)
    upgrade(database)
    assert list(list_logs(database)) == ["kaga"]


def test_a_database_of_a_newer_version_is_refused_and_not_touched(database):
    with database.write(0) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict):
        upgrade(database)
    assert current_revision(database) == "9999"


def test_a_log_is_created_once(database):
    first = create_log(database, slug="kaga", origin="example.jp/kaga", id_key=b"\x01" * 32)
    for slug, origin in (("kaga", "example.jp/b"), ("b", "example.jp/kaga")):
        with pytest.raises(DuplicateId):
            create_log(database, slug=slug, origin=origin, id_key=b"\x02" * 32)
    assert find_log(database, "kaga") == first
    with pytest.raises(NotFound):
        find_log(database, "b")
