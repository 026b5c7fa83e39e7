"""What RevenueVault refuses, each with its reason: CHAIN.md section 9, negative cases.

A case is a function that ends in the call to be refused; vault_refusals and vault_unpaid have
them. One test runs them all; another compares their reasons with those of the source, so that
none is untried.
"""

import re
from pathlib import Path

import pytest
from eth_hash.auto import keccak

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from tests.contracts import vault_refusals, vault_unpaid
from tests.contracts.anchor_world import Reverted, accounts
from tests.contracts.vault_cases import ANN, CASES, CHO, NEXT, TREE
from tests.contracts.vault_world import (
    DAY,
    NOW,
    ORIGIN,
    OTHER,
    PERIOD,
    RESERVE,
    ZERO,
    Vault,
    sign,
    words,
)


@pytest.fixture
def vault():
    """2 of 3 approvers; one tree published, 10 more funded than it needs."""
    found = Vault(accounts(3, b"approver"), 2)
    found.fund(TREE.total + 10)
    found.publish(TREE)
    return found


@pytest.mark.parametrize(("reason", "attempt"), CASES)
def test_refused(vault, reason, attempt):
    with pytest.raises(Reverted) as caught:
        attempt(vault)
    assert str(caught.value) == reason


def test_every_reason_of_the_source_is_provoked():
    source = (Path(__file__).parents[2] / "contracts" / "RevenueVault.vy").read_text("utf-8")
    reasons = re.findall(r'\bassert\b[^"]*"([^"]+)"', source)
    assert len(reasons) == len(re.findall(r"^ +assert\b", source, re.MULTILINE)) > 40
    assert {case.values[0] for case in CASES} == set(reasons)
    places = {case.values[1].__module__ for case in CASES}
    assert places == {vault_refusals.__name__, vault_unpaid.__name__}


def elsewhere(vault, **where):
    message = [ORIGIN, TREE.root, PERIOD, NEXT.root, NEXT.total]
    place = {"contract": vault.contract, **where}
    signatures = [sign(one, "Publish", message, **place) for one in vault.signers[:2]]
    vault.publish_signed(message, words(signatures))


def sorry_not_me(vault, **where):
    """Signatures for another place recover to strangers, in any order."""
    with pytest.raises(Reverted) as caught:
        elsewhere(vault, **where)
    assert str(caught.value) in {"quorum: not a signer", "quorum: signers not ascending"}
    assert vault.published()[0] == TREE.root


def test_signatures_for_another_chain_contract_or_message(vault):
    sorry_not_me(vault, chain_id=1)
    sorry_not_me(vault, contract=RESERVE)
    sorry_not_me(vault, contract=vault.deploy([ANN], 1))
    message = [OTHER, ZERO, PERIOD, NEXT.root, NEXT.total]
    vault.fund(NEXT.total, OTHER)
    signatures = vault.signed("Publish", [ORIGIN, *message[1:]])
    with pytest.raises(Reverted):
        vault.publish_signed(message, signatures)
    assert vault.published(OTHER) == (ZERO, 0, 0)


def test_an_inner_node_is_no_leaf(vault):
    """Hashed once, the two children of the root would be a leaf of 64 bytes with an empty proof."""
    pair = sorted(TREE.heap[1:3])
    assert keccak(b"".join(pair)) == TREE.root
    assert keccak(TREE.root) != TREE.root
    account, amount = "0x" + pair[0][12:].hex(), int.from_bytes(pair[1], "big")
    for proof in ([], [TREE.heap[1]], [TREE.heap[2]]):
        with pytest.raises(Reverted) as caught:
            vault.claim(TREE, account, amount=amount, proof=proof)
        assert str(caught.value) == "proof: not in the published tree"


def test_any_flipped_bit_of_a_proof_is_refused(vault):
    proof = TREE.proof(CHO)
    for index, sibling in enumerate(proof):
        for bit in range(0, 256, 5):
            flipped = (int.from_bytes(sibling, "big") ^ 1 << bit).to_bytes(32, "big")
            changed_proof = [*proof[:index], flipped, *proof[index + 1 :]]
            with pytest.raises(Reverted):
                vault.claim(TREE, CHO, proof=changed_proof)
    assert vault.claim(TREE, CHO) == 1


def test_the_signatures_of_a_hold_are_good_once(vault):
    vault.hold(PERIOD + 1, NOW + DAY)
    vault.release()
    with pytest.raises(Reverted) as caught:
        vault.hold(PERIOD + 1, NOW + DAY, count=0)
    assert str(caught.value) in {"quorum: not a signer", "quorum: signers not ascending"}
    assert vault.held() == (PERIOD + 1, 0, 2)
