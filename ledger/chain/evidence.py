"""Build the anchor evidence that ``ledger.audit.anchor_evidence`` verifies offline.

Any node will do, the embedded chain too, since nothing but blocks and receipts is asked for: the
tries are rebuilt here and must come to the header's roots, and the header's RLP to the block hash.
The result is verified before it is handed out; evidence that its own verifier refuses never
leaves this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import rlp
from eth_typing import Hash32
from trie.hexary import HexaryTrie

from ledger.audit.anchor_evidence import ANCHORED, AnchorFacts, verify_anchor_evidence
from ledger.chain.anchor import Head, origin_hash
from ledger.chain.faults import translated
from ledger.chain.node import FinalityDepths, Node
from ledger.errors import ChainUnavailable, NotFound
from ledger.identity.keccak import keccak

RECEIPTS_MAX = 5_000

# eth-tester needs 0.6 s for the logs of 100 blocks and 7 s for those of 300.
LOG_WINDOW_BLOCKS = 20

# Header fields in RLP order; those from baseFeePerGas on exist from some fork on.
_HEADER_FIELDS = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", None),
    ("mixHash", 32),
    ("nonce", 8),
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)


@translated("collect anchor evidence")
def build_anchor_evidence(  # noqa: PLR0913 - what is claimed, all by name
    node: Node,
    transaction_hash: bytes,
    *,
    contract: str,
    origin: str,
    head: Head,
    raw: bytes | None = None,
) -> tuple[dict[str, Any], AnchorFacts]:
    """Evidence that the mined transaction anchored ``head`` of ``origin``, and what it proves.

    ``raw`` are the transaction's bytes, if kept; with them, or on a node that hands out raw
    transactions, the transaction itself is proven too. Costs one request per transaction of the
    block. Raises NotFound if it is not mined, AnchorMismatch if it anchored something else,
    ChainUnavailable if the node's answers do not come to the block's roots.
    """
    receipt = node.web3.eth.get_transaction_receipt(Hash32(transaction_hash))
    block = node.web3.eth.get_block(receipt["blockHash"])
    receipts = _receipts(node, block)
    index = int(receipt["transactionIndex"])
    transactions = _raw_transactions(node, block, {bytes(transaction_hash): raw})
    proof = _proof(transactions, index, bytes(block["transactionsRoot"])) if transactions else None
    evidence: dict[str, Any] = {
        "v": 1,
        "chain_id": node.chain_id,
        "block_hash": _hex(bytes(block["hash"])),
        "header": _hex(encode_header(block)),
        "transaction_index": index,
        "receipt_proof": _proof(
            [encode_receipt(one) for one in receipts], index, bytes(block["receiptsRoot"])
        ),
        "transaction_proof": proof,
    }
    facts = verify_anchor_evidence(
        evidence,
        block_hash=bytes(block["hash"]),
        chain_id=node.chain_id,
        contract=contract,
        origin=origin,
        size=head.size,
        root=head.root,
    )
    return evidence, facts


def find_anchor(node: Node, *, contract: str, origin: str, size: int, first_block: int) -> bytes:
    """The hash of the transaction that anchored ``origin`` at ``size``, whoever sent it.

    Looks backwards from the latest block to ``first_block`` (the contract's birth, or any height
    known to lie before the anchor), ``LOG_WINDOW_BLOCKS`` at a time. Raises NotFound.
    """
    topics = [ANCHORED, origin_hash(origin), size.to_bytes(32, "big")]
    last = node.finality(FinalityDepths(0, 0)).latest
    while last >= first_block:
        first = max(first_block, last - LOG_WINDOW_BLOCKS + 1)
        found = node.log_transactions(contract, topics, first_block=first, last_block=last)
        if found:
            return found[0]
        last = first - 1
    raise NotFound(f"{contract} holds no anchor of {origin} at size {size}", size=size)


def encode_header(block: Mapping[str, Any]) -> bytes:
    """The RLP of a block header from a node's answer; its keccak is the block's hash.

    Raises ChainUnavailable if it is not: a field of a fork that this code does not know.
    """
    extra = bytes(block["extraData"] if "extraData" in block else block["proofOfAuthorityData"])
    # eth-tester pads extraData to a word; the header itself holds it unpadded.
    for candidate in (extra, extra.lstrip(b"\0")):
        encoded = _rlp(_header_fields({**block, "extraData": candidate}))
        if keccak(encoded) == bytes(block["hash"]):
            return encoded
    raise ChainUnavailable("the block's header has fields that kyojo does not know", kind="unknown")


def encode_receipt(receipt: Mapping[str, Any]) -> bytes:
    """The consensus form of a receipt (EIP-2718): what the receipts trie holds."""
    logs = [
        [_unhex(log["address"]), [bytes(topic) for topic in log["topics"]], bytes(log["data"])]
        for log in receipt["logs"]
    ]
    fields = [receipt["status"], receipt["cumulativeGasUsed"], logs_bloom(logs), logs]
    kind = int(receipt["type"])
    prefix = bytes([kind]) if kind else b""
    return prefix + _rlp(fields)


def logs_bloom(logs: Sequence[Any]) -> bytes:
    """The 2048-bit filter of addresses and topics (yellow paper, 4.3.1).

    Computed rather than read, because eth-tester's receipts have none.
    """
    bloom = 0
    for address, topics, _ in logs:
        for item in (address, *topics):
            digest = keccak(item)
            for offset in (0, 2, 4):
                bloom |= 1 << (int.from_bytes(digest[offset : offset + 2], "big") & 2047)
    return bloom.to_bytes(256, "big")


def _header_fields(block: Mapping[str, Any]) -> list[Any]:
    fields: list[Any] = []
    for name, length in _HEADER_FIELDS:
        if block.get(name) is None:
            break
        fields.append(_field(block[name], length))
    return fields


def _field(value: Any, length: int | None) -> Any:
    if isinstance(value, int):
        return value
    data = _unhex(value) if isinstance(value, str) else bytes(value)
    return data if length is None else data.rjust(length, b"\0")


def _receipts(node: Node, block: Any) -> list[Any]:
    if len(block["transactions"]) > RECEIPTS_MAX:
        raise ChainUnavailable(f"the block has more than {RECEIPTS_MAX} transactions")
    return [node.web3.eth.get_transaction_receipt(one) for one in block["transactions"]]


def _raw_transactions(
    node: Node, block: Any, known: Mapping[bytes, bytes | None]
) -> list[bytes] | None:
    """All raw transactions of the block in order, or None where the node does not give them."""
    try:
        return [known.get(bytes(one)) or _raw(node, one) for one in block["transactions"]]
    except (NotFound, ChainUnavailable) as error:
        if error.details.get("kind") == "unreachable":
            raise
        return None


def _raw(node: Node, transaction_hash: Any) -> bytes:
    with translated("read a raw transaction"):
        found = bytes(node.web3.eth.get_raw_transaction(transaction_hash))
    if keccak(found) != bytes(transaction_hash):
        raise ChainUnavailable("the node's raw transaction has another hash", kind="unknown")
    return found


def _proof(values: Sequence[bytes], index: int, root: bytes) -> list[str]:
    trie = HexaryTrie({})
    for position, value in enumerate(values):
        trie[_rlp(position)] = value
    if trie.root_hash != root:
        raise ChainUnavailable(
            "the block's contents do not come to the root in its header", kind="unknown"
        )
    nodes = trie.get_proof(_rlp(index))  # type: ignore[no-untyped-call]
    return [_hex(_rlp(node)) for node in nodes]


def _rlp(value: Any) -> bytes:
    return bytes(rlp.encode(value))


def _unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
