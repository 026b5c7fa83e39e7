"""Anchor evidence holds offline, on the embedded chain and on anvil, and no byte of it may move."""

import contextlib
import copy
import json

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from ledger.audit.anchor_evidence import FIELDS, verify_anchor_evidence, verify_trie_proof
from ledger.chain import evidence as evidence_module
from ledger.chain.evidence import build_anchor_evidence, encode_header, find_anchor
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address
from ledger.errors import AnchorMismatch, ChainUnavailable, NotFound
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import (
    ANVIL_PAYER,
    EMBEDDED_PAYER,
    ORIGIN,
    anchor_now,
    anchor_transaction,
    deploy,
    deploy_while_mining,
    head_of,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Evidence for the step 3 to 7 on an embedded chain, and what a trust file would say."""
    path = tmp_path_factory.mktemp("evidence") / "chain.sqlite"
    with open_node(f"embedded:{path}") as node:
        contract = deploy(node, EMBEDDED_PAYER).contract
        anchor_now(node, EMBEDDED_PAYER, contract, 0, 3)
        transaction, receipt = anchor_now(node, EMBEDDED_PAYER, contract, 3, 7)
        evidence, facts = build_anchor_evidence(
            node,
            transaction.hash,
            contract=contract,
            origin=ORIGIN,
            head=head_of(7),
            raw=transaction.raw,
        )
        trusted = {
            "block_hash": receipt.block_hash,
            "chain_id": node.chain_id,
            "contract": contract,
            "origin": ORIGIN,
            "size": 7,
            "root": head_of(7).root,
        }
    return json.loads(json.dumps(evidence)), trusted, facts, transaction


def refused(evidence, trusted):
    with pytest.raises(AnchorMismatch):
        verify_anchor_evidence(evidence, **trusted)


def test_good_evidence_gives_its_facts(world):
    evidence, trusted, facts, transaction = world
    assert verify_anchor_evidence(evidence, **trusted) == facts
    assert verify_anchor_evidence(evidence, **{**trusted, "block_hash": None}) == facts
    assert (facts.block_number, facts.block_hash) == (3, trusted["block_hash"])
    assert (facts.size, facts.root) == (7, head_of(7).root)
    assert (facts.previous_size, facts.previous_root) == (3, head_of(3).root)
    assert facts.transaction_hash == transaction.hash


@pytest.mark.parametrize(
    "change",
    [
        {"block_hash": bytes(32)},
        {"chain_id": 1},
        {"contract": "0x" + "11" * 20},
        {"origin": "ledger.example.jp/other"},
        {"size": 8},
        {"root": bytes(32)},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("with_block", [True, False])
def test_evidence_of_something_else(world, change, with_block):
    evidence, trusted, _, _ = world
    known = trusted if with_block else {**trusted, "block_hash": None}
    refused(evidence, {**known, **change})


@pytest.mark.parametrize("with_block", [True, False])
def test_every_flipped_byte_is_refused(world, with_block):
    evidence, trusted, _, _ = world
    trusted = trusted if with_block else {**trusted, "block_hash": None}
    text = json.dumps(evidence).encode()
    for index in range(len(text)):
        for mask in (0x01, 0x20):
            flipped = text[:index] + bytes([text[index] ^ mask]) + text[index + 1 :]
            try:
                changed = json.loads(flipped)
            except ValueError:
                continue
            if changed != evidence:
                refused(changed, trusted)


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("value", [None, "", "0x", "0x0", "0xzz", 0, -1, 1.5, True, [], ["0x"], {}])
def test_every_field_replaced(world, name, value):
    evidence, trusted, _, _ = world
    if name == "transaction_proof" and value is None:
        facts = verify_anchor_evidence({**evidence, name: None}, **trusted)
        assert facts.transaction_hash is None
    elif evidence[name] != value or type(value) is not type(evidence[name]):
        refused({**evidence, name: value}, trusted)


def test_fields_missing_or_more(world):
    evidence, trusted, _, _ = world
    for name in evidence:
        refused({key: value for key, value in evidence.items() if key != name}, trusted)
    refused({**evidence, "more": 1}, trusted)
    refused([], trusted)


def test_proof_nodes_dropped_repeated_or_added(world):
    evidence, trusted, _, _ = world
    for name in ("receipt_proof", "transaction_proof"):
        nodes = evidence[name]
        for changed in ([], nodes[1:], [*nodes, nodes[-1]], [*nodes, "0x80"], nodes * 20):
            refused({**evidence, name: changed}, trusted)
    swapped = copy.deepcopy(evidence)
    swapped["receipt_proof"], swapped["transaction_proof"] = (
        evidence["transaction_proof"],
        evidence["receipt_proof"],
    )
    refused(swapped, trusted)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_trie_proof_against_the_library(data):
    """Tries of receipts' size: what the trie library proves we accept, and nothing else."""
    count = data.draw(st.integers(1, 200))
    values = [bytes([index % 256]) * 40 + index.to_bytes(2, "big") for index in range(count)]
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(index)] = value
    index = data.draw(st.integers(0, count - 1))
    nodes = [rlp.encode(node) for node in trie.get_proof(rlp.encode(index))]
    assert verify_trie_proof(trie.root_hash, rlp.encode(index), nodes) == values[index]
    other = data.draw(st.integers(0, count + 20).filter(lambda one: one != index))
    with pytest.raises(AnchorMismatch):
        verify_trie_proof(trie.root_hash, rlp.encode(other), nodes)
    position = data.draw(st.integers(0, len(nodes) - 1))
    spot = data.draw(st.integers(0, len(nodes[position]) - 1))
    node = nodes[position]
    nodes[position] = node[:spot] + bytes([node[spot] ^ 4]) + node[spot + 1 :]
    with pytest.raises(AnchorMismatch):
        verify_trie_proof(trie.root_hash, rlp.encode(index), nodes)


@given(st.binary(max_size=200), st.binary(max_size=40))
def test_rubbish_in_the_trie_raises_nothing_else(node, key):
    with contextlib.suppress(AnchorMismatch):
        value = verify_trie_proof(keccak(node), key, [node])
        assert value in node


def test_it_is_not_mined_or_anchors_something_else(chain, node):
    contract = deploy(node, chain.payer).contract
    transaction, _ = anchor_now(node, chain.payer, contract, 0, 3)
    claim = {"contract": contract, "origin": ORIGIN}
    with pytest.raises(NotFound):
        build_anchor_evidence(node, b"\x11" * 32, **claim, head=head_of(3))
    with pytest.raises(AnchorMismatch):
        build_anchor_evidence(node, transaction.hash, **claim, head=head_of(4))


def test_the_transaction_that_anchored_is_found_whoever_sent_it(chain, node):
    deployed = deploy(node, chain.payer)
    birth = deployed.block_number
    first, _ = anchor_now(node, chain.payer, deployed.contract, 0, 3)
    for _ in range(3):
        anchor_now(node, chain.payer, deployed.contract, 0, 3)
    second, _ = anchor_now(node, chain.payer, deployed.contract, 3, 7)
    place = {"contract": deployed.contract, "origin": ORIGIN}
    for window in (1, 2, 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evidence_module, "LOG_WINDOW_BLOCKS", window)
            assert find_anchor(node, **place, size=3, first_block=birth) == first.hash
            assert find_anchor(node, **place, size=7, first_block=birth) == second.hash
    with pytest.raises(NotFound):
        find_anchor(node, **place, size=5, first_block=birth)
    with pytest.raises(NotFound):
        find_anchor(node, **{**place, "origin": "other"}, size=3, first_block=birth)


def test_a_refused_anchor_is_no_evidence(chain, node):
    contract = deploy(node, chain.payer).contract
    anchor_now(node, chain.payer, contract, 0, 3)
    again, receipt = anchor_now(node, chain.payer, contract, 0, 3)
    assert not receipt.succeeded
    with pytest.raises(AnchorMismatch, match="status 1"):
        build_anchor_evidence(node, again.hash, contract=contract, origin=ORIGIN, head=head_of(3))


@pytest.mark.parametrize("hardfork", ["shanghai", "cancun", "prague"])
def test_on_a_standard_node_of_several_forks(hardfork):
    require_anvil()
    with running_anvil(hardfork=hardfork) as url, open_node(url) as node:
        if hardfork == "shanghai":
            evidence_for_any_block(node)
            return
        contract = deploy(node, ANVIL_PAYER).contract
        transaction, receipt = anchor_now(node, ANVIL_PAYER, contract, 0, 3)
        for raw in (transaction.raw, None):
            _, facts = build_anchor_evidence(
                node,
                transaction.hash,
                contract=contract,
                origin=ORIGIN,
                head=head_of(3),
                raw=raw,
            )
            assert facts.block_hash == receipt.block_hash
            assert facts.transaction_hash in {transaction.hash, None if raw is None else 0}


def evidence_for_any_block(node):
    """Before Cancun the contract does not run; headers must encode all the same."""
    block = node.web3.eth.get_block("latest")
    assert encode_header(block)


def test_one_of_several_transactions_of_a_block():
    require_anvil()
    with running_anvil("--no-mining") as url, open_node(url) as node:
        contract = deploy_while_mining(node, ANVIL_PAYER)
        nonce = node.nonce(key_address(ANVIL_PAYER))
        steps = [(0, 3), (3, 7), (7, 9)]
        sent = [
            anchor_transaction(node, ANVIL_PAYER, contract, *step, nonce=nonce + offset)
            for offset, step in enumerate(steps)
        ]
        for transaction in sent:
            node.send(transaction.raw)
        node.web3.provider.make_request("evm_mine", [])
        assert len({node.receipt(one.hash).block_hash for one in sent}) == 1
        for transaction, (old_size, size) in zip(sent, steps, strict=True):
            _, facts = build_anchor_evidence(
                node,
                transaction.hash,
                contract=contract,
                origin=ORIGIN,
                head=head_of(size),
                raw=transaction.raw,
            )
            assert (facts.previous_size, facts.size) == (old_size, size)


def test_a_header_of_an_unknown_fork_is_refused(world, embedded_url):
    with open_node(embedded_url) as node:
        deploy(node, EMBEDDED_PAYER)
        block = dict(node.web3.eth.get_block("latest"))
    assert encode_header(block)
    with pytest.raises(ChainUnavailable):
        encode_header({**block, "stateRoot": bytes(32)})
