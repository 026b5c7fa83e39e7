"""Signed notes (C2SP signed-note): text, an empty line, and one line per signature.

    <text, every line ends in a newline>
    <empty line>
    — <key name> <base64(4-byte key id ‖ signature)>

A note is UTF-8 without control characters but the newline. The *last* empty line ends the text,
which may hold others; the text keeps its final newline. Signatures by unknown keys are ignored;
one wrong signature by a known key spoils the note.

Invariant: ``open_note`` returns nothing unless a key that the caller trusts has signed the text.
``parse_note`` checks no signature; use it to look up whose keys to open a note with, never to
act on its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.errors import BadSignature, MalformedNote
from ledger.log.key import KEY_ID_BYTES, KeyType, SigningKey, VerifierKey, check_name
from ledger.log.strict import decode_base64, decode_text, encode_base64

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
_DASH = "— "


class Verifier(Protocol):
    """Checks the signatures of one key."""

    @property
    def name(self) -> str:
        """The key name in signature lines."""

    @property
    def key_id(self) -> bytes:
        """The 4-byte key id in signature lines."""

    def verify(self, text: bytes, value: bytes) -> None:
        """Check what follows the key id in a signature line. Raises BadSignature."""


class Signer(Protocol):
    """Signs with one key, wherever that key is kept: file, environment, key service."""

    @property
    def name(self) -> str:
        """The key name in signature lines."""

    @property
    def key_id(self) -> bytes:
        """The 4-byte key id in signature lines."""

    def sign(self, text: bytes) -> bytes:
        """What follows the key id in the signature line."""


@dataclass(frozen=True, slots=True)
class KeyVerifier:
    """What all verifiers share: the key, and the name and id by which lines name it."""

    key: VerifierKey

    @property
    def name(self) -> str:
        """The key name in signature lines."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The 4-byte key id in signature lines."""
        return self.key.key_id


@dataclass(frozen=True, slots=True)
class KeySigner:
    """What all signers share: the key, and the name and id by which lines name it."""

    key: SigningKey

    @property
    def name(self) -> str:
        """The key name in signature lines."""
        return self.key.name

    @property
    def key_id(self) -> bytes:
        """The 4-byte key id in signature lines."""
        return self.key.verifier_key.key_id


@dataclass(frozen=True, slots=True)
class Ed25519Verifier(KeyVerifier):
    """Verifies plain Ed25519 note signatures (0x01). Raises MalformedNote for another key type."""

    def __post_init__(self) -> None:
        if self.key.key_type is not KeyType.ED25519:
            raise MalformedNote(f"{self.key.name} is a {self.key.key_type.name} key, not ED25519")

    def verify(self, text: bytes, value: bytes) -> None:
        """Check the signature over the note text. Raises BadSignature."""
        self.key.verify_message(text, value)


@dataclass(frozen=True, slots=True)
class Ed25519Signer(KeySigner):
    """Signs note texts with plain Ed25519 (0x01). Raises MalformedNote for another key type."""

    def __post_init__(self) -> None:
        if self.key.key_type is not KeyType.ED25519:
            raise MalformedNote(f"{self.key.name} is a {self.key.key_type.name} key, not ED25519")

    def sign(self, text: bytes) -> bytes:
        """The 64-byte signature over the note text."""
        return self.key.sign_message(text)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line; ``value`` is what follows the key id, its form is the key type's."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class UnverifiedNote:
    """A note as it stands; whether anybody signed it is open."""

    text: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A note of which at least one signature is verified.

    ``signatures`` holds the verified ones, one per key, in the order of the note; ``ignored``
    those by keys that the caller did not name, of which nothing is known.
    """

    text: bytes
    signatures: tuple[Signature, ...]
    ignored: tuple[Signature, ...]


def sign_text(text: bytes, signer: Signer) -> Signature:
    """One signature over ``text``. Raises MalformedNote if no note can have that text."""
    _check_text(text)
    return Signature(signer.name, signer.key_id, signer.sign(text))


def sign_note(text: bytes, signers: Sequence[Signer]) -> bytes:
    """The note with ``text``, signed by each signer in order; at least one is needed."""
    return format_note(UnverifiedNote(text, tuple(sign_text(text, s) for s in signers)))


def add_signatures(data: bytes, signatures: Sequence[Signature]) -> bytes:
    """The note with more signature lines at its end; those it has already are left out."""
    note = parse_note(data)
    added = tuple(s for s in dict.fromkeys(signatures) if s not in note.signatures)
    return format_note(UnverifiedNote(note.text, note.signatures + added))


def open_note(data: bytes, verifiers: Sequence[Verifier]) -> Note:
    """The note, if a key of ``verifiers`` has signed it and none of theirs is wrong.

    Raises MalformedNote for bytes that are no note, BadSignature otherwise.
    """
    known = _by_key(verifiers)
    note = parse_note(data)
    verified: dict[tuple[str, bytes], Signature] = {}
    ignored = []
    for signature in note.signatures:
        key = (signature.name, signature.key_id)
        if key not in known:
            ignored.append(signature)
            continue
        # A repeated line counts once but is verified all the same: a known key must not be wrong.
        known[key].verify(note.text, signature.value)
        verified.setdefault(key, signature)
    if not verified:
        raise BadSignature("no signature by a known key", known=sorted(v.name for v in verifiers))
    return Note(note.text, tuple(verified.values()), tuple(ignored))


def format_note(note: UnverifiedNote) -> bytes:
    """The bytes of a note. Raises MalformedNote if its parts do not make one."""
    _check_text(note.text)
    lines = b"".join(map(format_signature, note.signatures))
    data = note.text + b"\n" + lines
    if parse_note(data) != note:
        raise MalformedNote("the text and signatures do not form a note")
    return data


def parse_note(data: bytes) -> UnverifiedNote:
    """Take a note apart without verifying anything. Raises MalformedNote."""
    whole = decode_text(data, bytes_max=NOTE_BYTES_MAX, malformed=MalformedNote)
    end = whole.rfind("\n\n")
    if end < 0:
        raise MalformedNote("no empty line ends the text of the note")
    text, block = whole[: end + 1], whole[end + 2 :]
    if not block.endswith("\n"):
        raise MalformedNote("the note does not end with a complete signature line")
    lines = block[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise MalformedNote(f"{len(lines)} signatures exceed the limit of {SIGNATURES_MAX}")
    return UnverifiedNote(text.encode(), tuple(map(_parse_line, lines)))


def format_signature(signature: Signature) -> bytes:
    """One signature line with its newline. Raises MalformedNote for an impossible key name."""
    check_name(signature.name)
    encoded = encode_base64(signature.key_id + signature.value)
    return f"{_DASH}{signature.name} {encoded}\n".encode()


def parse_signatures(data: bytes) -> tuple[Signature, ...]:
    """Read signature lines alone, as a witness answers with. Raises MalformedNote."""
    note = parse_note(b"\n\n" + data)
    if note.text != b"\n":
        raise MalformedNote("more than signature lines")
    return note.signatures


def _parse_line(line: str) -> Signature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise MalformedNote(f"{line[:40]!r} is not a signature line")
    name, encoded = parts
    check_name(name)
    value = decode_base64(encoded, malformed=MalformedNote)
    if len(value) <= KEY_ID_BYTES:
        raise MalformedNote(f"the signature by {name[:40]!r} is too short")
    return Signature(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])


def _check_text(text: bytes) -> None:
    decode_text(text, bytes_max=NOTE_BYTES_MAX, malformed=MalformedNote)
    if not text.endswith(b"\n"):
        raise MalformedNote("the text of a note ends with a newline")


def _by_key(verifiers: Sequence[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known = {(v.name, v.key_id): v for v in verifiers}
    if len(known) != len(verifiers):
        # Which of the two keys a line means cannot be told; refuse rather than choose.
        raise BadSignature("two verifiers have the same key name and id")
    return known
