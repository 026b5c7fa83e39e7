"""secp256k1 signatures over 32-byte digests, in one strict form.

A signature is 65 bytes: r ‖ s ‖ v with s in the lower half of the group order (EIP-2) and v 27
or 28. Other encodings of the same signature are refused: ECDSA is malleable, so signature bytes
are never an identity and never a key for deduplication.
"""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey

from ledger.errors import BadSignature, OutOfRange
from ledger.identity.address import Address, address_of_public_key

SIGNATURE_BYTES = 65
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def recover_address(digest: bytes, signature: bytes) -> Address:
    """The address whose key signed the 32-byte ``digest``; raises BadSignature."""
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature(f"a signature has 65 bytes, this one has {len(signature)}")
    if signature[64] not in (27, 28):
        raise BadSignature(f"a signature's last byte is 27 or 28, not {signature[64]}")
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        raise BadSignature("the signature's s lies in the upper half of the group order (EIP-2)")
    recoverable = signature[:64] + bytes([signature[64] - 27])
    try:
        key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except Exception as error:  # coincurve raises bare Exception and ValueError alike
        raise BadSignature("no public key fits this signature") from error
    return address_of_public_key(key.format(compressed=False)[1:])


class SigningKey:
    """A secp256k1 private key held in memory; its text form is 64 hex digits."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        """Take a 32-byte secret; raises OutOfRange if it is not a key of the curve."""
        try:
            self._key = PrivateKey(secret)
        except ValueError as error:
            raise OutOfRange("these 32 bytes are not a secp256k1 private key") from error
        self.address = address_of_public_key(self._key.public_key.format(compressed=False)[1:])

    @classmethod
    def from_hex(cls, text: str) -> SigningKey:
        """Read 64 hex digits, with or without ``0x``."""
        digits = text.strip().removeprefix("0x")
        try:
            secret = bytes.fromhex(digits)
        except ValueError as error:
            raise OutOfRange("a private key is 64 hex digits") from error
        if len(secret) != 32:
            raise OutOfRange(f"a private key is 64 hex digits, not {len(digits)}")
        return cls(secret)

    @property
    def secret_hex(self) -> str:
        """The secret as 64 hex digits, for a key file; never log it."""
        return self._key.secret.hex()

    def sign(self, digest: bytes) -> bytes:
        """The 65-byte signature over a 32-byte digest (RFC 6979, low s)."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])
