"""The whole month on a real node, by the script that an administrator schedules.

A real server, members who decide over HTTP with their own keys, contracts deployed by the script,
banks' files, claims that are paid, and an audit that accepts it all.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import open_node
from ledger.config import DATABASE_VARIABLE
from ledger.service.claim import Vault
from ledger.wiring import open_installation
from tests.accounts import bank_account, confirm_accounts
from tests.builder import ORIGIN
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import ANVIL_PAYER
from tests.e2e.month_world import (
    BIKES,
    SCRIPT,
    Town,
    anchor_what_is_left,
    balance,
    build,
    check_exactly_once,
    fund,
    mine,
)
from tests.e2e.test_erasing import Typed
from tests.e2e.test_payouts import confirm
from tests.installation import FIRMS, MONTH, SLUG, line
from tests.serving import serving

PATIENCE_SECONDS = 300


def script(town: Town, *options: str) -> list[str]:
    return [sys.executable, str(SCRIPT), MONTH, "--config", str(town.config), "--coop", SLUG,
            "--json", *options]  # fmt: skip


def run(town: Town, *options: str) -> tuple[int, Any, str]:
    done = subprocess.run(script(town, *options), capture_output=True, text=True,
                          check=False, timeout=PATIENCE_SECONDS)  # fmt: skip
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def live(typed: Typed, town: Town) -> None:
    """A month's usage and the members' accounts, over HTTP."""
    for who, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        typed.submit(who, line(f"{who}-1", measures={"trips": trips}))
    accounts: dict[str, Any] = {
        "bus": bank_account("bus", 1001),
        "ev": bank_account("ev", 1002),
        "bike": {"type": "evm", "address": BIKES},
    }
    for firm, named in accounts.items():
        file = town.root / f"{firm}.json"
        file.write_text(json.dumps(named), "utf-8")
        typed.run(
            "member", "destination", "set", firm, str(file), "--currency", "JPY",
            "--url", typed.url, "--coop", SLUG, "--key", str(town.key_file(firm)),
            "--journal", str(town.root / "journal" / firm),
        )  # fmt: skip
    with closing(open_installation(town.config)) as installation:
        confirm_accounts(installation.coop(SLUG))


def stay_and_decide(typed: Typed, town: Town) -> tuple[Any, str]:
    """The script stays; the members vote, the treasurer funds the vault, the chain goes on.

    The treasurer funds only when the script has said what the vault lacks, as a person would.
    """
    command = script(town, "--wait", str(PATIENCE_SECONDS), "--poll", "0.2")
    said = town.root / "monthly_settlement.stderr"
    is_funded = False
    with (
        said.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as staying,
    ):
        until = time.monotonic() + PATIENCE_SECONDS
        while staying.poll() is None and time.monotonic() < until:
            for who in FIRMS:
                confirm(typed, who)
            if not is_funded and "the vault lacks" in said.read_text("utf-8"):
                is_funded = fund(town)
            mine(town.url, 1)
            time.sleep(0.3)
        staying.terminate()
        out, _ = staying.communicate()
    told = said.read_text("utf-8")
    assert staying.returncode == 0, told
    return json.loads(out), told


def pay_once(town: Town, claims: Any) -> None:
    amount = claims.find(BIKES).cumulative
    with open_node(town.url) as node:
        vault = Vault(node, town.vault, ORIGIN, claims)
        vault.check()
        assert [vault.claim(BIKES, ANVIL_PAYER).amount for _ in range(2)] == [amount, 0]
    assert balance(town, BIKES) == amount


def run_whole_month(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    require_anvil()
    with running_anvil() as url:
        town = build(folder / "town", url)
        with serving(town) as served:
            typed = Typed(town, capsys)
            typed.url = served
            live(typed, town)
            done, told = stay_and_decide(typed, town)
        assert {track["standing"] for track in done["tracks"]} == {"done"}
        assert {track["name"].split()[0] for track in done["tracks"]} == {
            "settlement", "payout", "claims", "anchor"
        }  # fmt: skip
        for said in ("decisions on 'Settlement", "decisions on 'Payout", "the vault lacks",
                     "finality of the anchor", "確定待ち"):  # fmt: skip
            assert said in told
        with closing(open_installation(town.config)) as installation:
            anchor_what_is_left(town, installation)
            claims = check_exactly_once(town, installation)
        mine(url)
        code, again, _ = run(town)
        assert (code, again["done"], again["tracks"][0]["status"]) == (0, [], "settled")
        pay_once(town, claims)
        assert typed.audit("month")["verdict"] == "verified"


def test_the_month_runs_to_its_end_on_a_real_node(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_whole_month(tmp_path, capsys)


@pytest.mark.long
@pytest.mark.postgresql
def test_the_month_runs_to_its_end_on_postgresql(
    postgresql: Callable[[bool], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(DATABASE_VARIABLE, postgresql(False))
    run_whole_month(tmp_path, capsys)
    assert not (tmp_path / "town" / "kyojo.db").exists()
