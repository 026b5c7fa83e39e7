"""A usage batch: many records under one signature.

``read_lines`` judges the lines a member sent and finds every bad one; ``seal_batch`` is what a
sender does to its own lines. Both count the same totals with the same function, so what a
careful sender signs is what the ledger recomputes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.errors import Fault, KyojoError, MalformedBatch, OutOfRange, TooLarge
from ledger.period import parse_instant
from ledger.usage.commitment import records_root
from ledger.usage.many import Columns, columns_of, parse_lines
from ledger.usage.record import Record, negates, parse_line
from ledger.usage.totals import CHARGE, TotalKey, encode_totals

BATCH_RECORDS_MAX = 10_000
BATCH_BYTES_MAX = 16 * 2**20
FAULTS_MAX = 200
AHEAD_MINUTES_MAX = 10
"""By how much a sender's clock may be ahead of the ledger's."""

_Place = tuple[str, str, str | None]  # period, facility, currency


@dataclass(frozen=True, slots=True)
class Calendar:
    """The opened periods of a co-op, and which of a record's two times decides its period."""

    decided_by: str  # "start" or "end"
    names: tuple[str, ...]
    starts: tuple[datetime, ...]
    ends: tuple[datetime, ...]

    @classmethod
    def of(cls, decided_by: str, bounds: Iterable[tuple[str, str, str]]) -> Calendar:
        """From (name, start, end) rows with instants as texts, in any order."""
        rows = sorted(
            (parse_instant(start), parse_instant(end), name) for name, start, end in bounds
        )
        return cls(
            decided_by,
            tuple(name for _, _, name in rows),
            tuple(start for start, _, _ in rows),
            tuple(end for _, end, _ in rows),
        )

    def period_of(self, record: Record) -> str:
        """The period that a record belongs to; raises OutOfRange if none was opened for it."""
        return self.period_at(record.started_at if self.decided_by == "start" else record.ended_at)

    def period_at(self, moment: datetime) -> str:
        """The period that contains a moment; raises OutOfRange if none was opened for it."""
        at = bisect_right(self.starts, moment) - 1
        if at < 0 or moment >= self.ends[at]:
            raise OutOfRange(f"no period has been opened that contains {moment.isoformat()}")
        return self.names[at]

    def periods_of(self, columns: Columns) -> list[str] | None:
        """The period of each record; None if there is none for one of them."""
        moments = columns.starts if self.decided_by == "start" else columns.ends
        first = bisect_right(self.starts, min(moments)) - 1
        if first >= 0 and max(moments) < self.ends[first]:
            return [self.names[first]] * len(moments)
        try:
            return list(map(self.period_at, moments))
        except OutOfRange:
            return None


@dataclass(frozen=True, slots=True)
class Scope:
    """What records may refer to: periods, facilities, metrics and kinds of charge."""

    calendar: Calendar
    facilities: AbstractSet[str]
    metrics: AbstractSet[str]
    charges: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class Lines:
    """The judged lines of a batch; ``periods[i]`` is the period of ``records[i]``."""

    lines: tuple[bytes, ...]
    records: tuple[Record, ...]
    periods: tuple[str, ...]
    totals: dict[TotalKey, int]


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """What a sender signs and sends: lines, seed, root and the totals blob."""

    lines: tuple[bytes, ...]
    seed: bytes
    root: bytes
    totals_blob: bytes


def split_lines(body: bytes) -> tuple[bytes, ...]:
    """The lines of an NDJSON body, without their LF; a CR belongs to its line.

    Raises MalformedBatch for a byte order mark or bytes that are not UTF-8, TooLarge for an
    oversized body. One LF at the very end is the end of the last line, not another line.
    """
    if len(body) > BATCH_BYTES_MAX:
        raise TooLarge(f"a batch has at most {BATCH_BYTES_MAX} bytes, this one has {len(body)}")
    if body.startswith(b"\xef\xbb\xbf"):
        raise MalformedBatch("the body starts with a byte order mark; send UTF-8 without one")
    try:
        body.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise MalformedBatch(f"line {line} is not UTF-8 (byte {error.start})") from error
    return tuple(body.removesuffix(b"\n").split(b"\n")) if body else ()


def read_lines(
    lines: Sequence[bytes], scope: Scope, *, numbers: Sequence[int] | None = None
) -> Lines:
    """Judge every record line of a batch; raises MalformedBatch with one fault per bad line.

    ``numbers`` are the lines' record numbers, where they are not 1, 2, 3, …
    """
    if not 1 <= len(lines) <= BATCH_RECORDS_MAX:
        raise TooLarge(f"a batch has 1 to {BATCH_RECORDS_MAX} records, this one has {len(lines)}")
    return judge_together(lines, scope) or judge_singly(lines, scope, numbers)


def refuse_future(judged: Lines, now: str) -> None:
    """Raise MalformedBatch for records that end after ``now`` plus ``AHEAD_MINUTES_MAX``.

    What has not happened yet is nobody's usage. ``now`` is the ledger's instant; the fold does not
    ask again, since it sees a batch's totals and not its lines.
    """
    latest = parse_instant(now) + timedelta(minutes=AHEAD_MINUTES_MAX)
    faults = [
        OutOfRange(
            f"it ends at {record.ended_at.isoformat()}, later than {now} and the "
            f"{AHEAD_MINUTES_MAX} minutes by which clocks may differ"
        ).as_fault(f"record {number}, ended_at")
        for number, record in enumerate(judged.records, start=1)
        if record.ended_at > latest
    ]
    if faults:
        raise MalformedBatch(_count(faults, "record"), faults=tuple(faults[:FAULTS_MAX]))


def judge_together(lines: Sequence[bytes], scope: Scope) -> Lines | None:
    """The judgement on a batch without a fault, in one pass; None if any line is in doubt."""
    columns = parse_lines(lines)
    periods = None if columns is None else judge_columns(columns, scope)
    if columns is None or periods is None:
        return None
    totals = count_totals(columns, periods)
    return Lines(tuple(lines), tuple(columns.records), tuple(periods), totals)


def judge_columns(columns: Columns, scope: Scope) -> Sequence[str] | None:
    """The period of each record of a batch without a fault; None if any record is in doubt."""
    if not is_known(columns, scope):
        return None
    periods = scope.calendar.periods_of(columns)
    return periods if periods is not None and is_unique(columns, periods) else None


def judge_singly(
    lines: Sequence[bytes], scope: Scope, numbers: Sequence[int] | None = None
) -> Lines:
    """The judgement line by line; raises MalformedBatch with one fault per bad line."""
    records: list[Record] = []
    periods: list[str] = []
    faults: list[Fault] = []
    known: dict[tuple[str, str], Record] = {}
    for number, line in zip(numbers or range(1, len(lines) + 1), lines, strict=True):
        try:
            record = parse_line(line)
            period = _judge(record, scope, known)
        except KyojoError as error:
            faults.append(error.as_fault(_where(number, error)))
            continue
        known[period, record.id] = record
        records.append(record)
        periods.append(period)
    if faults:
        raise MalformedBatch(_count(faults, "record"), faults=tuple(faults[:FAULTS_MAX]))
    totals = count_totals(columns_of(records), periods)
    return Lines(tuple(lines), tuple(records), tuple(periods), totals)


def count_totals(columns: Columns, periods: Sequence[str]) -> dict[TotalKey, int]:
    """The sums of a batch per (period, facility, name, currency); ``periods`` of its records."""
    everywhere = _everywhere(columns, periods)
    sums: dict[TotalKey, int] = {}
    for tables, is_charge in ((columns.measures, False), (columns.charges, True)):
        for table in tables:
            is_whole = len(table.positions) == len(columns.ids)
            groups = everywhere if is_whole else _by_place(columns, periods, table.positions)
            for (period, facility, currency), rows in groups.items():
                for name, amounts in table.columns.items():
                    key = (
                        TotalKey(period, facility, CHARGE + name, str(currency))
                        if is_charge
                        else TotalKey(period, facility, name, "")
                    )
                    sums[key] = sums.get(key, 0) + sum(map(amounts.__getitem__, rows))
    return sums


def _everywhere(columns: Columns, periods: Sequence[str]) -> Mapping[_Place, Sequence[int]]:
    """The positions of each place; in most batches places differ in the facility alone."""
    count, period, currency = len(columns.ids), periods[0], columns.currencies[0]
    if periods.count(period) < count or columns.currencies.count(currency) < count:
        return _by_place(columns, periods, range(count))
    found: defaultdict[str, list[int]] = defaultdict(list)
    for position, facility in enumerate(columns.facilities):
        found[facility].append(position)
    return {(period, facility, currency): rows for facility, rows in found.items()}


def _by_place(
    columns: Columns, periods: Sequence[str], positions: Sequence[int]
) -> Mapping[_Place, Sequence[int]]:
    """The places among ``positions``, and which of these positions are at each."""
    found: defaultdict[_Place, list[int]] = defaultdict(list)
    for row, at in enumerate(positions):
        found[periods[at], columns.facilities[at], columns.currencies[at]].append(row)
    return found


def seal_batch(lines: Sequence[bytes], scope: Scope, *, seed: bytes, salt: bytes) -> SealedBatch:
    """Commit to lines with a random 32-byte seed, and to their totals with a random salt."""
    judged = read_lines(lines, scope)
    root = records_root(seed, judged.lines)
    return SealedBatch(judged.lines, seed, root, encode_totals(salt, judged.totals))


def is_known(columns: Columns, scope: Scope) -> bool:
    """Whether facilities, metrics and kinds of charge are those of the co-op."""
    return (
        set(columns.facilities) <= scope.facilities
        and all(table.columns.keys() <= scope.metrics for table in columns.measures)
        and all(table.columns.keys() <= scope.charges for table in columns.charges)
    )


def is_unique(columns: Columns, periods: Sequence[str]) -> bool:
    """Whether no id stands twice in a period, and reversals negate what stands above them."""
    if not columns.reversals and len(set(columns.ids)) == len(columns.ids):
        return True
    places = list(zip(periods, columns.ids, strict=True))
    if len(set(places)) != len(places):
        return False
    positions = {place: position for position, place in enumerate(places)}
    for position in columns.reversals:
        record = columns.records[position]
        original = positions.get((periods[position], str(record.reverses)), position)
        if original < position and not negates(record, columns.records[original]):
            return False
    return True


def _judge(record: Record, scope: Scope, known: dict[tuple[str, str], Record]) -> str:
    if record.facility not in scope.facilities:
        raise OutOfRange(f"facility {record.facility!r} is not registered", field="facility")
    if not record.measures.keys() <= scope.metrics:
        unknown = sorted(record.measures.keys() - scope.metrics)
        raise OutOfRange(f"metric {unknown[0]!r} is not in the vocabulary", field="measures")
    if record.charges is not None and not record.charges.keys() <= scope.charges:
        unknown = sorted(record.charges.keys() - scope.charges)
        raise OutOfRange(f"charge {unknown[0]!r} is not in the vocabulary", field="charges")
    period = scope.calendar.period_of(record)
    if (period, record.id) in known:
        raise MalformedBatch(f"the id {record.id!r} stands twice in this batch", field="id")
    original = known.get((period, record.reverses)) if record.reverses else None
    if original is not None and not negates(record, original):
        raise MalformedBatch(
            f"this is not the exact negative of {record.reverses!r}", field="reverses"
        )
    return period


def _where(number: int, error: KyojoError) -> str:
    field = error.details.get("field")
    return f"record {number}, {field}" if field else f"record {number}"


def _count(faults: Sequence[Fault], noun: str) -> str:
    many = f"{len(faults)} {noun}s are" if len(faults) > 1 else f"1 {noun} is"
    return f"{many} wrong; nothing of this batch was kept"
