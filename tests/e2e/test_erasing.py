"""A person is erased: by a member over HTTP, by the office with the members' votes, for good.

Real files, a real server process, the commands as they are typed.
"""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from ledger.cli.main import main
from ledger.service.submit import submit_usage
from tests.installation import MONTH, SLUG, Place, carry, free_port, next_line, send, usage_body

REPOSITORY = Path(__file__).resolve().parents[2]
PAYER = "resident-4711"
BUS_LINES = [
    next_line("n-1", payer=PAYER, measures={"trips": 3}),
    next_line("n-2", payer="somebody", measures={"trips": 5}),
    next_line("n-3", payer=PAYER, measures={"trips": -3}, reverses="n-1"),
]
EV_LINES = [next_line("e-1", payer=PAYER), next_line("e-2", payer="somebody-else")]
ABOUT_THE_PERSON = [PAYER.encode(), b'"n-1"', b'"n-3"', b'"e-1"']


@contextmanager
def serving(place: Place) -> Iterator[str]:
    """The server as an administrator starts it; answers with its URL."""
    port = free_port()
    place.use_port(port)
    command = [sys.executable, "-m", "ledger.cli", "serve", "--config", str(place.config)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urlopen(f"{url}/v1/health").close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


class Typed:
    """Commands as somebody types them in the folder of an installation."""

    def __init__(self, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
        self.place, self.capsys, self.url = place, capsys, ""

    def run(self, *words: str, code: int = 0) -> Any:
        self.capsys.readouterr()
        assert main([*words, "--json"]) == code, self.capsys.readouterr()
        out, err = self.capsys.readouterr()
        return json.loads(out if code in (0, 3, 4) else err)

    def office(self, *words: str, code: int = 0) -> Any:
        return self.run(*words, "--config", str(self.place.config), code=code)

    def member(self, who: str, verb: str, *words: str, code: int = 0) -> Any:
        where = ["--url", self.url, "--coop", SLUG, "--key", str(self.place.key_file(who))]
        journal = ["--journal", str(self.place.root / "journal" / who)]
        return self.run("member", verb, *where, *journal, *words, code=code)

    def submit(self, who: str, *lines: bytes) -> None:
        path = self.place.root / f"{who}.ndjson"
        path.write_bytes(b"\n".join(lines) + b"\n")
        self.member(who, "submit", str(path))
        path.unlink()  # its own copy is the member's to destroy

    def audit(self, name: str) -> Any:
        bundle = self.place.root / f"{name}.zip"
        self.office("audit", "export", "--out", str(bundle))
        return self.verify(name)

    def verify(self, name: str) -> Any:
        trust = self.place.root / "trust.toml"
        if not trust.exists():
            self.office("audit", "trust", "--out", str(trust))
        bundle = str(self.place.root / f"{name}.zip")
        return self.run("audit", "verify", bundle, "--trust", str(trust))


@pytest.fixture
def typed(templates, tmp_path, capsys) -> Typed:
    shutil.copytree(templates["settled"], tmp_path / "kaga")
    return Typed(Place(tmp_path / "kaga"), capsys)


def files_that_say(root: Path, secrets: list[bytes]) -> list[str]:
    """The files below a folder that hold one of these, as they lie on the disk."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return [path.name for path in paths if any(one in path.read_bytes() for one in secrets)]


def test_a_person_is_erased_from_log_database_and_bundle(typed):
    root = typed.place.root
    with serving(typed.place) as typed.url:
        typed.submit("bus", *BUS_LINES)
        typed.submit("ev", *EV_LINES)
        assert "kyojo.db" in "".join(files_that_say(root, ABOUT_THE_PERSON))
        assert typed.audit("before")["verdict"] == "verified"
        totals = typed.office("status")["periods"]

        # A member erases its own, over HTTP.
        (found,) = typed.member("bus", "erase", "--payer", PAYER, "--dry-run")
        assert found["records"] == [0, 2]
        refused = typed.member("bus", "erase", "--payer", PAYER, "--reason", f"for {PAYER}", code=2)
        assert "must not name the person" in refused["detail"]
        (done,) = typed.member("bus", "erase", "--payer", PAYER, "--reason", "on request")
        assert (done["batch"], done["records"]) == (found["batch"], [0, 2])
        assert typed.member("bus", "erase", "--payer", PAYER, "--reason", "again") == []
        held = {"batch": done["batch"], "records": [0, 2]}
        again = ("--entry", str(held["batch"]), "--record", "0", "--reason", "again")
        assert typed.member("bus", "erase", *again, code=6)["code"] == "conflict"

        # The office proposes it for another's; the members decide.
        (left,) = typed.office("erase", "--payer", PAYER, "--dry-run")
        assert (left["member"], left["records"]) == ("ev", [0])
        assert typed.office("erase", "--payer", PAYER, "--member", "bike", "--dry-run") == []
        (entry,) = typed.office("erase", "--payer", PAYER, "--reason", "on request")["entries"]
        assert entry["is_proposed"]
        assert typed.office("erase", "--payer", PAYER, "--reason", "twice")["entries"] == []
        (proposal,) = typed.member("bus", "proposals")
        assert proposal["subject"] == f"Erase 1 record of batch {left['batch']} of ev: on request"
        for who in ("bus", "bike"):
            typed.member(who, "decide", proposal["subject_hash"])
        assert typed.office("erase", "--payer", PAYER, "--dry-run") == []
        assert typed.office("status")["periods"] == totals

    typed.office("erase", "--replay")
    (root / "before.zip").rename(root.parent / "before.zip")
    assert files_that_say(root, ABOUT_THE_PERSON) == []

    # All of it is verified, in the old bundle and in the new one.
    report = typed.audit("after")
    assert (report["verdict"], report["facts"]["erased"]) == ("verified", 3)
    assert report["facts"]["records"] == 8
    assert any("3 record(s) were erased" in remark["en"] for remark in report["not_checked"])
    (root.parent / "before.zip").rename(root / "before.zip")
    assert typed.verify("before")["verdict"] == "verified"
    state = typed.office("status")["state_hash"]
    assert typed.office("rebuild")["state_hash"] == state


def test_named_records_with_what_takes_them_back(typed):
    undo = next_line("n-4", payer="somebody", measures={"trips": -5}, reverses="n-2")
    installation = typed.place.open()
    coop = installation.coop(SLUG)
    for lines in (BUS_LINES, [undo]):
        submit_usage(coop, usage_body(coop, "bus", *lines))
    installation.close()
    rows = typed.office("erase", "--payer", "somebody", "--dry-run")
    batches = [row["batch"] for row in rows]
    named = ("erase", "--entry", str(batches[1]), "--record", "0")
    assert typed.office(*named, "--dry-run") == [
        {"batch": batches[0], "member": "bus", "records": [1]},
        {"batch": batches[1], "member": "bus", "records": [0]},
    ]
    assert typed.office(*named[:3], code=2)["code"] == "invalid-input"
    assert typed.office(*named, code=2)["code"] == "invalid-input"
    assert typed.office("erase", "--entry", "0", "--record", "0", "--dry-run", code=8)
    none = ("erase", "--entry", str(batches[1]), "--record", "1", "--dry-run")
    assert typed.office(*none, code=8)["code"] == "not-found"


def test_a_restored_row_is_erased_again_when_the_installation_is_opened(typed):
    """What a backup of the database brings back, the log's own entry takes away again."""
    place = typed.place
    installation = place.open()
    coop = installation.coop(SLUG)
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database:
        query = 'select "index", seed, lines from batches order by "index"'
        index, seed, lines = database.execute(query).fetchone()
    body = {"batch": index, "records": [0], "reason": "on request"}
    send(coop, "bus", "records-erased", body)
    carry(coop)
    installation.close()
    assert typed.office("status")["periods"][MONTH] == "settled"
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database:
        change = 'update batches set seed = ?, lines = ?, leaves = null where "index" = ?'
        database.execute(change, (seed, lines, index))
        database.commit()
    typed.office("status")
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database:
        query = f'select seed, lines from batches where "index" = {index}'
        assert database.execute(query).fetchone() == (None, b"")
    assert files_that_say(place.root, [lines, seed]) == []


def test_a_database_that_cannot_be_folded_is_still_opened(typed):
    """So that rebuild and other checks can say what is wrong with it."""
    place = typed.place
    installation = place.open()
    coop = installation.coop(SLUG)
    batch = next(iter(found_batches(place)))
    send(coop, "bus", "records-erased", {"batch": batch, "records": [0], "reason": "x"})
    installation.close()
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database:
        database.execute("update entries set data = x'7b7d' where \"index\" = 3")
        database.execute("delete from snapshots")
        database.commit()
    place.open().close()
    assert typed.office("rebuild", code=2)["code"] == "malformed-entry"


def found_batches(place: Place) -> list[int]:
    with closing(sqlite3.connect(place.root / "kyojo.db")) as database:
        return [row[0] for row in database.execute('select "index" from batches order by "index"')]
