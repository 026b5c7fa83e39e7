"""What anchoring costs on a chain, for each usage record: gas, and money at a stated gas price.

A log of a million batches of 1,000 records, built from leaf hashes as in ``bench.proofs``. Each of
the next ten batches is anchored on its own, signed by two of three anchorers, on the embedded
chain, whose gas is that of a real node. That is the dearest way to anchor: an anchor covers all
that the log has grown by, so ten batches in one cost a tenth. Gas does not depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from bench.figure import Figure
from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    deploy_anchor_contract,
    origin_hash,
)
from ledger.chain.node import Node, Transaction, open_node, sign_transaction
from ledger.chain.quorum import key_address, order_signatures, sign_digest
from ledger.log.merkle import leaf_hash, prove_consistency_from, root_from
from ledger.log.tile import grow, tile_hash_reader
from ledger.wiring import EMBEDDED_GAS_KEY

ENTRIES = 1_000_000
BATCH_RECORDS = 1_000
ANCHORS = 10
ORIGIN = "bench.example/anchoring"
GAS_PRICE_GWEI = 10
TRANSFER_GAS = 50_000  # more than a transfer takes; what is left comes back
BARE = "a bare transaction for each record"
Report = Callable[[str, int, int], None]


def anchor_batches(scale: float, report: Report) -> Iterator[Figure]:
    """Gas, and gwei at ``GAS_PRICE_GWEI``, for each record of batches that are anchored alone."""
    size = max(int(ENTRIES * scale), 2)
    keys = [sha256(b"bench anchorer %d" % index).digest() for index in range(3)]
    with (
        TemporaryDirectory(prefix="kyojo-bench-") as folder,
        open_node(f"embedded:{Path(folder) / 'chain.sqlite'}") as node,
    ):
        bare = _transfer(node)
        steps = _steps(size, report)
        signers = [key_address(key) for key in keys]
        contract = deploy_anchor_contract(node, EMBEDDED_GAS_KEY, signers=signers, k=2).contract
        used = []
        for previous, head, proof in steps:
            report("anchors", len(used), ANCHORS + 1)
            used.append(_anchor(node, contract, keys[:2], AnchorMessage(
                origin_hash(ORIGIN), previous, head), proof))  # fmt: skip
    gas = mean(used[1:]) / BATCH_RECORDS
    yield Figure("anchor_gas", gas, "gas/record", "embedded chain", BARE, bare)
    price = f"gwei/record at {GAS_PRICE_GWEI} gwei"
    cost, bare_cost = (value * GAS_PRICE_GWEI for value in (gas, bare))
    yield Figure("anchor_cost", cost, price, "embedded chain", BARE, bare_cost)


def _steps(size: int, report: Report) -> list[tuple[Head, Head, tuple[bytes, ...]]]:
    """The first head, at ``size`` entries, and ten steps of one entry each, with their proofs."""
    report("hashing leaves", 0, size)
    last = size + ANCHORS
    grown = grow(0, [leaf_hash(index.to_bytes(8, "big")) for index in range(last)], lambda _: [])
    reader = tile_hash_reader(lambda wanted: [grown[tile] for tile in wanted], last)
    heads = [Head(count, root_from(reader, count)) for count in range(size, last + 1)]
    following = [
        (before, after, prove_consistency_from(reader, before.size, after.size))
        for before, after in pairwise(heads)
    ]
    return [(Head(0, bytes(32)), heads[0], ()), *following]


def _anchor(
    node: Node, contract: str, keys: list[bytes], message: AnchorMessage, proof: tuple[bytes, ...]
) -> int:
    digest = anchor_digest(message, chain_id=node.chain_id, contract=contract)
    signatures = order_signatures(digest, [sign_digest(digest, key) for key in keys])
    data = anchor_call(message, proof, signatures)
    nonce = node.nonce(key_address(EMBEDDED_GAS_KEY))
    transaction = build_transaction(
        node, EMBEDDED_GAS_KEY, contract=contract, data=data, nonce=nonce
    )
    return _used(node, transaction.raw, transaction.hash)


def _transfer(node: Node) -> int:
    """The gas of a transaction that does nothing."""
    payer = key_address(EMBEDDED_GAS_KEY)
    plain = Transaction(node.chain_id, node.nonce(payer), payer, b"", TRANSFER_GAS, node.fees())
    signed = sign_transaction(plain, EMBEDDED_GAS_KEY)
    return _used(node, signed.raw, signed.hash)


def _used(node: Node, raw: bytes, transaction_hash: bytes) -> int:
    node.send(raw)
    receipt = node.wait_for_receipt(transaction_hash)
    if not receipt.succeeded:
        raise RuntimeError("the chain refused a transaction of the benchmark")
    return receipt.gas_used
