"""What a member's statement rests on in the log, and how a member checks it alone.

A statement (``ledger.settlement.statement``) shows that a member's weights and amounts follow from
the settlement. The member statement of this module ties both ends to the log: the settlement to
the entry that proposed it, with its inclusion proof and checkpoint; the metered totals behind the
weights to the member's own usage batches, each with its entry, proof and signed totals::

    {"kyojo_member_statement": 1, "origin", "genesis", "member",
     "statement": {…}, "reports": [{"where", "entries"}], "anchors": […], "names": {…},
     "usage": {"batches": [{"index", "entry", "hashes", "count", "root", "salt", "totals"}],
               "totals": [[facility, name, currency, amount]]},
     "proof": {"index", "entry", "hashes", "checkpoint"}}

Where more than the run's lines is settled with the month, ``payable`` says what
(``ledger.settlement.payable``); otherwise it is left out. Where the month was corrected later,
``corrections`` has the member's part of each, oldest first, with the entry that proposed it and the
month with which it is posted; each names what it corrects, so none in between can be left out.

``entry`` is the entry's bytes as text, ``hashes`` its inclusion proof in the tree of
``proof.checkpoint``. ``anchors`` and ``names`` are for reading, but for ``names.rules``, which must
be the settlement's rule set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Annotated, Any

from pydantic import Field, ValidationError

from ledger import canonical
from ledger.coop import bodies
from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.ground_weights import verify_weights
from ledger.coop.state import SUSPENSE
from ledger.errors import (
    BadSignature,
    InvalidInput,
    NotIncluded,
    SumMismatch,
    VerificationError,
)
from ledger.identity.signature import recover_address
from ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from ledger.log.merkle import leaf_hash, verify_inclusion
from ledger.log.note import Verifier, parse_note
from ledger.rules.models import FormatOne
from ledger.settlement.correction_statement import verify_correction_statement
from ledger.settlement.payable import PayableShape, verify_payable
from ledger.settlement.shape import SourceShape, parse_settlement, parse_statement
from ledger.settlement.verify import verify_statement
from ledger.usage.totals import SALT_BYTES, TotalKey, Totals, encode_totals, parse_totals

TOTALS_PLACE = "inputs:/totals/"


@dataclass(frozen=True, slots=True)
class OwnBatch:
    """A usage batch as its account sees it; ``totals`` may hold rows of other periods too."""

    index: int
    entry: bytes
    account: str
    count: int
    root: str
    salt: bytes
    totals: Totals

    def document(self, hashes: Sequence[bytes]) -> dict[str, Any]:
        """The batch in a member statement; ``hashes`` is its inclusion proof."""
        return {
            **proof_document(self.index, self.entry, hashes),
            "count": self.count,
            "root": self.root,
            "salt": self.salt.hex(),
            "totals": [[*key, amount] for key, amount in sorted(self.totals.items())],
        }


def read_batch(index: int, entry: bytes, totals_blob: bytes, member: str) -> OwnBatch:
    """A usage batch that ``member`` submitted; raises MalformedEntry or MalformedBatch."""
    body = bodies.parse_body(bodies.UsageBatch, parse_envelope(entry).draft.body)
    account = SUSPENSE if body.account == SUSPENSE else member
    salt, totals = totals_blob[:SALT_BYTES], parse_totals(totals_blob)
    return OwnBatch(index, entry, account, body.count, body.root, salt, totals)


def proof_document(index: int, entry: bytes, hashes: Sequence[bytes]) -> dict[str, Any]:
    """An entry, its place, and its inclusion proof."""
    return {"index": index, "entry": entry.decode(), "hashes": [found.hex() for found in hashes]}


def usage_totals(batches: Sequence[OwnBatch], period: str) -> list[list[Any]]:
    """What the batches add up to in a period: rows of facility, name, currency, amount."""
    return _summed([batch.totals for batch in batches], period)


def verify_member_statement(
    document: Mapping[str, Any], *, origin: str, verifiers: Sequence[Verifier] | None
) -> None:
    """Check a member statement against the log that ``verifiers`` sign: nothing else is needed.

    Raises BadSignature for the checkpoint, NotIncluded for an entry, SumMismatch for a figure.
    That each member's batches are complete is the member's own knowledge: it sent them. With None
    no signature of a log is checked, only that the statement agrees with its own checkpoint.
    """
    try:
        found = _Document.model_validate_json(canonical.encode(dict(document)))
        note = found.proof.checkpoint.encode()
        if verifiers is None:
            checkpoint = parse_checkpoint(parse_note(note).text)
        else:
            checkpoint = open_checkpoint(note, origin=origin, verifiers=verifiers).checkpoint
        if found.origin != origin:
            raise SumMismatch(f"the statement is of {found.origin}, not of {origin}")
        genesis = bytes.fromhex(found.genesis)
        proposed = included_entry(found.proof, checkpoint, genesis)
        if proposed.draft.kind != "settlement-proposed":
            raise NotIncluded(f"entry {found.proof.index} is a {proposed.draft.kind}")
        body = bodies.parse_body(bodies.SettlementProposed, proposed.draft.body)
        verify_statement(found.statement, body.settlement)
        _verify_usage(found, str(body.settlement["period"]), checkpoint)
        _verify_payable(found, checkpoint)
        _verify_corrections(found, body.settlement, checkpoint)
    except ValidationError as error:
        raise SumMismatch(f"not a member statement: {error.errors()[0]['msg']}") from error
    except InvalidInput as error:
        raise VerificationError(f"the statement cannot be read: {error.message}") from error


class EntryProof(bodies.Body):
    """An entry, its place, and its inclusion proof."""

    index: bodies.Count
    entry: str
    hashes: Annotated[list[bodies.Hash], Field(max_length=63)]


class HeadProof(EntryProof):
    """An entry under a signed checkpoint."""

    checkpoint: str


class _Batch(EntryProof):
    count: bodies.Count
    root: bodies.Hash
    salt: bodies.Hash
    totals: list[tuple[str, str, str, str, int]]


class _Usage(bodies.Body):
    batches: list[_Batch]
    totals: list[tuple[str, str, str, int]]


class _Report(bodies.Body):
    where: str
    entries: list[bodies.Count]


class _Followed(bodies.Body):
    statement: dict[str, Any]
    proof: EntryProof


class _Document(bodies.Body):
    kyojo_member_statement: FormatOne
    origin: str
    genesis: bodies.Hash
    member: str
    statement: dict[str, Any]
    usage: _Usage
    reports: list[_Report]
    proof: HeadProof
    anchors: list[dict[str, Any]]
    names: dict[str, Any]
    payable: PayableShape | None = None
    corrections: Annotated[list[_Followed], Field(min_length=1)] | None = None


def included_entry(proof: EntryProof, head: Checkpoint, genesis: bytes) -> Envelope:
    """The entry, which stands in the log and was signed for the co-op with this genesis hash."""
    data = proof.entry.encode()
    hashes = [bytes.fromhex(found) for found in proof.hashes]
    verify_inclusion(leaf_hash(data), proof.index, head.size, hashes, head.root)
    envelope = parse_envelope(data)
    draft = envelope.draft
    signer = recover_address(draft.message(genesis).digest(), draft.signature)
    if draft.origin != head.origin or signer != draft.actor:
        raise BadSignature(f"entry {proof.index} was not signed by its actor for this co-op")
    return envelope


def _verify_usage(found: _Document, period: str, head: Checkpoint) -> None:
    """Batches are in the log and hold the stated totals, which are those behind the weights."""
    own = parse_statement(found.statement)
    if own.member != found.member:
        raise SumMismatch(f"the statement is {own.member}'s, not {found.member}'s")
    totals = [_verify_batch(batch, head, found) for batch in found.usage.batches]
    if len({batch.index for batch in found.usage.batches}) != len(totals):
        raise SumMismatch("a batch stands twice in the statement")
    summed = _summed(totals, period)
    if summed != [list(row) for row in found.usage.totals]:
        raise SumMismatch("the batches do not add up to the stated totals")
    verify_weights(own, found.names.get("rules"), str(own.settlement["rule_hash"]))
    for step in own.steps:
        for source in (*step.sources, *(s for part in step.parts for s in part.sources)):
            _verify_source(source, summed)


def _verify_payable(found: _Document, head: Checkpoint) -> None:
    """What is payable adds up, and is of the state under the checkpoint; not that it is true."""
    if found.payable is None:
        return
    if found.payable.size != head.size:
        sizes = f"{found.payable.size} entries, the checkpoint of {head.size}"
        raise SumMismatch(f"what is payable is said of {sizes}")
    own = parse_statement(found.statement)
    verify_payable(found.payable, own.net_minor, parse_settlement(own.settlement))


def _verify_corrections(found: _Document, settlement: Mapping[str, Any], head: Checkpoint) -> None:
    """Each correction stands in the log, has the member's difference, and follows the one before.

    That it was approved, and that none came after the last, is for the log's readers.
    """
    corrected = canonical.digest(dict(settlement)).hex()
    for one in found.corrections or ():
        draft = included_entry(one.proof, head, bytes.fromhex(found.genesis)).draft
        if draft.kind != "correction-proposed":
            raise NotIncluded(f"entry {one.proof.index} is a {draft.kind}, not a correction")
        body = bodies.parse_body(bodies.CorrectionProposed, draft.body)
        verify_correction_statement(one.statement, body.correction)
        if one.statement["member"] != found.member:
            raise SumMismatch("a correction's part is another member's")
        rows = [row for row in body.correction["periods"] if row["period"] == settlement["period"]]
        if [row["correction_of"] for row in rows] != [corrected]:
            raise SumMismatch(f"entry {one.proof.index} does not correct what stands before it")
        corrected = str(one.statement["correction_id"])


def _verify_batch(batch: _Batch, head: Checkpoint, found: _Document) -> Totals:
    draft = included_entry(batch, head, bytes.fromhex(found.genesis)).draft
    if draft.kind != "usage-batch":
        raise NotIncluded(f"entry {batch.index} is a {draft.kind}, not a usage batch")
    body = bodies.parse_body(bodies.UsageBatch, draft.body)
    if (body.account == SUSPENSE) != (found.member == SUSPENSE):
        raise SumMismatch(f"entry {batch.index} counts for another account")
    totals = {TotalKey(*row[:4]): row[4] for row in batch.totals}
    blob = encode_totals(bytes.fromhex(batch.salt), totals)
    stated = (batch.count, batch.root, sha256(blob).hexdigest())
    if stated != (body.count, body.root, body.totals.sha256):
        raise SumMismatch(f"entry {batch.index} was signed with another count, root or totals")
    return totals


def _verify_source(source: SourceShape, summed: Sequence[Sequence[Any]]) -> None:
    """A metered figure is the sum over the facilities; charges of other currencies are apart."""
    if not source.where.startswith(TOTALS_PLACE):
        return
    name = source.where.removeprefix(TOTALS_PLACE).split("/")[0]
    metered = {row[2]: 0 for row in summed if row[1] == name}
    for row in summed:
        if row[1] == name:
            metered[row[2]] += row[3]
    if source.value not in {Fraction(amount) for amount in metered.values() or (0,)}:
        raise SumMismatch(f"the batches add up to another figure than {source.where} says")


def _summed(parts: Sequence[Totals], period: str) -> list[list[Any]]:
    found: dict[tuple[str, str, str], int] = {}
    for totals in parts:
        for key, amount in totals.items():
            if key.period == period:
                place = (key.facility, key.name, key.currency)
                found[place] = found.get(place, 0) + amount
    return [[*place, amount] for place, amount in sorted(found.items())]
