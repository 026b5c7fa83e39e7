"""Members and auditors at the command line: a real server process, a month, a verdict."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ledger.client import open_journal
from tests.builder import signing_key
from tests.cli.conftest import Kyojo, Ran, check_error
from tests.installation import MONTH, NEXT, SLUG, Place, free_port, next_line

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "ledger.cli"]


@dataclass(frozen=True)
class Served:
    """An installation and its server, which is a process of its own."""

    place: Place
    url: str
    process: subprocess.Popen[str]

    def run(self, *arguments: object) -> Ran:
        """``kyojo`` as a process."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)], cwd=REPOSITORY, capture_output=True, text=True,
            timeout=60, check=False, env=environment(self.place),
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def own(self, who: str, journal: Path | None = None) -> list[object]:
        """The options with which a member works."""
        journal = journal or self.place.root / "journals"
        return ["--url", self.url, "--coop", SLUG, "--key", self.place.key_file(who),
                "--journal", journal]  # fmt: skip


def environment(place: Place) -> dict[str, str]:
    return {**os.environ, "KYOJO_CONFIG": str(place.config)}


@pytest.fixture(scope="module")
def served(
    templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    place = Place(shutil.copytree(templates["settled"], tmp_path_factory.mktemp("cli") / "place"))
    port = free_port()
    place.use_port(port)
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [*COMMAND, "serve"], cwd=REPOSITORY, env=environment(place), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        wait_for(url, process)
        yield Served(place, url, process)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[0]
    assert "Traceback" not in said, said


def wait_for(url: str, process: subprocess.Popen[str]) -> None:
    with httpx.Client(trust_env=False) as http:
        for _ in range(600):
            assert process.poll() is None, process.stdout
            try:
                if http.get(f"{url}/v1/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    pytest.fail("the server did not come up")


# As real processes.


def test_a_member_submits_decides_and_reads(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    usage = tmp_path / "usage.ndjson"
    usage.write_bytes(next_line("c-1") + b"\n" + next_line("c-2") + b"\n")
    sent = served.run("member", "submit", usage, *served.own("bus"), "--json")
    assert (sent.code, sent.document) == (
        0, {"sent": 2, "skipped": 0, "batches": 1, "late": []},
    ), sent.err  # fmt: skip
    again = kyojo("member", "submit", usage, *served.own("bus"))
    assert again.out == "0 records in 0 batches; 2 were there already\n"
    cost = tmp_path / "cost.json"
    cost.write_text(json.dumps({"period": NEXT, "id": "platform", "member": "bus",
                                "amount_minor": 7, "currency": "JPY"}))  # fmt: skip
    assert kyojo("member", "entry", "cost-reported", cost, *served.own("office")).code == 0
    [waiting] = served.run("member", "proposals", *served.own("ev"), "--json").document
    voted = served.run(
        "member", "decide", waiting["subject_hash"], "--action", "reject", "--comment", "too much",
        *served.own("ev"),
    )  # fmt: skip
    assert voted.out.startswith("entry "), voted.err
    shown = served.run("member", "statement", MONTH, "bus", *served.own("bus"))
    assert "verified against the settlement" in shown.out
    assert served.run("status").out.splitlines()[0].startswith("ledger.example.jp")


def test_who_must_agree_beside_the_electorate_is_counted_apart(
    kyojo: Kyojo, served: Served, tmp_path: Path
) -> None:
    right = {"write": ["operator"], "approve": {"roles": ["auditor"], "threshold": "1"}}
    change = tmp_path / "change.json"
    change.write_text(json.dumps({"authority": {"payout-destination-set": right}}))
    said = kyojo("member", "propose-charter", change, *served.own("bus"))
    assert said.code == 0, said.err
    *_, waiting = kyojo("member", "proposals", *served.own("ev"), "--json").document
    assert (waiting["needed"], waiting["besides"]) == (2, [{"electorate": ["office"], "needed": 1}])
    for who, action, shown in (("bus", "approve", True), ("office", "reject", False)):
        vote = ("member", "decide", waiting["subject_hash"], "--action", action)
        assert kyojo(*vote, *served.own(who)).code == 0
        out = kyojo("member", "proposals", *served.own("ev")).out
        assert ("(1 of 2 and 0 of 1)" in out, waiting["subject"] in out) == (shown, shown)


def test_a_member_keeps_its_statement_and_verifies_it_offline(
    kyojo: Kyojo, served: Served, tmp_path: Path
) -> None:
    files = [tmp_path / f"own.{form}" for form in ("json", "csv", "html", "pdf")]
    outs = [word for path in files for word in ("--out", path)]
    written = served.run("member", "statement", MONTH, "bus", *served.own("bus"), *outs)
    assert written.code == 0, written.err
    assert files[3].read_bytes().startswith(b"%PDF-")
    assert files[1].read_bytes().startswith(b"\xef\xbb\xbforigin,period,member,")
    trust = tmp_path / "trust.toml"
    kyojo("audit", "trust", "--out", trust, "--config", served.place.config)
    verified = kyojo("verify-statement", files[0], "--trust", trust, "--language", "ja")
    assert (verified.code, verified.out.splitlines()[0]) == (0, "検証済み"), verified.err
    loose = kyojo("verify-statement", files[0], "--json")
    assert (loose.code, loose.document["verdict"]) == (4, "consistent")
    document = json.loads(files[0].read_bytes())
    document["statement"]["net_minor"] += 1
    files[0].write_text(json.dumps(document), "utf-8")
    refused = kyojo("verify-statement", files[0], "--trust", trust, "--json")
    assert (refused.code, refused.error["code"]) == (3, "sum-mismatch")


def test_a_format_that_nobody_knows_is_refused_before_anything_is_asked(
    served: Served, tmp_path: Path
) -> None:
    refused = served.run(
        "member", "statement", MONTH, "bus", *served.own("bus"), "--out", tmp_path / "own.doc"
    )
    assert refused.code == 2
    assert "own.doc must end in one of .json, .csv, .html, .pdf" in refused.err


def test_the_office_writes_every_members_files(
    kyojo: Kyojo, served: Served, tmp_path: Path
) -> None:
    folder, config = tmp_path / "all", ("--config", served.place.config)
    done = kyojo("statements", MONTH, "--out", folder, "--format", "csv", "--json", *config)
    assert done.code == 0, done.err
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(Path(one).name for one in done.document["files"])
    assert f"{MONTH}-bus.csv" in names
    assert f"{MONTH}-ev.csv" in names


def test_an_auditor_exports_and_verifies(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    bundle, trust = tmp_path / "audit.zip", tmp_path / "trust.toml"
    made = served.run("audit", "export", "--out", bundle, "--json")
    assert made.code == 0, made.err
    assert made.document["file"] == str(bundle)
    assert made.document["bytes"] == bundle.stat().st_size
    config = ("--config", served.place.config)
    made = kyojo("audit", "trust", "--out", trust, "--json", *config)
    assert made.document == {"file": str(trust)}
    assert served.run("audit", "verify", bundle).code == 4
    verdict = kyojo("audit", "verify", bundle, "--trust", trust, "--json")
    assert verdict.code in {0, 3}, verdict.err
    assert verdict.document
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(bytes(data))
    assert kyojo("audit", "verify", bundle, "--trust", trust).code in {2, 3}


def test_a_second_server_at_one_place_is_told(served: Served) -> None:
    check_error(served.run("serve"), 7, "cannot listen at 127.0.0.1", "[server]")


def test_output_that_nobody_reads_to_its_end(served: Served) -> None:
    """``kyojo authority | head -0``: no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "authority"], cwd=REPOSITORY, stdout=writing, stderr=subprocess.PIPE,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


# In this process, against the same server.


def test_a_token_opens_what_the_member_may_read(kyojo: Kyojo, served: Served) -> None:
    token = kyojo("member", "token", *served.own("town")).out.strip()
    assert kyojo("member", "token", *served.own("town"), "--json").document.keys() == {"token"}
    answer = httpx.get(
        f"{served.url}/v1/{SLUG}/members", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.is_success


def test_records_that_are_refused_are_named(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    path = tmp_path / "usage.ndjson"
    path.write_bytes(next_line("bad", facility="nowhere") + b"\n{\n")
    ran = kyojo("member", "submit", path, *served.own("ev"))
    check_error(ran, 2, "record 2: ", "[malformed-batch]")
    path.write_bytes(next_line("good") + b"\n" + next_line("bad", facility="nowhere") + b"\n")
    ran = kyojo("member", "submit", path, *served.own("ev"), "--json")
    assert [fault["where"] for fault in ran.error["errors"]] == ["record 2, facility"]
    path.write_bytes(b"")
    check_error(kyojo("member", "submit", path, *served.own("ev")), 2, "holds no records")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("submit", "none.ndjson"), 8, ("none.ndjson",)),
        (("entry", "facility-registered", "none.json"), 8, ("none.json",)),
        (("decide", "00" * 32), 8, ("nothing with the hash",)),
        (("statement", "2031-01", "ev"), 8, ("2031-01",)),
        (("statement", "May", "ev"), 2, ("parameters",)),
        (("statement", MONTH, "bus"), 5, ("your own statement",)),
        (("statement", NEXT, "ev"), 8, (NEXT,)),
        (("confirm", NEXT, "none.ndjson"), 8, ("none.ndjson",)),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else str(value),
)
def test_what_a_member_cannot_have(
    kyojo: Kyojo, served: Served, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    check_error(kyojo("member", *arguments, *served.own("ev")), code, *words)


def test_an_entry_without_the_right(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"period": NEXT}))
    check_error(kyojo("member", "entry", "period-closing", body, *served.own("ev")), 5)
    body.write_text("{")
    check_error(kyojo("member", "entry", "period-closing", body, *served.own("ev")), 2, "not JSON")


def test_a_key_that_is_none_or_nobodys(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    own = served.own("ev", tmp_path)
    (tmp_path / "x.key").write_text("zz")
    for key, code in (("none.key", 8), ("x.key", 2)):
        given = [tmp_path / key if part == served.place.key_file("ev") else part for part in own]
        check_error(kyojo("member", "token", *given), code)
    (tmp_path / "x.key").write_text(signing_key("stranger").secret_hex)
    given = [tmp_path / "x.key" if part == served.place.key_file("ev") else part for part in own]
    check_error(kyojo("member", "token", *given), 8, "is not a key of this co-op")


def test_a_journal_in_use_or_unwritable(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    with open_journal(tmp_path / "held", signing_key("ev").address):
        ran = kyojo("member", "token", *served.own("ev", tmp_path / "held"))
        check_error(ran, 6, "another process is using the journal")
    (tmp_path / "file").write_text("")
    check_error(
        kyojo("member", "token", *served.own("ev", tmp_path / "file")), 7, "cannot be written"
    )


@pytest.mark.parametrize("url", ["ledger.example.jp", "ftp://ledger.example.jp", "http://"])
def test_an_address_that_is_none(kyojo: Kyojo, served: Served, tmp_path: Path, url: str) -> None:
    own = [url if part == served.url else part for part in served.own("ev", tmp_path)]
    check_error(kyojo("member", "token", *own), 2, "is not an address")


def test_files_that_an_auditor_cannot_use(kyojo: Kyojo, served: Served, tmp_path: Path) -> None:
    config = ("--config", served.place.config)
    for out in ("/nonexistent/x.zip", str(tmp_path)):
        check_error(kyojo("audit", "export", "--out", out, *config), 2, f"cannot write {out}")
        check_error(kyojo("audit", "trust", "--out", out, *config), 2, f"cannot write {out}")
    assert list(tmp_path.iterdir()) == []
    noise = tmp_path / "noise"
    noise.write_bytes(b"noise")
    check_error(kyojo("audit", "verify", tmp_path / "none.zip"), 2, "none.zip")
    check_error(kyojo("audit", "verify", tmp_path), 2, str(tmp_path))
    check_error(kyojo("audit", "verify", noise, "--trust", tmp_path / "none.toml"), 2, "none.toml")
    check_error(kyojo("audit", "verify", noise, "--trust", noise), 2, "noise")
    check_error(kyojo("audit", "verify", noise, "--rpc", "nonsense:"), 2, "nonsense:")


def test_what_nobody_meters_is_reported_and_waits_for_confirmation(
    served: Served, tmp_path: Path
) -> None:
    evidence, votes = tmp_path / "meter.pdf", tmp_path / "votes.json"
    evidence.write_bytes(b"what was read")
    votes.write_text('{"projects": {"lamp": {"cost": 5}}, "votes": []}', "utf-8")
    kpi = served.run(
        "member", "kpi", NEXT, "co2_saved", 12_500, "--scale", 1000, "--evidence", evidence,
        *served.own("office"),
    )  # fmt: skip
    assert kpi.code == 0, kpi.err
    figures = served.run("member", "figures", NEXT, "ballots", "town", votes, *served.own("office"))
    assert figures.code == 0, figures.err
    waiting = served.run("member", "proposals", *served.own("ev"), "--json").document
    subjects = [one["subject"] for one in waiting]
    assert f"Reading co2_saved {NEXT} of the whole town: 12,500 of 1,000" in subjects
    assert any(one.startswith(f"Figures ballots town {NEXT}: ") for one in subjects)
    votes.write_text('{"projects": {}}', "utf-8")
    bad = served.run("member", "figures", NEXT, "ballots", "park", votes, *served.own("office"))
    assert bad.code == 2
    assert "ballots are {projects, votes}" in bad.err
