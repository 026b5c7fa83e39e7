"""Prove: an entry's place in the log, and chosen records with their salts, as files to hand over.

An entry's proof holds hashes only and is open to all. A record's proof discloses the record: it
is for the batch's sender and for the roles that the charter's ``readers.records`` names, who may
then show it to whom they like. The seed of a batch, which opens all of it, is never disclosed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ledger.coop.envelope import parse_envelope
from ledger.coop.recordproof import (
    RECORDS_MAX,
    USAGE_BATCH,
    BatchProof,
    RecordProof,
    disclose,
)
from ledger.coop.state import State
from ledger.errors import NotFound, NotPermitted, TooLarge
from ledger.log.proof import TlogProof
from ledger.service.coop import Coop
from ledger.service.published import note_over
from ledger.service.read import may_read, require_member
from ledger.service.sign_in import Reader
from ledger.store.reading import LogReader
from ledger.store.record_ids import USED, hasher


@dataclass(frozen=True, slots=True, order=True)
class RecordPlace:
    """Where a record stands: the index of its batch entry, and its number in it, from 0."""

    index: int
    number: int


Checkpoint = tuple[int, bytes]
"""The size and the note of the checkpoint that proofs are made under."""


def entry_proof(log: LogReader, index: int, under: Checkpoint) -> TlogProof:
    """The proof that an entry stands in the log, under a checkpoint; raises NotFound."""
    size, note = under
    return TlogProof(index, log.inclusion(index, size), note)


def prove_entry(coop: Coop, index: int) -> TlogProof:
    """``entry_proof`` of a co-op's log, under the checkpoint that shows most."""
    under = note_over(coop, index)
    with coop.reading() as (_, log):
        return entry_proof(log, index, under)


def prove_records(coop: Coop, places: Iterable[RecordPlace]) -> RecordProof:
    """Disclose records, whoever asks: for those who hold the database. Raises NotFound."""
    wanted = sorted(set(places))
    under = note_over(coop, wanted[-1].index if wanted else 0)
    with coop.reading() as (state, log):
        return _prove(state, log, wanted, under)


def prove_record_to(coop: Coop, reader: Reader, place: RecordPlace) -> RecordProof:
    """Disclose a record to a reader who may read it; raises NotPermitted, NotFound."""
    member = require_member(reader)
    under = note_over(coop, place.index)
    with coop.reading() as (state, log):
        draft = parse_envelope(log.entry(place.index)).draft
        sender = state.keys[draft.actor].member
        if sender != member and not may_read(state, reader, "records"):
            raise NotPermitted("records are for their sender and the roles named in the charter")
        return _prove(state, log, [place], under)


def find_record(coop: Coop, *, member: str, period: str, record_id: str) -> RecordPlace:
    """Where a member's record with this id stands; raises NotFound."""
    id_hash = hasher(coop.log.id_key)(USED, member, period, record_id)
    with coop.reading() as (_, log):
        place = log.places([id_hash]).get(id_hash)
    if place is None:
        raise NotFound(f"{member} has no record {record_id!r} in {period}")
    return RecordPlace(*place)


def _prove(
    state: State, log: LogReader, places: Sequence[RecordPlace], under: Checkpoint
) -> RecordProof:
    if not places:
        raise NotFound("name at least one record")
    if len(places) > RECORDS_MAX:
        raise TooLarge(f"one proof discloses at most {RECORDS_MAX} records, not {len(places)}")
    by_batch: dict[int, list[int]] = {}
    for place in places:
        by_batch.setdefault(place.index, []).append(place.number)
    batches = tuple(_prove_batch(log, index, numbers, under) for index, numbers in by_batch.items())
    return RecordProof(state.terms().origin, bytes.fromhex(state.genesis), batches)


def _prove_batch(
    log: LogReader, index: int, numbers: Sequence[int], under: Checkpoint
) -> BatchProof:
    entry = log.entry(index)
    kind = parse_envelope(entry).draft.kind
    if kind != USAGE_BATCH:
        raise NotFound(f"entry {index} is a {kind}; only a {USAGE_BATCH} has records")
    held = log.batch(index)
    for number in numbers:
        if not 0 <= number < len(held.lines):
            raise NotFound(
                f"entry {index} has the records 0 to {len(held.lines) - 1}, but no {number}"
            )
        if not held.lines[number]:
            raise NotFound(
                f"record {number} of entry {index} was erased: neither its line nor its salt is "
                "kept anywhere, and without them nothing can be disclosed"
            )
    records = disclose(numbers, held.lines, held.salts, held.leaves)
    return BatchProof(entry, entry_proof(log, index, under), records)
