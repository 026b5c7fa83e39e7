"""From the log to the account: what was ordered through the vault is what the vault pays, once."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("vyper", reason="vyper is not installed: the vault's token cannot be compiled")

from ledger.chain.node import open_node
from ledger.chain.vault import period_number, read_balance, read_paid, read_sums
from ledger.errors import Conflict, NotFound, OutOfRange
from ledger.payout.claims import Claims
from ledger.service.claims import claims_tree
from tests.builder import World
from tests.chain.chain_world import EMBEDDED_PAYER
from tests.chain.vault_on_chain import DECIMALS, ORIGIN, UNIT, OnChain
from tests.coop.months import Row, open_month, revenue, settle, submit
from tests.coop.payments import order
from tests.coop.stages import MONTH, set_destination, stage

NEXT = "2026-11"
OLD, NEW = "0x" + "55" * 20, "0x" + "66" * 20


def evm(address: str) -> dict[str, str]:
    return {"type": "evm", "address": address}


def tree(world: World, period: str) -> Claims:
    return claims_tree(world.state, period=period, currency="JPY", decimals=DECIMALS)


def bring(vault: OnChain, claims: Claims, period: str) -> None:
    """Fund what is missing, and publish."""
    deposited = read_sums(vault.node, vault.contract, ORIGIN).deposited
    vault.fund(claims.total - deposited)
    vault.publish(claims, period_number(period))


def test_after_a_change_of_account_nobody_is_paid_twice(tmp_path: Path) -> None:
    """Bus earns in two months and changes its account between them."""
    world = stage("payable")
    set_destination(world, "bus", evm(OLD))
    order(world, "vault")
    first = tree(world, MONTH)
    earned = world.state.period(MONTH).paid["bus"]
    assert first.find(OLD).cumulative == earned * UNIT
    set_destination(world, "bus", evm(NEW))
    open_month(world, NEXT)
    revenue(world, NEXT, 400_000)
    submit(world, Row(NEXT, "bus", "bus-nov", 10))
    more = settle(world, NEXT)["bus"]
    order(world, "vault")
    second = tree(world, NEXT)
    with open_node(f"embedded:{tmp_path / 'chain.db'}") as node:
        vault = OnChain(node, EMBEDDED_PAYER)
        bring(vault, first, MONTH)
        vault.claim(first, OLD)
        bring(vault, second, NEXT)
        vault.claim(second, NEW)
        # The old account stands where it stood: what was paid to it is not paid again, anywhere.
        with pytest.raises(AssertionError):
            vault.claim(second, OLD)
        balances = [read_balance(node, vault.token, one) for one in (OLD, NEW)]
        assert balances == [earned * UNIT, more * UNIT]
        paid = [read_paid(node, vault.contract, ORIGIN, one) for one in (OLD, NEW)]
        assert paid == balances
        assert read_balance(node, vault.token, vault.contract) == 0


def test_an_old_account_may_claim_after_the_new_one(tmp_path: Path) -> None:
    world = stage("payable")
    set_destination(world, "bus", evm(OLD))
    order(world, "vault")
    set_destination(world, "bus", evm(NEW))
    claims = tree(world, MONTH)
    assert [claim.account for claim in claims.claims] == [OLD]
    with open_node(f"embedded:{tmp_path / 'chain.db'}") as node:
        vault = OnChain(node, EMBEDDED_PAYER)
        bring(vault, claims, MONTH)
        vault.claim(claims, OLD)
        assert read_balance(node, vault.token, OLD) == claims.total


def test_what_cannot_be_a_tree() -> None:
    world = stage("payable")
    with pytest.raises(NotFound, match="propose"):
        tree(world, MONTH)
    with pytest.raises(OutOfRange):
        tree(world, "2026-13")
    with pytest.raises(Conflict, match="settled"):
        tree(world, NEXT)
    with pytest.raises(OutOfRange, match="decimals"):
        claims_tree(world.state, period=MONTH, currency="JPY", decimals=-1)
