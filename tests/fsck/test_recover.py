"""A database that was lost whole comes back from an audit bundle, on both databases.

The log that is recovered has everything: a settled month, anchors, a change of keys, an erased
record, late usage, more than one tile. ``kyojo fsck`` says what is missing afterwards: nothing but
the id of the erased record, which no bundle has.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger.audit.trust import format_trust
from ledger.cli.main import main
from ledger.service.submit import submit_usage
from ledger.store.tables import entries, key_changes, record_ids, totals
from tests.fsck.world import Checked
from tests.installation import SLUG, Place, next_line, usage_body

TABLES = (entries, key_changes, totals)


def rows(installation, table) -> list[tuple]:
    coop = installation.coop(SLUG)
    columns = [column for column in table.columns if column.name != "log_id"]
    statement = select(*columns).where(table.c.log_id == coop.log.id)
    with coop.database.read() as connection:
        return [tuple(row) for row in connection.execute(statement.order_by(*table.primary_key))]


@pytest.fixture
def lost(checked: Checked, request, tmp_path) -> Place:
    """The installation with its keys and chain, and an empty database of the same kind."""
    root = tmp_path / "place"
    shutil.copytree(checked.place.root, root, ignore=shutil.ignore_patterns("kyojo.db*"))
    if not checked.url.startswith("sqlite"):
        config = (root / "kyojo.toml").read_text()
        empty = request.getfixturevalue("postgresql")(False)
        (root / "kyojo.toml").write_text(config.replace(checked.url, empty))
    (root / "trust.toml").write_bytes(format_trust(checked.trust))
    return Place(root)


def kyojo(place: Place, capsys, *words: str, code: int = 0) -> dict:
    capsys.readouterr()
    assert main([*words, "--config", str(place.config), "--json"]) == code, capsys.readouterr()
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def export(place: Place, capsys, path: Path) -> bytes:
    kyojo(place, capsys, "audit", "export", "--out", str(path))
    return path.read_bytes()


def test_a_lost_database_comes_back_from_a_bundle(checked, lost, tmp_path, capsys):
    bundle, trust = tmp_path / "bundle.zip", str(lost.root / "trust.toml")
    data = export(checked.place, capsys, bundle)
    before = kyojo(checked.place, capsys, "status")

    done = kyojo(lost, capsys, "recover", "--bundle", str(bundle), "--trust", trust)
    assert (done["start"], done["size"], done["behind"]) == (0, checked.size, None)
    assert done["lost_ids"] == 1
    again = kyojo(lost, capsys, "recover", "--bundle", str(bundle), "--trust", trust)
    assert again["recovered"] == 0

    assert kyojo(lost, capsys, "status")["state_hash"] == before["state_hash"]
    report = kyojo(lost, capsys, "fsck", "--trust", trust)
    warnings = {(one["code"], one["severity"]) for one in report["findings"]}
    assert warnings == {("id-lost", "warning"), ("outbox-missing", "warning")}
    assert report["counts"]["record_ids"] == checked_ids(checked)
    assert export(lost, capsys, tmp_path / "again.zip") == data

    kyojo(lost, capsys, "rebuild")
    first, second = checked.place.open(), lost.open()
    for table in TABLES:
        assert rows(first, table) == rows(second, table), table.name
    first.close()
    coop = second.coop(SLUG)
    receipt = submit_usage(coop, usage_body(coop, "bus", next_line("after")))
    assert receipt.index == checked.size
    second.close()
    assert kyojo(lost, capsys, "anchor")["size"] == checked.size + 1


def checked_ids(checked: Checked) -> int:
    installation = checked.place.open()
    found = rows(installation, record_ids)
    installation.close()
    return len(found)
