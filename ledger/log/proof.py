"""Transparency proofs in one file (C2SP tlog-proof v1): an entry is in a log that others saw.

    c2sp.org/tlog-proof@v1
    extra <base64>              optional, and UNAUTHENTICATED: recompute whatever it says
    index <i>
    <base64 hash>…              the inclusion proof, leaf sibling first
    <empty line>
    <checkpoint with all its signatures, verbatim>

``parse_proof`` checks form only. ``verify_proof`` hashes the caller's own entry, then checks the
origin, the log's signature, the quorum of cosignatures and the inclusion, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import InvalidInput, MalformedProof, VerificationError
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.merkle import HASH_BYTES, SIZE_MAX, leaf_hash, verify_inclusion
from ledger.log.note import NOTE_BYTES_MAX, parse_note
from ledger.log.policy import Policy, open_cosigned
from ledger.log.strict import decode_base64, decode_text, encode_base64, parse_decimal

HEADER = "c2sp.org/tlog-proof@v1"
LINE_BYTES_MAX = 65_535  # Go's line reader takes no longer ones
HASHES_MAX = 63
_PROOF_BYTES_MAX = NOTE_BYTES_MAX + 2 * LINE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a proof file claims; nothing in it is verified.

    ``checkpoint`` is a whole signed note. ``extra`` is None if the line is absent, and is never
    covered by any signature.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def verify_proof(proof: TlogProof, *, entry: bytes, origin: str, policy: Policy) -> None:
    """Check that ``entry`` stands at ``proof.index`` in the log ``origin``, as the policy asks.

    Raises BadSignature for the checkpoint, NotIncluded for the entry, and VerificationError if
    the checkpoint cannot even be read.
    """
    leaf = leaf_hash(entry)
    try:
        opened = open_cosigned(proof.checkpoint, origin=origin, policy=policy)
    except InvalidInput as error:
        raise VerificationError(f"the proof holds no checkpoint: {error.message}") from error
    head = opened.checkpoint
    verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root)


def format_proof(proof: TlogProof) -> bytes:
    """The bytes of a proof file. Raises MalformedProof if its parts do not make one."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines += [f"index {proof.index}", *map(encode_base64, proof.hashes), "", ""]
    data = "\n".join(lines).encode() + proof.checkpoint
    if parse_proof(data) != proof:
        raise MalformedProof("the parts do not form a proof")
    return data


def parse_proof(data: bytes) -> TlogProof:
    """Read a proof file without verifying it. Raises MalformedProof."""
    text = decode_text(data, bytes_max=_PROOF_BYTES_MAX, malformed=MalformedProof)
    head, gap, note = text.partition("\n\n")
    if not gap:
        raise MalformedProof("no empty line comes before the checkpoint")
    lines = head.split("\n")
    if lines.pop(0) != HEADER:
        raise MalformedProof(f"the first line is not {HEADER}")
    extra = _parse_extra(lines)
    index = _parse_index(lines)
    return TlogProof(index, _parse_hashes(lines), _checked_note(note.encode()), extra)


def _parse_extra(lines: list[str]) -> bytes | None:
    if not lines or not lines[0].startswith("extra "):
        return None
    line = lines.pop(0)
    if len(line) > LINE_BYTES_MAX:
        raise MalformedProof(f"the extra line exceeds {LINE_BYTES_MAX} bytes")
    return decode_base64(line.removeprefix("extra "), malformed=MalformedProof)


def _parse_index(lines: list[str]) -> int:
    if not lines or not lines[0].startswith("index "):
        raise MalformedProof("the index line is missing")
    index = parse_decimal(lines.pop(0).removeprefix("index "), malformed=MalformedProof)
    if index >= SIZE_MAX:
        raise MalformedProof(f"index {index} is beyond every tree")
    return index


def _parse_hashes(lines: list[str]) -> tuple[bytes, ...]:
    if len(lines) > HASHES_MAX:
        raise MalformedProof(f"{len(lines)} hashes; no tree is deeper than {HASHES_MAX}")
    hashes = tuple(decode_base64(line, malformed=MalformedProof) for line in lines)
    if any(len(value) != HASH_BYTES for value in hashes):
        raise MalformedProof("a hash of the proof is not 32 bytes")
    return hashes


def _checked_note(data: bytes) -> bytes:
    try:
        parse_checkpoint(parse_note(data).text)
    except InvalidInput as error:
        raise MalformedProof(f"the checkpoint: {error.message}") from error
    return data
