"""Correct: propose what late usage changes in settled months, and show what was corrected."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.corrections import CORRECTION, Computed, compute_correction
from ledger.coop.envelope import parse_envelope
from ledger.coop.grounds import proof_document
from ledger.coop.payable import payable_beside
from ledger.coop.state import SUSPENSE, Period, State, state_hash
from ledger.errors import Conflict, NotFound, NotPermitted
from ledger.log.merkle import prove_inclusion_from
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, office_of, write
from ledger.service.read import find_proposed, may_read, require_member, search_all
from ledger.service.sign_in import Reader
from ledger.settlement.correction_statement import correction_statement, open_correction
from ledger.store.reading import Filter, LogReader
from ledger.store.sequencer import Receipt
from ledger.usage.totals import SALT_BYTES


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
        if not reader.is_same(member):
            require_member(reader)
            if not may_read(state, reader, "settlements"):
                text = "you may read your own part; others are for the charter's readers"
                raise NotPermitted(text)
        found = next((one for one in find_corrections(state, log) if one.id == wanted), None)
        if found is None:
            raise NotFound(f"no correction has the id {wanted}")
        return part_maker(state, log, found)(member)


def part_maker(state: State, log: LogReader, found: Corrected) -> Callable[[str], dict[str, Any]]:
    """What makes a member's part of a correction; what all parts share is read once.

    Where the month with which the correction is settled is proposed, and has no statement that
    could tell what the correction comes to for the member, the part says what is payable.
    """
    seed = log.blob(found.body["seed"]["sha256"])
    again = open_correction(found.document, log.blob(found.body["rows"]["sha256"]), seed)
    head = log.head()
    path = prove_inclusion_from(log.hashes(head.size), found.index, head.size)
    proof = proof_document(found.index, log.entry(found.index), path)
    period = state.period(str(found.document["posted_in"]))
    told = told_by_statements(log, period, found)
    hash_ = state_hash(state).hex() if told is not None else ""

    def part(member: str) -> dict[str, Any]:
        known = state.members.get(member)
        document = {
            "kyojo_member_correction": 1,
            "origin": state.terms().origin,
            "genesis": state.genesis,
            "member": member,
            "statement": correction_statement(again, seed, member),
            "proof": {**proof, "checkpoint": head.note.decode()},
            "names": {
                "coop": state.terms().name.model_dump(),
                "member": None if known is None else dict(known.name),
            },
        }
        if told is None or member in told:
            return document
        figures = payable_beside(state, period, str(found.document["currency"]), member)
        if figures is None:
            return document
        return {**document, "payable": {"size": state.size, "state_hash": hash_, **figures}}

    return part


def told_by_statements(log: LogReader, period: Period, found: Corrected) -> frozenset[str] | None:
    """Who has a statement of the month that says what a correction posted with it comes to.

    None while the month has no settlement, or the correction is not posted with it. Nobody where
    the month is divided in another currency.
    """
    if found.id not in period.posted or period.settlement is None:
        return None
    body = find_proposed(log, period).body
    if body["settlement"]["currency"] != found.document["currency"]:
        return frozenset()
    lines = canonical.parse(log.blob(body["lines"]["sha256"])[SALT_BYTES:])
    return frozenset(lines["totals"]["members"])


def untold_parts(coop: Coop, month: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The parts of corrections that no statement of the month tells, by correction and account.

    Of firms that have left, and of everybody where the month is divided in another currency. As the
    office of this installation reads them, to send them out with the month's statements.
    """
    parts: dict[tuple[str, str], dict[str, Any]] = {}
    with coop.reading() as (state, log):
        period = state.period(month)
        for found in find_corrections(state, log):
            told = told_by_statements(log, period, found)
            if told is None or found.document["posted_in"] != month:
                continue
            make = part_maker(state, log, found)
            content = canonical.parse(log.blob(found.body["rows"]["sha256"])[SALT_BYTES:])
            moved = {row["member"] for row in content["rows"]} | period.posted[found.id].keys()
            for account in sorted(moved - told - {SUSPENSE}):
                parts[found.id, account] = make(account)
    return parts


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
