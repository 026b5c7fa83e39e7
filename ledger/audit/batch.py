"""The records of one usage batch, judged by themselves: leaves, root, lines, totals.

Everything here follows from one entry, three files and what the co-op allowed at that entry, so
batches can be judged in any order and by other processes; ``records`` puts the outcomes together.
A task names parts of the bundle's file, so that lines never travel between processes.

Records that were erased have no line and no salt any more: their leaves stand as stated, so the
root is still computed, and the batch's signed totals stand for their figures.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import BinaryIO

from ledger.audit.report import Findings
from ledger.errors import KyojoError, NotFound
from ledger.log.merkle import HASH_BYTES, root_hash
from ledger.usage.alike import AlikeReader
from ledger.usage.batch import (
    BATCH_RECORDS_MAX,
    Scope,
    count_totals,
    judge_columns,
    read_lines,
)
from ledger.usage.commitment import record_leaves
from ledger.usage.held import NO_SALT, ROW_BYTES, split_rows
from ledger.usage.many import Columns, parse_lines
from ledger.usage.totals import TotalKey, differences, parse_totals


@dataclass(frozen=True, slots=True)
class Span:
    """A file of the bundle: where it stands, its CRC-32, and what the manifest says of it."""

    name: str
    start: int
    size_bytes: int
    crc: int
    stated: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Task:
    """A batch to be judged: what its entry signs, and where its records are.

    ``totals`` is None if the bundle lacks the blob; ``erased`` are the 0-based numbers of records
    that may be missing.
    """

    index: int
    count: int
    root: str
    totals_sha256: str
    lines: Span
    leaves: Span
    totals: Span | None
    scope: Scope | None
    erased: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a batch's records in one period, a LF between them; none repeats.

    ``numbers`` are their record numbers as unsigned shorts. ``reversals`` has a line for each
    record that takes back another: number, the other's id, and the record's own line.
    """

    period: str
    numbers: bytes
    ids: bytes
    reversals: bytes


@dataclass(slots=True)
class Outcome:
    """What was found in a batch: ``files`` are findings about its files, not what is in them.

    ``missing`` records were erased, or may have been: see ``erasures``.
    """

    index: int
    records: int = 0
    missing: int = 0
    findings: Findings = field(default_factory=Findings)
    files: Findings = field(default_factory=Findings)
    ids: tuple[Ids, ...] = ()


@dataclass(frozen=True, slots=True)
class _Read:
    """The records of a batch that are still there: the number of each, from 1, and what it says.

    ``reversed_ids`` has, by position, which other record a record takes back.
    """

    numbers: Sequence[int]
    lines: Sequence[bytes]
    ids: Sequence[str]
    reversed_ids: Mapping[int, str]
    periods: Sequence[str]
    totals: Mapping[TotalKey, int]


def judge_batch(source: BinaryIO, task: Task, reader: AlikeReader | None = None) -> Outcome:
    """Judge the batch of a task from the bundle's file; ``reader`` is the one of earlier tasks."""
    found = Outcome(task.index)
    lines = read_batch(source, task, found)
    if task.scope is None:
        return found
    try:
        read = _read_records(task, lines, task.scope, reader or AlikeReader())
    except KyojoError as error:
        found.findings.add_error(error, f"entry {task.index}")
        return found
    found.missing = len(lines) - len(read.numbers)
    if not found.missing:
        _check_totals(source, task, read.totals, found.findings)
    found.ids = tuple(_ids_of(read))
    return found


def read_batch(source: BinaryIO, task: Task, found: Outcome) -> Sequence[bytes]:
    """The lines of a batch; notes in ``found`` what is wrong with them as mere bytes."""
    data = read_span(source, task.lines, found.files)
    hashes = read_span(source, task.leaves, found.files)
    lines = _split(task, data, found.findings)
    found.records = len(lines)
    if len(lines) != task.count:
        found.findings.add(
            "malformed-batch", f"entry {task.index}, count",
            f"the entry counts {task.count} records, {task.lines.name} has {len(lines)}",
            f"署名された件数は {task.count}、実際の行数は {len(lines)} です",
        )  # fmt: skip
    _check_leaves(task, lines, hashes, found.findings)
    return lines


def read_span(source: BinaryIO, span: Span, findings: Findings) -> bytes:
    """The content of a file, compared with its CRC-32 and with the manifest."""
    source.seek(span.start)
    data = source.read(span.size_bytes)
    compare(data, span, findings)
    return data


def compare(data: bytes, span: Span, findings: Findings) -> None:
    """Note where a file is not what the archive's CRC-32 or the manifest say."""
    if zlib.crc32(data) != span.crc:
        findings.add(
            "wrong-crc", span.name,
            "the content does not have the CRC-32 in the archive",
            "内容が書庫の CRC-32 と一致しません",
        )  # fmt: skip
    if span.stated is not None and span.stated != (sha256(data).hexdigest(), len(data)):
        findings.add(
            "manifest-mismatch", f"{span.name}, as manifest.json lists it",
            "size or SHA-256 are not those of the manifest",
            "大きさまたは SHA-256 が目録と一致しません",
        )  # fmt: skip


def _split(task: Task, data: bytes, findings: Findings) -> Sequence[bytes]:
    lines = data.removesuffix(b"\n").split(b"\n")
    if not data.endswith(b"\n"):
        findings.add(
            "malformed-batch", f"{task.lines.name}, record {len(lines)}",
            "the last line does not end in a LF", "最終行が LF で終わっていません",
        )  # fmt: skip
    return lines


def _check_leaves(task: Task, lines: Sequence[bytes], data: bytes, findings: Findings) -> None:
    if len(data) != len(lines) * ROW_BYTES:
        findings.add(
            "malformed-batch", task.leaves.name,
            f"{len(data)} bytes are not the salts and leaves of {len(lines)} records",
            f"{len(lines)} 件分の塩と葉ではありません",
        )  # fmt: skip
    salts, stated = split_rows(data)
    both = min(len(salts), len(lines))
    leaves = record_leaves(salts[:both], lines[:both])
    for number in task.erased:
        if _is_erased(number, lines, salts, stated):
            leaves[number] = stated[number]
    root = root_hash(leaves).hex()
    if root != task.root:
        findings.add(
            "root-mismatch", f"entry {task.index}, root",
            f"the records give the root {root}, the entry signs {task.root}",
            "記録から得た根が署名された根と一致しません",
        )  # fmt: skip
    if root != task.root or leaves != stated:
        _name_records(task, leaves, stated, findings, is_line=root != task.root)


def _is_erased(
    number: int, lines: Sequence[bytes], salts: Sequence[bytes], stated: Sequence[bytes]
) -> bool:
    """Whether line and salt of a record are gone as an erasure leaves them."""
    there = number < min(len(lines), len(salts), len(stated))
    return (
        there
        and (lines[number], salts[number]) == (b"", NO_SALT)
        and len(stated[number]) == HASH_BYTES
    )


def _name_records(
    task: Task,
    leaves: Sequence[bytes],
    stated: Sequence[bytes],
    findings: Findings,
    *,
    is_line: bool,
) -> None:
    for number, leaf in enumerate(leaves, start=1):
        if number <= len(stated) and stated[number - 1] == leaf:
            continue
        if is_line:
            findings.add(
                "record-changed", f"entry {task.index}, record {number}",
                "the line and its salt do not give the leaf that is stated for it",
                "行と塩から得られる葉が、示された葉と一致しません",
            )  # fmt: skip
        else:
            findings.add(
                "leaf-changed", f"{task.leaves.name}, record {number}",
                "the leaf stated for this record is not the one that its line gives",
                "この記録について示された葉が、行から得られる葉と一致しません",
            )  # fmt: skip


def columns_of_lines(lines: Sequence[bytes], reader: AlikeReader) -> Columns | None:
    """What the lines of a batch say, if none needs a closer look."""
    if len(lines) > BATCH_RECORDS_MAX:
        return None
    return reader.columns(lines) or parse_lines(lines)


def _read_records(task: Task, lines: Sequence[bytes], scope: Scope, reader: AlikeReader) -> _Read:
    """What the lines say that are still there; raises MalformedBatch with every bad line."""
    columns = None if task.erased else columns_of_lines(lines, reader)
    periods = None if columns is None else judge_columns(columns, scope)
    if columns is not None and periods is not None:
        return _Read(
            numbers_to(len(lines)),
            lines,
            columns.ids,
            reversed_in(columns),
            periods,
            count_totals(columns, periods),
        )
    kept = [number for number, line in enumerate(lines, start=1)
            if line or number - 1 not in task.erased]  # fmt: skip
    if not kept:
        return _Read((), (), (), {}, (), {})
    judged = read_lines([lines[number - 1] for number in kept], scope, numbers=kept)
    return _Read(
        kept,
        judged.lines,
        [record.id for record in judged.records],
        {
            position: record.reverses
            for position, record in enumerate(judged.records)
            if record.reverses is not None
        },
        judged.periods,
        judged.totals,
    )


def reversed_in(columns: Columns) -> Mapping[int, str]:
    """Which other record a record takes back, by its position."""
    return {position: str(columns.records[position].reverses) for position in columns.reversals}


def _check_totals(
    source: BinaryIO, task: Task, totals: Mapping[TotalKey, int], findings: Findings
) -> None:
    try:
        signed = parse_totals(read_totals(source, task))
    except KyojoError as error:
        findings.add_error(error, f"entry {task.index}, totals")
        return
    for key, stated, counted in differences(signed, totals):
        findings.add(
            "sum-mismatch", f"entry {task.index}, totals, {'/'.join(key)}",
            f"signed {stated}, the records give {counted}",
            f"署名された合計は {stated}、記録からの合計は {counted} です",
        )  # fmt: skip


def read_totals(source: BinaryIO, task: Task) -> bytes:
    """The totals blob; what is wrong with its file is said where the entry names it."""
    name = f"blobs/{task.totals_sha256}"
    if task.totals is None:
        raise NotFound(f"the bundle has no file {name}")
    data = read_span(source, task.totals, Findings())
    if sha256(data).hexdigest() != task.totals_sha256:
        raise NotFound(f"{name} holds other bytes than an entry names")
    return data


def _ids_of(read: _Read) -> list[Ids]:
    if not read.periods:
        return []
    if read.periods.count(read.periods[0]) == len(read.periods):
        return [ids_in(read.periods[0], read.numbers, read.ids, read.reversed_ids, read.lines)]
    rows: dict[str, list[int]] = {}
    for position, period in enumerate(read.periods):
        rows.setdefault(period, []).append(position)
    return [
        ids_in(
            period,
            [read.numbers[position] for position in positions],
            [read.ids[position] for position in positions],
            {
                place: read.reversed_ids[position]
                for place, position in enumerate(positions)
                if position in read.reversed_ids
            },
            [read.lines[position] for position in positions],
        )
        for period, positions in rows.items()
    ]


@lru_cache(maxsize=16)
def numbers_to(count: int) -> array[int]:
    """The numbers of the records of a whole batch; most batches have as many as the last one."""
    return array("H", range(1, count + 1))


def ids_in(
    period: str,
    numbers: Sequence[int],
    ids: Sequence[str],
    reversed_ids: Mapping[int, str],
    lines: Sequence[bytes],
) -> Ids:
    """The ids of a period's records, in their order."""
    reversals = [
        f"{numbers[position]} {reverses} ".encode() + lines[position]
        for position, reverses in reversed_ids.items()
    ]
    return Ids(period, _shorts(numbers).tobytes(), "\n".join(ids).encode(), b"\n".join(reversals))


def _shorts(numbers: Sequence[int]) -> array[int]:
    return numbers if isinstance(numbers, array) else array("H", numbers)
