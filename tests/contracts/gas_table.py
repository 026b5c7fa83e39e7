"""What calls of CheckpointAnchor cost on the embedded chain, by size of the log and signers.

An anchor costs by its calldata, its storage and its hashes. The steps are those of logs of many
sizes that grow by a tenth, a hundred or a thousand entries, and at the end the dearest 30-hash
proof there is: every sibling but one is a left one, so both roots are folded to the top.
Keys, nonces and addresses are fixed, so the same code costs the same gas on every machine.
"""

from __future__ import annotations

import hashlib
from typing import Any

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    deploy_anchor_contract,
    origin_hash,
    rotate_call,
    rotate_digest,
)
from ledger.chain.node import Node, open_node
from ledger.chain.quorum import key_address, order_signatures, sign_digest
from tests.contracts.anchor_world import ZERO, proof_length, synthetic_pair

PAYER = (1).to_bytes(32, "big")
SIGNER_COUNTS = (1, 3, 5, 16)
STEPS = (
    (1, 2),
    (900, 1_000),
    (15_900, 16_000),
    (999_000, 1_000_000),
    (1_073_000_001, 1_073_100_001),
    (2**29 - 1, 2**29),
)
INCLUSIONS = ((0, 2), (999, 1_000), (12_345, 16_000), (654_321, 1_000_000), (2**29 + 1, 2**30))


def keys_of(count: int) -> list[bytes]:
    """Private keys of anchorers that hold nothing."""
    return [hashlib.sha256(b"gas anchorer %d" % index).digest() for index in range(count)]


class Meter:
    """One contract with its anchorers on a fresh embedded chain; every call is a transaction."""

    def __init__(self, node: Node, signers: int, payer: bytes = PAYER) -> None:
        self.node, self.payer = node, payer
        self.keys = keys_of(signers)
        addresses = list(map(key_address, self.keys))
        made = deploy_anchor_contract(node, payer, signers=addresses, k=signers)
        self.contract = made.contract
        # The embedded chain has one transaction in a block.
        self.deployment = int(node.web3.eth.get_block(made.block_number)["gasUsed"])

    def send(self, data: bytes) -> int:
        nonce = self.node.nonce(key_address(self.payer))
        transaction = build_transaction(
            self.node, self.payer, contract=self.contract, data=data, nonce=nonce
        )
        self.node.send(transaction.raw)
        receipt = self.node.wait_for_receipt(transaction.hash)
        assert receipt.succeeded
        return receipt.gas_used

    def anchor(self, origin: str, previous: Head, head: Head, proof: list[bytes]) -> int:
        message = AnchorMessage(origin_hash(origin), previous, head)
        digest = anchor_digest(message, chain_id=self.node.chain_id, contract=self.contract)
        signatures = order_signatures(digest, [sign_digest(digest, key) for key in self.keys])
        return self.send(anchor_call(message, proof, signatures))

    def step(self, old_size: int, size: int) -> tuple[int, int]:
        """Gas of a log's first anchor, at ``old_size``, and of the next, at ``size``."""
        old_root, root, proof = synthetic_pair(old_size, size)
        origin = f"gas.example/{old_size}/{size}"
        before, after = Head(old_size, old_root), Head(size, root)
        first = self.anchor(origin, Head(0, ZERO), before, [])
        return first, self.anchor(origin, before, after, proof)

    def rotate(self) -> int:
        """Gas of a rotation to as many new anchorers, by all the present ones."""
        new = [hashlib.sha256(key).digest() for key in self.keys]
        addresses = sorted(map(key_address, new), key=lambda one: int(one, 16))
        k = len(new)
        digest = rotate_digest(
            addresses, k=k, epoch=1, chain_id=self.node.chain_id, contract=self.contract
        )
        signatures = order_signatures(digest, [sign_digest(digest, key) for key in self.keys])
        return self.send(rotate_call(addresses, k=k, epoch=1, signatures=signatures))

    def inclusion(self, index: int, size: int) -> tuple[int, int]:
        """Hashes of an inclusion proof and the gas of asking for it in a transaction.

        The log is made for the proof: every sibling is a hash, and the root follows from them.
        """
        proof = [hashlib.sha256(b"sibling %d" % place).digest() for place in range(64)]
        leaf, (used, root) = ZERO, climb(index, size - 1, ZERO, proof)
        origin = f"gas.example/inclusion/{index}/{size}"
        self.anchor(origin, Head(0, ZERO), Head(size, root), [])
        kinds = ["bytes32", "bytes32", "uint64", "bytes32[]"]
        arguments = encode(kinds, [origin_hash(origin), leaf, index, proof[:used]])
        data = keccak(b"verifyInclusion(bytes32,bytes32,uint64,bytes32[])")[:4] + arguments
        assert self.node.call(self.contract, data) == (1).to_bytes(32, "big")
        return used, self.send(data)


def climb(index: int, last: int, found: bytes, proof: list[bytes]) -> tuple[int, bytes]:
    """The root over a leaf and the siblings that its place asks for, and how many these are."""
    used = 0
    while last:
        if index & 1 or index < last:
            sides = (proof[used], found) if index & 1 else (found, proof[used])
            found, used = hashlib.sha256(b"\x01" + b"".join(sides)).digest(), used + 1
        index, last = index >> 1, last >> 1
    return used, found


def measure(url: str) -> dict[str, Any]:
    """All figures, in gas: by signers, by step and signers, by inclusion proof."""
    with open_node(url) as node:
        meters = {count: Meter(node, count) for count in SIGNER_COUNTS}
        steps = {pair: {n: meter.step(*pair) for n, meter in meters.items()} for pair in STEPS}
        one = meters[1]
        inclusions = {pair: one.inclusion(*pair) for pair in INCLUSIONS}
        return {
            "deploy": {str(n): meter.deployment for n, meter in meters.items()},
            "rotate": {str(n): meter.rotate() for n, meter in meters.items()},
            "first": {str(n): steps[STEPS[0]][n][0] for n in SIGNER_COUNTS},
            "next": [
                {
                    "from": pair[0],
                    "to": pair[1],
                    "hashes": proof_length(*pair),
                    "gas": {str(n): gas for n, (_, gas) in found.items()},
                }
                for pair, found in steps.items()
            ],
            "inclusion": [
                {"index": pair[0], "size": pair[1], "hashes": used, "gas": gas}
                for pair, (used, gas) in inclusions.items()
            ],
        }


def as_markdown(table: dict[str, Any]) -> str:
    """The figures as docs/contracts.md shows them."""
    counts = [str(count) for count in SIGNER_COUNTS]
    heads = " | ".join(f"{n} signer" + "s" * (n != "1") for n in counts)
    rows = [("deploy", "", table["deploy"]), ("first anchor", "0", table["first"])]
    rows += [(f"{r['from']:,} → {r['to']:,}", str(r["hashes"]), r["gas"]) for r in table["next"]]
    rows.append(("rotate all signers", "", table["rotate"]))
    lines = [f"| Call | Hashes | {heads} |", "|---|" + "---:|" * (1 + len(counts))]
    for name, hashes, gas in rows:
        lines.append(f"| {name} | {hashes} | " + " | ".join(f"{gas[n]:,}" for n in counts) + " |")
    lines += ["", "| `verifyInclusion` | Hashes | As a transaction |", "|---|---:|---:|"]
    for row in table["inclusion"]:
        name = f"entry {row['index']:,} of {row['size']:,}"
        lines.append(f"| {name} | {row['hashes']} | {row['gas']:,} |")
    return "\n".join(lines) + "\n"
