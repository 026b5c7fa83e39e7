"""The witness protocol (C2SP tlog-witness): what is sent, what is answered, and the judgement.

A request to ``add-checkpoint``::

    old <size>
    <base64 hash>…              the consistency proof from that size, at most 63 lines
    <empty line>
    <checkpoint, a signed note>

The witness answers with its signature lines, or with a status. The order of its questions is part
of the protocol, for a log learns from the first answer what to send next: is it a request (400), do
I know the log (404), has a trusted key signed (403), can the old size be (400), is it the size I
cosigned last (409, with that size, before any proof is looked at), does the proof hold (422).

Invariant: ``verify_growth`` lets a checkpoint pass only if it extends the head that it was given,
so a witness that keeps its newest head before it answers never signs two histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ledger.errors import BadSignature, InvalidInput, MalformedProof, NotConsistent
from ledger.log.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, parse_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import VerifierKey
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from ledger.log.note import (
    Signature,
    UnverifiedNote,
    Verifier,
    format_note,
    open_note,
    parse_note,
    parse_signatures,
)
from ledger.log.strict import decode_base64, decode_text, encode_base64, parse_decimal

REQUEST_BYTES_MAX = 2**19  # a hundred signature lines, ML-DSA-44 ones too
ANSWER_BYTES_MAX = 2**19
HASHES_MAX = 63
SIZE_TYPE = "text/x.tlog.size"
_SIZE_BYTES_MAX = 20


class Status(IntEnum):
    """How a witness answers; the names say what the log has to mend."""

    COSIGNED = 200
    MALFORMED = 400
    UNTRUSTED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    INCONSISTENT = 422


class Refusal(Exception):
    """A witness does not cosign: the status says why, ``size`` is its own where that differs."""

    def __init__(self, status: Status, message: str, *, size: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.size = size


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request as it stands; ``note`` is a whole signed note of which nothing is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The size and root that a witness has cosigned last; of the empty tree before the first."""

    size: int = 0
    root: bytes = EMPTY_ROOT


def format_add_checkpoint(request: AddCheckpoint) -> bytes:
    """The body of a request. Raises MalformedProof if its parts do not make one."""
    lines = [f"old {request.old_size}", *map(encode_base64, request.proof), "", ""]
    data = "\n".join(lines).encode() + request.note
    if parse_add_checkpoint(data) != request:
        raise MalformedProof("the parts do not form a request to a witness")
    return data


def parse_add_checkpoint(data: bytes) -> AddCheckpoint:
    """Read the body of a request without verifying it. Raises MalformedProof."""
    text = decode_text(data, bytes_max=REQUEST_BYTES_MAX, malformed=MalformedProof)
    head, gap, note = text.partition("\n\n")
    if not gap:
        raise MalformedProof("no empty line comes before the checkpoint")
    first, *lines = head.split("\n")
    if not first.startswith("old "):
        raise MalformedProof("the first line is not old <size>")
    old_size = parse_decimal(first.removeprefix("old "), malformed=MalformedProof)
    if len(lines) > HASHES_MAX:
        raise MalformedProof(f"{len(lines)} hashes; no proof has more than {HASHES_MAX}")
    proof = tuple(decode_base64(line, malformed=MalformedProof) for line in lines)
    if any(len(value) != HASH_BYTES for value in proof):
        raise MalformedProof("a hash of the proof is not 32 bytes")
    _checkpoint_of(note.encode())
    return AddCheckpoint(old_size, proof, note.encode())


def open_request(
    request: AddCheckpoint, logs: Mapping[str, Sequence[Verifier]]
) -> SignedCheckpoint:
    """The checkpoint of a request, if a key that is trusted for its origin has signed it.

    ``logs`` has the verifiers by origin. Raises Refusal (404, 403, 400).
    """
    origin = _checkpoint_of(request.note).origin
    if origin not in logs:
        raise Refusal(Status.UNKNOWN_LOG, f"this witness does not know the log {origin}")
    try:
        opened = open_checkpoint(request.note, origin=origin, verifiers=logs[origin])
    except BadSignature as error:
        raise Refusal(Status.UNTRUSTED, error.message) from error
    if request.old_size > opened.checkpoint.size:
        raise Refusal(Status.MALFORMED, "the old size exceeds that of the checkpoint")
    return opened


def verify_growth(request: AddCheckpoint, checkpoint: Checkpoint, last: TreeHead) -> None:
    """Check that the checkpoint extends the head that this witness has cosigned last.

    Raises Refusal (409, 422); the size is compared before anything of the proof is.
    """
    if request.old_size != last.size:
        raise Refusal(Status.OTHER_SIZE, f"this witness is at size {last.size}", size=last.size)
    if last.size > 0:
        _verify_proof(request, checkpoint, last)
    elif request.proof:
        raise Refusal(Status.INCONSISTENT, "a proof from size 0 has no lines")
    elif checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise Refusal(Status.INCONSISTENT, "this is not the root of the empty tree")


def format_size(size: int) -> bytes:
    """The body of a 409: the size that the witness has cosigned last."""
    return f"{size}\n".encode()


def parse_size(data: bytes) -> int:
    """Read the body of a 409. Raises MalformedProof."""
    text = decode_text(data, bytes_max=_SIZE_BYTES_MAX, malformed=MalformedProof)
    if not text.endswith("\n"):
        raise MalformedProof("a size ends with a newline")
    return parse_decimal(text[:-1], malformed=MalformedProof)


def open_answer(data: bytes, note: bytes, keys: Sequence[VerifierKey]) -> tuple[Signature, ...]:
    """The cosignatures of ``note`` in the body of a 200, each verified by one of ``keys``.

    Lines by other keys are left out. Raises MalformedNote for what are no signature lines,
    BadSignature if no line is by one of these keys or one that is does not hold.
    """
    lines = UnverifiedNote(parse_note(note).text, parse_signatures(data))
    return open_note(format_note(lines), list(map(verifier_of, keys))).signatures


def _verify_proof(request: AddCheckpoint, checkpoint: Checkpoint, last: TreeHead) -> None:
    try:
        verify_consistency(last.size, checkpoint.size, last.root, checkpoint.root, request.proof)
    except NotConsistent as error:
        raise Refusal(Status.INCONSISTENT, error.message) from error


def _checkpoint_of(note: bytes) -> Checkpoint:
    try:
        return parse_checkpoint(parse_note(note).text)
    except InvalidInput as error:
        raise MalformedProof(f"the checkpoint: {error.message}") from error
