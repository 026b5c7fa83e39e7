"""Ids and reversals over all batches: no id twice, each reversal after what it takes back.

Ids are unique per member and period; a reversal names an earlier record of the same member and
period, negates it exactly, counts for the same account, and there is one. Batches arrive in the
log's order with all members mixed, so what is needed of them is laid aside in ``scratch``, a file
or memory, and each (member, period) is looked at by itself when the fold is over.

Memory: some numbers per batch, the ids of one member's month, and a row per reversal of an
earlier batch.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ledger.audit.batch import Ids, Outcome
from ledger.audit.report import AT_END, Findings
from ledger.errors import KyojoError
from ledger.usage.many import parse_lines
from ledger.usage.record import Record, negates, parse_line

Lines = Callable[[int], Sequence[bytes]]


class Scratch(Protocol):
    """A file to lay things aside in; the audit is its only user."""

    def seek(self, offset: int, /) -> object:
        """Go to an offset."""
        ...

    def read(self, size: int, /) -> bytes:
        """Bytes from there."""
        ...

    def write(self, data: bytes, /) -> object:
        """Put bytes there."""
        ...


_DUPLICATES, _REVERSALS = 2, 3  # steps at an entry, after those of the batch by itself


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch's records in one period: its entry, its place among the periods, and in scratch."""

    index: int
    period: str
    order: int
    offset: int
    sizes: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Reversal:
    """A record that takes back one of an earlier batch; its line stands in scratch."""

    index: int
    number: int
    reverses: str
    original_index: int
    offset: int
    size_bytes: int


@dataclass(slots=True)
class IdChecks:
    """The batches seen so far, by member and period.

    ``is_known`` says whether all records of a period are in the bundle; where they are not,
    reversals of records that are not there are counted in ``unknown_originals``.
    """

    scratch: Scratch
    findings: Findings
    is_known: Callable[[str], bool]
    unknown_originals: int = 0
    _parts: dict[tuple[str, str], list[_Part]] = field(default_factory=dict)
    _accounts: dict[int, str] = field(default_factory=dict)
    _erasers: dict[str, int] = field(default_factory=dict)
    _reversals: list[_Reversal] = field(default_factory=list)
    _end: int = 0

    def note(self, member: str, account: str, outcome: Outcome) -> None:
        """Lay aside what a batch of ``member`` says."""
        self._accounts[outcome.index] = account
        if outcome.missing:
            self._erasers.setdefault(member, outcome.index)
        for order, found in enumerate(outcome.ids):
            pieces = (found.numbers, found.ids, found.reversals)
            sizes = (len(pieces[0]), len(pieces[1]), len(pieces[2]))
            part = _Part(outcome.index, found.period, order, self._end, sizes)
            self.scratch.seek(self._end)
            self.scratch.write(b"".join(pieces))
            self._end += sum(sizes)
            self._parts.setdefault((member, found.period), []).append(part)

    def finish(self, lines_of: Lines) -> None:
        """Check every member's month, then each reversal with the record that it names."""
        for (member, period), parts in self._parts.items():
            self._check(_Month(member, self.is_known(period)), parts)
        self._reversals.sort(key=lambda found: (found.index, found.number))
        by_original: dict[int, list[_Reversal]] = {}
        for found in self._reversals:
            by_original.setdefault(found.original_index, []).append(found)
        self.findings.place = AT_END
        for index, reversals in by_original.items():
            wanted = {found.reverses for found in reversals}
            originals = _find_records(lines_of(index), wanted)
            for found in reversals:
                self._compare(found, originals.get(found.reverses, []))

    def _check(self, month: _Month, parts: list[_Part]) -> None:
        """One member's month; if all its ids differ, only those that are reversed are placed."""
        loaded = [(part, self._read(part)) for part in parts]
        distinct: set[str] = set()
        for _, found in loaded:
            distinct.update(found.ids.decode().split("\n"))
        is_unique = len(distinct) == sum(len(found.numbers) // 2 for _, found in loaded)
        if is_unique:
            distinct = {row.reverses for _, found in loaded for row in _rows(found)}
        for part, found in loaded if distinct else ():
            pairs = zip(found.ids.decode().split("\n"), array("H", found.numbers), strict=True)
            own = {name: number for name, number in pairs if name in distinct}
            self.findings.place = (part.index, _DUPLICATES, part.order)
            for twice in sorted(month.places.keys() & own.keys()):
                self._add_duplicate(month, part, own[twice], twice)
            for row in _rows(found):
                self.findings.place = (part.index, _REVERSALS, row.number)
                self._note_reversal(month, part, row, own)
            month.places.update(dict.fromkeys(own.keys() - month.places.keys(), part.index))

    def _add_duplicate(self, month: _Month, part: _Part, number: int, twice: str) -> None:
        first = month.places[twice]
        self.findings.add(
            "duplicate-id", f"entry {part.index}, record {number}, id",
            f"the id {twice!r} of {month.member} stands in entry {first} already",
            f"{month.member} の識別子 {twice!r} はエントリー {first} で使用済みです",
        )  # fmt: skip

    def _note_reversal(self, month: _Month, part: _Part, row: _Row, own: Mapping[str, int]) -> None:
        where, reverses = f"entry {part.index}, record {row.number}, reverses", row.reverses
        if reverses in month.reversed_ids:
            self.findings.add(
                "duplicate-id", where,
                f"{reverses!r} is reversed twice", f"{reverses!r} が二重に取り消されています",
            )  # fmt: skip
        month.reversed_ids.add(reverses)
        if own.get(reverses, row.number) < row.number:
            return  # within a batch, read_lines has compared them
        original = month.places.get(reverses)
        if original is not None:
            offset = part.offset + part.sizes[0] + part.sizes[1] + row.offset
            self._reversals.append(
                _Reversal(part.index, row.number, reverses, original, offset, len(row.line))
            )
        elif not month.is_known:
            self.unknown_originals += 1
        elif self._erasers.get(month.member, part.index + 1) > part.index:
            self.findings.add(
                "malformed-batch", where,
                f"{month.member} has no record {reverses!r} in {part.period} before this one",
                f"{month.member} にはこれ以前に {part.period} の記録 {reverses!r} がありません",
            )  # fmt: skip

    def _compare(self, found: _Reversal, originals: Sequence[Record]) -> None:
        where = f"entry {found.index}, record {found.number}, reverses"
        place = found.original_index
        if self._accounts.get(found.index) != self._accounts.get(place):
            self.findings.add(
                "malformed-batch", where,
                f"it counts for another account than its original in entry {place}",
                f"エントリー {place} の元の記録と勘定が異なります",
            )  # fmt: skip
        self.scratch.seek(found.offset)
        record = parse_line(self.scratch.read(found.size_bytes))
        if not any(negates(record, original) for original in originals):
            self.findings.add(
                "malformed-batch", where,
                f"this is not the exact negative of {found.reverses!r} in entry {place}",
                f"エントリー {place} の {found.reverses!r} を正確に打ち消していません",
            )  # fmt: skip

    def _read(self, part: _Part) -> Ids:
        self.scratch.seek(part.offset)
        numbers, ids, reversals = (self.scratch.read(size) for size in part.sizes)
        return Ids(part.period, numbers, ids, reversals)


@dataclass(slots=True)
class _Month:
    """What is known of one member's month: in which entry each id stands, and what was reversed."""

    member: str
    is_known: bool
    places: dict[str, int] = field(default_factory=dict)
    reversed_ids: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Row:
    """A record that takes back another; ``offset`` is that of its line among the reversals."""

    number: int
    reverses: str
    line: bytes
    offset: int


def _rows(found: Ids) -> Iterator[_Row]:
    offset = 0
    for row in found.reversals.split(b"\n") if found.reversals else ():
        number, reverses, line = row.split(b" ", 2)
        yield _Row(int(number), reverses.decode(), line, offset + len(row) - len(line))
        offset += len(row) + 1


def _find_records(lines: Sequence[bytes], ids: set[str]) -> dict[str, list[Record]]:
    """The records with these ids; the same id may stand in two periods of one batch."""
    found: dict[str, list[Record]] = {}
    columns = parse_lines(lines)
    for record in _readable(lines) if columns is None else columns.records:
        if record.id in ids:
            found.setdefault(record.id, []).append(record)
    return found


def _readable(lines: Sequence[bytes]) -> Iterator[Record]:
    for line in lines:
        try:
            yield parse_line(line)
        except KyojoError:
            continue  # noted when the batch was judged
