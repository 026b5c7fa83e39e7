"""A member's part of a correction, tied to the log, and how the member checks it alone.

::

    {"kyojo_member_correction": 1, "origin", "genesis", "member", "statement": {…},
     "proof": {"index", "entry", "hashes", "checkpoint"}, "names": {"coop", "member"},
     "payable": {…}}

``statement`` is that of ``ledger.settlement.correction_statement``; ``proof`` shows that the entry
that proposed the correction is in the log. Whether it was approved is for the log's readers.
``names`` are words for a page. ``payable`` is there for whom the month's settlement gives nothing,
such as a firm that has left, once that month is proposed: what the posting comes to, as the state
says it (``ledger.settlement.payable``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ledger import canonical
from ledger.coop import bodies
from ledger.coop.grounds import HeadProof, included_entry
from ledger.errors import InvalidInput, NotIncluded, SumMismatch, VerificationError
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.log.note import Verifier, parse_note
from ledger.rules.models import FormatOne
from ledger.settlement.correction_statement import verify_correction_statement
from ledger.settlement.corrections_of_period import correction_id
from ledger.settlement.payable import PayableShape, verify_payable


class _Document(bodies.Body):
    kyojo_member_correction: FormatOne
    origin: str
    genesis: bodies.Hash
    member: str
    statement: dict[str, Any]
    proof: HeadProof
    names: dict[str, Any] | None = None
    payable: PayableShape | None = None


def verify_member_correction(
    document: Mapping[str, Any], *, origin: str, verifiers: Sequence[Verifier] | None
) -> None:
    """Check a member's part of a correction against the log that ``verifiers`` sign.

    Raises BadSignature for the checkpoint, NotIncluded for the entry, SumMismatch for a figure.
    With None no signature of a log is checked, only that the part agrees with its own checkpoint.
    """
    try:
        found = _Document.model_validate_json(canonical.encode(dict(document)))
        head = _head(found.proof.checkpoint.encode(), origin, verifiers)
        if found.origin != origin:
            raise SumMismatch(f"the statement is of {found.origin}, not of {origin}")
        entry = included_entry(found.proof, head, bytes.fromhex(found.genesis))
        if entry.draft.kind != "correction-proposed":
            raise NotIncluded(f"entry {found.proof.index} is a {entry.draft.kind}")
        body = bodies.parse_body(bodies.CorrectionProposed, entry.draft.body)
        verify_correction_statement(found.statement, body.correction)
        if found.statement["member"] != found.member:
            raise SumMismatch("the statement is another member's")
        if found.payable is not None:
            _verify_payable(found.payable, head, correction_id(body.correction))
    except ValidationError as error:
        raise SumMismatch(f"not a member's correction: {error.errors()[0]['msg']}") from error
    except InvalidInput as error:
        raise VerificationError(f"the statement cannot be read: {error.message}") from error


def _head(note: bytes, origin: str, verifiers: Sequence[Verifier] | None) -> Checkpoint:
    if verifiers is None:
        return parse_checkpoint(parse_note(note).text)
    return open_checkpoint(note, origin=origin, verifiers=verifiers).checkpoint


def _verify_payable(part: PayableShape, head: Checkpoint, correction: bytes) -> None:
    """The part adds up, is of the state under the checkpoint, and has this correction in it."""
    if part.size != head.size:
        sizes = f"{part.size} entries, the checkpoint of {head.size}"
        raise SumMismatch(f"what is payable is said of {sizes}")
    verify_payable(part, 0, None)
    if part.posted and correction not in {row.id for row in part.posted}:
        raise SumMismatch("what is payable is of other corrections than this")
