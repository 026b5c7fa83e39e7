"""Names, identifiers and text forms of the keys that sign notes (C2SP signed-note).

    vkey         <name>+<id>+<base64(type ‖ public key)>
    signing key  PRIVATE+KEY+<name>+<id>+<base64(type ‖ seed)>
    id           the first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), as 8 hex digits

kyojo knows Ed25519 over the note text (0x01), timestamped Ed25519 cosignatures (0x04) and
timestamped ML-DSA-44 (0x06). The id in a text form is always computed again and compared:
wrong ones have been published. The two first ``+`` of a vkey separate; base64 may hold more.

>>> key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
>>> key.name, key.key_type.name, key.key_id.hex()
('PeterNeumann', 'ED25519', 'c74f20a3')
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from ledger.errors import BadSignature, MalformedNote
from ledger.log.strict import decode_base64, encode_base64

NAME_BYTES_MAX = 255
KEY_ID_BYTES = 4
SEED_BYTES = 32
_SIGNING_PREFIX = "PRIVATE+KEY+"


class KeyType(IntEnum):
    """The signature types of C2SP signed-note that kyojo signs and verifies."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    ML_DSA_44 = 0x06


_PUBLIC_KEY_BYTES = {
    KeyType.ED25519: 32,
    KeyType.ED25519_COSIGNATURE: 32,
    KeyType.ML_DSA_44: 1312,
}


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name and type that it signs under.

    Raises MalformedNote for a name that a note cannot carry or that exceeds 255 bytes, and for
    a public key of the wrong length.
    """

    name: str
    key_type: KeyType
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.name.encode()) > NAME_BYTES_MAX:
            raise MalformedNote(f"the key name {self.name[:40]!r}… exceeds {NAME_BYTES_MAX} bytes")
        wanted = _PUBLIC_KEY_BYTES[self.key_type]
        if len(self.public_key) != wanted:
            raise MalformedNote(f"a {self.key_type.name} public key has {wanted} bytes")

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that, with the name, tell keys apart; no protection against collisions."""
        typed = bytes([self.key_type]) + self.public_key
        return hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:KEY_ID_BYTES]

    def verify_message(self, message: bytes, signature: bytes) -> None:
        """Check the bare signature over exactly these bytes. Raises BadSignature."""
        public: Ed25519PublicKey | MLDSA44PublicKey
        if self.key_type is KeyType.ML_DSA_44:
            public = MLDSA44PublicKey.from_public_bytes(self.public_key)
        else:
            public = Ed25519PublicKey.from_public_bytes(self.public_key)
        try:
            public.verify(signature, message)
        except InvalidSignature as error:
            raise BadSignature(
                f"the signature by {self.name} ({self.key_id.hex()}) is wrong"
            ) from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, as its 32-byte seed, with the name and type that it signs under.

    The seed is kept out of ``repr``, so that no traceback or log shows it.
    """

    name: str
    key_type: KeyType
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.seed) != SEED_BYTES:
            raise MalformedNote(f"the seed of a signing key has {SEED_BYTES} bytes")

    @property
    def verifier_key(self) -> VerifierKey:
        """The public half; derived anew each time."""
        public = self._private().public_key().public_bytes_raw()
        return VerifierKey(self.name, self.key_type, public)

    def sign_message(self, message: bytes) -> bytes:
        """The bare signature over exactly these bytes: 64, or 2420 for ML-DSA-44."""
        return self._private().sign(message)

    def _private(self) -> Ed25519PrivateKey | MLDSA44PrivateKey:
        if self.key_type is KeyType.ML_DSA_44:
            return MLDSA44PrivateKey.from_seed_bytes(self.seed)
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def check_name(name: str) -> None:
    """Refuse a key name that is empty or holds a space, a ``+`` or a control character.

    Raises MalformedNote.
    """
    if not name or any(c == "+" or c < " " or c.isspace() or _is_surrogate(c) for c in name):
        raise MalformedNote(f"{name[:40]!r} cannot be a key name")


def format_vkey(key: VerifierKey) -> str:
    """Write a public key as a vkey."""
    return _format(key, key.public_key)


def parse_vkey(text: str) -> VerifierKey:
    """Read a vkey. Raises MalformedNote, also when its id does not belong to its key."""
    name, key_id, key_type, public_key = _parse(text)
    key = VerifierKey(name, key_type, public_key)
    _check_id(key, key_id)
    return key


def format_signing_key(key: SigningKey) -> str:
    """Write a private key as text; keep it where only the signer can read it."""
    return _SIGNING_PREFIX + _format(key.verifier_key, key.seed)


def parse_signing_key(text: str) -> SigningKey:
    """Read a signing key. Raises MalformedNote, in which no part of the key is quoted."""
    if not text.startswith(_SIGNING_PREFIX):
        raise MalformedNote(f"a signing key starts with {_SIGNING_PREFIX}")
    try:
        name, key_id, key_type, seed = _parse(text.removeprefix(_SIGNING_PREFIX))
    except MalformedNote:
        raise MalformedNote("the signing key is not <name>+<id>+<base64>") from None
    key = SigningKey(name, key_type, seed)
    _check_id(key.verifier_key, key_id)
    return key


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _format(key: VerifierKey, material: bytes) -> str:
    return f"{key.name}+{key.key_id.hex()}+{encode_base64(bytes([key.key_type]) + material)}"


def _parse(text: str) -> tuple[str, str, KeyType, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedNote("a key is written <name>+<id>+<base64>")
    name, key_id, encoded = parts
    typed = decode_base64(encoded, malformed=MalformedNote)
    if not typed or typed[0] not in _PUBLIC_KEY_BYTES:
        raise MalformedNote(f"the key of {name[:40]!r} is of a type that kyojo does not use")
    return name, key_id, KeyType(typed[0]), typed[1:]


def _check_id(key: VerifierKey, key_id: str) -> None:
    if key.key_id.hex() != key_id:
        raise MalformedNote(f"the key of {key.name} has id {key.key_id.hex()}, not {key_id[:16]!r}")
