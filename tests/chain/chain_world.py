"""What the chain tests share: keys, a growing log, and one log's life on a node."""

from __future__ import annotations

import hashlib
import threading

from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    deploy_anchor_contract,
    origin_hash,
)
from ledger.chain.quorum import key_address, order_signatures, sign_digest
from tests.contracts.anchor_world import consistency, leaves, root_of

ORIGIN = "ledger.example.jp/kaga-mobility"
NO_HEAD = Head(0, bytes(32))
ANCHORERS = [hashlib.sha256(b"anchorer %d" % index).digest() for index in range(3)]

# The first funded account of eth-tester; publicly known, good for gas only.
EMBEDDED_PAYER = (1).to_bytes(32, "big")
# The first funded account of anvil's published mnemonic; the same remark applies.
ANVIL_PAYER = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


def head_of(size):
    return Head(size, root_of(leaves(size))) if size else NO_HEAD


def deploy(node, payer, k=2, **options):
    signers = [key_address(key) for key in ANCHORERS]
    return deploy_anchor_contract(node, payer, signers=signers, k=k, **options)


def anchor_data(node, contract, old_size, size, *, keys=ANCHORERS[:2], origin=ORIGIN):
    message = AnchorMessage(origin_hash(origin), head_of(old_size), head_of(size))
    digest = anchor_digest(message, chain_id=node.chain_id, contract=contract)
    signatures = order_signatures(digest, [sign_digest(digest, key) for key in keys])
    proof = consistency(old_size, leaves(size)) if old_size else []
    return anchor_call(message, proof, signatures)


def anchor_transaction(node, payer, contract, old_size, size, *, nonce=None):
    data = anchor_data(node, contract, old_size, size)
    if nonce is None:
        nonce = node.nonce(key_address(payer))
    return build_transaction(node, payer, contract=contract, data=data, nonce=nonce)


def anchor_now(node, payer, contract, old_size, size):
    transaction = anchor_transaction(node, payer, contract, old_size, size)
    node.send(transaction.raw)
    return transaction, node.wait_for_receipt(transaction.hash)


def deploy_while_mining(node, payer):
    """On a node that mines on command only, somebody must mine while deployment waits."""
    timer = threading.Timer(0.5, node.web3.provider.make_request, ("evm_mine", []))
    timer.start()
    try:
        return deploy(node, payer).contract
    finally:
        timer.join()
