"""What CheckpointAnchor understands: the message to sign, the calls, its head and its birth.

The digest is EIP-712, packed by hand for the one fixed struct (CHAIN.md section 6)::

    structHash = keccak(typeHash ‖ originHash ‖ previousSize ‖ previousRoot ‖ size ‖ root)
    digest     = keccak(0x19 0x01 ‖ domainSeparator ‖ structHash)

with every field in 32 bytes, integers big-endian. A log's name on chain is SHA-256 of its origin.
Signatures are 65 bytes, ``r ‖ s ‖ v``, low s, v 27 or 28, ascending by signer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey, PublicKey
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from contracts import load_contract
from ledger.chain.node import Node, SignedTransaction, Transaction, sign_transaction
from ledger.errors import BadSignature, Conflict, NotFound, OutOfRange

SIZE_MAX = 2**63 - 1
PROOF_HASHES_MAX = 63

# Room for 16 signatures and 63 hashes, and for the change of 16 signers; what is not used is not
# paid, but the sender must be able to.
ANCHOR_GAS = 350_000
ROTATE_GAS = 1_300_000
DEPLOY_GAS = 3_000_000
DEFAULT_MAX_GROWTH = 2**32

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME = keccak(b"kyojo anchor")
_DOMAIN_VERSION = keccak(b"1")
_ANCHOR_TYPE = keccak(
    b"Anchor(bytes32 originHash,uint64 previousSize,bytes32 previousRoot,uint64 size,bytes32 root)"
)
_SIGNATURES = "(bytes32,bytes32,uint8)[]"
_ANCHOR = f"anchor(bytes32,uint64,uint64,bytes32,bytes32[],{_SIGNATURES})"
_ROTATE = f"rotate(address[],uint8,uint64,{_SIGNATURES})"
_ROTATE_SELECTOR = keccak(_ROTATE.encode())[:4]
_ROTATE_TYPE = keccak(b"Rotate(address[] newSigners,uint8 newK,uint64 epoch)")


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


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contract as it was born; all four facts belong into trust files."""

    chain_id: int
    contract: str
    code_hash: bytes
    block_number: int


def origin_hash(origin: str) -> bytes:
    """The name of a log in the contract: SHA-256 of its origin line, without a line feed."""
    return hashlib.sha256(origin.encode()).digest()


def anchor_digest(message: AnchorMessage, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes that an anchorer signs. Raises OutOfRange for fields that do not fit."""
    _check_message(message)
    words = (
        _ANCHOR_TYPE,
        message.origin_hash,
        _word(message.previous.size),
        message.previous.root,
        _word(message.head.size),
        message.head.root,
    )
    return _typed_digest(b"".join(words), chain_id=chain_id, contract=contract)


def rotate_digest(
    signers: Sequence[str], *, k: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """The 32 bytes that the present quorum signs to install ``signers``, ending ``epoch``."""
    elements = keccak(b"".join(bytes(12) + _address_bytes(signer) for signer in signers))
    words = _ROTATE_TYPE + elements + _word(k) + _word(epoch)
    return _typed_digest(words, chain_id=chain_id, contract=contract)


def sign_digest(digest: bytes, key: bytes) -> bytes:
    """A 65-byte signature over ``digest`` by the 32-byte private ``key`` (low s, v 27 or 28)."""
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def key_address(key: bytes) -> str:
    """The EIP-55 address of a 32-byte private key."""
    return _address_of(PrivateKey(key).public_key)


def recover_signer(digest: bytes, signature: bytes) -> str:
    """Who signed, as an EIP-55 address, under the contract's own rules.

    Raises BadSignature unless it is 65 bytes with low s and v 27 or 28, and recovers.
    """
    if len(signature) != 65 or signature[64] not in {27, 28}:
        raise BadSignature("an anchor signature is 65 bytes ending in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _CURVE_ORDER // 2:
        raise BadSignature("an anchor signature has a high s")
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        found = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:
        # The library raises bare Exception and ValueError alike for impossible points.
        raise BadSignature("an anchor signature recovers to nobody") from error
    return _address_of(found)


def order_signatures(digest: bytes, signatures: Iterable[bytes]) -> list[bytes]:
    """The signatures ascending by signer, each signer once, as the contract wants them."""
    by_signer = {_address_bytes(recover_signer(digest, one)): one for one in signatures}
    return [by_signer[signer] for signer in sorted(by_signer)]


def anchor_call(
    message: AnchorMessage, proof: Sequence[bytes], signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``anchor``; ``proof`` is the consistency proof, empty for a first head."""
    _check_message(message)
    if len(proof) > PROOF_HASHES_MAX or any(len(one) != 32 for one in proof):
        raise OutOfRange(f"a consistency proof has at most {PROOF_HASHES_MAX} hashes of 32 bytes")
    previous, head = message.previous, message.head
    values = [message.origin_hash, previous.size, head.size, head.root, proof]
    return _call(_ANCHOR, [*values, _words(signatures)])


def rotate_call(
    signers: Sequence[str], *, k: int, epoch: int, signatures: Sequence[bytes]
) -> bytes:
    """The call data of ``rotate``."""
    return _call(_ROTATE, [list(signers), k, epoch, _words(signatures)])


def read_head(node: Node, contract: str, origin: str, *, at: Any = "latest") -> Head:
    """The head that the contract holds for ``origin`` at a height or block tag.

    Raises NotFound if no such contract stands there at that block.
    """
    call = _call("head(bytes32)", [origin_hash(origin)])
    size, root = _answer(["uint64", "bytes32"], node.call(contract, call, at=at), contract)
    return Head(size, root)


def read_signers(node: Node, contract: str) -> SignerSet:
    """The contract's present signer set and limits; raises NotFound if there is no contract."""

    def view(name: str, kind: str) -> Any:
        return _answer([kind], node.call(contract, _call(f"{name}()", [])), contract)[0]

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
    artefact = load_contract("CheckpointAnchor")
    ordered = sorted(signers, key=_address_bytes)
    code = artefact.creation + encode(["address[]", "uint8", "uint64"], [ordered, k, max_growth])
    nonce = node.nonce(key_address(key))
    unsigned = Transaction(node.chain_id, nonce, None, code, DEPLOY_GAS, node.fees())
    transaction = sign_transaction(unsigned, key)
    node.send(transaction.raw)
    receipt = node.wait_for_receipt(transaction.hash)
    if not receipt.succeeded or receipt.contract is None:
        raise Conflict("the chain refused to deploy CheckpointAnchor", kind="reverted")
    node.check(chain_id=node.chain_id, contract=receipt.contract, code_hash=artefact.runtime_hash)
    return Deployment(node.chain_id, receipt.contract, artefact.runtime_hash, receipt.block_number)


def _typed_digest(words: bytes, *, chain_id: int, contract: str) -> bytes:
    domain = keccak(
        _DOMAIN_TYPE
        + _DOMAIN_NAME
        + _DOMAIN_VERSION
        + _word(chain_id)
        + bytes(12)
        + _address_bytes(contract)
    )
    return keccak(b"\x19\x01" + domain + keccak(words))


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


def _call(signature: str, values: Sequence[Any]) -> bytes:
    inside = signature.partition("(")[2].removesuffix(")")
    # A comma inside a tuple does not end an argument.
    kinds = re.findall(r"(?:[^,(]|\([^)]*\))+", inside)
    return keccak(signature.encode())[:4] + encode(kinds, values)


def _words(signatures: Sequence[bytes]) -> list[tuple[bytes, bytes, int]]:
    """Signatures of 65 bytes as the contract takes them: r, s and v."""
    if any(len(one) != 65 for one in signatures):
        raise OutOfRange("an anchor signature is 65 bytes: r, s and v")
    return [(one[:32], one[32:64], one[64]) for one in signatures]


def _answer(kinds: Sequence[str], output: bytes, contract: str) -> tuple[Any, ...]:
    try:
        return decode(kinds, output)
    except DecodingError as error:
        raise NotFound(f"what stands at {contract} is not a CheckpointAnchor") from error


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address_bytes(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x"))


def _address_of(public_key: PublicKey) -> str:
    return to_checksum_address(keccak(public_key.format(compressed=False)[1:])[-20:])
