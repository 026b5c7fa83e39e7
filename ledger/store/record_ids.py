"""Which record ids a member has used, and which of its records it has reversed.

The table keeps keyed hashes only (BLAKE2b, 16 bytes, the key never leaves the database), one row
for an id and one for a reversal of it. A member uses an id once per period and reverses a record
once; a reversal must be the exact negative of what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b

from ledger.coop.submission import Batch
from ledger.errors import DuplicateId, Fault
from ledger.store.reversals import Reversal, check_reversals
from ledger.store.writing import GroupWriter
from ledger.usage.batch import FAULTS_MAX, Lines
from ledger.usage.record import Record

Hasher = Callable[[str, str, str, str], bytes]

USED, REVERSED, LOST = "id", "reversal", "lost"


def hasher(id_key: bytes) -> Hasher:
    """The keyed hash of (use, member, period, id) for one log."""
    keyed = blake2b(key=id_key, digest_size=16)

    def hash_of(use: str, member: str, period: str, record_id: str) -> bytes:
        found = keyed.copy()
        found.update(f"{use}\n{member}\n{period}\n{record_id}".encode())
        return found.digest()

    return hash_of


def rows_of(
    judged: Lines, member: str, hash_of: Hasher, numbers: Sequence[int] | None = None
) -> list[tuple[int, bytes]]:
    """The rows a batch adds: (record number, hash) for every id and every reversal.

    ``numbers`` are the records' numbers, where they are not 0, 1, 2, …
    """
    rows = []
    places = numbers or range(len(judged.records))
    for number, record, period in zip(places, judged.records, judged.periods, strict=True):
        rows.append((number, hash_of(USED, member, period, record.id)))
        if record.reverses is not None:
            rows.append((number, hash_of(REVERSED, member, period, record.reverses)))
    return rows


def lost_row(hash_of: Hasher, index: int, number: int) -> tuple[int, bytes]:
    """What stands for an erased record whose id nobody here ever knew (``store.recover``).

    No id has this hash, so it keeps none from being used again; it keeps the place.
    """
    return number, hash_of(LOST, "", str(index), str(number))


def check_batch(
    batch: Batch, who: tuple[str, str], hash_of: Hasher, writer: GroupWriter
) -> list[tuple[int, bytes]]:
    """The rows that a batch adds, if all ids are new and all reversals right.

    ``who`` is the member and the account that its batch counts for. Raises DuplicateId, naming
    every bad record, if they are not.
    """
    member, account = who
    rows = rows_of(batch.judged, member, hash_of)
    taken = writer.places([id_hash for _, id_hash in rows])
    judged = batch.judged
    numbers = {number for number, id_hash in rows if id_hash in taken}
    faults = [_taken(number, judged.records[number]) for number in sorted(numbers)]
    reversals = []
    earlier: set[tuple[str, str]] = set()  # a reversal names what stands before it
    seen: set[tuple[str, str]] = set()
    for number, (record, period) in enumerate(zip(judged.records, judged.periods, strict=True)):
        if record.reverses is None:
            earlier.add((period, record.id))
            continue
        reversal, original = Reversal(number, record, period), (period, record.reverses)
        if original in seen:
            text = f"{record.reverses!r} is reversed twice"
            faults.append(Fault(reversal.where, "duplicate-id", text))
        seen.add(original)
        if original not in earlier:
            reversals.append(reversal)

    def place_hash(reversal: Reversal) -> bytes:
        return hash_of(USED, member, reversal.period, str(reversal.record.reverses))

    faults += check_reversals(reversals, account, place_hash, writer)
    if faults:
        raise DuplicateId(
            f"{len(faults)} records clash with what the ledger holds; nothing was kept",
            faults=tuple(faults[:FAULTS_MAX]),
        )
    return rows


def _taken(number: int, record: Record) -> Fault:
    what = f"the id {record.id!r} is used"
    if record.reverses is not None:
        what += f", or {record.reverses!r} is reversed"
    return Fault(f"record {number + 1}, id", "duplicate-id", f"{what} already in that period")
