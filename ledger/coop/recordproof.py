"""Proofs of chosen records in one file (``kyojo-record-proof/1``): disclosure without the rest.

Strict JSON; numbers of records and entries start at 0, hashes are lower-case hex::

    {"format": "kyojo-record-proof/1", "origin", "genesis",
     "batches": [{"entry": "the batch entry, its exact text",
                  "tlog_proof": "a C2SP tlog-proof of that entry, its exact text",
                  "records": [{"number", "line": "as sent", "salt", "path": [hash, …]}, …]}, …]}

What is shown, link by link: line and salt give the leaf, leaf and path the root that the batch
entry states, that entry and the tlog-proof the root that the log signed; and the entry's EIP-712
signature covers the batch's root. A salt opens its own line only; a batch's seed, from which all
salts follow, has no place in the format. ``parse_record_proof`` checks form alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ledger import canonical
from ledger.coop.bodies import UsageBatch, parse_body
from ledger.coop.envelope import ENTRY_BYTES_MAX, Draft, parse_envelope
from ledger.errors import BadSignature, KyojoError, MalformedProof, VerificationError
from ledger.identity.signature import recover_address
from ledger.log.checkpoint import check_origin
from ledger.log.merkle import HASH_BYTES, leaf_reader, prove_inclusions_from, verify_inclusion
from ledger.log.proof import TlogProof, format_proof, parse_proof
from ledger.usage.batch import BATCH_RECORDS_MAX
from ledger.usage.commitment import record_leaf
from ledger.usage.record import LINE_BYTES_MAX

FORMAT = "kyojo-record-proof/1"
FILE_BYTES_MAX = 32 * 2**20
RECORDS_MAX = 10_000  # in one file, over all its batches
PATH_MAX = (BATCH_RECORDS_MAX - 1).bit_length()
USAGE_BATCH = "usage-batch"

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DisclosedRecord:
    """One record: its number in the batch, its line as sent, its salt and its path."""

    number: int
    line: bytes
    salt: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BatchProof:
    """Records of one batch, the bytes of the batch entry, and that entry's own proof."""

    entry: bytes
    proof: TlogProof
    records: tuple[DisclosedRecord, ...]


@dataclass(frozen=True, slots=True)
class RecordProof:
    """What a proof file claims; nothing in it is verified."""

    origin: str
    genesis: bytes
    batches: tuple[BatchProof, ...]


def disclose(
    numbers: Iterable[int], lines: Sequence[bytes], salts: Sequence[bytes], leaves: Sequence[bytes]
) -> tuple[DisclosedRecord, ...]:
    """The records at these numbers of a batch, each with its salt and path, ascending.

    ``leaves`` are those of the whole batch. Raises OutOfRange for a number beyond it.
    """
    chosen = sorted(set(numbers))
    paths = prove_inclusions_from(leaf_reader(leaves), chosen, len(leaves))
    return tuple(
        DisclosedRecord(number, lines[number], salts[number], path)
        for number, path in zip(chosen, paths, strict=True)
    )


# Verifying, link by link.


def read_batch_entry(entry: bytes, origin: str) -> tuple[Draft, UsageBatch]:
    """The batch that an entry of the log ``origin`` signs; raises VerificationError."""
    try:
        draft = parse_envelope(entry).draft
        body = parse_body(UsageBatch, draft.body)
    except KyojoError as error:
        raise VerificationError(f"the entry is not a usage batch: {error.message}") from error
    if draft.kind != USAGE_BATCH:
        raise VerificationError(f"the entry is a {draft.kind!r}, not a {USAGE_BATCH}")
    if draft.origin != origin:
        raise VerificationError(f"the entry was signed for {draft.origin!r}, not for {origin!r}")
    return draft, body


def verify_record(record: DisclosedRecord, batch: UsageBatch) -> None:
    """Check that a record stands at its number in a batch; raises NotIncluded."""
    leaf = record_leaf(record.salt, record.line)
    root = bytes.fromhex(batch.root)
    verify_inclusion(leaf, record.number, batch.count, record.path, root)


def verify_signer(draft: Draft, genesis: bytes) -> None:
    """Check that the key which an entry names as actor signed it; raises BadSignature.

    Whose key that was, and whether it was one at all, only the whole log shows.
    """
    signer = recover_address(draft.message(genesis).digest(), draft.signature)
    if signer != draft.actor:
        raise BadSignature(f"the entry names {draft.actor}, but that key did not sign it")


# The file.


def format_record_proof(proof: RecordProof) -> bytes:
    """The bytes of a proof file. Raises MalformedProof if its parts do not make one."""
    try:
        batches = [_batch_document(batch) for batch in proof.batches]
    except UnicodeDecodeError as error:
        raise MalformedProof("an entry or a line is not UTF-8") from error
    document = {
        "format": FORMAT,
        "origin": proof.origin,
        "genesis": proof.genesis.hex(),
        "batches": batches,
    }
    data = json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
    if parse_record_proof(data) != proof:
        raise MalformedProof("the parts do not form a record proof")
    return data


def parse_record_proof(data: bytes) -> RecordProof:
    """Read a proof file without verifying it. Raises MalformedProof, naming the place."""
    if len(data) > FILE_BYTES_MAX:
        raise MalformedProof(f"a record proof has at most {FILE_BYTES_MAX} bytes")
    try:
        document = canonical.parse(data, what="the record proof")
    except KyojoError as error:
        raise MalformedProof(error.message) from error
    found = _object(document, "", ("format", "origin", "genesis", "batches"))
    if found["format"] != FORMAT:
        raise MalformedProof(f"/format is not {FORMAT}")
    batches = tuple(
        _parse_batch(batch, f"/batches/{place}")
        for place, batch in enumerate(_list(found["batches"], "/batches", RECORDS_MAX))
    )
    if sum(len(batch.records) for batch in batches) > RECORDS_MAX:
        raise MalformedProof(f"a record proof has at most {RECORDS_MAX} records")
    origin = _parse_origin(found["origin"])
    return RecordProof(origin, _hash(found["genesis"], "/genesis"), batches)


def _batch_document(batch: BatchProof) -> dict[str, Any]:
    return {
        "entry": batch.entry.decode(),
        "tlog_proof": format_proof(batch.proof).decode(),
        "records": [
            {
                "number": record.number,
                "line": record.line.decode(),
                "salt": record.salt.hex(),
                "path": [step.hex() for step in record.path],
            }
            for record in batch.records
        ],
    }


def _parse_batch(value: object, where: str) -> BatchProof:
    found = _object(value, where, ("entry", "tlog_proof", "records"))
    entry = _text(found["entry"], f"{where}/entry", ENTRY_BYTES_MAX)
    text = _text(found["tlog_proof"], f"{where}/tlog_proof", FILE_BYTES_MAX)
    try:
        proof = parse_proof(text)
    except MalformedProof as error:
        raise MalformedProof(f"{where}/tlog_proof: {error.message}") from error
    records = tuple(
        _parse_record(record, f"{where}/records/{place}")
        for place, record in enumerate(_list(found["records"], f"{where}/records", RECORDS_MAX))
    )
    if any(left.number >= right.number for left, right in pairwise(records)):
        raise MalformedProof(f"{where}/records do not ascend by number")
    return BatchProof(entry, proof, records)


def _parse_record(value: object, where: str) -> DisclosedRecord:
    found = _object(value, where, ("number", "line", "salt", "path"))
    number = found["number"]
    if type(number) is not int or not 0 <= number < BATCH_RECORDS_MAX:
        raise MalformedProof(f"{where}/number is not from 0 to {BATCH_RECORDS_MAX - 1}")
    path = found["path"]
    if not isinstance(path, list) or len(path) > PATH_MAX:
        raise MalformedProof(f"{where}/path is not a list of at most {PATH_MAX} hashes")
    return DisclosedRecord(
        number,
        _text(found["line"], f"{where}/line", LINE_BYTES_MAX),
        _hash(found["salt"], f"{where}/salt"),
        tuple(_hash(step, f"{where}/path/{place}") for place, step in enumerate(path)),
    )


def _object(value: object, where: str, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != set(names):
        raise MalformedProof(f"{where or '/'} is not an object with {', '.join(names)}")
    return value


def _list(value: object, where: str, most: int) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise MalformedProof(f"{where} is not a list of 1 to {most} items")
    return value


def _text(value: object, where: str, bytes_max: int) -> bytes:
    if isinstance(value, str) and len(value) <= bytes_max:
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise MalformedProof(f"{where} holds a lone surrogate, which UTF-8 lacks") from error
        if 1 <= len(data) <= bytes_max:
            return data
    raise MalformedProof(f"{where} is not a text of 1 to {bytes_max} bytes")


def _hash(value: object, where: str) -> bytes:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return bytes.fromhex(value)
    raise MalformedProof(f"{where} is not {2 * HASH_BYTES} lower-case hex digits")


def _parse_origin(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedProof("/origin is not a text")
    try:
        check_origin(value)
    except KyojoError as error:
        raise MalformedProof(f"/origin: {error.message}") from error
    return value
