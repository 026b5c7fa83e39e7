"""The tables beside the log: blobs, record ids, totals and snapshots, against what the fold gave.

What should be there waits in the scratch database or, for totals, in the fold; what is there
comes in the order of its keys. Both are walked at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.coop.erasure import all_erased
from ledger.coop.state import State, parse_state, state_document
from ledger.errors import KyojoError
from ledger.log.merkle import Frontier, leaf_hash
from ledger.service.fsck.fold import Fold, TotalsKey
from ledger.service.fsck.report import Counts, Findings
from ledger.store.raw import RawRows, Row, key_of, shown
from ledger.store.record_ids import hasher, lost_row
from ledger.store.tables import blobs, record_ids, snapshots, totals

_TOTALS = ("period", "epoch", "account", "facility", "name", "currency")
ALL_IDS_MIN = 3  # fewer ids that are all unknown may each have been edited


def compare_blobs(fold: Fold) -> None:
    """Hash every blob; one that an entry names must be there, one that none names is a warning."""
    findings = fold.findings
    rows = fold.raw.scan(blobs, fold.head.log_id)
    for key, named, row in _merged(fold.scratch.named(), rows, "sha256"):
        if row is None:
            findings.add(
                "missing-row", ("blobs", key.hex(), ""),
                f"the blob that entry {named[0][2]} names is missing",
                f"エントリー {named[0][2]} が指定するデータがありません",
            )  # fmt: skip
            continue
        fold.counts.blobs += 1
        _check_blob(row, named, findings)


def _check_blob(row: Row, named: Sequence[tuple[bytes, int, int]], findings: Findings) -> None:
    key, data = row["sha256"], row["data"]
    place = ("blobs", shown(key), "data")
    if not isinstance(data, bytes):
        findings.add("wrong-type", place, "it is not bytes", "バイト列ではありません")
    elif sha256(data).digest() != key:
        findings.add(
            "blob-changed", place,
            f"its bytes have the SHA-256 {sha256(data).hexdigest()}",
            "内容の SHA-256 がキーと一致しません",
        )  # fmt: skip
    elif not named:
        findings.add(
            "orphaned-blob", ("blobs", shown(key), ""),
            "no entry that could be read names this blob", "このデータを指すエントリーがありません",
            severity="warning",
        )  # fmt: skip
    elif any(size != len(data) for _, size, _ in named):
        findings.add(
            "blob-changed", place,
            f"it has {len(data)} bytes, an entry names another size",
            "大きさがエントリーの指定と一致しません",
        )  # fmt: skip


def compare_erased(fold: Fold) -> None:
    """What is missing from batches is what the log erases, and all of that is gone."""
    if not fold.is_whole:
        return
    wanted = all_erased(fold.state)
    for index in sorted(wanted.keys() | fold.erased.keys()):
        gone, erased = fold.erased.get(index, frozenset()), wanted.get(index, frozenset())
        if index in fold.unjudged and not gone:
            continue  # the row is missing or damaged, and named
        for number in sorted(gone - erased):
            fold.findings.add(
                "missing-record", ("batches", f"{index}, record {number + 1}", "lines"),
                "this record is missing, and no entry erases it",
                "この記録はありませんが、消去したエントリーもありません",
            )  # fmt: skip
        for number in sorted(erased - gone):
            fold.findings.add(
                "not-erased", ("batches", f"{index}, record {number + 1}", "lines"),
                "the log erases this record, and it is still here",
                "消去されたはずの記録が残っています",
            )  # fmt: skip


def compare_record_ids(fold: Fold, slug: str) -> None:
    """Compare the stored places of record ids with those that the batches call for."""
    noted = Findings()
    matched = missing = unexpected = 0
    lost = {(index, number) for index, numbers in fold.erased.items() for number in numbers}
    hash_of = hasher(fold.head.id_key)
    rows = fold.raw.scan(record_ids, fold.head.log_id)
    for key, places, row in _merged(fold.scratch.places(), rows, "id_hash"):
        for _, at, number in places[1:]:
            _note_twice(noted, places[0], at, number)
        if row is None:
            missing += 1
            _note_missing_id(noted, places[0])
        elif places:
            matched += 1
            _compare_place(noted, row, places[0])
        elif row["number"] in fold.erased.get(row["index"], ()):
            lost.discard((row["index"], row["number"]))  # its hash cannot be made again
            if key == lost_row(hash_of, row["index"], row["number"])[1]:
                _note_lost_id(fold.findings, row)
        elif row["index"] not in fold.unjudged:
            unexpected += 1
            noted.add(
                "unexpected-row", ("record_ids", shown(key), ""),
                f"no record has this id (entry {shown(row['index'])}, number "
                f"{shown(row['number'])})",
                "この識別子を持つ利用記録がありません", follows=fold.first_passed,
            )  # fmt: skip
        fold.counts.record_ids += row is not None
    for index, number in sorted(lost):
        noted.add(
            "missing-row", ("record_ids", f"entry {index}, record {number + 1}", ""),
            "the hashed id of this erased record is not kept: it could be used again",
            "消去された記録の識別子のハッシュがなく、再び使われるおそれがあります",
        )  # fmt: skip
    if matched == 0 and unexpected >= ALL_IDS_MIN and missing >= ALL_IDS_MIN:
        fold.findings.add(
            "head-changed", ("logs", slug, "id_key"),
            f"none of {missing} record ids has the hash that this key gives: the key was changed",
            "どの識別子のハッシュもこの鍵から得られません。鍵が変更されています",
        )  # fmt: skip
        return
    _take_over(noted, fold.findings)


def _take_over(noted: Findings, findings: Findings) -> None:
    for one in noted.kept:
        place = (one.table, one.key, one.column)
        findings.add(one.code, place, one.en, one.ja, follows=one.follows)
    hidden = noted.count - len(noted.kept)
    findings.count += hidden
    findings.errors += hidden


def _note_twice(noted: Findings, first: tuple[bytes, int, int], at: int, number: int) -> None:
    noted.add(
        "duplicate-id", ("batches", f"{at}, record {number + 1}", "lines"),
        f"its id, or what it reverses, stands in entry {first[1]}, record {first[2] + 1} already",
        "識別子または取消先が、以前の記録と重複しています",
    )  # fmt: skip


def _note_missing_id(noted: Findings, place: tuple[bytes, int, int]) -> None:
    noted.add(
        "missing-row", ("record_ids", place[0].hex(), ""),
        f"the id of entry {place[1]}, record {place[2] + 1} is not kept",
        f"エントリー {place[1]} の {place[2] + 1} 番目の記録の識別子がありません",
    )  # fmt: skip


def _note_lost_id(findings: Findings, row: Row) -> None:
    findings.add(
        "id-lost", ("record_ids", f"entry {row['index']}, record {row['number'] + 1}", ""),
        "this erased record came back from a bundle without its id, which could be used again",
        "監査束から復旧した消去済みの記録で、識別子が分からず、再び使われるおそれがあります",
        severity="warning",
    )  # fmt: skip


def _compare_place(noted: Findings, row: Row, place: tuple[bytes, int, int]) -> None:
    for name, value in (("index", place[1]), ("number", place[2])):
        if row[name] != value:
            noted.add(
                "record-id-changed", ("record_ids", place[0].hex(), name),
                f"it says {shown(row[name])}, the record stands at {value}",
                f"値は {shown(row[name])} ですが、記録の位置は {value} です",
            )  # fmt: skip


def compare_totals(fold: Fold) -> None:
    """Compare the rows of totals with the sums of what the entries signed."""
    expected = dict(fold.totals_rows)
    for row in fold.raw.scan(totals, fold.head.log_id):
        fold.counts.totals += 1
        key: TotalsKey = tuple(row[name] for name in _TOTALS)
        wanted = expected.pop(key, None)
        if wanted is None:
            fold.findings.add(
                "unexpected-row", ("totals", key_of(totals, row), ""),
                "no entry counts here", "この合計に数えられるエントリーがありません",
                follows=fold.first_passed,
            )  # fmt: skip
        elif row["amount"] != wanted or type(row["amount"]) is not int:
            fold.findings.add(
                "total-changed", ("totals", key_of(totals, row), "amount"),
                f"it says {shown(row['amount'])}, the entries add up to {wanted}",
                f"値は {shown(row['amount'])}、エントリーの合計は {wanted} です",
                follows=fold.first_passed,
            )  # fmt: skip
    for key, amount in sorted(expected.items()):
        fold.findings.add(
            "missing-row", ("totals", "/".join(map(str, key)), ""),
            f"the entries add up to {amount} here", f"エントリーの合計 {amount} の行がありません",
            follows=fold.first_passed,
        )  # fmt: skip


class Snapshots:
    """The rows of ``snapshots`` in order of size, each compared when the fold gets there."""

    def __init__(self, raw: RawRows, log_id: int, counts: Counts, findings: Findings) -> None:
        """Read the snapshots of a log."""
        self._rows = raw.scan(snapshots, log_id)
        self._counts = counts
        self._findings = findings
        self._next = next(self._rows, None)

    def look(self, state: State, *, is_whole: bool) -> None:
        """Compare the snapshots of this size; ``is_whole``: the state is what all entries gave."""
        while self._next is not None and not _is_above(self._next["size"], state.size):
            row, self._next = self._next, next(self._rows, None)
            self._counts.snapshots += 1
            if row["size"] == state.size and type(row["size"]) is int:
                self._compare(row, state, is_whole=is_whole)
            else:
                self._unexpected(row)

    def rest(self) -> None:
        """Note those of sizes that the log does not have."""
        while self._next is not None:
            self._unexpected(self._next)
            self._next = next(self._rows, None)

    def _unexpected(self, row: Row) -> None:
        self._findings.add(
            "unexpected-row", ("snapshots", shown(row["size"]), ""),
            "the log has no such size", "記録にこの大きさはありません",
        )  # fmt: skip

    def _compare(self, row: Row, state: State, *, is_whole: bool) -> None:
        size, data, stated = row["size"], row["state"], row["hash"]
        if not isinstance(data, bytes):
            self._add(size, "state", "it is not bytes", "バイト列ではありません")
            return
        fitting = leaf_hash(data) == stated
        wanted = canonical.encode(state_document(state))
        if is_whole and data != wanted:
            part = _first_part(data, wanted)
            self._add(
                size, "state",
                f"it is not the state that {size} entries give ({part})"
                + ("; its hash was made to fit" if fitting else ""),
                f"{size} 件のエントリーから得られる状態と異なります({part})",
            )  # fmt: skip
        elif not is_whole and (problem := _own_fault(data, state)):
            self._add(size, "state", problem, "状態が記録の木と一致しません")
        elif not fitting:
            self._add(size, "hash", "it is not the hash of the state", "状態のハッシュと異なります")

    def _add(self, size: int, column: str, en: str, ja: str) -> None:
        self._findings.add("snapshot-changed", ("snapshots", size, column), en, ja)


def _is_above(found: Any, size: int) -> bool:
    return type(found) is int and found > size


def _first_part(data: bytes, wanted: bytes) -> str:
    """Which part of a state differs, by its name."""
    try:
        found, right = canonical.parse(data), canonical.parse(wanted)
    except KyojoError:
        return "it is not canonical JSON"
    if not isinstance(found, dict):
        return "it is no JSON object"
    names = sorted(n for n in found.keys() | right.keys() if found.get(n) != right.get(n))
    return ", ".join(names[:5]) or "it is not canonical JSON"


def _own_fault(data: bytes, state: State) -> str:
    """What of a snapshot contradicts the tree, where the fold cannot say what it should be."""
    try:
        found = parse_state(data)
        roots = tuple(bytes.fromhex(tree) for tree in found.subtrees)
        Frontier(found.size, roots)
    except (KyojoError, ValueError) as error:
        return f"it cannot be read: {error}"
    if (found.size, found.subtrees) != (state.size, state.subtrees):
        return "its subtrees are not those of the log's tree at that size"
    return ""


def _merged(
    expected: Iterator[tuple[bytes, int, int]], rows: Iterator[Row], name: str
) -> Iterator[tuple[bytes, list[tuple[bytes, int, int]], Row | None]]:
    """Expected and stored rows by key: all expected ones with a key, and the stored one or None."""
    waiting = next(expected, None)
    for row in rows:
        key = row[name]
        if type(key) is not bytes:
            yield b"", [], row
            continue
        while waiting is not None and waiting[0] < key:
            group, waiting = _group(waiting, expected)
            yield group[0][0], group, None
        group = []
        if waiting is not None and waiting[0] == key:
            group, waiting = _group(waiting, expected)
        yield key, group, row
    while waiting is not None:
        group, waiting = _group(waiting, expected)
        yield group[0][0], group, None


def _group(
    first: tuple[bytes, int, int], rest: Iterator[tuple[bytes, int, int]]
) -> tuple[list[tuple[bytes, int, int]], tuple[bytes, int, int] | None]:
    group = [first]
    for found in rest:
        if found[0] != first[0]:
            return group, found
        group.append(found)
    return group, None
