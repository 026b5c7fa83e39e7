"""Rebuild: throw away all that can be made again, and fold the log from entry 0.

The entries, blobs and batches stay; index columns, totals, record ids, tiles and snapshots are
made anew by the same code that made them first. Everything happens in one transaction: if the
state, the root or the totals come out otherwise than before, nothing is changed.

What cannot be made again stays: the hashed ids of erased records. And what a restored copy still
holds of records that the log says are erased is erased again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, select, update

from ledger.coop.apply import apply
from ledger.coop.envelope import Draft, parse_envelope
from ledger.coop.erasure import all_erased
from ledger.coop.state import State, state_hash
from ledger.coop.step import Change
from ledger.coop.submission import Batch, Submission, check_submission
from ledger.errors import InvariantViolated, KyojoError
from ledger.log.merkle import root_hash
from ledger.store.database import Database
from ledger.store.held import erase_again, stored_erased
from ledger.store.logs import Log
from ledger.store.places import Place, insert_places, places_in
from ledger.store.reading import LogReader
from ledger.store.record_ids import hasher, rows_of
from ledger.store.sequencer import write_snapshot
from ledger.store.tables import entries, logs, record_ids, snapshots, tiles, totals
from ledger.store.writing import GroupWriter
from ledger.usage.batch import Lines, Scope, read_lines
from ledger.usage.held import HeldBatch

PAGE = 500
USAGE = "usage-batch"
NO_LINES = Lines((), (), (), {})
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild arrived at."""

    size: int
    root: bytes
    state_hash: bytes


def rebuild(database: Database, log: Log, progress: Progress = lambda _done, _all: None) -> Rebuilt:
    """Rebuild the projections of a log; raises InvariantViolated if they come out otherwise."""
    with database.write(log.id) as connection:
        reader = LogReader(connection, log.id)
        head = reader.head()
        before = _totals(connection, log)
        kept = _ids_of_erased(connection, log)
        _forget(connection, log)
        insert_places(connection, log.id, kept)
        state = State()
        for start in range(0, head.size, PAGE):
            end = min(start + PAGE, head.size)
            state = _fold_page(connection, log, state, (start, end), head.note)
            progress(end, head.size)
        rebuilt = Rebuilt(state.size, reader.head().root, state_hash(state))
        if rebuilt.root != head.root:
            raise InvariantViolated(
                f"the entries give the root {rebuilt.root.hex()}, the checkpoint {head.root.hex()}"
            )
        if _totals(connection, log) != before:
            raise InvariantViolated("the totals came out otherwise; nothing was changed")
        _compare_erased(connection, log, state)
        write_snapshot(connection, log.id, state)
    return rebuilt


def _forget(connection: Connection, log: Log) -> None:
    for table in (totals, record_ids, tiles, snapshots):
        connection.execute(delete(table).where(table.c.log_id == log.id))
    empty = {"size": 0, "root": root_hash(())}
    connection.execute(update(logs).where(logs.c.id == log.id).values(empty))


def _fold_page(
    connection: Connection, log: Log, state: State, span: tuple[int, int], note: bytes
) -> State:
    writer = GroupWriter(connection, log.id, LogReader(connection, log.id).head())
    reader = LogReader(connection, log.id)
    index_rows = []
    for index, data in enumerate(list(reader.entry_data(*span)), start=span[0]):
        envelope = parse_envelope(data)
        scope = state.scope() if state.charter is not None else None
        change = apply(state, envelope, writer)
        state = change.state
        if envelope.draft.kind == USAGE and scope is not None:
            member = state.keys[envelope.draft.actor].member
            judged, numbers = judge_held(reader, index, envelope.draft, scope)
            rows = rows_of(judged, member, hasher(log.id_key), numbers)
            writer.take_record_ids(index, rows)
        writer.take_again(envelope, change)
        index_rows.append(_index_row(index, change))
    _update_index(connection, log, index_rows)
    writer.flush(state, note)
    return state


class Holder(Protocol):
    """Where batches and blobs are: the log itself, or a bundle of it."""

    def blob(self, digest: str, /) -> bytes:
        """The blob with this SHA-256 (hex); raises NotFound."""
        ...

    def batch(self, index: int, /) -> HeldBatch:
        """What is held of the usage batch at an index; raises NotFound."""
        ...


def judge_held(
    holder: Holder, index: int, draft: Draft, scope: Scope
) -> tuple[Lines, Sequence[int]]:
    """The records of a batch that are left, judged, and their numbers (from 0).

    Raises InvariantViolated if it is not the batch that its entry commits to.
    """
    try:
        held = holder.batch(index)
        numbers = held.surviving
        if held.seed is None:
            _check_left(held, draft)
        lines = [held.lines[number] for number in numbers]
        judged = read_lines(lines, scope) if lines else NO_LINES
        if held.seed is not None:
            digest = draft.body["totals"]["sha256"]
            batch = Batch(held.seed, judged)
            check_submission(Submission(draft, {digest: holder.blob(digest)}, batch))
    except KyojoError as error:
        raise InvariantViolated(f"the records of entry {index}: {error.message}") from error
    return judged, numbers


def _check_left(held: HeldBatch, draft: Draft) -> None:
    """Raise unless what an erasure left of a batch still leads to the root that was signed."""
    body = draft.body
    if (len(held.lines), held.root().hex()) != (body["count"], body["root"]):
        raise InvariantViolated(f"the leaves do not lead to the root {body['root']}")


def _ids_of_erased(connection: Connection, log: Log) -> list[Place]:
    """The hashed ids of erased records, whose lines cannot give them again."""
    erased = dict(stored_erased(connection, log.id))
    found = [row for row in places_in(connection, log.id, list(erased)) if row[2] in erased[row[1]]]
    there = {(index, number) for _, index, number in found}
    lost = {(index, number) for index, row in erased.items() for number in row} - there
    if lost:
        raise InvariantViolated(
            f"the hashed ids of {len(lost)} erased records are gone and cannot be made again; "
            "take the rows of record_ids from a backup"
        )
    return found


def _compare_erased(connection: Connection, log: Log, state: State) -> None:
    """Erase again what the log says is erased; raise if more is missing than that."""
    wanted = all_erased(state)
    for index, numbers in stored_erased(connection, log.id):
        lost = numbers - wanted.get(index, frozenset())
        if lost:
            raise InvariantViolated(f"record {min(lost)} of batch {index} is missing, not erased")
    erase_again(connection, log.id, wanted)


def _index_row(index: int, change: Change) -> dict[str, object]:
    return {
        "at": index,
        "new_member": change.member,
        "new_period": change.period,
        "new_amount": change.amount_minor,
        "new_currency": change.currency,
        "new_late": ",".join(change.late) or None,
    }


def _update_index(connection: Connection, log: Log, rows: list[dict[str, object]]) -> None:
    statement = (
        update(entries)
        .where(entries.c.log_id == log.id, entries.c.index == bindparam("at"))
        .values(
            member=bindparam("new_member"),
            period=bindparam("new_period"),
            amount_minor=bindparam("new_amount"),
            currency=bindparam("new_currency"),
            late=bindparam("new_late"),
        )
    )
    connection.execute(statement, rows)


def _totals(connection: Connection, log: Log) -> list[tuple[object, ...]]:
    statement = select(totals).where(totals.c.log_id == log.id).order_by(*totals.primary_key)
    return [tuple(row) for row in connection.execute(statement)]
