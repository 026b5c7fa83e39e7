"""Single-byte edits of stored values, and where a check has to find each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from random import Random
from typing import Any

from sqlalchemy import Connection, LargeBinary, String, Table, update
from sqlalchemy.exc import IntegrityError

from ledger.service.fsck.report import Report
from ledger.store.raw import key_of
from ledger.store.tables import logs, record_ids
from tests.fsck.world import TABLES, Checked, rows_of

# Values of which the database holds the only copy and nothing else follows: any value of the right
# form could be the true one. For them only the form can be checked; see docs/fsck.md.
FORM_ONLY = {
    ("tokens", "token_hash"),
    ("tokens", "expires_at"),
    ("outbox", "updated_at"),
    ("outbox", "queued_at"),
    ("outbox", "sent_at"),
    ("outbox", "cost_wei"),
}
# The fold depends on these, so an edit may hide another one behind it.
OF_THE_FOLD = {
    ("entries", "data"), ("entries", "index"), ("entries", "log_id"),
    ("blobs", "sha256"), ("blobs", "data"), ("blobs", "log_id"),
    ("batches", "index"), ("batches", "seed"), ("batches", "lines"), ("batches", "leaves"),
    ("batches", "log_id"),
}  # fmt: skip

SELDOM = {"logs": 6, "outbox": 4, "snapshots": 2}
EVIDENCE = {("entries", "data"), ("blobs", "data"), ("batches", "lines"), ("tiles", "data")}


@dataclass(frozen=True)
class Edit:
    """One byte of one value of one row, changed."""

    table: Table
    row: Mapping[str, Any]
    column: str
    value: Any

    @property
    def place(self) -> tuple[str, str]:
        return self.table.name, self.column

    @property
    def is_key(self) -> bool:
        return self.table.c[self.column].primary_key

    def apply(self, connection: Connection) -> bool:
        """Make the edit; False if the database itself refuses it (a key that is taken)."""
        same = [self.table.c[k.name] == self.row[k.name] for k in self.table.primary_key.columns]
        statement = update(self.table).where(*same).values({self.column: self.value})
        nested = connection.begin_nested()
        try:
            done = connection.execute(statement).rowcount
        except IntegrityError:
            nested.rollback()
            return False
        nested.commit()
        return done == 1

    def is_located(self, report: Report) -> bool:
        """Whether a finding names this row, and this column unless the row's key was changed."""
        if self.table is logs:
            return any(f.table == "logs" and f.column == self.column for f in report.findings)
        changed = {**self.row, self.column: self.value}
        keys = {key_of(self.table, self.row), key_of(self.table, changed)}
        for finding in report.findings:
            # "12, record 3" lies within row 12; nothing else shares that beginning.
            is_row = finding.table == self.table.name and finding.key.split(", ")[0] in keys
            if is_row and (self.is_key or self._is_half or finding.column in ("", self.column)):
                return True
        return False

    @property
    def _is_half(self) -> bool:
        """Seed and lines, hash and state: which of two halves changed cannot always be told."""
        return self.table.name in ("batches", "snapshots")

    def __str__(self) -> str:
        return f"{self.table.name} {key_of(self.table, self.row)}, {self.column}"


def edits_of(checked: Checked, random: Random) -> Iterator[Edit]:
    """Edits without end: each column of each table in turn, a row and a byte of it at random.

    What is evidence itself gets three edits a round, tables of few rows get theirs seldom.
    """
    stored = {table: rows_of(checked, table) for table in TABLES}
    # The hash of an erased record's id cannot be made again: any would do.
    stored[record_ids] = [
        row for row in stored[record_ids] if (row["index"], row["number"]) != (checked.erased, 1)
    ]
    columns = [
        (table, column.name)
        for table in TABLES
        for column in table.columns
        if (table.name, column.name) not in FORM_ONLY and stored[table]
    ]
    for turn in count():
        for table, name in columns:
            if turn % SELDOM.get(table.name, 1):
                continue
            yield from _some(stored[table], table, name, random)


def _some(rows: list[Mapping[str, Any]], table: Table, name: str, random: Random) -> Iterator[Edit]:
    for _ in range(3 if (table.name, name) in EVIDENCE else 1):
        row = random.choice(rows)
        value = flipped(row[name], table, name, random)
        if value is not None:
            yield Edit(table, row, name, value)


def flipped(value: Any, table: Table, name: str, random: Random) -> Any:
    """The value with one bit of one byte changed; for no value a short one, None if impossible."""
    kind = table.c[name].type
    if value is None:
        return "x" if isinstance(kind, String) else b"x" if isinstance(kind, LargeBinary) else 7
    if isinstance(value, int):
        return value ^ (1 << random.randrange(15))
    data = bytearray(value if isinstance(value, bytes) else value.encode())
    if not data:
        return "x"
    at = random.randrange(len(data))
    data[at] ^= 1 << random.randrange(5)  # a letter stays a character that a database takes
    if isinstance(value, bytes):
        return bytes(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def groups(edits: Iterator[Edit], many: int) -> Iterator[list[Edit]]:
    """The first edits, several to a check: of different rows, and not hiding each other."""
    waiting: list[list[Edit]] = []
    for edit in islice(edits, many):
        if edit.table is logs:
            yield [edit]
            continue
        group = next((group for group in waiting if _fits(edit, group)), None)
        if group is None:
            group = []
            waiting.append(group)
        group.append(edit)
        if len(group) == (8 if edit.place in OF_THE_FOLD else 16):
            waiting.remove(group)
            yield group
    yield from waiting


def _fits(edit: Edit, group: list[Edit]) -> bool:
    of_fold = edit.place in OF_THE_FOLD
    if of_fold != (group[0].place in OF_THE_FOLD):
        return False
    return not any(
        (other.table is edit.table and other.row == edit.row)
        # An entry that is gone takes its batch with it.
        or (of_fold and other.row.get("index", -1) == edit.row.get("index", -2))
        for other in group
    )
