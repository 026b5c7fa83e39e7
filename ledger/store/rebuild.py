"""Rebuild: throw away all that can be made again, and fold the log from entry 0.

The entries, blobs and batches stay; index columns, totals, record ids, tiles and snapshots are
made anew by the same code that made them first. Everything happens in one transaction: if the
state, the root or the totals come out otherwise than before, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from ledger.coop.apply import apply
from ledger.coop.envelope import Draft, parse_envelope
from ledger.coop.state import State, state_hash
from ledger.coop.step import Change
from ledger.coop.submission import Batch, Submission, check_submission
from ledger.errors import InvariantViolated, KyojoError
from ledger.log.merkle import root_hash
from ledger.store.database import Database
from ledger.store.logs import Log
from ledger.store.reading import LogReader
from ledger.store.record_ids import hasher, rows_of
from ledger.store.sequencer import write_snapshot
from ledger.store.tables import entries, logs, record_ids, snapshots, tiles, totals
from ledger.store.writing import GroupWriter
from ledger.usage.batch import Scope, read_lines

PAGE = 500
USAGE = "usage-batch"
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
        _forget(connection, log)
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
    rows = []
    for index, data in enumerate(list(reader.entry_data(*span)), start=span[0]):
        envelope = parse_envelope(data)
        scope = state.scope() if state.charter is not None else None
        change = apply(state, envelope, writer)
        state = change.state
        if envelope.draft.kind == USAGE and scope is not None:
            batch = _batch(reader, index, envelope.draft, scope)
            member = state.keys[envelope.draft.actor].member
            writer.take_record_ids(index, rows_of(batch, member, hasher(log.id_key)))
        writer.take_again(envelope, change)
        rows.append(_index_row(index, change))
    _update_index(connection, log, rows)
    writer.flush(state, note)
    return state


def _batch(reader: LogReader, index: int, draft: Draft, scope: Scope) -> Batch:
    """The stored lines of a batch, if they are those that its entry commits to."""
    try:
        seed, lines = reader.batch(index)
        batch = Batch(seed, read_lines(lines, scope))
        digest = draft.body["totals"]["sha256"]
        check_submission(Submission(draft, {digest: reader.blob(digest)}, batch))
    except KyojoError as error:
        raise InvariantViolated(f"the records of entry {index}: {error.message}") from error
    return batch


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
