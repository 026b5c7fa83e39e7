"""Submit: take what a member sent, judge what can be judged before the lock, and sequence it."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.apply import check_signer
from ledger.coop.envelope import Draft, parse_draft
from ledger.coop.submission import Batch, Submission, check_submission
from ledger.errors import MalformedBatch, MalformedDocument, MalformedEntry, TooLarge
from ledger.service.coop import Coop
from ledger.service.payout_accounts import check_destination
from ledger.store.sequencer import Receipt
from ledger.usage.batch import BATCH_BYTES_MAX, read_lines, refuse_future, split_lines

GZIP_BYTES_MAX = BATCH_BYTES_MAX // 2
ENTRY_REQUEST_BYTES_MAX = 96 * 2**20
# An entry has at most 65,535 bytes, so no more parts than that; blobs and totals are base64.
PARTS_MAX = 70_000
_SEED = re.compile(r"[0-9a-f]{64}")


def submit_usage(coop: Coop, body: bytes) -> Receipt:
    """Take a usage batch: NDJSON, its first line the signed entry, every further line a record.

    Raises the error that names every bad line; nothing of a refused batch is kept.
    """
    lines = split_lines(body)
    if len(lines) < 2:
        raise MalformedBatch("a batch has a first line with the entry, then a line per record")
    head = _object(lines[0], "the first line", {"entry", "salt_seed", "totals"})
    draft = parse_draft(head["entry"])
    seed = _hex(head["salt_seed"], "salt_seed")
    totals = _base64(head["totals"], "totals")
    state = coop.state()
    check_signer(state, draft)
    judged = read_lines(lines[1:], state.scope())
    refuse_future(judged, coop.clock())
    submission = Submission(draft, {sha256(totals).hexdigest(): totals}, Batch(seed, judged))
    return submit(coop, submission)


def submit_entry(coop: Coop, body: bytes) -> Receipt:
    """Take any other entry: ``{"entry": …, "blobs": {sha256: base64}}``."""
    if len(body) > ENTRY_REQUEST_BYTES_MAX:
        raise TooLarge(f"a request has at most {ENTRY_REQUEST_BYTES_MAX} bytes")
    head = _object(body, "the request", {"entry", "blobs"})
    draft = parse_draft(head["entry"])
    check_signer(coop.state(), draft)
    if not isinstance(head["blobs"], dict):
        raise MalformedEntry("blobs is an object: SHA-256 → base64")
    blobs = {digest: _base64(data, f"blob {digest}") for digest, data in head["blobs"].items()}
    return submit(coop, Submission(draft, blobs))


def submit(coop: Coop, submission: Submission) -> Receipt:
    """Check a submission in itself, then give it to the sequencer."""
    check_submission(submission)
    check_destination(submission)
    return coop.sequencer.submit(submission)


def gunzip(data: bytes) -> bytes:
    """Unpack a gzip body; raises TooLarge as soon as it would exceed a batch's limit."""
    if len(data) > GZIP_BYTES_MAX:
        raise TooLarge(f"a gzip body has at most {GZIP_BYTES_MAX} bytes")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(data, BATCH_BYTES_MAX + 1)
    except zlib.error as error:
        raise MalformedBatch(f"the body is not gzip: {error}") from error
    if len(found) > BATCH_BYTES_MAX:
        raise TooLarge(f"a batch has at most {BATCH_BYTES_MAX} bytes when unpacked")
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBatch("the gzip body ends early, or something follows it")
    return found


def entry_request(draft: Draft, blobs: Mapping[str, bytes]) -> bytes:
    """The request body that ``submit_entry`` reads."""
    packed = {digest: base64.b64encode(data).decode() for digest, data in blobs.items()}
    return canonical.encode({"entry": draft.document(), "blobs": packed})


def _object(data: bytes, what: str, fields: set[str]) -> dict[str, Any]:
    # Small parts are what costs memory: a value is some fifty times the comma that it is told by.
    if sum(map(data.count, (b",", b"[", b"{"))) > PARTS_MAX:
        raise TooLarge(f"{what} has more than {PARTS_MAX} parts; it needs a few dozen")
    try:
        document = canonical.parse(data, what=what)
    except MalformedDocument as error:
        raise MalformedEntry(error.message) from error
    if not isinstance(document, dict) or document.keys() != fields:
        raise MalformedEntry(f"{what} is a JSON object with {', '.join(sorted(fields))}")
    return document


def _hex(value: object, name: str) -> bytes:
    # bytes.fromhex alone would take blanks between the digits, and give fewer bytes.
    if isinstance(value, str) and _SEED.fullmatch(value):
        return bytes.fromhex(value)
    raise MalformedBatch(f"{name} is 64 lower-case hex digits (32 random bytes)")


def _base64(value: object, name: str) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise MalformedEntry(f"{name} is bytes in padded base64")
