"""Checkpoints before witnesses: which were chosen, who signed them, where each witness stands.

Every method but ``keep_through`` is one transaction. What is stored was verified by the caller.
Several processes may publish the same log at once: a checkpoint that is before the witnesses is
joined by all of them rather than overtaken, so that cosignatures meet at one size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, select, update

from ledger.store.database import Database
from ledger.store.reading import Head
from ledger.store.tables import cosignatures, cosigned_heads, entries, witnesses

WITNESSED_KEPT = 256
UNWITNESSED_KEPT = 32
DETAIL_MAX = 500
CUT_OFF = "period-closed"  # the entry whose index is the size of the log that it cuts off at

WitnessId = str
"""``<key name>+<key id>``: the first two parts of a vkey."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint that is put before the witnesses; ``note`` bears the log's signatures."""

    size: int
    note: bytes
    chosen_at: str
    witnessed_at: str | None


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """Where a witness stands: the size it acknowledged, and what went wrong since then."""

    size: int = 0
    answered_at: str | None = None
    trouble: str | None = None
    detail: str | None = None
    failing_since: str | None = None


class Cosigned:
    """The cosignatures of one log."""

    def __init__(self, database: Database, log_id: int, clock: Callable[[], str]) -> None:
        """Work on the log with this id."""
        self._database = database
        self._log_id = log_id
        self._clock = clock

    # Reading.

    def newest(self) -> Candidate | None:
        """The newest checkpoint that was put before the witnesses."""
        with self._database.read() as connection:
            return self._newest(connection)

    def signers(self) -> Mapping[int, AbstractSet[WitnessId]]:
        """Who has signed which of the checkpoints that are kept, newest first."""
        sizes = select(cosigned_heads.c.size).where(cosigned_heads.c.log_id == self._log_id)
        pairs = select(cosignatures.c.size, cosignatures.c.witness).where(
            cosignatures.c.log_id == self._log_id
        )
        with self._database.read() as connection:
            found: dict[int, set[WitnessId]] = {
                size: set()
                for size in connection.execute(
                    sizes.order_by(cosigned_heads.c.size.desc())
                ).scalars()
            }
            for size, witness in connection.execute(pairs):
                found.setdefault(size, set()).add(witness)
        return found

    def note(self, size: int) -> bytes | None:
        """The checkpoint of a size as the log signed it, if it was put before the witnesses."""
        statement = select(cosigned_heads.c.note).where(
            cosigned_heads.c.log_id == self._log_id, cosigned_heads.c.size == size
        )
        with self._database.read() as connection:
            found = connection.execute(statement).scalar_one_or_none()
        return None if found is None else bytes(found)

    def signatures(self, size: int) -> Mapping[WitnessId, bytes]:
        """The cosignatures of a size: what follows the key id in their lines."""
        statement = select(cosignatures.c.witness, cosignatures.c.value).where(
            cosignatures.c.log_id == self._log_id, cosignatures.c.size == size
        )
        with self._database.read() as connection:
            return {witness: bytes(value) for witness, value in connection.execute(statement)}

    def witnesses(self) -> Mapping[WitnessId, WitnessRow]:
        """Where each witness stands that was ever asked."""
        names = WitnessRow.__slots__
        columns = [witnesses.c[name] for name in names]
        statement = select(witnesses.c.witness, *columns).where(witnesses.c.log_id == self._log_id)
        with self._database.read() as connection:
            return {row[0]: WitnessRow(*row[1:]) for row in connection.execute(statement)}

    # Writing.

    def choose(self, head: Head, *, held_since: str) -> Candidate:
        """The checkpoint to put before the witnesses now.

        The newest one stays if it lacks its quorum and was chosen at ``held_since`` or later, or
        if the log has not grown; otherwise ``head`` is chosen. Old ones are forgotten.
        """
        with self._database.write(self._log_id) as connection:
            known = self._newest(connection)
            if known is not None:
                is_held = known.witnessed_at is None and known.chosen_at >= held_since
                if is_held or known.size >= head.size:
                    return known
            chosen = Candidate(head.size, head.note, self._clock(), None)
            self._insert(connection, cosigned_heads, _head_values(chosen))
            self._forget(connection)
        return chosen

    def keep(
        self,
        candidate: Candidate,
        found: Mapping[WitnessId, bytes],
        is_quorum: Callable[[AbstractSet[WitnessId]], bool],
    ) -> None:
        """Keep verified cosignatures of a candidate; marks it when they first make the quorum."""
        with self._database.write(self._log_id) as connection:
            self.keep_through(connection, candidate, found, is_quorum)

    def keep_through(
        self,
        connection: Connection,
        candidate: Candidate,
        found: Mapping[WitnessId, bytes],
        is_quorum: Callable[[AbstractSet[WitnessId]], bool],
    ) -> None:
        """The same, as a part of a write transaction that is open already."""
        now = self._clock()
        self._restore(connection, candidate)
        known = self._signers(connection, candidate.size)
        for witness, value in found.items():
            row = {"size": candidate.size, "witness": witness, "received_at": now}
            if witness not in known:
                self._insert(connection, cosignatures, {**row, "value": value})
            self._put_witness(connection, witness, WitnessRow(candidate.size, now))
        if is_quorum(known | found.keys()):
            self._mark(connection, candidate.size, now)

    def set_size(self, asked: Sequence[WitnessId], size: int) -> None:
        """Witnesses have said at which size they are."""
        now = self._clock()
        with self._database.write(self._log_id) as connection:
            for witness in asked:
                self._put_witness(connection, witness, WitnessRow(size, now))

    def set_trouble(self, asked: Sequence[WitnessId], trouble: str, detail: str) -> None:
        """Asking witnesses has failed; since when is kept from the first failure on."""
        now = self._clock()
        known = self.witnesses()
        with self._database.write(self._log_id) as connection:
            for witness in asked:
                old = known.get(witness, WitnessRow())
                since = old.failing_since or now
                row = WitnessRow(old.size, old.answered_at, trouble, detail[:DETAIL_MAX], since)
                self._put_witness(connection, witness, row)

    # Inside.

    def _newest(self, connection: Connection) -> Candidate | None:
        statement = (
            select(cosigned_heads)
            .where(cosigned_heads.c.log_id == self._log_id)
            .order_by(cosigned_heads.c.size.desc())
            .limit(1)
        )
        row = connection.execute(statement).one_or_none()
        if row is None:
            return None
        return Candidate(row.size, bytes(row.note), row.chosen_at, row.witnessed_at)

    def _signers(self, connection: Connection, size: int) -> set[WitnessId]:
        statement = select(cosignatures.c.witness).where(
            cosignatures.c.log_id == self._log_id, cosignatures.c.size == size
        )
        return set(connection.execute(statement).scalars())

    def _restore(self, connection: Connection, candidate: Candidate) -> None:
        """A cosignature that came very late: its checkpoint may have been forgotten meanwhile."""
        statement = select(cosigned_heads.c.size).where(
            cosigned_heads.c.log_id == self._log_id, cosigned_heads.c.size == candidate.size
        )
        if connection.execute(statement).one_or_none() is None:
            self._insert(connection, cosigned_heads, _head_values(candidate))

    def _mark(self, connection: Connection, size: int, now: str) -> None:
        connection.execute(
            update(cosigned_heads)
            .where(cosigned_heads.c.log_id == self._log_id, cosigned_heads.c.size == size)
            .where(cosigned_heads.c.witnessed_at.is_(None))
            .values(witnessed_at=now)
        )

    def _put_witness(self, connection: Connection, witness: WitnessId, row: WitnessRow) -> None:
        values = {name: getattr(row, name) for name in WitnessRow.__slots__}
        statement = (
            update(witnesses)
            .where(witnesses.c.log_id == self._log_id, witnesses.c.witness == witness)
            .values(**values)
        )
        if connection.execute(statement).rowcount == 0:
            self._insert(connection, witnesses, {"witness": witness, **values})

    def _forget(self, connection: Connection) -> None:
        statement = select(cosigned_heads.c.size, cosigned_heads.c.witnessed_at).where(
            cosigned_heads.c.log_id == self._log_id
        )
        rows = connection.execute(statement.order_by(cosigned_heads.c.size.desc())).all()
        witnessed = [size for size, at in rows if at is not None]
        others = [size for size, at in rows if at is None]
        old = set(witnessed[WITNESSED_KEPT:] + others[UNWITNESSED_KEPT:]) - self._cut_offs(
            connection
        )
        for table in (cosignatures, cosigned_heads):
            connection.execute(
                delete(table).where(table.c.log_id == self._log_id, table.c.size.in_(old))
            )

    def _cut_offs(self, connection: Connection) -> set[int]:
        statement = select(entries.c.index).where(
            entries.c.log_id == self._log_id, entries.c.kind == CUT_OFF
        )
        return set(connection.execute(statement).scalars())

    def _insert(self, connection: Connection, table: Table, values: Mapping[str, object]) -> None:
        connection.execute(table.insert().values(log_id=self._log_id, **values))


def keep_cut_head(connection: Connection, log_id: int, head: Head, now: str) -> None:
    """Keep the head at which a month is cut off, as one to be put before the witnesses.

    Called in the transaction that cuts off, when no larger head has been before them yet. A head
    of a cut-off is never forgotten: a bundle of a later month starts there.
    """
    known = select(cosigned_heads.c.size).where(
        cosigned_heads.c.log_id == log_id, cosigned_heads.c.size == head.size
    )
    if connection.execute(known).one_or_none() is None:
        candidate = Candidate(head.size, head.note, now, None)
        connection.execute(cosigned_heads.insert().values(log_id=log_id, **_head_values(candidate)))


def _head_values(candidate: Candidate) -> dict[str, object]:
    return {name: getattr(candidate, name) for name in Candidate.__slots__}
