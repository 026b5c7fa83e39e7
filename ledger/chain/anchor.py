"""What CheckpointAnchor understands: the message to sign, the calls, its head and its birth.

The digest is EIP-712, packed by hand for the one fixed struct (CHAIN.md section 6)::

    structHash = keccak(typeHash ‖ originHash ‖ previousSize ‖ previousRoot ‖ size ‖ root)
    digest     = keccak(0x19 0x01 ‖ domainSeparator ‖ structHash)

with every field in 32 bytes, integers big-endian. A log's name on chain is SHA-256 of its origin.
Signatures are 65 bytes, ``r ‖ s ‖ v``, low s, v 27 or 28, ascending by signer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from ledger.chain.node import Node, SignedTransaction, Transaction, sign_transaction
from ledger.chain.quorum import (
    Deployment,
    address_word,
    call_data,
    decode_answer,
    deploy_contract,
    rotation_digest,
    signature_words,
    typed_digest,
    word,
)
from ledger.errors import OutOfRange
from ledger.identity.keccak import keccak

SIZE_MAX = 2**63 - 1
PROOF_HASHES_MAX = 63

# Room for 16 signatures and 63 hashes, and for the change of 16 signers; what is not used is not
# paid, but the sender must be able to.
ANCHOR_GAS = 350_000
ROTATE_GAS = 1_300_000
DEPLOY_GAS = 3_000_000
DEFAULT_MAX_GROWTH = 2**32

_NAME = "CheckpointAnchor"
_DOMAIN = "kyojo anchor"
_ANCHOR_TYPE = keccak(
    b"Anchor(bytes32 originHash,uint64 previousSize,bytes32 previousRoot,uint64 size,bytes32 root)"
)
_SIGNATURES = "(bytes32,bytes32,uint8)[]"
_ANCHOR = f"anchor(bytes32,uint64,uint64,bytes32,bytes32[],{_SIGNATURES})"
_ROTATE = f"rotate(address[],uint8,uint64,{_SIGNATURES})"
_ROTATE_SELECTOR = keccak(_ROTATE.encode())[:4]


@dataclass(frozen=True, slots=True)
class Head:
    """A tree head as the contract holds it; (0, 32 zero bytes) if it never saw the log."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class AnchorMessage:
    """What anchorers sign: the step of one log from the contract's head to a new one."""

    origin_hash: bytes
    previous: Head
    head: Head


@dataclass(frozen=True, slots=True)
class SignerSet:
    """The contract's anchorers (EIP-55, ascending by value), quorum, epoch and growth limit."""

    signers: tuple[str, ...]
    k: int
    epoch: int
    max_growth: int


def origin_hash(origin: str) -> bytes:
    """The name of a log in the contract: SHA-256 of its origin line, without a line feed."""
    return hashlib.sha256(origin.encode()).digest()


def anchor_digest(message: AnchorMessage, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an anchorer signs. Raises OutOfRange for fields that do not fit."""
    _check_message(message)
    words = (
        _ANCHOR_TYPE,
        message.origin_hash,
        word(message.previous.size),
        message.previous.root,
        word(message.head.size),
        message.head.root,
    )
    return typed_digest(_DOMAIN, b"".join(words), chain_id=chain_id, contract=contract)


def rotate_digest(
    signers: Sequence[str], *, k: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """The 32 bytes that the present quorum signs to install ``signers``, ending ``epoch``."""
    return rotation_digest(_DOMAIN, signers, k=k, epoch=epoch, chain_id=chain_id, contract=contract)


def anchor_call(
    message: AnchorMessage, proof: Sequence[bytes], signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``anchor``; ``proof`` is the consistency proof, empty for a first head."""
    _check_message(message)
    if len(proof) > PROOF_HASHES_MAX or any(len(one) != 32 for one in proof):
        raise OutOfRange(f"a consistency proof has at most {PROOF_HASHES_MAX} hashes of 32 bytes")
    previous, head = message.previous, message.head
    values = [message.origin_hash, previous.size, head.size, head.root, proof]
    return call_data(_ANCHOR, [*values, signature_words(signatures)])


def rotate_call(
    signers: Sequence[str], *, k: int, epoch: int, signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``rotate``."""
    return call_data(_ROTATE, [list(signers), k, epoch, signature_words(signatures)])


def read_head(node: Node, contract: str, origin: str, *, at: Any = "latest") -> Head:
    """The head that the contract holds for ``origin`` at a height or block tag.

    Raises NotFound if no such contract stands there at that block.
    """
    call = call_data("head(bytes32)", [origin_hash(origin)])
    size, root = decode_answer(
        ["uint64", "bytes32"], node.call(contract, call, at=at), contract=contract, name=_NAME
    )
    return Head(size, root)


def read_signers(node: Node, contract: str) -> SignerSet:
    """The contract's present signer set and limits; raises NotFound if there is no contract."""

    def view(name: str, kind: str) -> Any:
        output = node.call(contract, call_data(f"{name}()", []))
        return decode_answer([kind], output, contract=contract, name=_NAME)[0]

    return SignerSet(
        signers=tuple(to_checksum_address(one) for one in view("signers", "address[]")),
        k=view("k", "uint8"),
        epoch=view("epoch", "uint64"),
        max_growth=view("maxGrowth", "uint64"),
    )


def build_transaction(
    node: Node, key: bytes, *, contract: str, data: bytes, nonce: int
) -> SignedTransaction:
    """A signed, unsent transaction that calls ``anchor`` or ``rotate`` with ``data``.

    ``key`` pays the gas and need not be an anchorer.
    """
    gas = ROTATE_GAS if data[:4] == _ROTATE_SELECTOR else ANCHOR_GAS
    unsigned = Transaction(node.chain_id, nonce, contract, data, gas, node.fees())
    return sign_transaction(unsigned, key)


def deploy_anchor_contract(
    node: Node,
    key: bytes,
    *,
    signers: Sequence[str],
    k: int,
    max_growth: int = DEFAULT_MAX_GROWTH,
) -> Deployment:
    """Deploy CheckpointAnchor from the account of ``key`` and check what stands there.

    The deployer keeps no right. Raises Conflict if the constructor refuses, AnchorMismatch if
    the code that stands there is not the artefact's.
    """
    ordered = sorted(signers, key=address_word)
    arguments = encode(["address[]", "uint8", "uint64"], [ordered, k, max_growth])
    return deploy_contract(node, key, name=_NAME, arguments=arguments, gas=DEPLOY_GAS)


def _check_message(message: AnchorMessage) -> None:
    hashes = (message.origin_hash, message.previous.root, message.head.root)
    if any(len(one) != 32 for one in hashes):
        raise OutOfRange("an anchor names hashes of 32 bytes each")
    if not 0 <= message.previous.size < message.head.size <= SIZE_MAX:
        raise OutOfRange(
            f"an anchor grows a log: {message.previous.size} to {message.head.size} does not",
            previous_size=message.previous.size,
            size=message.head.size,
        )
