"""Verify, offline, that a checkpoint was anchored: only a block hash must be trusted.

Evidence is a JSON object of hexadecimal strings (``0x…``) and numbers::

    {"v": 1, "chain_id": 31337,
     "block_hash":         keccak of ``header``
     "header":             the block header in RLP, whatever fields its fork has
     "transaction_index":  the position of receipt and transaction in the block
     "receipt_proof":      the nodes from the header's receiptsRoot down to the receipt
     "transaction_proof":  the nodes from its transactionsRoot down to the transaction, or null}

Both proofs are paths through the Merkle-Patricia tries of the block (Ethereum yellow paper,
appendix D), keyed by the RLP of the index. The receipt must have status 1 and hold, from the
contract's address, the event ``Anchored(originHash indexed, size indexed, root, previousSize,
previousRoot)``. Every byte of the evidence is bound by a check; nothing in it is decoration.

No chain library is needed: RLP and keccak are all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.errors import AnchorMismatch
from ledger.identity.keccak import keccak

FIELDS = frozenset(
    {
        "v",
        "chain_id",
        "block_hash",
        "header",
        "transaction_index",
        "receipt_proof",
        "transaction_proof",
    }
)
PROOF_NODES_MAX = 16
_HEX = re.compile(r"0x([0-9a-f]{2})*")
ANCHORED = keccak(b"Anchored(bytes32,uint64,bytes32,uint64,bytes32)")

# Where fields stand in a header's RLP; later forks only append.
_TRANSACTIONS_ROOT, _RECEIPTS_ROOT, _NUMBER, _TIME, _HEADER_FIELDS_MIN = 4, 5, 8, 11, 15


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """What the evidence proves, given that ``block_hash`` is a block of the chain.

    ``block_time`` is the block's own clock in Unix seconds. ``transaction_hash`` is None where
    the evidence brings no transaction proof; the event is proven all the same.
    """

    block_number: int
    block_hash: bytes
    block_time: int
    transaction_hash: bytes | None
    size: int
    root: bytes
    previous_size: int
    previous_root: bytes


@dataclass(frozen=True, slots=True)
class _Header:
    transactions_root: bytes
    receipts_root: bytes
    number: int
    time: int


def verify_anchor_evidence(  # noqa: PLR0913 - the trust file's facts, all by name
    evidence: Mapping[str, Any],
    *,
    block_hash: bytes | None,
    chain_id: int,
    contract: str,
    origin: str,
    size: int,
    root: bytes,
) -> AnchorFacts:
    """The facts that ``evidence`` proves about the anchor of (size, root) of ``origin``.

    With ``block_hash`` None the evidence is checked against the block that it names itself: it is
    then worth as much as whoever looks that block up. Raises AnchorMismatch, naming what differs.
    """
    _check_shape(evidence)
    _expect(evidence["chain_id"], chain_id, "chain id")
    header_bytes = _unhex(evidence["header"], "header")
    found_hash = keccak(header_bytes)
    _expect(found_hash, _unhex(evidence["block_hash"], "block_hash"), "hash of the header")
    if block_hash is not None:
        _expect(found_hash, block_hash, "block hash")
    header = _parse_header(header_bytes)
    index = evidence["transaction_index"]
    receipt = _prove(evidence, "receipt_proof", header.receipts_root, index)
    previous_size, previous_root = _find_event(receipt, contract, origin, size, root)
    return AnchorFacts(
        block_number=header.number,
        block_hash=found_hash,
        block_time=header.time,
        transaction_hash=_transaction_hash(evidence, header.transactions_root, index, chain_id),
        size=size,
        root=root,
        previous_size=previous_size,
        previous_root=previous_root,
    )


def verify_trie_proof(root: bytes, key: bytes, nodes: list[bytes]) -> bytes:
    """The value under ``key`` in the trie with ``root``, shown by exactly these nodes.

    ``nodes`` run from the root down. Nodes that stand inside their parent (shorter than 32 bytes)
    are not supported: receipts and transactions are longer. Raises AnchorMismatch.
    """
    wanted, path = root, key.hex()
    for position, node in enumerate(nodes):
        _expect(keccak(node), wanted, f"trie node {position}")
        step, path = _descend(_decode(node, f"trie node {position}"), path)
        if not path and position == len(nodes) - 1 and step.is_value:
            return step.target
        if step.is_value or len(step.target) != 32:
            raise AnchorMismatch(f"trie node {position} leads nowhere")
        wanted = step.target
    raise AnchorMismatch("the trie proof ends before its value")


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a trie node leads: to the value sought, or to the hash of the next node."""

    target: bytes
    is_value: bool


def _descend(node: Any, path: str) -> tuple[_Step, str]:
    """One step down from a decoded node; ``path`` is the rest of the key in nibbles."""
    if isinstance(node, list) and len(node) == 17:
        target = node[int(path[0], 16)] if path else node[16]
        return _Step(_leaf_bytes(target), is_value=not path), path[1:]
    if isinstance(node, list) and len(node) == 2:
        flag, segment = _parse_segment(_leaf_bytes(node[0]))
        if path.startswith(segment):
            return _Step(_leaf_bytes(node[1]), is_value=flag), path[len(segment) :]
    raise AnchorMismatch("the trie proof leaves the path of its key")


def _parse_segment(encoded: bytes) -> tuple[bool, str]:
    """Hex-prefix encoding: whether the node is a leaf, and its nibbles."""
    nibbles = encoded.hex()
    if not nibbles or nibbles[0] not in "0123" or (nibbles[0] in "02" and nibbles[1] != "0"):
        raise AnchorMismatch("a trie node has a malformed path")
    return nibbles[0] in "23", nibbles[1:] if nibbles[0] in "13" else nibbles[2:]


def _check_shape(evidence: Mapping[str, Any]) -> None:
    if not isinstance(evidence, Mapping) or set(evidence) != FIELDS:
        raise AnchorMismatch(f"anchor evidence has exactly the fields {', '.join(sorted(FIELDS))}")
    for name in ("v", "chain_id", "transaction_index"):
        if type(evidence[name]) is not int or evidence[name] < 0:
            raise AnchorMismatch(f"{name} is not a number")
    _expect(evidence["v"], 1, "version of the evidence")


def _parse_header(data: bytes) -> _Header:
    fields = _decode(data, "header")
    if not isinstance(fields, list) or len(fields) < _HEADER_FIELDS_MIN:
        raise AnchorMismatch("the header is not a block header")
    picked = [_leaf_bytes(fields[index]) for index in (_TRANSACTIONS_ROOT, _RECEIPTS_ROOT)]
    number, time = (_integer(fields[index]) for index in (_NUMBER, _TIME))
    return _Header(picked[0], picked[1], number, time)


def _prove(evidence: Mapping[str, Any], name: str, root: bytes, index: int) -> bytes:
    nodes = evidence[name]
    if not isinstance(nodes, list) or not 0 < len(nodes) <= PROOF_NODES_MAX:
        raise AnchorMismatch(f"{name} is not a list of 1 to {PROOF_NODES_MAX} trie nodes")
    try:
        return verify_trie_proof(root, _key(index), [_unhex(node, name) for node in nodes])
    except AnchorMismatch as error:
        raise AnchorMismatch(f"{name}: {error.message}") from error


def _find_event(
    receipt: bytes, contract: str, origin: str, size: int, root: bytes
) -> tuple[int, bytes]:
    """Previous size and root of the one anchor event asked for, in a successful receipt."""
    # A typed receipt (EIP-2718) has its type in front of the RLP list.
    fields = _decode(receipt[1:] if receipt[:1] < b"\x80" else receipt, "receipt")
    if not isinstance(fields, list) or len(fields) != 4 or not isinstance(fields[3], list):
        raise AnchorMismatch("the receipt is not a receipt")
    if fields[0] != b"\x01":
        raise AnchorMismatch("the transaction failed: its receipt does not have status 1")
    address = _unhex(contract.lower(), "contract address")
    topics = [ANCHORED, hashlib.sha256(origin.encode()).digest(), _word(size)]
    for log in fields[3]:
        if isinstance(log, list) and log[:2] == [address, topics] and len(log) == 3:
            return _read_event(_leaf_bytes(log[2]), root)
    raise AnchorMismatch(
        f"the receipt holds no anchor of {origin} at size {size} by {contract}", size=size
    )


def _read_event(data: bytes, root: bytes) -> tuple[int, bytes]:
    if len(data) != 96:
        raise AnchorMismatch("the anchor event does not hold three words")
    _expect(data[:32], root, "anchored root")
    return int.from_bytes(data[32:64], "big"), data[64:]


def _transaction_hash(
    evidence: Mapping[str, Any], root: bytes, index: int, chain_id: int
) -> bytes | None:
    if evidence["transaction_proof"] is None:
        return None
    transaction = _prove(evidence, "transaction_proof", root, index)
    if transaction[:1] < b"\x80":
        fields = _decode(transaction[1:], "transaction")
        if not isinstance(fields, list) or not fields:
            raise AnchorMismatch("the transaction is not a transaction")
        _expect(_integer(fields[0]), chain_id, "chain id of the transaction")
    return keccak(transaction)


def _expect(found: Any, expected: Any, what: str) -> None:
    if found != expected:
        raise AnchorMismatch(
            f"{what}: expected {_show(expected)}, found {_show(found)}",
            expected=_show(expected),
            found=_show(found),
        )


def _show(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _unhex(text: Any, what: str) -> bytes:
    """Bytes of a 0x… string in lower case; strict, so that no two texts are one value."""
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise AnchorMismatch(f"{what} is not a 0x… string of lower-case hexadecimal bytes")
    return bytes.fromhex(text[2:])


# rlp is imported when evidence is read: it brings a third of all that an audit would load, and
# many logs record no anchor.


def _key(index: int) -> bytes:
    import rlp  # noqa: PLC0415

    return bytes(rlp.encode(index))


def _decode(data: bytes, what: str) -> Any:
    import rlp  # noqa: PLC0415
    from rlp.exceptions import RLPException  # noqa: PLC0415

    try:
        return rlp.decode(data)
    except (RLPException, RecursionError) as error:
        raise AnchorMismatch(f"{what} is not RLP: {error}") from error


def _leaf_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise AnchorMismatch("a list stands where bytes belong")
    return value


def _integer(value: Any) -> int:
    return int.from_bytes(_leaf_bytes(value), "big")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
