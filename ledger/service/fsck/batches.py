"""One usage batch against its entry: lines and seed give the signed root, records the totals.

A pure function over one batch, so that several can be checked at once by other processes. The
leaves of a whole batch are stored nowhere, so where the root differs it is the batch that is named;
the record too, where its line no longer parses or its figures no longer add up. A batch of which
records were erased keeps salts and leaves in place of its seed, and there every record is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.errors import KyojoError
from ledger.log.merkle import HASH_BYTES, root_hash
from ledger.store.record_ids import hasher, rows_of
from ledger.usage.batch import Lines, Scope, read_lines
from ledger.usage.commitment import SEED_BYTES, record_leaf, records_root
from ledger.usage.held import NO_SALT, ROW_BYTES
from ledger.usage.totals import TotalKey, differences

Fault = tuple[str, str, str, str, str]
"""Code, what is added to the key, column, and the sentence in English and Japanese."""


@dataclass(frozen=True, slots=True)
class BatchTask:
    """A batch as it lies in the database, and what its entry says of it.

    ``totals`` are the signed ones; None if their blob is damaged, which is said at the blob.
    ``scope`` is None where it cannot be told what records may refer to, or whose they are.
    """

    index: int
    seed: object
    lines: object
    leaves: object
    count: int
    root: str
    totals: Mapping[TotalKey, int] | None
    member: str
    scope: Scope | None
    id_key: bytes


@dataclass(slots=True)
class BatchResult:
    """What came of it; ``places`` are the rows of ``record_ids`` that the batch calls for.

    ``erased`` are the numbers, from 0, of records that are not there any more.
    ``leads`` says that its lines lead to the signed root, ``is_damaged`` that what it calls for
    cannot be told from them.
    """

    index: int
    records: int = 0
    leads: bool = False
    faults: list[Fault] = field(default_factory=list)
    places: list[tuple[bytes, int, int]] = field(default_factory=list)
    erased: frozenset[int] = frozenset()
    is_damaged: bool = False


def check_batch(task: BatchTask) -> BatchResult:
    """Check one batch; every damage is a fault, nothing raises."""
    found = BatchResult(task.index)
    if type(task.lines) is not bytes:
        _add(found, "wrong-type", ("", "lines"), "it is not bytes", "バイト列ではありません")
        found.is_damaged = True
        return found
    lines = tuple(task.lines.split(b"\n"))
    if len(lines) != task.count:
        _add(
            found, "batch-changed", ("", "lines"),
            f"there are {len(lines)} lines, the entry signs {task.count} records",
            f"行数は {len(lines)}、署名された件数は {task.count} です",
        )  # fmt: skip
    if task.seed is None and task.leaves is not None:
        leads = _check_left(task, lines, found)
    else:
        leads = _check_whole(task, lines, found)
    found.leads, found.is_damaged = leads, not leads
    found.records = len(lines) - len(found.erased)
    _judge(task, lines, found, leads=leads)
    return found


def _check_whole(task: BatchTask, lines: Sequence[bytes], found: BatchResult) -> bool:
    """Whether lines and seed lead to the signed root."""
    seed = task.seed
    if task.leaves is not None:
        _add(
            found, "batch-changed", ("", "leaves"),
            "a batch that has its seed keeps no salts and leaves beside it",
            "塩の種がある送信束に塩と葉が並べて保存されています",
        )  # fmt: skip
    if type(seed) is not bytes or len(seed) != SEED_BYTES:
        text = f"a seed has {SEED_BYTES} bytes"
        _add(found, "wrong-type", ("", "seed"), text, "塩の種が不正です")
        return False
    if records_root(seed, lines).hex() == task.root:
        return True
    _add(
        found, "batch-changed", ("", "lines"),
        "lines and seed do not lead to the root that the entry signs: "
        "a line or the seed was changed",
        "行と塩の種から署名された根に至りません。行か塩の種が変更されています",
    )  # fmt: skip
    return False


def _check_left(task: BatchTask, lines: Sequence[bytes], found: BatchResult) -> bool:
    """Whether what an erasure left leads to the signed root: leaves, and each line to its own."""
    found.erased = frozenset(number for number, line in enumerate(lines) if not line)
    data = task.leaves
    if type(data) is not bytes or len(data) != ROW_BYTES * len(lines):
        text = f"{len(lines)} records have {ROW_BYTES * len(lines)} bytes of salts and leaves"
        _add(found, "batch-changed", ("", "leaves"), text, "塩と葉の長さが正しくありません")
        return False
    rows = [data[at : at + ROW_BYTES] for at in range(0, len(data), ROW_BYTES)]
    leads = root_hash(row[HASH_BYTES:] for row in rows).hex() == task.root
    if not leads:
        _add(
            found, "batch-changed", ("", "leaves"),
            "the leaves do not lead to the root that the entry signs",
            "葉から署名された根に至りません",
        )  # fmt: skip
    for number, (line, row) in enumerate(zip(lines, rows, strict=True)):
        salt, leaf = row[:HASH_BYTES], row[HASH_BYTES:]
        place = (f", record {number + 1}", "lines" if line else "leaves")
        if line and record_leaf(salt, line) != leaf:
            leads = False
            _add(
                found, "record-changed", place,
                "line and salt do not give the leaf that is kept for this record",
                "行と塩から、この記録の葉が得られません",
            )  # fmt: skip
        elif not line and salt != NO_SALT:
            _add(
                found, "salt-left", place,
                "this record was erased, and its salt was not",
                "消去された記録の塩が残っています",
            )  # fmt: skip
    return leads


def _judge(task: BatchTask, lines: Sequence[bytes], found: BatchResult, *, leads: bool) -> None:
    numbers = [number for number in range(len(lines)) if number not in found.erased]
    if not numbers:
        return
    if task.scope is None:
        found.is_damaged = True
        return
    try:
        judged = read_lines([lines[number] for number in numbers], task.scope)
    except KyojoError as error:
        for fault in error.faults:
            record, _, column = fault.where.removeprefix("record ").partition(", ")
            _add(
                found, "record-changed", (f", record {numbers[int(record) - 1] + 1}", "lines"),
                f"{column or 'the line'}: {fault.message}", f"記録が不正です: {fault.message}",
            )  # fmt: skip
        if not error.faults:
            _add(found, "batch-changed", ("", "lines"), error.message, error.message)
        found.is_damaged = True
        return
    if task.totals is not None and not found.erased:
        _compare_totals(task.totals, judged, found, leads=leads)
    rows = rows_of(judged, task.member, hasher(task.id_key), numbers)
    found.places = [(id_hash, task.index, number) for number, id_hash in rows]


def _compare_totals(
    signed: Mapping[TotalKey, int], judged: Lines, found: BatchResult, *, leads: bool
) -> None:
    for key, stated, counted in differences(signed, judged.totals):
        holders = [
            number
            for number, (record, period) in enumerate(
                zip(judged.records, judged.periods, strict=True), start=1
            )
            if (period, record.facility) == key[:2]
        ]
        record = f", record {holders[0]}" if len(holders) == 1 else ""
        _add(
            found, "sum-mismatch" if leads else "record-changed", (record, "lines"),
            f"{'/'.join(key)}: signed {stated}, the records give {counted}",
            f"{'/'.join(key)}: 署名された合計は {stated}、記録からの合計は {counted} です",
        )  # fmt: skip


def _add(found: BatchResult, code: str, place: tuple[str, str], en: str, ja: str) -> None:
    found.faults.append((code, *place, en, ja))
