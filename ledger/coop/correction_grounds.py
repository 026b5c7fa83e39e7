"""A member's part of a correction, tied to the log, and how the member checks it alone.

::

    {"kyojo_member_correction": 1, "origin", "genesis", "member", "statement": {…},
     "proof": {"index", "entry", "hashes", "checkpoint"}}

``statement`` is that of ``ledger.settlement.correction_statement``; ``proof`` shows that the entry
that proposed the correction is in the log. Whether it was approved is for the log's readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ledger import canonical
from ledger.coop import bodies
from ledger.coop.grounds import HeadProof, included_entry
from ledger.errors import InvalidInput, NotIncluded, SumMismatch, VerificationError
from ledger.log.checkpoint import open_checkpoint
from ledger.log.note import Verifier
from ledger.rules.models import FormatOne
from ledger.settlement.correction_statement import verify_correction_statement


class _Document(bodies.Body):
    kyojo_member_correction: FormatOne
    origin: str
    genesis: bodies.Hash
    member: str
    statement: dict[str, Any]
    proof: HeadProof


def verify_member_correction(
    document: Mapping[str, Any], *, origin: str, verifiers: Sequence[Verifier]
) -> None:
    """Check a member's part of a correction against the log that ``verifiers`` sign.

    Raises BadSignature for the checkpoint, NotIncluded for the entry, SumMismatch for a figure.
    """
    try:
        found = _Document.model_validate_json(canonical.encode(dict(document)))
        head = open_checkpoint(found.proof.checkpoint.encode(), origin=origin, verifiers=verifiers)
        if found.origin != origin:
            raise SumMismatch(f"the statement is of {found.origin}, not of {origin}")
        entry = included_entry(found.proof, head.checkpoint, bytes.fromhex(found.genesis))
        if entry.draft.kind != "correction-proposed":
            raise NotIncluded(f"entry {found.proof.index} is a {entry.draft.kind}")
        body = bodies.parse_body(bodies.CorrectionProposed, entry.draft.body)
        verify_correction_statement(found.statement, body.correction)
        if found.statement["member"] != found.member:
            raise SumMismatch("the statement is another member's")
    except ValidationError as error:
        raise SumMismatch(f"not a member's correction: {error.errors()[0]['msg']}") from error
    except InvalidInput as error:
        raise VerificationError(f"the statement cannot be read: {error.message}") from error
