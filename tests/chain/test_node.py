"""One suite for the embedded chain and for anvil: anchoring end to end, and how each refuses."""

import pytest
from eth_keys.backends.native.main import NativeECCBackend

from contracts import load_contract
from ledger.chain import node as node_module
from ledger.chain.anchor import (
    build_transaction,
    read_head,
    read_signers,
    rotate_call,
    rotate_digest,
)
from ledger.chain.embedded import EMBEDDED_CHAIN_ID
from ledger.chain.node import open_node, require_coincurve
from ledger.chain.quorum import key_address, sign_digest
from ledger.errors import (
    AnchorMismatch,
    ChainUnavailable,
    Conflict,
    InvalidInput,
    InvariantViolated,
    NotFound,
)
from tests.chain.chain_world import (
    ANCHORERS,
    NO_HEAD,
    ORIGIN,
    anchor_data,
    anchor_now,
    anchor_transaction,
    deploy,
    head_of,
)


def test_deploy_anchor_and_read(chain, node):
    deployed = deploy(node, chain.payer)
    assert deployed.code_hash == load_contract("CheckpointAnchor").runtime_hash
    assert read_head(node, deployed.contract, ORIGIN) == NO_HEAD
    for old_size, size in [(0, 3), (3, 7), (7, 130)]:
        _, receipt = anchor_now(node, chain.payer, deployed.contract, old_size, size)
        assert receipt.succeeded
        assert node.block(receipt.block_number).hash == receipt.block_hash
        assert read_head(node, deployed.contract, ORIGIN) == head_of(size)
    before = node.block("latest").number - 1
    assert read_head(node, deployed.contract, ORIGIN, at=before) == head_of(7)


def test_the_signer_set_is_read_back_and_rotates(chain, node):
    deployed = deploy(node, chain.payer, max_growth=1000)
    present = read_signers(node, deployed.contract)
    ordered = sorted((key_address(key) for key in ANCHORERS), key=lambda one: int(one, 16))
    assert present.signers == tuple(ordered)
    assert (present.k, present.epoch, present.max_growth) == (2, 1, 1000)
    domain = {"chain_id": node.chain_id, "contract": deployed.contract}
    digest = rotate_digest(ordered[:1], k=1, epoch=1, **domain)
    keys = sorted(ANCHORERS, key=lambda key: int(key_address(key), 16))
    data = rotate_call(
        ordered[:1], k=1, epoch=1, signatures=[sign_digest(digest, key) for key in keys]
    )
    nonce = node.nonce(key_address(chain.payer))
    transaction = build_transaction(
        node, chain.payer, contract=deployed.contract, data=data, nonce=nonce
    )
    node.send(transaction.raw)
    assert node.wait_for_receipt(transaction.hash).succeeded
    assert read_signers(node, deployed.contract).signers == (ordered[0],)
    assert read_signers(node, deployed.contract).epoch == 2


def test_a_refused_anchor_is_mined_with_status_0(chain, node):
    deployed = deploy(node, chain.payer)
    anchor_now(node, chain.payer, deployed.contract, 0, 3)
    _, receipt = anchor_now(node, chain.payer, deployed.contract, 0, 3)
    assert not receipt.succeeded
    assert read_head(node, deployed.contract, ORIGIN) == head_of(3)


def test_a_reverted_call_gives_the_contracts_own_reason(chain, node):
    deployed = deploy(node, chain.payer)
    data = anchor_data(node, deployed.contract, 0, 3, keys=ANCHORERS[:1])
    with pytest.raises(Conflict) as caught:
        node.call(deployed.contract, data)
    assert caught.value.details["kind"] == "reverted"
    assert caught.value.details["reason"] == "quorum: too few signatures"


def test_an_impossible_deployment_is_refused(chain, node):
    with pytest.raises(Conflict):
        deploy(node, chain.payer, k=4)


def test_sending_the_same_bytes_again_changes_nothing(chain, node):
    deployed = deploy(node, chain.payer)
    transaction, receipt = anchor_now(node, chain.payer, deployed.contract, 0, 3)
    with pytest.raises(Conflict) as caught:
        node.send(transaction.raw)
    assert caught.value.details["kind"] == "nonce"
    assert node.receipt(transaction.hash) == receipt


def test_a_sender_without_money(chain, node):
    deployed = deploy(node, chain.payer)
    transaction = anchor_transaction(node, ANCHORERS[0], deployed.contract, 0, 3)
    with pytest.raises(ChainUnavailable) as caught:
        node.send(transaction.raw)
    assert caught.value.details["kind"] == "funds"


def test_what_is_not_there_is_none(node):
    assert node.receipt(b"\x11" * 32) is None
    assert node.block(10**9) is None
    assert node.balance_wei("0x" + "11" * 20) == 0
    with pytest.raises(NotFound):
        read_head(node, "0x" + "11" * 20, ORIGIN)


def test_another_chain_or_other_code_is_a_mismatch(chain, node):
    deployed = deploy(node, chain.payer)
    expected = {
        "chain_id": node.chain_id,
        "contract": deployed.contract,
        "code_hash": deployed.code_hash,
    }
    node.check(**expected)
    for change in (
        {"chain_id": 1},
        {"contract": "0x" + "11" * 20},
        {"code_hash": bytes(32)},
    ):
        with pytest.raises(AnchorMismatch):
            node.check(**{**expected, **change})


def test_finality_by_tags_and_by_depth(chain, node):
    deploy(node, chain.payer)
    tags = node.finality()
    depth = node.finality(node_module.FinalityDepths(safe=1, final=10**6))
    assert tags.final <= tags.safe <= tags.latest
    assert (depth.safe, depth.final) == (tags.latest - 1, 0)


def test_the_embedded_chain_is_final_at_once_and_has_its_fixed_id(embedded_url):
    with open_node(embedded_url) as node:
        deploy(node, (1).to_bytes(32, "big"))
        finality = node.finality()
    assert finality.latest == finality.safe == finality.final == 1
    assert node.chain_id == EMBEDDED_CHAIN_ID


def test_a_fee_above_the_cap_is_not_offered(chain):
    with open_node(chain.url, fee_cap_wei=1) as node, pytest.raises(ChainUnavailable) as caught:
        node.fees()
    assert caught.value.details["kind"] == "fee-cap"


def test_nobody_listening_is_unreachable():
    with (
        pytest.raises(ChainUnavailable) as caught,
        open_node("http://127.0.0.1:9", wait_seconds=0.2),
    ):
        pass
    assert caught.value.details["kind"] == "unreachable"


@pytest.mark.parametrize("url", ["ftp://example.org", "", "/tmp/chain.sqlite"])
def test_another_kind_of_url(url):
    with pytest.raises(InvalidInput), open_node(url):
        pass


def test_signatures_in_pure_python_are_refused(monkeypatch):
    require_coincurve()
    monkeypatch.setattr(node_module, "get_backend", NativeECCBackend)
    with pytest.raises(InvariantViolated):
        require_coincurve()
