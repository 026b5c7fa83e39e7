"""Tokens with a mind of their own: what the office is told before, and instead of, funding."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import Node, Transaction, open_node, sign_transaction
from ledger.chain.quorum import call_data, key_address
from ledger.chain.token import approve_call, read_allowance
from ledger.chain.vault import deploy_vault_contract, read_sums
from ledger.errors import Conflict, KyojoError
from ledger.service.claims import VaultAccess
from ledger.service.vault_fund import Funded, Need, fund_vault
from ledger.wiring import EMBEDDED_GAS_KEY
from tests.builder import ORIGIN
from tests.contracts.token_code import token_code
from tests.installation import SLUG, Place

PAYER = key_address(EMBEDDED_GAS_KEY)
SUM = 10 * 10**18


class Odd:
    """A co-op whose vault stands over a token of tests/contracts/tokens; the sender has some."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.url = f"embedded:{root / 'chain.db'}"
        code = token_code(name) + (encode(["uint8"], [18]) if name == "Plain" else b"")
        with open_node(self.url) as node:
            self.token = self.send(node, None, code)
            self.contract = deploy_vault_contract(
                node, EMBEDDED_GAS_KEY, token=self.token, decimals=18, signers=[PAYER], k=1
            ).contract
            self.send(node, self.token, call_data("mint(address,uint256)", [PAYER, 3 * SUM]))

    def send(self, node: Node, to: str | None, data: bytes) -> Any:
        nonce = node.nonce(PAYER)
        unsigned = Transaction(node.chain_id, nonce, to, data, 3_000_000, node.fees())
        signed = sign_transaction(unsigned, EMBEDDED_GAS_KEY)
        node.send(signed.raw)
        receipt = node.wait_for_receipt(signed.hash)
        assert receipt.succeeded
        return receipt.contract

    def do(self, data: bytes) -> None:
        with open_node(self.url) as node:
            self.send(node, self.token, data)

    def fund(self, deposited: str) -> Funded:
        access = VaultAccess(self.url, self.contract, "JPY", EMBEDDED_GAS_KEY)
        with closing(Place(self.root).open()) as installation:
            return fund_vault(installation.coop(SLUG), access, Need(deposited=deposited))

    def deposited(self) -> int:
        with open_node(self.url) as node:
            return read_sums(node, self.contract, ORIGIN).deposited


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "before", "told"),
    [
        ("Fee", None, "keeps a fee"),
        ("Refusing", call_data("refuse(bool)", [True]), "refuses to move"),
        ("Silent", None, "knows no allowances"),
    ],
)
def test_a_token_that_cannot_fund_is_told(
    templates: dict[str, Path], tmp_path: Path, name: str, before: bytes | None, told: str
) -> None:
    odd = Odd(shutil.copytree(templates["open"], tmp_path / "place"), name)
    if before is not None:
        odd.do(before)
    for _ in range(2):
        with pytest.raises(KyojoError, match=told) as caught:
            odd.fund("10")
        assert isinstance(caught.value, Conflict)
    assert odd.deposited() == 0


def test_an_allowance_that_only_changes_through_zero(
    templates: dict[str, Path], tmp_path: Path
) -> None:
    odd = Odd(shutil.copytree(templates["open"], tmp_path / "place"), "Stubborn")
    odd.do(approve_call(odd.contract, 7))
    found = odd.fund("10")
    assert (found.deposited, found.missing, found.state) == (SUM, 0, "final")
    with open_node(odd.url) as node:
        assert read_allowance(node, odd.token, PAYER, odd.contract) == 0
    # One that is large enough is used as it is.
    odd.do(approve_call(odd.contract, SUM + 5))
    assert odd.fund("20").deposited == 2 * SUM
    with open_node(odd.url) as node:
        assert read_allowance(node, odd.token, PAYER, odd.contract) == 5
