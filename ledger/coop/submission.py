"""What is handed to the log in one piece: a draft, the blobs it names, and a batch's lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ledger.coop import bodies
from ledger.coop.blobs import BLOB_BYTES_MAX, blob_references
from ledger.coop.envelope import Draft
from ledger.errors import Fault, MalformedBatch, MalformedEntry, SumMismatch
from ledger.usage.batch import Lines
from ledger.usage.commitment import records_root
from ledger.usage.totals import differences, parse_totals


@dataclass(frozen=True, slots=True)
class Batch:
    """The lines of a usage batch as they came, what they say, and the seed of their salts."""

    seed: bytes
    judged: Lines


@dataclass(frozen=True, slots=True)
class Submission:
    """A draft with everything that its body names."""

    draft: Draft
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    batch: Batch | None = None


def check_submission(submission: Submission) -> None:
    """Raise unless the blobs are those that the body names, and the lines those it commits to."""
    named = {reference["sha256"] for reference in blob_references(submission.draft.body)}
    for digest, data in submission.blobs.items():
        if digest not in named:
            raise MalformedEntry(f"the blob {digest} is not named in the entry's body")
        if sha256(data).hexdigest() != digest:
            raise MalformedEntry(f"the bytes sent as blob {digest} have another SHA-256")
        if len(data) > BLOB_BYTES_MAX:
            raise MalformedEntry(f"a blob has at most {BLOB_BYTES_MAX} bytes")
    _require_all(named, submission)
    if (submission.batch is None) == (submission.draft.kind == "usage-batch"):
        raise MalformedEntry("a usage-batch comes with its lines, and nothing else does")
    if submission.batch is not None:
        _check_batch(submission, submission.batch)


def _require_all(named: set[str], submission: Submission) -> None:
    """Whoever names a blob sends it: its hash, which stands in the log, does not show knowledge.

    Otherwise a member could name another's blob in an entry of its own, and read it as its own.
    """
    missing = sorted(named - submission.blobs.keys())
    if missing:
        raise MalformedEntry(f"the blob {missing[0]} is missing; send it with the entry")


def _check_batch(submission: Submission, batch: Batch) -> None:
    body = bodies.parse_body(bodies.UsageBatch, submission.draft.body)
    lines = batch.judged.lines
    if body.count != len(lines):
        raise MalformedBatch(f"the entry counts {body.count} records, {len(lines)} lines came")
    root = records_root(batch.seed, lines).hex()
    if body.root != root:
        raise MalformedBatch(
            f"the lines and the seed give the root {root}, the entry signs {body.root}; "
            "send the lines byte for byte as they were sealed"
        )
    blob = submission.blobs[body.totals.sha256]
    wrong = differences(parse_totals(blob), batch.judged.totals)
    if wrong:
        faults = tuple(
            Fault("/".join(key), "sum-mismatch", f"signed {stated}, the records give {counted}")
            for key, stated, counted in wrong
        )
        raise SumMismatch(
            f"{len(wrong)} signed totals are not what the records add up to", faults=faults
        )
