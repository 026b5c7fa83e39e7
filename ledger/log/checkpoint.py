r"""Checkpoints (C2SP tlog-checkpoint): the tree head as the text of a signed note.

    <origin>\n<size>\n<base64 root>\n

Exactly three lines. Extension lines are refused: ML-DSA-44 cosignatures do not cover them. The
origin names the log and equals the name of its keys; otherwise it is opaque.

>>> format_checkpoint(Checkpoint("example.com/log", 0, bytes(32))).split(b"\n")[:2]
[b'example.com/log', b'0']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import BadSignature, MalformedCheckpoint
from ledger.log.merkle import HASH_BYTES, SIZE_MAX
from ledger.log.note import Note, Signer, Verifier, open_note, sign_note
from ledger.log.strict import decode_base64, decode_text, encode_base64, parse_decimal

ORIGIN_BYTES_MAX = 255
_TEXT_BYTES_MAX = 400  # origin, 19 digits, 44 base64 characters, three newlines


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one log: how many entries, and the root over them.

    Raises MalformedCheckpoint for an origin of 0 or more than 255 bytes or with a control
    character, for a size outside 0..2**63−1, and for a root that is not 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_origin(self.origin)
        if type(self.size) is not int or not 0 <= self.size <= SIZE_MAX:
            raise MalformedCheckpoint(f"size {self.size!r} is not from 0 to 2**63 − 1")
        if type(self.root) is not bytes or len(self.root) != HASH_BYTES:
            raise MalformedCheckpoint(f"the root is not {HASH_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log has signed, and the verified note it came in."""

    checkpoint: Checkpoint
    note: Note


def check_origin(origin: str) -> None:
    """Refuse what cannot be the first line of a checkpoint. Raises MalformedCheckpoint."""
    try:
        data = origin.encode()
    except UnicodeEncodeError as error:
        raise MalformedCheckpoint("the origin is not UTF-8") from error
    if not 0 < len(data) <= ORIGIN_BYTES_MAX or any(byte < 0x20 for byte in data):
        raise MalformedCheckpoint(f"{origin[:40]!r} cannot be an origin")


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """The three lines of a checkpoint, the text that is signed."""
    root = encode_base64(checkpoint.root)
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read the text of a note as a checkpoint. Raises MalformedCheckpoint."""
    decoded = decode_text(text, bytes_max=_TEXT_BYTES_MAX, malformed=MalformedCheckpoint)
    lines = decoded.split("\n")
    if len(lines) != 4 or lines[3]:
        raise MalformedCheckpoint("a checkpoint has exactly three lines")
    size = parse_decimal(lines[1], malformed=MalformedCheckpoint)
    return Checkpoint(lines[0], size, decode_base64(lines[2], malformed=MalformedCheckpoint))


def sign_checkpoint(checkpoint: Checkpoint, signers: Sequence[Signer]) -> bytes:
    """The checkpoint as a note signed by its log's keys.

    Raises InvalidInput (MalformedNote or MalformedCheckpoint) if a signer's name is not the
    origin or if there is no signer.
    """
    strangers = [signer.name for signer in signers if signer.name != checkpoint.origin]
    if strangers:
        raise MalformedCheckpoint(f"{strangers[0]!r} cannot sign for {checkpoint.origin!r}")
    return sign_note(format_checkpoint(checkpoint), signers)


def open_checkpoint(data: bytes, *, origin: str, verifiers: Sequence[Verifier]) -> SignedCheckpoint:
    """The checkpoint of the log ``origin``, if that log has signed it.

    ``verifiers`` may hold keys of others, such as witnesses; their signatures are verified too,
    but only a key that bears the origin's name makes the note the log's. Raises MalformedNote,
    MalformedCheckpoint, or BadSignature when it is another log's or not signed by this one.
    """
    note = open_note(data, verifiers)
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise BadSignature(f"a checkpoint of {checkpoint.origin!r}, not of {origin!r}")
    if not any(signature.name == origin for signature in note.signatures):
        raise BadSignature(f"the log {origin!r} itself has not signed")
    return SignedCheckpoint(checkpoint, note)
