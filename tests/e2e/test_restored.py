"""A database that was put back: nothing is signed on top of it, reads go on, and it is said why."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.errors import ReadOnly
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.note import parse_note
from ledger.service.anchor import anchor
from ledger.service.submit import submit_usage
from ledger.wiring import Installation
from tests.installation import MONTH, SLUG, Place, line, usage_body

MARK = f"{SLUG}.high-water"


class Opened:
    """One installation at a time: each is a process of its own, for all that it knows."""

    def __init__(self, root: Path, source: Path) -> None:
        shutil.copytree(source, root)
        self.root = root
        self.installation: Installation | None = None

    def again(self) -> Installation:
        self.close()
        self.installation = Place(self.root).open()
        return self.installation

    def close(self) -> None:
        if self.installation is not None:
            self.installation.close()
            self.installation = None

    def submit(self, who: str, record_id: str) -> int:
        coop = self.again().coop(SLUG)
        return submit_usage(coop, usage_body(coop, who, line(record_id))).index

    def size(self) -> int:
        with self.again().coop(SLUG).reading() as (_, log):
            return log.head().size

    def keep(self) -> Path:
        """A backup of the database."""
        self.close()
        copy = self.root / "backup"
        shutil.copytree(self.root, copy, ignore=shutil.ignore_patterns("backup", "*.high-water"))
        return copy

    def put_back(self, copy: Path) -> None:
        self.close()
        for path in self.root.glob("kyojo.db*"):
            path.unlink()
        for path in copy.glob("kyojo.db*"):
            shutil.copy(path, self.root)


@pytest.fixture
def opened(templates: dict[str, Path], tmp_path: Path) -> Iterator[Opened]:
    place = Opened(tmp_path / "place", templates["open"])
    yield place
    place.close()


def test_the_high_water_file_follows_every_commit(opened):
    index = opened.submit("bus", "a")
    note = parse_note((opened.root / MARK).read_bytes())
    assert parse_checkpoint(note.text).size == index + 1


def test_nothing_is_signed_on_an_old_copy(opened):
    copy = opened.keep()
    opened.submit("bus", "a")
    newest = opened.submit("ev", "b")
    opened.put_back(copy)
    size = opened.size()
    assert size == newest - 1
    with pytest.raises(ReadOnly, match=r"high-water file .* holds size") as caught:
        opened.submit("bus", "c")
    assert caught.value.details["outside_size"] == newest + 1
    assert opened.size() == size
    assert opened.again().coop(SLUG).state().period(MONTH).status == "open", "reads go on"


def test_nothing_is_signed_beside_a_known_history(opened):
    copy = opened.keep()
    opened.submit("bus", "a")
    (opened.root / MARK).rename(opened.root / "mark")
    opened.put_back(copy)
    opened.submit("ev", "another-history")
    (opened.root / "mark").replace(opened.root / MARK)
    with pytest.raises(ReadOnly, match="two histories"):
        opened.submit("bus", "c")


def test_a_log_that_was_lost_whole_is_not_founded_again(opened):
    opened.submit("bus", "a")
    opened.close()
    for path in opened.root.glob("kyojo.db*"):
        path.unlink()
    from tests.installation import prepare

    with pytest.raises(ReadOnly, match="holds size"):
        prepare(Place(opened.root))


def test_the_contract_vouches_where_the_file_is_lost_too(opened):
    copy = opened.keep()
    opened.submit("bus", "a")
    installation = opened.again()
    found = anchor(installation.coop(SLUG), installation.chain(SLUG))
    assert found is not None
    (opened.root / MARK).unlink()
    opened.put_back(copy)
    with pytest.raises(ReadOnly, match=f"contract .* holds size {found.size}"):
        opened.submit("bus", "c")


def test_a_damaged_file_stops_the_signing(opened):
    opened.submit("bus", "a")
    (opened.root / MARK).write_bytes(b"\x00")
    with pytest.raises(ReadOnly, match="damaged"):
        opened.submit("bus", "b")


def test_a_database_that_is_ahead_of_the_file_goes_on(opened):
    opened.submit("bus", "a")
    old = (opened.root / MARK).read_bytes()
    opened.submit("bus", "b")
    (opened.root / MARK).write_bytes(old)
    opened.submit("bus", "c")
    assert (opened.root / MARK).read_bytes() != old


def test_the_command_says_what_to_do(opened):
    copy = opened.keep()
    opened.submit("bus", "a")
    opened.put_back(copy)
    command = [sys.executable, "-m", "ledger.cli", "open", "2024-07"]
    done = subprocess.run(
        [*command, "--config", str(opened.root / "kyojo.toml")],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 7
    assert "restored from an old copy" in done.stderr
    assert "docs/restore.md" in done.stderr
