"""The vaults that a log names against the node's chain and the settings: who differs is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ledger.errors import VaultMismatch
from ledger.service.claims import VaultAccess
from ledger.service.fsck.report import Findings
from ledger.service.fsck.vaults import VaultSetting, check_vaults
from ledger.service.vault_in_log import bound
from tests.audit.world import bundle_of, trust_in, verify
from tests.builder import World
from tests.coop.stages import after_vault, stage, vault_body

CODES = {"0x" + "11" * 20: "22" * 32, "0x" + "aa" * 20: "33" * 32, "0x" + "cc" * 20: "33" * 32}
FIRST = "0x" + "aa" * 20


class FakeChain:
    """A node of chain 31337 on which contracts stand, and nothing is anchored."""

    def __init__(self, **codes: str) -> None:
        self.codes = {**CODES, **codes}

    def chain_id(self) -> int:
        return 31337

    def code_hash(self, contract: str) -> bytes:
        return bytes.fromhex(self.codes[contract])

    def head(self, contract: str, origin: str) -> tuple[int, bytes]:
        return 0, b""

    def block_hash(self, number: int) -> bytes | None:
        return None


@pytest.fixture(scope="module")
def world() -> World:
    found = stage("all kinds")
    for body in (vault_body(), after_vault("cc", "aa")):
        found.write("office", "vault-named", body)
        found.carry("bus", "ev")
    return found


@pytest.mark.parametrize("codes", [{}, {FIRST: "00" * 32}], ids=["as decided", "other code"])
def test_an_audit_asks_the_node_for_the_code_of_every_vault(world, codes):
    report = verify(bundle_of(world), trust_in(world), chain=FakeChain(**codes))
    found = [(one.code, one.where.split(", ")[1]) for one in report.findings]
    assert found == ([("vault-mismatch", f"vault {FIRST}")] if codes else [])
    assert all(one.ja for one in report.findings)
    assert (report.verdict == "refused") is bool(codes)


def found_by_fsck(world: World, setting: VaultSetting | None, chain: Any = None) -> list[str]:
    findings = Findings()
    fold: Any = SimpleNamespace(state=world.state, findings=findings)
    check_vaults(fold, setting, chain)
    assert {one.code for one in findings.kept} <= {"vault-mismatch"}
    return [one.where for one in findings.kept]


def test_fsck_compares_the_settings_and_the_chain_with_the_log(world):
    other = "0x" + "dd" * 20
    for contract, currency, chain_id, is_wrong in (
        (FIRST, "JPY", None, False),
        ("0x" + "cc" * 20, "JPY", 31337, False),
        (FIRST, "JPY", 1, True),
        (other, "JPY", None, True),
        (other, "USD", None, False),  # of which the log names none: the settings decide
        (FIRST, "USD", None, True),  # but not over what the log names for yen
        (FIRST, "USD", 1, False),
    ):
        setting = VaultSetting("kaga", contract, currency, chain_id)
        assert bool(found_by_fsck(world, setting)) is is_wrong
        access = VaultAccess("", contract, currency, b"", chain_id=chain_id)
        if is_wrong:
            with pytest.raises(VaultMismatch, match="設定の"):
                bound(world.state, access)
        else:
            assert (bound(world.state, access).vault is None) is (currency == "USD")
    assert found_by_fsck(world, None, FakeChain()) == []
    (where,) = found_by_fsck(world, None, FakeChain(**{FIRST: "00" * 32}))
    assert f"31337/{FIRST}" in where
