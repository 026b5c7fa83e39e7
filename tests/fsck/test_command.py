"""``kyojo fsck`` as an administrator runs it: a process, a configuration, an exit code."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ledger.audit.trust import format_trust
from tests.fsck.world import Checked
from tests.installation import Place

# One installation is enough here: the check itself runs on both databases.
pytestmark = pytest.mark.parametrize("checked", ["sqlite"], indirect=True)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(checked: Checked, tmp_path) -> Place:
    root = tmp_path / "place"
    shutil.copytree(checked.place.root, root)
    (root / "trust.toml").write_bytes(format_trust(checked.trust))
    return Place(root)


def kyojo_fsck(place: Place, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ledger.cli", "fsck", "--config", str(place.config), *options]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def edit(place: Place, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(place.root / "kyojo.db")) as connection:
        assert connection.execute(statement, values).rowcount == 1
        connection.commit()


def test_a_clean_database_is_said_to_be_clean_and_left_as_it_is(place, checked):
    edit(place, "UPDATE logs SET size = size")  # leaves a write-ahead log behind
    before = (place.root / "kyojo.db").read_bytes()
    done = kyojo_fsck(place, "--trust", str(place.root / "trust.toml"), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["format"] == "kyojo-fsck-report/1"
    assert (report["verdict"], report["exit_code"], report["findings"]) == ("clean", 0, [])
    assert report["size"] == report["counts"]["entries"] == checked.size
    assert report["vouched_size"] == checked.anchored[-1]
    assert report["exposed"] == checked.size - checked.anchored[-1]
    assert "contract" in {one["kind"] for one in report["vouchers"]}
    assert (place.root / "kyojo.db").read_bytes() == before


def test_an_edited_amount_is_named_in_both_languages(place):
    edit(place, "UPDATE totals SET amount = amount + 1 WHERE account = 'ev' AND epoch = 0 "
                "AND period = '2024-05'")  # fmt: skip
    english = kyojo_fsck(place, "--offline")
    assert english.returncode == 3
    assert "DAMAGED" in english.stdout
    assert "totals 2024-05/0/ev/hub-1/trips/, amount" in english.stdout
    assert "[total-changed]" in english.stdout
    assert "No chain node was asked" in english.stdout
    japanese = kyojo_fsck(place, "--offline", "--language", "ja", "--jobs", "2")
    assert "異常あり" in japanese.stdout
    assert "エントリーの合計は 291 です" in japanese.stdout


def test_a_database_that_is_no_database_is_a_finding(place):
    for name in ("kyojo.db-wal", "kyojo.db-shm"):
        (place.root / name).unlink(missing_ok=True)
    (place.root / "kyojo.db").write_bytes(b"not a database" * 1000)
    done = kyojo_fsck(place, "--json")
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["findings"][0]["code"] == "unreadable-database"


def test_what_is_missing_or_unusable_has_its_exit_code(place):
    assert kyojo_fsck(place, "--coop", "nowhere").returncode == 8
    assert kyojo_fsck(place, "--rpc", "http://127.0.0.1:9").returncode == 7
    (place.root / "bad.toml").write_text("format = 1")
    assert kyojo_fsck(place, "--trust", str(place.root / "bad.toml")).returncode == 2
    assert kyojo_fsck(place, "--policy", str(place.root / "none")).returncode == 2
    (place.root / "kyojo.db").unlink()
    missing = kyojo_fsck(place, "--json")
    assert missing.returncode == 8
    assert not (place.root / "kyojo.db").exists()
