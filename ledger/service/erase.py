"""Erase: find the records of a person, or named ones, and write the entries that erase them.

Finding reads every line of the batches in question, one batch at a time. The office's entries
about members' batches are proposals that the members decide on; a member's own take effect at
once. ``replay`` does again to a restored database what its log says was done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.coop.bodies import RecordsErased
from ledger.coop.erasure import RECORDS_ERASED, USAGE_BATCH, all_erased, proposed_erasures
from ledger.coop.state import State
from ledger.errors import InvalidInput, KyojoError, NotFound
from ledger.service.coop import Coop
from ledger.service.office import office_of, write
from ledger.service.read import require_member, search_all
from ledger.service.sign_in import Reader
from ledger.store.held import erase_again, holds_erased
from ledger.store.reading import Filter, LogReader
from ledger.store.record_ids import REVERSED, USED, hasher
from ledger.store.scrub import compact
from ledger.store.sequencer import Receipt
from ledger.usage.held import HeldBatch
from ledger.usage.record import parse_line

PAGE_BATCHES = 50
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Found:
    """Records of one batch: its entry index, whose it is, the records' numbers from 0."""

    batch: int
    member: str
    records: tuple[int, ...]

    def document(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"batch": self.batch, "member": self.member, "records": list(self.records)}


@dataclass(frozen=True, slots=True)
class Page:
    """What was found in a stretch of the log; ``following`` is where to go on, None at the end."""

    found: tuple[Found, ...]
    following: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An entry that was written: it took effect, or it waits as a proposal."""

    found: Found
    receipt: Receipt
    is_proposed: bool


def find_payer(
    coop: Coop,
    payer: str,
    *,
    member: str | None = None,
    progress: Progress = lambda _done, _all: None,
) -> list[Found]:
    """All records of a payer, of one member or of all; ``progress`` is told how many entries.

    A reversal names the same payer as what it takes back, so both are found.
    """
    found = []
    with coop.reading() as (state, log):
        for row in search_all(log, Filter(kind=USAGE_BATCH, member=member)):
            numbers = _paid_by(log.batch(row.index), payer)
            if numbers:
                found.append(Found(row.index, row.member or "", numbers))
            progress(row.index + 1, state.size)
        progress(state.size, state.size)
    return found


def find_records(coop: Coop, batch: int, records: Sequence[int]) -> list[Found]:
    """Named records of a batch, and what says the same: reversals of them, originals of those.

    Raises NotFound if the batch has no such record, or no longer.
    """
    with coop.reading() as (state, log):
        row = next(iter(log.search(Filter(kind=USAGE_BATCH), start=batch, limit=1)), None)
        if row is None or row.index != batch:
            raise NotFound(f"entry {batch} is not a usage-batch")
        member = row.member or ""
        places = {(batch, number) for number in records}
        held = log.batch(batch)
        for number in records:
            places |= _counterparts(coop, (state, log), member, held.line(number))
    by_batch: dict[int, set[int]] = {}
    for index, number in places:
        by_batch.setdefault(index, set()).add(number)
    return [Found(index, member, tuple(sorted(by_batch[index]))) for index in sorted(by_batch)]


def find_own(coop: Coop, reader: Reader, payer: str, *, start: int = 0) -> Page:
    """The reader's own records of a payer, in the batches of one page from entry ``start`` on."""
    member = require_member(reader)
    with coop.reading() as (state, log):
        rows = log.search(Filter(kind=USAGE_BATCH, member=member), start=start, limit=PAGE_BATCHES)
        pairs = [(row.index, _paid_by(log.batch(row.index), payer)) for row in rows]
    found = tuple(Found(index, member, numbers) for index, numbers in pairs if numbers)
    is_last = len(rows) < PAGE_BATCHES
    return Page(found, None if is_last else rows[-1].index + 1, state.size)


def erase(
    coop: Coop,
    found: Sequence[Found],
    reason: str,
    progress: Progress = lambda _done, _all: None,
) -> list[Erased]:
    """Write an entry per batch, with the office's key; what is proposed already is left out."""
    signer = office_of(coop).key.address
    written = []
    for number, one in enumerate(found, start=1):
        state = coop.state()
        office = state.keys[signer].member if signer in state.keys else ""
        waiting = proposed_erasures(state).get(one.batch, frozenset())
        records = [n for n in one.records if one.member == office or n not in waiting]
        if records:
            body = RecordsErased(batch=one.batch, records=records, reason=reason)
            receipt = write(coop, kind=RECORDS_ERASED, body=body)
            left = Found(one.batch, one.member, tuple(records))
            written.append(Erased(left, receipt, one.member != office))
        progress(number, len(found))
    return written


def check_reason(reason: str, payer: str | None) -> None:
    """Raise InvalidInput for a reason that says again what is to be erased."""
    if payer and payer in reason:
        raise InvalidInput("the reason stays in the log for good; it must not name the person")


def replay(coop: Coop) -> int:
    """Erase again what a restored database holds although its log erases it; how many records."""
    with coop.database.read() as connection:
        log = LogReader(connection, coop.log.id)
        if not log.search(Filter(kind=RECORDS_ERASED), limit=1):
            return 0
        wanted = all_erased(coop.sequencer.state_at(connection))
        if not holds_erased(connection, coop.log.id, wanted):
            return 0
    with coop.database.write(coop.log.id) as connection:
        count = erase_again(connection, coop.log.id, wanted)
    compact(coop.database)
    return count


def _paid_by(held: HeldBatch, payer: str) -> tuple[int, ...]:
    needle = payer.encode()
    found = []
    for number, line in enumerate(held.lines):
        # Without an escape in the line, a payer's id stands in it as it is.
        if needle in line or b"\\" in line:
            try:
                record = parse_line(line)
            except KyojoError:
                continue  # an erased record's line is empty
            if record.payer == payer:
                found.append(number)
    return tuple(found)


def _counterparts(
    coop: Coop, view: tuple[State, LogReader], member: str, line: bytes
) -> set[tuple[int, int]]:
    """Where the reversal of a record stands, and what the record itself takes back."""
    state, log = view
    record = parse_line(line)
    period = state.scope().calendar.period_of(record)
    hash_of = hasher(coop.log.id_key)
    hashes = [hash_of(REVERSED, member, period, record.id)]
    if record.reverses is not None:
        hashes.append(hash_of(USED, member, period, record.reverses))
    places = log.places(hashes).values()
    return {(index, number) for index, number in places if log.batch(index).lines[number]}
