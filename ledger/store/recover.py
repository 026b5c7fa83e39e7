"""Recover: entries that a database lacks come back as they were, from a source that has them.

It is the export run backwards. Entries, blobs, batches and key changes are stored as the source
gives them; record ids, totals, index columns, tiles and a snapshot are made by the code that made
them first. Nothing is stamped and nothing is signed: the head is the checkpoint that the source
brings. All of it happens in the caller's one write transaction, and only if the entries lead, from
the very head that the database has, to the root that is wanted.

What a bundle does not disclose stays lost. It has no seeds: a batch keeps its salts one by one. Of
an erased record it has neither line nor id, so that a row of ``record_ids`` marks its place without
saying which id it was (``lost_row``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from ledger.audit.bundle import LogSource, named_blobs
from ledger.coop.apply import apply
from ledger.coop.envelope import parse_envelope
from ledger.coop.erasure import newly_erased
from ledger.coop.state import State
from ledger.errors import DuplicateId, NotConsistent
from ledger.store.keyring import keep_key_change
from ledger.store.logs import Log
from ledger.store.reading import LogReader
from ledger.store.rebuild import USAGE, judge_held
from ledger.store.record_ids import hasher, lost_row, rows_of
from ledger.store.sequencer import write_snapshot
from ledger.store.writing import GroupWriter, root_of

PAGE = 32  # entries written at a time; a batch of them may have megabytes
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The head to arrive at; ``note`` bears the signatures of the log's keys."""

    size: int
    root: bytes
    note: bytes


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back: the state at the end, and how much there was.

    ``lost_ids`` counts erased records whose ids are unknown here. ``has_erased`` says that records
    which the database held were erased by an entry that came back.
    """

    state: State
    batches: int = 0
    records: int = 0
    lost_ids: int = 0
    has_erased: bool = False


def recover(  # noqa: PLR0913 - where from, where to, and between which heads
    connection: Connection,
    log: Log,
    source: LogSource,
    *,
    before: State,
    wanted: Wanted,
    progress: Progress = lambda _done, _all: None,
) -> Recovered:
    """Append entries from ``before`` on, the state at the database's head, up to ``wanted``.

    ``source`` was verified by the caller. Raises NotConsistent if its entries do not continue the
    database's to the wanted root, DuplicateId if an id in them is used already.
    """
    found = Recovered(before)
    count = wanted.size - before.size
    try:
        for start in range(before.size, wanted.size, PAGE):
            end = min(start + PAGE, wanted.size)
            found = _append(connection, log, source, found, span=(start, end), note=wanted.note)
            progress(end - before.size, count)
    except IntegrityError as error:
        raise DuplicateId("an id in these records is used already in this database") from error
    if (found.state.size, root_of(found.state)) != (wanted.size, wanted.root):
        raise NotConsistent(
            f"the entries lead to the root {root_of(found.state).hex()}, the checkpoint is of "
            f"{wanted.root.hex()}"
        )
    for size, note in source.key_changes().items():
        if before.size < size <= wanted.size:
            keep_key_change(connection, log.id, size, note)
    write_snapshot(connection, log.id, found.state)
    return found


def _append(  # noqa: PLR0913 - one page of ``recover``
    connection: Connection,
    log: Log,
    source: LogSource,
    found: Recovered,
    *,
    span: tuple[int, int],
    note: bytes,
) -> Recovered:
    writer = GroupWriter(connection, log.id, LogReader(connection, log.id).head())
    for index, data in enumerate(source.entry_data(*span), start=span[0]):
        envelope = parse_envelope(data)
        state, draft = found.state, envelope.draft
        scope = state.scope() if state.charter is not None else None
        writer.take_blobs({digest: source.blob(digest) for digest in named_blobs(draft.body)})
        change = apply(state, envelope, writer)
        if draft.kind == USAGE and scope is not None:
            judged, numbers = judge_held(source, index, draft, scope)
            held, hash_of = source.batch(index), hasher(log.id_key)
            rows = rows_of(judged, state.keys[draft.actor].member, hash_of, numbers)
            rows += [lost_row(hash_of, index, number) for number in sorted(held.erased)]
            writer.take_batch(index, held)
            writer.take_record_ids(index, rows)
            found = replace(
                found,
                batches=found.batches + 1,
                records=found.records + len(numbers),
                lost_ids=found.lost_ids + len(held.erased),
            )
        for erased, lost in newly_erased(state, change.state).items():
            writer.take_erasure(erased, lost)
            found = replace(found, has_erased=True)
        writer.take_entry(envelope, change)
        found = replace(found, state=change.state)
    writer.flush(found.state, note)
    return found
