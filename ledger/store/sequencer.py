"""The sequencer: gives entries their place in the log, many in one transaction.

Threads that submit at the same time form a group: the first to get the lock commits for all that
wait. For a group, in one transaction, in this order: lock the log; catch up with what other
processes wrote; judge each entry with ``apply`` on the state that those before it left; write
entries, ids, blobs, totals, tiles; sign the new checkpoint; swap the head by compare-and-swap.
Only after the commit is the new state ours. If the commit's outcome is unknown, the state is
dropped and the log is looked at again: an entry that is there was accepted, one that is not was
never answered for.

An entry that is refused leaves nothing behind and takes nobody down with it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from ledger import canonical
from ledger.coop.apply import NO_GENESIS, apply
from ledger.coop.envelope import Draft, Envelope, parse_envelope
from ledger.coop.erasure import newly_erased
from ledger.coop.logkeys import in_force
from ledger.coop.state import State, parse_state, state_document
from ledger.coop.step import AccountKey, Change
from ledger.coop.submission import Submission
from ledger.errors import (
    DuplicateId,
    InvariantViolated,
    KyojoError,
    StoreBusy,
    Unavailable,
    WrongSigner,
)
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.merkle import leaf_hash, prove_inclusions_from, root_hash
from ledger.log.note import Signer
from ledger.store.cosigned import CUT_OFF, keep_cut_head
from ledger.store.database import Database
from ledger.store.keyring import Keyring, keep_key_change
from ledger.store.outside import OutsideHead, compare_heads
from ledger.store.reading import Head, LogReader
from ledger.store.record_ids import check_batch, hasher
from ledger.store.scrub import clean_up, truncate_wal
from ledger.store.tables import snapshots
from ledger.store.writing import GroupWriter, root_of
from ledger.usage.held import HeldBatch

GROUP_MAX = 256
SNAPSHOT_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a write: where the entry stands and the proof that it does.

    ``late`` names the periods for which the entry came late. The checkpoint ``note`` is of
    ``size`` entries and signed by the log; ``is_new`` is False when the entry was there already.
    """

    index: int
    entry: bytes
    size: int
    note: bytes
    proof: tuple[bytes, ...]
    late: tuple[str, ...]
    is_new: bool


class _Ticket:
    __slots__ = ("error", "receipt", "submission")

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.receipt: Receipt | None = None
        self.error: Exception | None = None

    def take(self, answer: Receipt | KyojoError) -> None:
        if isinstance(answer, Receipt):
            self.receipt = answer
        else:
            self.error = answer

    @property
    def is_done(self) -> bool:
        return self.receipt is not None or self.error is not None


class _Overlay:
    """Evidence for one submission: its own blobs first, then the group's."""

    __slots__ = ("_blobs", "_writer")

    def __init__(self, writer: GroupWriter, blobs: Mapping[str, bytes]) -> None:
        self._writer = writer
        self._blobs = blobs

    def blob(self, sha256: str) -> bytes:
        return self._blobs[sha256] if sha256 in self._blobs else self._writer.blob(sha256)

    def root(self, size: int) -> bytes:
        return self._writer.root(size)

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        return self._writer.totals(period, epochs)

    def entry(self, index: int) -> bytes:
        return self._writer.entry(index)


class Sequencer:
    """The writer of one log; safe to share between threads and between processes."""

    def __init__(  # noqa: PLR0913 - the parts are named by the caller, once
        self,
        database: Database,
        *,
        log_id: int,
        origin: str,
        id_key: bytes,
        signers: Sequence[Signer],
        clock: Callable[[], str],
        outside: Callable[[State], Sequence[OutsideHead]] = lambda _state: (),
        noted: Callable[[bytes], None] = lambda _note: None,
    ) -> None:
        """Take the log's parts; ``clock`` gives the present instant.

        ``outside`` is asked once, before this process signs for the first time; ``noted`` is told
        every checkpoint that was committed, before anybody is answered.
        """
        self._database = database
        self._log_id = log_id
        self._origin = origin
        self._keyring = Keyring(signers)
        self._clock = clock
        self._hash_of = hasher(id_key)
        self._state = State()
        self._has_erased = self._is_unclean = False
        self._committed = (0, root_hash(()))
        self._outside = outside
        self._noted = noted
        self._is_compared = False
        self._commit_lock = threading.Lock()
        self._queue_lock = threading.Lock()
        self._queue: list[_Ticket] = []

    def state(self) -> State:
        """The co-op as of the newest entry that any process has committed."""
        with self._database.read() as connection:
            return self.state_at(connection)

    def state_at(self, connection: Connection) -> State:
        """The co-op as the open transaction sees it; keeps it if it is newer than ours."""
        state = self._catch_up(connection, self._state)
        if state.size > self._state.size:
            self._state = state
        return state

    def submit(self, submission: Submission) -> Receipt:
        """Add an entry to the log and answer when it is durable, or raise why it is refused.

        The same entry again gets the same place again.
        """
        ticket = _Ticket(submission)
        with self._queue_lock:
            self._queue.append(ticket)
        with self._commit_lock:
            if not ticket.is_done:
                self._commit(self._take_group(ticket))
        if ticket.error is not None:
            raise ticket.error
        if ticket.receipt is None:
            raise InvariantViolated("a group was committed and left an entry unanswered")
        return ticket.receipt

    def compare(self) -> None:
        """Compare the log with what is known of it outside, if this process has not done so yet.

        The first write does it by itself; whoever is about to hold one of the sources asks before.
        Raises ReadOnly if the log is behind or different.
        """
        if not self._is_compared:
            known = self._outside(self.state())
            with self._database.read() as connection:
                reader = LogReader(connection, self._log_id)
                self._compare(reader, reader.head(), known)

    def outside(self, state: State) -> Sequence[OutsideHead]:
        """What is known of this log outside of its database, asked anew."""
        return self._outside(state)

    def note_head(self, note: bytes) -> None:
        """Tell of a checkpoint that was committed otherwise than by ``submit``."""
        self._noted(note)

    def _take_group(self, mine: _Ticket) -> list[_Ticket]:
        with self._queue_lock:
            group, self._queue = self._queue[:GROUP_MAX], self._queue[GROUP_MAX:]
            if mine not in group:
                self._queue.remove(mine)
                group.append(mine)
        return group

    def _commit(self, group: list[_Ticket]) -> None:
        try:
            known = () if self._is_compared else self._outside(self.state())
            with self._database.write(self._log_id) as connection:
                state, answers = self._write_group(connection, group, known)
        except Exception as error:  # noqa: BLE001 - whatever it was, all who wait need an answer
            self._look_again(group, error)
            return
        except BaseException as error:
            for ticket in group:
                ticket.error = _unanswered(error)
            raise
        self._state = state
        self._committed = (state.size, root_of(state))
        for note in {answer.note for answer in answers if isinstance(answer, Receipt)}:
            self._noted(note)
        for ticket, answer in zip(group, answers, strict=True):
            ticket.take(answer)
        self._clean_up()

    def _clean_up(self) -> None:
        """After an erasure, remove what the database's files still have of it."""
        if self._has_erased:
            self._is_unclean = not clean_up(self._database)
            self._has_erased = False
        elif self._is_unclean:  # somebody was reading
            self._is_unclean = not truncate_wal(self._database)

    def _write_group(
        self, connection: Connection, group: list[_Ticket], outside: Sequence[OutsideHead]
    ) -> tuple[State, list[Receipt | KyojoError]]:
        reader = LogReader(connection, self._log_id)
        head = reader.head()
        self._compare(reader, head, outside)
        state = before = self._catch_up(connection, self._state)
        writer = GroupWriter(connection, self._log_id, head)
        now = max(self._clock(), state.received_at)
        placed: dict[int, tuple[Envelope, Change]] = {}
        known: dict[int, tuple[int, bytes]] = {}
        refused: dict[int, KyojoError] = {}
        for position, ticket in enumerate(group):
            try:
                earlier = self._find_earlier(writer, state, ticket.submission.draft)
                if earlier is not None:
                    known[position] = earlier
                    continue
                envelope = Envelope(ticket.submission.draft, now)
                change = self._judge(state, envelope, ticket.submission, writer)
            except (Unavailable, SQLAlchemyError, OSError):
                raise
            except KyojoError as error:
                refused[position] = error
                continue
            except Exception as error:  # noqa: BLE001 - a bug met by one entry is not the group's
                refused[position] = _bug(error)
                continue
            state = change.state
            placed[position] = (envelope, change)
        if placed:
            note = self._sign(before, state, writer)
            cuts = self._cut_heads(head, before, placed.values(), writer)
            head = writer.flush(state, note)
            if before.size and state.log_keys != before.log_keys:
                keep_key_change(connection, self._log_id, head.size, note)
            self._keep_snapshot(connection, state, since=head.size - len(placed))
            for cut in cuts:
                keep_cut_head(connection, self._log_id, cut, now)
        answers: dict[int, Receipt | KyojoError] = {
            **refused,
            **_receipts(reader, head, placed, known),
        }
        return state, [answers[position] for position in range(len(group))]

    def _compare(self, reader: LogReader, head: Head, known: Sequence[OutsideHead]) -> None:
        """Raise ReadOnly unless the log continues what this process and others know of it.

        A database put back to an older copy, also under a running process, or a failover that
        lost commits, would make it sign a second history.
        """
        ours = OutsideHead("this process", *self._committed)
        compare_heads(reader, head, (ours, *known))
        self._is_compared = True

    def _judge(
        self, state: State, envelope: Envelope, submission: Submission, writer: GroupWriter
    ) -> Change:
        if submission.draft.origin != self._origin:
            raise WrongSigner(f"this log is {self._origin}, not {submission.draft.origin}")
        change = apply(state, envelope, _Overlay(writer, submission.blobs))
        if change.state.log_keys != state.log_keys:
            self._keyring.choose(in_force(change.state.log_keys))
        writer.check_totals(change.totals)
        index = state.size
        if submission.batch is not None:
            member = state.keys[envelope.draft.actor].member
            account = str(envelope.draft.body["account"])
            batch = submission.batch
            rows = check_batch(batch, (member, account), self._hash_of, writer)
            writer.take_batch(index, HeldBatch(batch.judged.lines, batch.seed))
            writer.take_record_ids(index, rows)
        for erased, numbers in newly_erased(state, change.state).items():
            writer.take_erasure(erased, numbers)
            self._has_erased = True
        writer.take_blobs(submission.blobs)
        writer.take_entry(envelope, change)
        return change

    def _find_earlier(
        self, written: LogReader | GroupWriter, state: State, draft: Draft
    ) -> tuple[int, bytes] | None:
        """The same entry if the log has it; raises DuplicateId if the number was used otherwise."""
        key = state.keys.get(draft.actor)
        if key is None or draft.sequence >= key.sequence:
            return None
        found = written.entry_by_sequence(draft.actor, draft.sequence)
        if found is None:
            raise InvariantViolated(f"{draft.actor} used {draft.sequence}, but no entry has it")
        genesis = bytes.fromhex(state.genesis)
        if found[0] == 0:
            genesis = NO_GENESIS
        earlier = parse_envelope(found[1]).draft
        if earlier.message(genesis).digest() != draft.message(genesis).digest():
            raise DuplicateId(
                f"sequence {draft.sequence} of {draft.actor} was used for entry {found[0]}, "
                f"which says something else; the next is {key.sequence}",
                expected=key.sequence,
                index=found[0],
            )
        return found

    def _cut_heads(
        self,
        head: Head,
        before: State,
        placed: Iterable[tuple[Envelope, Change]],
        writer: GroupWriter,
    ) -> list[Head]:
        """The heads at which this group cuts months off: the one before it, or one inside."""
        found = []
        for envelope, change in placed:
            if envelope.draft.kind == CUT_OFF and before.size == head.size:
                found.append(head)
            elif envelope.draft.kind == CUT_OFF:
                note = self._sign(before, before, writer)
                found.append(Head(before.size, writer.root(before.size), note))
            before = change.state
        return found

    def _sign(self, before: State, state: State, writer: GroupWriter) -> bytes:
        """The checkpoint, by all keys in force; one that this group retires signs a last time."""
        vkeys = (*in_force(before.log_keys), *in_force(state.log_keys))
        checkpoint = Checkpoint(self._origin, state.size, writer.root(state.size))
        return sign_checkpoint(checkpoint, self._keyring.choose(vkeys))

    def _keep_snapshot(self, connection: Connection, state: State, *, since: int) -> None:
        if state.size // SNAPSHOT_EVERY > since // SNAPSHOT_EVERY:
            write_snapshot(connection, self._log_id, state)

    def _catch_up(self, connection: Connection, state: State) -> State:
        reader = LogReader(connection, self._log_id)
        size = reader.head().size
        if state.size > size:
            state = State()  # a transaction that began before our newest commit
        if state.size == 0 and size > 0:
            state = read_snapshot(connection, self._log_id)
            _refuse_foreign(state, reader, size)
        for data in reader.entry_data(state.size, size):
            state = apply(state, parse_envelope(data), reader).state
        return state

    def _look_again(self, group: list[_Ticket], error: Exception) -> None:
        """After a commit of unknown outcome: what the log holds was accepted, the rest was not."""
        self._state = State()
        try:
            with self._database.read() as connection:
                state = self.state_at(connection)
                reader = LogReader(connection, self._log_id)
                head = reader.head()
                for ticket in group:
                    found = self._find_earlier(reader, state, ticket.submission.draft)
                    if found is not None:
                        ticket.receipt = _receipts(reader, head, {}, {0: found})[0]
        except Exception:  # noqa: BLE001, S110
            pass  # the log cannot be read either: nobody gets an answer
        for ticket in group:
            if not ticket.is_done:
                ticket.error = _unanswered(error)


def _bug(error: Exception) -> KyojoError:
    return InvariantViolated(
        f"judging this entry failed with {type(error).__name__}: {error}; it was not taken"
    )


def _unanswered(error: BaseException) -> KyojoError:
    if isinstance(error, InvariantViolated | Unavailable):
        return error
    return StoreBusy(
        f"the entry could not be committed ({type(error).__name__}: {error}); send the same "
        "bytes again: it is never counted twice"
    )


def _receipts(
    reader: LogReader,
    head: Head,
    placed: Mapping[int, tuple[Envelope, Change]],
    known: Mapping[int, tuple[int, bytes]],
) -> dict[int, Receipt]:
    found = {
        position: (change.state.size - 1, envelope.data, change.late, True)
        for position, (envelope, change) in placed.items()
    }
    for position, (index, data) in known.items():
        found[position] = (index, data, reader.late_periods(index), False)
    indexes = [index for index, _, _, _ in found.values()]
    proofs = prove_inclusions_from(reader.hashes(head.size), indexes, head.size)
    return {
        position: Receipt(
            index=index,
            entry=data,
            size=head.size,
            note=head.note,
            proof=proof,
            late=late,
            is_new=is_new,
        )
        for (position, (index, data, late, is_new)), proof in zip(
            found.items(), proofs, strict=True
        )
    }


def write_snapshot(connection: Connection, log_id: int, state: State) -> None:
    """Keep the state, so that a later start need not fold from entry 0."""
    data = canonical.encode(state_document(state))
    row = {"log_id": log_id, "size": state.size, "hash": leaf_hash(data), "state": data}
    connection.execute(snapshots.insert(), row)


def _refuse_foreign(state: State, reader: LogReader, size: int) -> None:
    """Raise unless a snapshot is of this very log: its subtrees lead to the log's own root."""
    if state.size > size or reader.root(state.size) != root_of(state):
        raise InvariantViolated(
            f"the snapshot at size {state.size} is not of this log; `kyojo rebuild` folds the log "
            "again and keeps a true one"
        )


def read_snapshot(connection: Connection, log_id: int) -> State:
    """The newest snapshot, or the empty state."""
    statement = (
        snapshots.select()
        .where(snapshots.c.log_id == log_id)
        .order_by(snapshots.c.size.desc())
        .limit(1)
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return State()
    if leaf_hash(bytes(row.state)) != bytes(row.hash):
        raise InvariantViolated(f"the snapshot at size {row.size} does not have its hash")
    return parse_state(bytes(row.state))
