"""Migrations make exactly the tables that the code knows, on both databases."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from ledger.errors import Conflict, DuplicateId, NotFound
from ledger.store import schema
from ledger.store.logs import create_log, find_log, list_logs
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
