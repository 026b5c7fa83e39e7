"""The journal on a real disk: full, read-only, damaged, or in another process's hands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.client import open_journal
from ledger.client.journal import Pending
from ledger.errors import Conflict, InvalidInput, Unavailable
from tests.client.stand_in import StandIn, standing_in
from tests.client.test_recovery import Server, serving
from tests.client.test_unclear_answers import KEY, fresh_lines, member, pending

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(
    not FULL.exists(), reason="SKIPPED FOR WANT OF /dev/full: no disk to be full"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("journals") / "kyojo.db") as running:
        yield running


@pytest.fixture
def between(server: Server) -> Iterator[StandIn]:
    with standing_in(server.url) as stand_in:
        yield stand_in


@needs_full
def test_a_full_disk_is_told_before_anything_is_sent(
    server: Server, between: StandIn, tmp_path: Path
) -> None:
    lines, before = fresh_lines(), server.records()
    draft = tmp_path / KEY.address / "pending.new"
    with member(between.url, tmp_path) as client:
        draft.symlink_to(FULL)
        with pytest.raises(Unavailable, match=r"No space left on device; nothing was sent"):
            client.submit_records(lines)
        assert between.sent() == []
        draft.unlink()
        assert client.submit_records(lines).sent == 3
    assert server.records() == before + 3


@needs_full
@pytest.mark.parametrize("name", ["receipts.jsonl", "counter.new"])
def test_a_disk_that_fills_after_the_answer_counts_once(
    server: Server, between: StandIn, tmp_path: Path, name: str
) -> None:
    lines, before = fresh_lines(), server.records()
    path = tmp_path / KEY.address / name
    with member(between.url, tmp_path) as client:
        path.symlink_to(FULL)
        with pytest.raises(Unavailable, match="the ledger took the request"):
            client.submit_records(lines)
        assert pending(tmp_path) is not None
        path.unlink()
    with member(between.url, tmp_path) as client:
        assert client.submit_records(lines).skipped == 3
    assert server.records() == before + 3
    assert len(set(between.sent())) == 1


def test_a_journal_folder_that_cannot_be(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("here already")
    with pytest.raises(Unavailable, match="cannot be written"), open_journal(taken, KEY.address):
        pass


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pin.json", b"{"),
        ("head.json", b"\xff"),
        ("counter", b"seven"),
        ("pending.bin", b"no number\n{}"),
        ("pending.bin", b"7\n{}"),
        ("pending.bin", b""),
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(
    server: Server, tmp_path: Path, name: str, data: bytes
) -> None:
    with member(server.url, tmp_path) as client:
        client.submit_records(fresh_lines())
    (tmp_path / KEY.address / name).write_bytes(data)
    with (
        pytest.raises(InvalidInput, match="empty journal folder") as told,
        member(server.url, tmp_path),
    ):
        pass
    assert name in told.value.message


HOLD = """\
import sys
from pathlib import Path
from ledger.client import open_journal
with open_journal(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_holds_the_journal(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), KEY.address]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(Conflict, match="another process is using the journal"),
            open_journal(tmp_path, KEY.address),
        ):
            pass
        with open_journal(tmp_path, "0x" + "11" * 20):
            pass  # another key's journal beside it
        other.communicate("")
    assert other.returncode == 0
    with open_journal(tmp_path, KEY.address) as journal:
        assert journal.pending() is None


def test_a_killed_process_leaves_its_request_and_no_lock(tmp_path: Path) -> None:
    with open_journal(tmp_path, KEY.address) as journal:
        journal.begin(Pending(4, "usage", b"{}\n{}\n"))
    command = [sys.executable, "-c", HOLD, str(tmp_path), KEY.address]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.kill()
    with open_journal(tmp_path, KEY.address) as journal:
        assert journal.pending() == Pending(4, "usage", b"{}\n{}\n")
