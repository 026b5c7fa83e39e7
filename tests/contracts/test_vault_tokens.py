"""RevenueVault over ERC-20s that misbehave: nothing is paid twice, nothing is lost."""

import pytest
from eth_abi import encode

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from tests.contracts.anchor_world import SENDER, Reverted, accounts
from tests.contracts.vault_cases import ANN, BEN, CHO, NEXT, TREE, with_token
from tests.contracts.vault_world import (
    DAY,
    NOW,
    ORIGIN,
    PERIOD,
    RESERVE,
    SIGNATURES,
    WINDOW,
    Tree,
    Vault,
    call_data,
)


def test_a_refused_claim_can_be_made_later():
    vault = with_token("Refusing")
    vault.call(vault.token, "refuse(bool)", [True])
    with pytest.raises(Reverted):
        vault.claim(TREE, ANN)
    assert (vault.paid(ANN), vault.sum("paidTotal")) == (0, 0)
    vault.call(vault.token, "refuse(bool)", [False])
    assert vault.claim(TREE, ANN) == 1000


def test_a_token_that_returns_nothing_is_paid():
    vault = with_token("Silent")
    assert [vault.claim(TREE, one) for one in (ANN, BEN, CHO)] == [1000, 2500, 1]
    assert vault.balance(BEN) == 2500


def test_a_token_with_a_fee_credits_what_arrives_and_pays_out_no_more():
    vault = Vault(token="Fee")
    assert vault.fund(10_000) == 9_900
    assert vault.sum("deposited") == 9_900
    tree = Tree({ANN: 5_000, BEN: 4_900})
    with pytest.raises(Reverted):
        vault.publish(tree, total=9_901)
    vault.publish(tree)
    assert [vault.claim(tree, one) for one in (ANN, BEN)] == [5_000, 4_900]
    assert (vault.balance(ANN), vault.balance(vault.contract)) == (4_950, 0)


def test_a_token_that_blocks_one_account_leaves_the_others_paid():
    vault = with_token("Blocking", encode(["address"], [BEN]))
    assert vault.claim(TREE, ANN) == 1000
    with pytest.raises(Reverted) as caught:
        vault.claim(TREE, BEN)
    assert str(caught.value) == "token: blocked"
    assert vault.claim(TREE, CHO) == 1
    assert (vault.paid(BEN), vault.sum("unclaimed")) == (0, 2500)


def reentrant_calls(vault):
    """Every call that changes the vault, as a token might make it in the middle of a transfer."""
    claim = [ORIGIN, BEN, 2500, TREE.proof(BEN)]
    publish = [ORIGIN, TREE.root, PERIOD, NEXT.root, NEXT.total]
    withdraw, hold = [ORIGIN, 0, 1, RESERVE], [ORIGIN, PERIOD + 1, vault.now + DAY, 0]
    expire = [ORIGIN, TREE.root, CHO, 1, RESERVE]
    rotate = [[one.address for one in accounts(2)], 1, 1]
    with_signatures = [
        ("publish(bytes32,bytes32,uint32,bytes32,uint256,", "Publish", publish, publish),
        ("withdraw(bytes32,uint256,uint256,address,", "Withdraw", withdraw, withdraw),
        ("hold(bytes32,uint32,uint64,", "Hold", hold, hold[:3]),
        (
            "expire(bytes32,bytes32,address,uint256,address,bytes32[],",
            "Expire",
            expire,
            [*expire, TREE.proof(CHO)],
        ),
        ("rotate(address[],uint8,uint64,", "Rotate", rotate, rotate),
    ]
    yield call_data("claim(bytes32,address,uint256,bytes32[])", claim)
    yield call_data("fund(bytes32,uint256)", [ORIGIN, 1])
    for signature, kind, message, values in with_signatures:
        signed = vault.signed(kind, message)
        yield call_data(signature + SIGNATURES + ")", [*values, signed])


@pytest.mark.parametrize("index", range(7))
def test_a_token_that_reenters_gets_nowhere(index):
    vault = with_token("Reentering")
    vault.fund(10)
    vault.mint(vault.token, 100)
    vault.mint(SENDER, 1)
    vault.at(NOW + WINDOW)
    before, arm = TREE.total + 10, "arm(address,bytes,bool)"
    data = list(reentrant_calls(vault))[index]
    vault.call(vault.token, arm, [vault.contract, data, True])
    with pytest.raises(Reverted) as caught:
        vault.claim(TREE, ANN)
    assert str(caught.value) == "token: the call inside failed"
    vault.call(vault.token, arm, [vault.contract, data, False])
    assert vault.claim(TREE, ANN) == 1000
    assert vault.call(vault.token, "failed()", [], ["bool"]) is True
    assert vault.balance(vault.contract) == before - 1000
    assert (vault.paid(BEN), vault.sum("paidTotal")) == (0, 1000)
    assert vault.published() == (TREE.root, TREE.total, PERIOD)
    # While money comes in, too: only what the transfer itself brought is credited.
    assert vault.fund(7) == 7
    assert vault.sum("deposited") == before + 7
    # The very same call is good on its own, so it was the lock that refused it.
    vault.call(vault.token, arm, ["0x" + "00" * 20, b"", False])
    vault.evm.message_call(SENDER, vault.contract, data)
    assert vault.evm.result.is_success
