"""The demo as a user runs it: real processes, real HTTP, killed and run again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger.audit.trust import parse_trust
from ledger.coop.grounds import verify_member_statement
from ledger.log.key import parse_vkey
from ledger.log.note import Ed25519Verifier
from ledger.settlement.shape import parse_settlement
from ledger.settlement.verify import verify_statement
from tests.e2e.readme import follow
from tests.lugano_oracle import settle_example

ORIGIN = "ledger.example.ch/lugano-charging"
REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "examples.lugano.demo", "--folder"]
PATIENCE_SECONDS = 120


def run_demo(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def kyojo(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ledger.cli", *arguments]
    environment = {**os.environ, "KYOJO_CONFIG": str(folder / "kyojo.toml")}
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
        env=environment,
    )  # fmt: skip


def count_batches(folder: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{folder / 'kyojo.db'}?mode=ro", uri=True)) as database:
            query = "select count(*) from entries where kind = 'usage-batch'"
            return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def count_records(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "kyojo.db")) as database:
        return int(database.execute("select count(*) from record_ids").fetchone()[0])


def amounts(folder: Path) -> dict[str, int]:
    """Who gets what, from the statements that the demo left."""
    found = {}
    for path in (folder / "statements").glob("*.json"):
        statement = json.loads(path.read_text("utf-8"))
        found[path.stem] = statement["statement"]["net_minor"]
    return found


def log_verifier(folder: Path) -> Ed25519Verifier:
    trust = parse_trust((folder / "trust.toml").read_bytes())
    return Ed25519Verifier(parse_vkey(trust.log_keys[0]))


def settlement_of(folder: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / "settlement.json").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout") / "var" / "demo"
    done = run_demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "VERIFIED" in done.stdout
    return folder


def assert_month_is_right(folder: Path) -> None:
    month = settle_example(suspense="weighs")
    assert_amounts_are_right(folder)
    sessions = sum(usage.sessions for usage in month.usage.values())
    assert count_records(folder) == sessions == 490


def assert_amounts_are_right(folder: Path) -> None:
    """Against figures computed from the CSV alone by code that knows nothing of kyojo."""
    month = settle_example(suspense="weighs")
    expected = {account: month.total(account) for account in month.usage}
    assert {**dict.fromkeys(expected, 0), **amounts(folder)} == expected
    settlement = settlement_of(folder)["settlement"]
    totals = settlement["totals"]
    assert totals["in"] == totals["out"] == month.revenue
    assert totals["funds"] == {"fund.reserve": month.reserve}
    suspense = expected.get("suspense", 0)
    assert totals["paid_to_suspense"] == suspense
    assert totals["paid_to_members"] + suspense + month.reserve == month.revenue


@pytest.mark.postgresql
def test_the_month_comes_out_the_same_on_postgresql(
    postgresql: Callable[[bool], str], tmp_path: Path
) -> None:
    done = run_demo(tmp_path, KYOJO_DATABASE_URL=postgresql(False))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "kyojo.db").exists()
    assert_amounts_are_right(tmp_path)


def test_the_month_is_what_independent_code_computes_from_the_csv(finished: Path) -> None:
    assert_month_is_right(finished)


def test_every_statement_verifies_against_the_settlement(finished: Path) -> None:
    settlement = settlement_of(finished)["settlement"]
    parse_settlement(settlement)
    statements = list((finished / "statements").glob("*.json"))
    assert len(statements) == 6
    for path in statements:
        statement = json.loads(path.read_text("utf-8"))
        verify_statement(statement["statement"], settlement)
        verify_member_statement(statement, origin=ORIGIN, verifiers=[log_verifier(finished)])


def test_the_verdict_depends_on_the_trust_file(finished: Path) -> None:
    bundle, trust = str(finished / "audit.zip"), finished / "trust.toml"
    alone = kyojo("audit", "verify", bundle, "--json", folder=finished)
    assert alone.returncode == 4
    assert json.loads(alone.stdout)["verdict"] == "consistent"
    trusted = kyojo("audit", "verify", bundle, "--trust", str(trust), "--json", folder=finished)
    assert trusted.returncode == 0
    foreign = finished / "foreign.toml"
    text = trust.read_text("utf-8")
    start = text.index('genesis = "') + len('genesis = "')
    foreign.write_text(text[:start] + "ab" * 32 + text[start + 64 :], encoding="utf-8")
    refused = kyojo("audit", "verify", bundle, "--trust", str(foreign), "--json", folder=finished)
    assert refused.returncode == 3
    missing = kyojo("audit", "verify", str(finished / "nothing.zip"), folder=finished)
    assert missing.returncode == 2


def test_the_chain_itself_can_be_asked(finished: Path) -> None:
    asked = kyojo(
        "audit", "verify", str(finished / "audit.zip"), "--trust", str(finished / "trust.toml"),
        "--rpc", f"embedded:{finished / 'chain.db'}", "--json", folder=finished,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stdout + asked.stderr


def test_rebuilding_arrives_at_the_same_state(finished: Path) -> None:
    before = json.loads(kyojo("status", "--json", folder=finished).stdout)
    rebuilt = kyojo("rebuild", "--json", folder=finished)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["state_hash"] == before["state_hash"]
    assert json.loads(kyojo("status", "--json", folder=finished).stdout) == before


def test_running_again_changes_nothing(finished: Path) -> None:
    before = (finished / "audit.zip").read_bytes()
    again = run_demo(finished)
    assert again.returncode == 0, again.stdout + again.stderr
    assert (finished / "audit.zip").read_bytes() == before
    assert_month_is_right(finished)


def test_a_stranger_verifies_by_following_the_readme(finished: Path) -> None:
    said = follow("Verify it yourself", finished.parents[1])
    assert said.count("VERIFIED:") == 3
    assert "exit 4: no trust file" in said
    assert '"id":"charging:203004"' in said
    genesis = parse_trust((finished / "trust.toml").read_bytes()).genesis
    lines = said.splitlines()
    assert {f'genesis = "{genesis}"', genesis, f"{genesis}  -"} <= set(lines)
    assert lines[-1] == lines[-2]
    assert len(lines[-1]) == 44


def test_the_japanese_readme_can_be_followed_too(finished: Path) -> None:
    said = follow("自分で検証する", finished.parents[1])
    assert said.count("検証済み") == 1
    assert "確認していないこと" in said


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "the demo did not get that far"
        assert process.poll() is None, "the demo ended too early"
        time.sleep(0.005)


def start_demo(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*DEMO, str(folder)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_killing_the_server_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    wait_until(lambda: count_batches(tmp_path) >= 3, process)
    os.kill(int((tmp_path / "server.pid").read_text()), signal.SIGKILL)
    assert process.wait(timeout=PATIENCE_SECONDS) == 1
    assert 0 < count_records(tmp_path) < 490
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_month_is_right(tmp_path)


@pytest.mark.slow
def test_killing_the_demo_in_the_middle_loses_and_doubles_nothing(tmp_path: Path) -> None:
    process = start_demo(tmp_path)
    wait_until(lambda: count_batches(tmp_path) >= 5, process)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    os.kill(int((tmp_path / "server.pid").read_text()), signal.SIGTERM)
    done = run_demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert_month_is_right(tmp_path)
