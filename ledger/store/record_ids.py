"""Which record ids a member has used, and which of its records it has reversed.

The table keeps keyed hashes only (BLAKE2b, 16 bytes, the key never leaves the database), one row
for an id and one for a reversal of it. A member uses an id once per period and reverses a record
once; a reversal must be the exact negative of what it names.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from ledger.coop.submission import Batch
from ledger.errors import DuplicateId, Fault, KyojoError, MalformedBatch
from ledger.store.writing import GroupWriter
from ledger.usage.record import Record, negates, parse_line

Hasher = Callable[[str, str, str, str], bytes]

USED, REVERSED = "id", "reversal"


def hasher(id_key: bytes) -> Hasher:
    """The keyed hash of (use, member, period, id) for one log."""
    keyed = blake2b(key=id_key, digest_size=16)

    def hash_of(use: str, member: str, period: str, record_id: str) -> bytes:
        found = keyed.copy()
        found.update(f"{use}\n{member}\n{period}\n{record_id}".encode())
        return found.digest()

    return hash_of


def rows_of(batch: Batch, member: str, hash_of: Hasher) -> list[tuple[int, bytes]]:
    """The rows a batch adds: (record number, hash) for every id and every reversal."""
    judged = batch.judged
    rows = []
    for number, (record, period) in enumerate(zip(judged.records, judged.periods, strict=True)):
        rows.append((number, hash_of(USED, member, period, record.id)))
        if record.reverses is not None:
            rows.append((number, hash_of(REVERSED, member, period, record.reverses)))
    return rows


def check_batch(
    batch: Batch, who: tuple[str, str], hash_of: Hasher, writer: GroupWriter
) -> list[tuple[int, bytes]]:
    """The rows that a batch adds, if all ids are new and all reversals right.

    ``who`` is the member and the account that its batch counts for. Raises DuplicateId, naming
    every bad record, if they are not.
    """
    member, account = who
    rows = rows_of(batch, member, hash_of)
    taken = writer.places([id_hash for _, id_hash in rows])
    judged = batch.judged
    numbers = {number for number, id_hash in rows if id_hash in taken}
    faults = [_taken(number, judged.records[number]) for number in sorted(numbers)]
    earlier: set[tuple[str, str]] = set()  # a reversal names what stands before it
    seen: set[tuple[str, str]] = set()
    for number, (record, period) in enumerate(zip(judged.records, judged.periods, strict=True)):
        if record.reverses is None:
            earlier.add((period, record.id))
            continue
        where = f"record {number + 1}, reverses"
        if (period, record.reverses) in seen:
            faults.append(Fault(where, "duplicate-id", f"{record.reverses!r} is reversed twice"))
        seen.add((period, record.reverses))
        if (period, record.reverses) not in earlier:
            try:
                place = hash_of(USED, member, period, record.reverses)
                _check_reversal(record, place, account, writer)
            except KyojoError as error:
                faults.append(error.as_fault(where))
    if faults:
        raise DuplicateId(
            f"{len(faults)} records clash with what the ledger holds; nothing was kept",
            faults=tuple(faults),
        )
    return rows


def _check_reversal(record: Record, id_hash: bytes, account: str, writer: GroupWriter) -> None:
    place = writer.places([id_hash]).get(id_hash)
    if place is None:
        raise MalformedBatch(f"no record {record.reverses!r} of yours stands before this one")
    if writer.batch_account(place[0]) != account:
        raise MalformedBatch(f"{record.reverses!r} counts for another account than this batch")
    if not negates(record, parse_line(writer.line(*place))):
        raise MalformedBatch(f"this is not the exact negative of {record.reverses!r}")


def _taken(number: int, record: Record) -> Fault:
    what = f"the id {record.id!r} is used"
    if record.reverses is not None:
        what += f", or {record.reverses!r} is reversed"
    return Fault(f"record {number + 1}, id", "duplicate-id", f"{what} already in that period")
