"""One usage batch against its entry: lines and seed give the signed root, records the totals.

A pure function over one batch, so that several can be checked at once by other processes. The
leaves of a batch are stored nowhere, so where the root differs it is the batch that is named; the
record too, where its line no longer parses, its id is not one that the ledger knows, or its figures
no longer add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ledger.coop.submission import Batch
from ledger.errors import KyojoError
from ledger.store.record_ids import hasher, rows_of
from ledger.usage.batch import Lines, Scope, read_lines
from ledger.usage.commitment import SEED_BYTES, records_root
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
    count: int
    root: str
    totals: Mapping[TotalKey, int] | None
    member: str
    scope: Scope | None
    id_key: bytes


@dataclass(slots=True)
class BatchResult:
    """What came of it; ``places`` are the rows of ``record_ids`` that the batch calls for.

    ``leads`` says that its lines lead to the signed root, ``is_damaged`` that what it calls for
    cannot be told from them.
    """

    index: int
    records: int = 0
    leads: bool = False
    faults: list[Fault] = field(default_factory=list)
    places: list[tuple[bytes, int, int]] = field(default_factory=list)
    is_damaged: bool = False


def check_batch(task: BatchTask) -> BatchResult:
    """Check one batch; every damage is a fault, nothing raises."""
    found = BatchResult(task.index)
    seed, data = task.seed, task.lines
    if type(seed) is not bytes or len(seed) != SEED_BYTES:
        _add(
            found, "wrong-type", ("", "seed"), f"a seed has {SEED_BYTES} bytes", "塩の種が不正です"
        )
        seed = None
    if type(data) is not bytes:
        _add(found, "wrong-type", ("", "lines"), "it is not bytes", "バイト列ではありません")
        found.is_damaged = True
        return found
    lines = tuple(data.split(b"\n"))
    found.records = len(lines)
    if len(lines) != task.count:
        _add(
            found, "batch-changed", ("", "lines"),
            f"there are {len(lines)} lines, the entry signs {task.count} records",
            f"行数は {len(lines)}、署名された件数は {task.count} です",
        )  # fmt: skip
    leads = seed is not None and records_root(seed, lines).hex() == task.root
    if seed is not None and not leads:
        _add(
            found, "batch-changed", ("", "lines"),
            "lines and seed do not lead to the root that the entry signs: "
            "a line or the seed was changed",
            "行と塩の種から署名された根に至りません。行か塩の種が変更されています",
        )  # fmt: skip
    found.leads, found.is_damaged = leads, not leads
    _judge(task, lines, found, leads=leads)
    return found


def _judge(task: BatchTask, lines: Sequence[bytes], found: BatchResult, *, leads: bool) -> None:
    if task.scope is None:
        found.is_damaged = True
        return
    try:
        judged = read_lines(lines, task.scope)
    except KyojoError as error:
        for fault in error.faults:
            record, _, column = fault.where.partition(", ")
            _add(
                found, "record-changed", (f", {record}", "lines"),
                f"{column or 'the line'}: {fault.message}", f"記録が不正です: {fault.message}",
            )  # fmt: skip
        if not error.faults:
            _add(found, "batch-changed", ("", "lines"), error.message, error.message)
        found.is_damaged = True
        return
    if task.totals is not None:
        _compare_totals(task.totals, judged, found, leads=leads)
    rows = rows_of(Batch(b"", judged), task.member, hasher(task.id_key))
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
