"""The administrator's scripts, as cron runs them, on the folder that the demo leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.chain.vault import require_vault
from ledger.wiring import EMBEDDED_GAS_KEY
from tests.chain.vault_on_chain import plain_token
from tests.e2e.test_demo import REPOSITORY, kyojo, run_demo

DEPLOYED = ("chain_id", "contract", "code_hash", "block_number")
MONTH = ("--coop", "lugano", "2017-06")


def script(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "scripts" / f"{name}.py"), *arguments]
    environment = {**os.environ, "KYOJO_CONFIG": str(folder / "kyojo.toml")}
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
        env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("scripts")
    done = run_demo(found)
    assert done.returncode == 0, done.stdout + done.stderr
    return found


def status(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(kyojo("status", "--json", folder=folder).stdout)
    return found


def test_a_finished_month_is_left_alone_however_often_it_is_run(folder: Path) -> None:
    before = status(folder)
    for options in ((), ("--dry-run",), ("--no-anchor",)):
        done = script("monthly_settlement", *MONTH, *options, "--json", folder=folder)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["status"] == "settled"
        assert json.loads(done.stdout)["done"] == []
    assert status(folder) == before


def test_a_dry_run_says_what_comes_next_and_writes_nothing(folder: Path) -> None:
    assert kyojo("open", "2017-07", folder=folder).returncode == 0
    before = status(folder)
    months = ("--coop", "lugano", "2017-07")
    done = script("monthly_settlement", *months, "--dry-run", "--json", folder=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == ["would: begin closing"]
    assert status(folder) == before


def test_anchoring_again_covers_what_is_new_and_then_rests(folder: Path) -> None:
    kyojo("open", "2017-09", folder=folder)
    first = script("anchor_checkpoint", "--coop", "lugano", "--json", folder=folder)
    assert first.returncode == 0, first.stderr
    anchored = json.loads(first.stdout)
    assert anchored["state"] == "final"
    assert anchored["recorded_at"] == anchored["size"]
    (target,) = anchored.pop("targets")
    assert target["why"]["en"].endswith(" new entries")
    second = json.loads(
        script("anchor_checkpoint", "--coop", "lugano", "--json", folder=folder).stdout
    )
    (target,) = second.pop("targets")
    assert target["why"]["en"] == "nothing new to anchor"
    assert second == anchored


def test_unknown_months_and_co_ops_are_named(folder: Path) -> None:
    missing = script("monthly_settlement", "--coop", "lugano", "2031-01", folder=folder)
    assert missing.returncode == 8
    assert "kyojo open 2031-01" in missing.stderr
    unknown = script("anchor_checkpoint", "--coop", "nowhere", folder=folder)
    assert unknown.returncode == 8


def test_the_contract_is_deployed_and_its_facts_printed(tmp_path: Path) -> None:
    signers = [key_address(bytes([number]) * 32) for number in (1, 2)]
    options = [part for signer in signers for part in ("--signer", signer)]
    chain = f"embedded:{tmp_path / 'chain.db'}"
    done = script(
        "deploy_contracts", "--rpc", chain, *options, "-k", "2", "--json", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["contract"].startswith("0x")
    assert len(facts["code_hash"]) == 64
    refused = script("deploy_contracts", "--rpc", chain, *options, "-k", "3", folder=tmp_path)
    assert refused.returncode == 6


def test_the_vault_is_deployed_beside_or_alone(tmp_path: Path) -> None:
    pytest.importorskip("vyper", reason="vyper is not installed: no token to deploy over")
    chain = f"embedded:{tmp_path / 'chain.db'}"
    with open_node(chain) as node:
        token = plain_token(node, EMBEDDED_GAS_KEY)
    approver = key_address(b"\1" * 32)
    options = ("--token", token, "--decimals", "18", "--approver", approver, "--json")
    done = script("deploy_contracts", "--rpc", chain, *options, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert set(facts) == {"vault_" + name for name in DEPLOYED}
    with open_node(chain) as node:
        assert require_vault(node, facts["vault_contract"]).signers == (approver,)
    both = script(
        "deploy_contracts", "--rpc", chain, "--signer", approver, *options, folder=tmp_path
    )
    assert set(json.loads(both.stdout)) == {*facts, *DEPLOYED}
    other = (*options[:3], "6", *options[4:])
    coarse = script("deploy_contracts", "--rpc", chain, *other, folder=tmp_path)
    assert coarse.returncode == 6
    nothing = script("deploy_contracts", "--rpc", chain, folder=tmp_path)
    assert nothing.returncode == 2
