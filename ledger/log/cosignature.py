r"""Timestamped cosignatures of checkpoints (C2SP tlog-cosignature), by witnesses and by logs.

A cosignature says: at this time, this was the largest consistent tree that the signer had seen
of this log. What follows the key id in its line is ``uint64 POSIX seconds ‖ signature``.

Ed25519 (0x04) signs the lines ``cosignature/v1`` and ``time <decimal>`` and then the whole note
text. The cosigner's name is not among them, so that a key belongs to one cosigner only.

ML-DSA-44 (0x06; FIPS 204, pure, empty context) signs::

    "subtree/v1\n\0" ‖ u8 length ‖ cosigner ‖ u64 time ‖ u8 length ‖ origin
                     ‖ u64 start ‖ u64 end ‖ root                           (all big-endian)

For a checkpoint, start is 0, end the size, and the time is not 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger.errors import BadSignature, InvalidInput, MalformedNote, OutOfRange
from ledger.log.checkpoint import ORIGIN_BYTES_MAX, parse_checkpoint
from ledger.log.key import NAME_BYTES_MAX, KeyType, VerifierKey
from ledger.log.merkle import HASH_BYTES
from ledger.log.note import Ed25519Verifier, KeySigner, KeyVerifier, Signature, Verifier
from ledger.log.strict import INTEGER_MAX

TIME_BYTES = 8
_SIGNATURE_BYTES = {KeyType.ED25519_COSIGNATURE: 64, KeyType.ML_DSA_44: 2420}
COSIGNATURE_TYPES = frozenset(_SIGNATURE_BYTES)


@dataclass(frozen=True, slots=True)
class Subtree:
    """The root over the leaves [start, end) of the log ``origin``.

    Raises OutOfRange for a range that runs backwards or a root that is not 32 bytes.
    """

    origin: str
    start: int
    end: int
    root: bytes

    def __post_init__(self) -> None:
        if self.start > self.end or len(self.root) != HASH_BYTES:
            raise OutOfRange(f"no subtree over [{self.start}, {self.end})")


@dataclass(frozen=True, slots=True)
class CosignatureVerifier(KeyVerifier):
    """Verifies timestamped signatures, 0x04 and 0x06. Raises MalformedNote for other keys."""

    def __post_init__(self) -> None:
        _require_timed(self.key.name, self.key.key_type)

    def verify(self, text: bytes, value: bytes) -> None:
        """Check time and signature over the text of a checkpoint. Raises BadSignature."""
        posix_seconds, bare = _split(self.key, value)
        try:
            message = _message(self.key.name, self.key.key_type, text, posix_seconds)
        except InvalidInput as error:
            raise BadSignature(f"{self.key.name} cannot have cosigned this text") from error
        self.key.verify_message(message, bare)


@dataclass(frozen=True, slots=True)
class CosignatureSigner(KeySigner):
    """Signs checkpoints as of one moment, with a 0x04 or 0x06 key.

    ``posix_seconds`` is given by the caller, who alone knows a clock, and is from 1 to 2**63−1.
    Raises MalformedNote for another key type, OutOfRange for the time.
    """

    posix_seconds: int

    def __post_init__(self) -> None:
        _require_timed(self.key.name, self.key.key_type)
        if type(self.posix_seconds) is not int or not 0 < self.posix_seconds <= INTEGER_MAX:
            raise OutOfRange(f"{self.posix_seconds!r} is not a time that can be signed")

    def sign(self, text: bytes) -> bytes:
        """Time and signature over the text of a checkpoint. Raises MalformedCheckpoint."""
        message = _message(self.key.name, self.key.key_type, text, self.posix_seconds)
        return self.posix_seconds.to_bytes(TIME_BYTES, "big") + self.key.sign_message(message)


@dataclass(frozen=True, slots=True)
class ClockedSigner(KeySigner):
    """Signs each checkpoint as of the moment that ``clock`` gives, in POSIX seconds.

    For a log's own ML-DSA-44 key. Raises MalformedNote for another key type than 0x04 and 0x06.
    """

    clock: Callable[[], int]

    def __post_init__(self) -> None:
        _require_timed(self.key.name, self.key.key_type)

    def sign(self, text: bytes) -> bytes:
        """Time and signature over the text of a checkpoint. Raises MalformedCheckpoint."""
        return CosignatureSigner(self.key, self.clock()).sign(text)


def verifier_of(key: VerifierKey) -> Verifier:
    """The verifier for a key of any type that kyojo knows."""
    return Ed25519Verifier(key) if key.key_type is KeyType.ED25519 else CosignatureVerifier(key)


def posix_seconds_of(signature: Signature) -> int:
    """The time in a cosignature; ask only after its key, of type 0x04 or 0x06, verified it.

    Raises MalformedNote if the value is too short to hold a time.
    """
    if len(signature.value) <= TIME_BYTES:
        raise MalformedNote(f"the signature by {signature.name} holds no time")
    return int.from_bytes(signature.value[:TIME_BYTES], "big")


def ed25519_message(text: bytes, posix_seconds: int) -> bytes:
    """What a 0x04 cosignature signs, given the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {posix_seconds}\n".encode() + text


def ml_dsa_message(cosigner: str, posix_seconds: int, subtree: Subtree) -> bytes:
    """What a 0x06 cosignature signs about a subtree.

    Raises OutOfRange if the format cannot express it; a subtree that starts after leaf 0 has no
    time, for it says nothing about which tree was the largest.
    """
    if subtree.start and posix_seconds:
        raise OutOfRange("only a tree that starts at leaf 0 is signed with a time")
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _prefixed(cosigner, NAME_BYTES_MAX),
            _uint64(posix_seconds),
            _prefixed(subtree.origin, ORIGIN_BYTES_MAX),
            _uint64(subtree.start),
            _uint64(subtree.end),
            subtree.root,
        )
    )


def _message(name: str, key_type: KeyType, text: bytes, posix_seconds: int) -> bytes:
    # Read in both cases: a cosignature is about a checkpoint, whatever its message holds.
    checkpoint = parse_checkpoint(text)
    if key_type is KeyType.ED25519_COSIGNATURE:
        return ed25519_message(text, posix_seconds)
    if posix_seconds == 0:
        raise OutOfRange("a checkpoint is cosigned with a time")
    whole = Subtree(checkpoint.origin, 0, checkpoint.size, checkpoint.root)
    return ml_dsa_message(name, posix_seconds, whole)


def _split(key: VerifierKey, value: bytes) -> tuple[int, bytes]:
    if len(value) != TIME_BYTES + _SIGNATURE_BYTES[key.key_type]:
        raise BadSignature(f"the cosignature by {key.name} has {len(value)} bytes")
    posix_seconds = int.from_bytes(value[:TIME_BYTES], "big")
    if posix_seconds > INTEGER_MAX:
        raise BadSignature(f"the cosignature by {key.name} is of no possible time")
    return posix_seconds, value[TIME_BYTES:]


def _require_timed(name: str, key_type: KeyType) -> None:
    if key_type not in COSIGNATURE_TYPES:
        raise MalformedNote(f"{name} is a {key_type.name} key and cannot cosign")


def _uint64(value: int) -> bytes:
    if not 0 <= value <= INTEGER_MAX:
        raise OutOfRange(f"{value} is not from 0 to 2**63 − 1")
    return value.to_bytes(8, "big")


def _prefixed(text: str, bytes_max: int) -> bytes:
    data = text.encode()
    if not 0 < len(data) <= bytes_max:
        raise OutOfRange(f"a name of {len(data)} bytes; from 1 to {bytes_max} are possible")
    return bytes([len(data)]) + data
