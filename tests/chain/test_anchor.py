"""The hand-packed digest is EIP-712's, signatures are the contract's, and its calls fit."""

import hashlib

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_utils.address import to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    deploy_anchor_contract,
    origin_hash,
    read_signers,
    rotate_call,
    rotate_digest,
)
from ledger.chain.node import open_node
from ledger.chain.quorum import key_address, order_signatures, recover_signer, sign_digest
from ledger.errors import BadSignature, OutOfRange
from tests.chain.chain_world import EMBEDDED_PAYER, ORIGIN
from tests.contracts.anchor_world import FIELDS, synthetic_pair

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEYS = [hashlib.sha256(b"key %d" % index).digest() for index in range(5)]
DIGEST = hashlib.sha256(b"a digest").digest()
SIZE_MAX = 2**63 - 1

words = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(to_checksum_address)
sizes = st.integers(0, SIZE_MAX)
pairs = st.tuples(sizes, sizes).filter(lambda pair: pair[0] != pair[1]).map(sorted)
chain_ids = st.integers(0, 2**256 - 1)


def library_digest(kind, message, chain_id, contract):
    domain = {
        "name": "kyojo anchor",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": contract,
    }
    types = {kind: [{"type": type_, "name": name} for type_, name in FIELDS[kind]]}
    return bytes(_hash_eip191_message(encode_typed_data(domain, types, message)))


@settings(deadline=None)
@given(words, st.tuples(words, words), pairs, chain_ids, addresses)
def test_the_anchor_digest_is_the_librarys(origin, roots, pair, chain_id, contract):
    old_root, root = roots
    message = AnchorMessage(origin, Head(pair[0], old_root), Head(pair[1], root))
    fields = {
        "originHash": origin,
        "previousSize": pair[0],
        "previousRoot": old_root,
        "size": pair[1],
        "root": root,
    }
    assert anchor_digest(message, chain_id=chain_id, contract=contract) == library_digest(
        "Anchor", fields, chain_id, contract
    )


@settings(max_examples=50, deadline=None)
@given(
    st.lists(addresses, max_size=16),
    st.integers(0, 255),
    st.integers(0, 2**64 - 1),
    chain_ids,
    addresses,
)
def test_the_rotate_digest_is_the_librarys(signers, k, epoch, chain_id, contract):
    fields = {"newSigners": signers, "newK": k, "epoch": epoch}
    assert rotate_digest(
        signers, k=k, epoch=epoch, chain_id=chain_id, contract=contract
    ) == library_digest("Rotate", fields, chain_id, contract)


@settings(deadline=None)
@given(words, st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big")))
def test_who_signed_is_recovered(digest, key):
    signature = sign_digest(digest, key)
    assert len(signature) == 65
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2
    assert recover_signer(digest, signature) == key_address(key)


def mirrored(signature):
    high = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])


SIGNATURE = sign_digest(DIGEST, KEYS[0])


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNATURE[:64],
        SIGNATURE + b"\0",
        SIGNATURE[:64] + bytes([SIGNATURE[64] - 27]),
        mirrored(SIGNATURE),
        bytes(32) + SIGNATURE[32:],
        SIGNATURE[:32] + bytes(32) + SIGNATURE[64:],
        b"\xff" * 32 + SIGNATURE[32:],
    ],
    ids=["empty", "64 bytes", "66 bytes", "v 0 or 1", "high s", "r zero", "s zero", "r too big"],
)
def test_a_signature_that_the_contract_would_refuse(signature):
    with pytest.raises(BadSignature):
        recover_signer(DIGEST, signature)


def test_signatures_are_ordered_by_signer_and_each_signer_counts_once():
    signatures = [sign_digest(DIGEST, key) for key in [*KEYS, KEYS[0]]]
    ordered = order_signatures(DIGEST, signatures)
    found = [int(recover_signer(DIGEST, one), 16) for one in ordered]
    assert found == sorted({int(key_address(key), 16) for key in KEYS})


def test_the_origin_is_hashed_as_utf_8_without_line_feed():
    assert origin_hash("組合.example/記録") == hashlib.sha256("組合.example/記録".encode()).digest()


@pytest.mark.parametrize(
    ("previous", "head"),
    [
        (Head(3, bytes(32)), Head(3, bytes(32))),
        (Head(4, bytes(32)), Head(3, bytes(32))),
        (Head(-1, bytes(32)), Head(3, bytes(32))),
        (Head(0, bytes(32)), Head(SIZE_MAX + 1, bytes(32))),
        (Head(0, bytes(31)), Head(3, bytes(32))),
        (Head(0, bytes(32)), Head(3, bytes(33))),
    ],
)
def test_a_message_that_cannot_be_an_anchor(previous, head):
    message = AnchorMessage(bytes(32), previous, head)
    with pytest.raises(OutOfRange):
        anchor_digest(message, chain_id=1, contract="0x" + "11" * 20)
    with pytest.raises(OutOfRange):
        anchor_call(message, [], [])


@pytest.mark.parametrize("proof", [[bytes(32)] * 64, [bytes(31)], [b""]])
def test_a_proof_that_the_contract_would_refuse(proof):
    message = AnchorMessage(bytes(32), Head(1, bytes(32)), Head(3, bytes(32)))
    with pytest.raises(OutOfRange):
        anchor_call(message, proof, [])


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_signature_of_another_length_becomes_no_call(length):
    message = AnchorMessage(bytes(32), Head(1, bytes(32)), Head(3, bytes(32)))
    for signatures in ([bytes(length)], [SIGNATURE, bytes(length)]):
        with pytest.raises(OutOfRange, match="65 bytes"):
            anchor_call(message, [], signatures)
        with pytest.raises(OutOfRange, match="65 bytes"):
            rotate_call(["0x" + "11" * 20], k=1, epoch=1, signatures=signatures)


def anchor_gas(node, contract, keys, step):
    previous, head, proof = step
    message = AnchorMessage(origin_hash(ORIGIN), previous, head)
    digest = anchor_digest(message, chain_id=node.chain_id, contract=contract)
    signatures = order_signatures(digest, [sign_digest(digest, key) for key in keys])
    return send_and_measure(node, contract, anchor_call(message, proof, signatures))


def send_and_measure(node, contract, data):
    nonce = node.nonce(key_address(EMBEDDED_PAYER))
    transaction = build_transaction(node, EMBEDDED_PAYER, contract=contract, data=data, nonce=nonce)
    node.send(transaction.raw)
    receipt = node.receipt(transaction.hash)
    assert receipt.succeeded
    return receipt.gas_used


def test_the_largest_calls_fit_into_their_gas(embedded_url):
    keys = [hashlib.sha256(b"one of sixteen %d" % index).digest() for index in range(16)]
    others = [hashlib.sha256(b"next sixteen %d" % index).digest() for index in range(16)]
    signers = [key_address(key) for key in keys]
    pair = (2**61 + 2, SIZE_MAX)
    old_root, root, proof = synthetic_pair(*pair)
    assert len(proof) == 63
    with open_node(embedded_url) as node:
        contract = deploy_anchor_contract(
            node, EMBEDDED_PAYER, signers=signers, k=16, max_growth=SIZE_MAX
        ).contract
        previous, head = Head(pair[0], old_root), Head(pair[1], root)
        anchor_gas(node, contract, keys, (Head(0, bytes(32)), previous, []))
        anchor_gas(node, contract, keys, (previous, head, proof))
        arriving = sorted(map(key_address, others), key=lambda one: int(one, 16))
        digest = rotate_digest(arriving, k=16, epoch=1, chain_id=node.chain_id, contract=contract)
        signatures = order_signatures(digest, [sign_digest(digest, key) for key in keys])
        data = rotate_call(arriving, k=16, epoch=1, signatures=signatures)
        assert send_and_measure(node, contract, data) > 0
        assert read_signers(node, contract).signers == tuple(arriving)
