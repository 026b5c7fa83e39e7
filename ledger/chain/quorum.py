"""What the contracts of kyojo share: typed digests, a quorum's signatures, call data, deployment.

Each contract is governed by a signer set of its own, k of n, and takes EIP-712 digests, packed by
hand for each fixed struct (CHAIN.md section 6)::

    structHash = keccak(typeHash ‖ field ‖ field ‖ …)
    digest     = keccak(0x19 0x01 ‖ domainSeparator ‖ structHash)

with every field in 32 bytes, integers big-endian. The domain names the contract's kind, so that
what is signed for one kind is nothing to another. Signatures are 65 bytes, ``r ‖ s ‖ v``, low s,
v 27 or 28, ascending by signer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey, PublicKey
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address

from contracts import load_contract
from ledger.chain.node import Node, Transaction, sign_transaction
from ledger.errors import BadSignature, Conflict, NotFound, OutOfRange
from ledger.identity.keccak import keccak

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_VERSION = keccak(b"1")
_ROTATE_TYPE = keccak(b"Rotate(address[] newSigners,uint8 newK,uint64 epoch)")

# An argument of a call: a comma inside a tuple does not end it.
_ARGUMENT = re.compile(r"(?:[^,(]|\([^)]*\))+")


@dataclass(frozen=True, slots=True)
class Deployment:
    """A contract as it was born; all four facts belong into trust files."""

    chain_id: int
    contract: str
    code_hash: bytes
    block_number: int


def typed_digest(name: str, words: bytes, *, chain_id: int, contract: str) -> bytes:
    """The 32 bytes to sign, for a struct given as its type hash and fields, 32 bytes each.

    ``name`` is the EIP-712 domain's, such as ``kyojo anchor``.
    """
    domain = keccak(
        _DOMAIN_TYPE
        + keccak(name.encode())
        + _DOMAIN_VERSION
        + word(chain_id)
        + address_word(contract)
    )
    return keccak(b"\x19\x01" + domain + keccak(words))


def rotation_digest(  # noqa: PLR0913 - the fields of the struct and of its domain
    name: str, signers: Sequence[str], *, k: int, epoch: int, chain_id: int, contract: str
) -> bytes:
    """The 32 bytes that the present quorum signs to install ``signers``, ending ``epoch``."""
    elements = keccak(b"".join(address_word(signer) for signer in signers))
    words = _ROTATE_TYPE + elements + word(k) + word(epoch)
    return typed_digest(name, words, chain_id=chain_id, contract=contract)


def sign_digest(digest: bytes, key: bytes) -> bytes:
    """A 65-byte signature over ``digest`` by the 32-byte private ``key`` (low s, v 27 or 28)."""
    signature = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([27 + signature[64]])


def key_address(key: bytes) -> str:
    """The EIP-55 address of a 32-byte private key."""
    return _address_of(PrivateKey(key).public_key)


def recover_signer(digest: bytes, signature: bytes) -> str:
    """Who signed, as an EIP-55 address, under the contracts' own rules.

    Raises BadSignature unless it is 65 bytes with low s and v 27 or 28, and recovers.
    """
    if len(signature) != 65 or signature[64] not in {27, 28}:
        raise BadSignature("a signature for a contract is 65 bytes ending in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _CURVE_ORDER // 2:
        raise BadSignature("a signature for a contract has a high s")
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        found = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:
        # The library raises bare Exception and ValueError alike for impossible points.
        raise BadSignature("a signature for a contract recovers to nobody") from error
    return _address_of(found)


def order_signatures(digest: bytes, signatures: Iterable[bytes]) -> list[bytes]:
    """The signatures ascending by signer, each signer once, as the contracts want them."""
    by_signer = {address_word(recover_signer(digest, one)): one for one in signatures}
    return [by_signer[signer] for signer in sorted(by_signer)]


def signature_words(signatures: Sequence[bytes]) -> list[tuple[bytes, bytes, int]]:
    """Signatures of 65 bytes as the contracts take them: r, s and v."""
    if any(len(one) != 65 for one in signatures):
        raise OutOfRange("a signature for a contract is 65 bytes: r, s and v")
    return [(one[:32], one[32:64], one[64]) for one in signatures]


def call_data(signature: str, values: Sequence[Any]) -> bytes:
    """The call data of the function ``signature``, such as ``head(bytes32)``."""
    kinds = _ARGUMENT.findall(signature.partition("(")[2][:-1])
    return keccak(signature.encode())[:4] + encode(kinds, values)


def decode_answer(
    kinds: Sequence[str], output: bytes, *, contract: str, name: str
) -> tuple[Any, ...]:
    """What a read-only call gave; raises NotFound if no contract ``name`` stands there."""
    try:
        return decode(kinds, output)
    except DecodingError as error:
        raise NotFound(f"what stands at {contract} is not a {name}") from error


def deploy_contract(  # noqa: PLR0913 - one deployment, all its parts
    node: Node, key: bytes, *, name: str, arguments: bytes, gas: int, immutables: bytes = b""
) -> Deployment:
    """Deploy the contract ``name`` from the account of ``key`` and check what stands there.

    ``arguments`` are the constructor's, ABI-encoded; ``immutables`` stand behind the code of a
    contract that has any. Raises Conflict if the constructor refuses,
    AnchorMismatch if the code that stands there is not the artefact's.
    """
    artefact = load_contract(name)
    nonce = node.nonce(key_address(key))
    code = artefact.creation + arguments
    transaction = sign_transaction(
        Transaction(node.chain_id, nonce, None, code, gas, node.fees()), key
    )
    node.send(transaction.raw)
    receipt = node.wait_for_receipt(transaction.hash)
    if not receipt.succeeded or receipt.contract is None:
        raise Conflict(f"the chain refused to deploy {name}", kind="reverted")
    expected = keccak(artefact.runtime + immutables)
    node.check(chain_id=node.chain_id, contract=receipt.contract, code_hash=expected)
    return Deployment(node.chain_id, receipt.contract, expected, receipt.block_number)


def word(value: int) -> bytes:
    """An unsigned integer in 32 bytes, big-endian."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An address in 32 bytes; these sort as the contracts order signers."""
    return bytes(12) + bytes.fromhex(address.removeprefix("0x"))


def _address_of(public_key: PublicKey) -> str:
    return to_checksum_address(keccak(public_key.format(compressed=False)[1:])[-20:])
