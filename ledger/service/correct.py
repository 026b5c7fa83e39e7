"""Correct: propose what late usage changes in settled months, and show what was corrected."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.corrections import CORRECTION, Computed, compute_correction
from ledger.coop.envelope import parse_envelope
from ledger.coop.grounds import proof_document
from ledger.coop.state import State
from ledger.errors import Conflict, NotFound, NotPermitted
from ledger.log.merkle import prove_inclusion_from
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, office_of, write
from ledger.service.read import may_read, require_member, search_all
from ledger.service.sign_in import Reader
from ledger.settlement.correction_statement import correction_statement, open_correction
from ledger.store.reading import Filter, LogReader
from ledger.store.sequencer import Receipt


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction and where it stands: ``waiting``, ``posted`` or ``dropped``."""

    id: str
    index: int
    status: str
    document: Mapping[str, Any]
    body: Mapping[str, Any]


def draft_correction(coop: Coop, currency: str | None = None) -> Computed:
    """Compute the correction that is due without writing anything."""
    with coop.reading() as (state, log):
        code = _currency(state, currency)
        return compute_correction(state, code, log, _seed(coop, state, code))


def propose_correction(coop: Coop, currency: str | None = None) -> Receipt | None:
    """Propose the correction that is due; None while one waits for decisions.

    Raises Conflict if nothing is due, or not enough yet.
    """
    state = coop.state()
    code = _currency(state, currency)
    waiting = (one for one in state.proposals.values() if one.kind == CORRECTION)
    if any(one.body["currency"] == code for one in waiting):
        return None
    computed = draft_correction(coop, code)
    rows, seed = computed.correction.rows_blob, _seed(coop, state, code)
    body = {
        "correction": dict(computed.correction.document),
        "rows": blob_reference(rows),
        "seed": blob_reference(seed),
    }
    named = {sha256(blob).hexdigest(): blob for blob in (rows, seed)}
    return write(coop, kind=CORRECTION, body=body, blobs=named)


def corrections(coop: Coop, reader: Reader) -> list[Corrected]:
    """The corrections, oldest first: posted ones open to all, others for members."""
    with coop.reading() as (state, log):
        found = list(find_corrections(state, log))
    return [one for one in found if one.status == "posted" or reader.member is not None]


def correction_of_member(coop: Coop, reader: Reader, wanted: str, member: str) -> dict[str, Any]:
    """A member's part of a correction, tied to the log (``ledger.coop.correction_grounds``).

    For the member itself and the roles that the charter names for settlements.
    """
    with coop.reading() as (state, log):
        if require_member(reader) != member and not may_read(state, reader, "settlements"):
            raise NotPermitted("you may read your own part; others are for the charter's readers")
        found = next((one for one in find_corrections(state, log) if one.id == wanted), None)
        if found is None:
            raise NotFound(f"no correction has the id {wanted}")
        seed = log.blob(found.body["seed"]["sha256"])
        again = open_correction(found.document, log.blob(found.body["rows"]["sha256"]), seed)
        head = log.head()
        path = prove_inclusion_from(log.hashes(head.size), found.index, head.size)
        proof = proof_document(found.index, log.entry(found.index), path)
        return {
            "kyojo_member_correction": 1,
            "origin": state.terms().origin,
            "genesis": state.genesis,
            "member": member,
            "statement": correction_statement(again, seed, member),
            "proof": {**proof, "checkpoint": head.note.decode()},
        }


def find_corrections(state: State, log: LogReader) -> Iterator[Corrected]:
    """Every correction by the newest entry that proposed it, in the order of these."""
    posted = {id_ for period in state.periods.values() for id_ in period.posted}
    found: dict[str, Corrected] = {}
    for row in search_all(log, Filter(kind=CORRECTION)):
        body = parse_envelope(log.entry(row.index)).draft.body
        document = body["correction"]
        id_ = canonical.digest(document).hex()
        status = "waiting" if id_ in state.proposals else "dropped"
        status = "posted" if id_ in posted else status
        found[id_] = Corrected(id_, row.index, status, document, body)
    yield from sorted(found.values(), key=lambda one: one.index)


def _currency(state: State, currency: str | None) -> str:
    known = [terms.code for terms in state.terms().currencies]
    if currency is None and len(known) == 1:
        return known[0]
    if currency not in known:
        raise Conflict(f"name one of the co-op's currencies: {', '.join(known)}")
    return currency


def _seed(coop: Coop, state: State, currency: str) -> bytes:
    """The seed of a correction's trees: made from the office's secret and what it starts from."""
    runs = [
        [period.id, period.run.id, period.epoch]
        for period in sorted(state.periods.values(), key=lambda one: one.start)
        if period.run is not None
    ]
    purpose = canonical.encode(["kyojo correction seed", state.genesis, currency, runs])
    return hmac.digest(office_of(coop).settlement_secret, purpose, "sha256")
