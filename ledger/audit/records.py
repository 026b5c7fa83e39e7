"""The records of usage batches: leaves, root, lines, totals, ids, reversals.

Everything that the ledger judged at its door is judged again from the bundle, by the same
functions: each line with its salt gives a leaf, the leaves the signed root, the records the
signed totals. Ids are unique per member and period; a reversal comes after the record that it
names, negates it exactly, and there is one.

Memory: one entry of a dictionary per record, its id; lines are held one batch at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.audit.bundle import leaves_name, lines_name
from ledger.audit.files import Files
from ledger.audit.report import Findings
from ledger.coop.bodies import UsageBatch
from ledger.errors import KyojoError
from ledger.log.merkle import HASH_BYTES, root_hash
from ledger.usage.batch import Lines, Scope, read_lines
from ledger.usage.commitment import record_leaves
from ledger.usage.held import NO_SALT
from ledger.usage.record import Record, negates, parse_line
from ledger.usage.totals import differences, parse_totals

_ROW_BYTES = 2 * HASH_BYTES


@dataclass(frozen=True, slots=True)
class _Reversal:
    """A record that takes back an earlier one: its place, and the entry of the one it names."""

    index: int
    number: int
    record: Record
    original_index: int


def none_erased(_index: int) -> frozenset[int]:
    """No record of any batch was erased."""
    return frozenset()


@dataclass(slots=True)
class RecordChecks:
    """The batches seen so far: where each id stands, and which records were reversed."""

    files: Files
    findings: Findings
    erased_of: Callable[[int], frozenset[int]] = none_erased
    batches: int = 0
    records: int = 0
    _places: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    _reversed: set[tuple[str, str, str]] = field(default_factory=set)
    _reversals: list[_Reversal] = field(default_factory=list)
    _accounts: dict[int, str] = field(default_factory=dict)
    _erasers: set[str] = field(default_factory=set)

    def check(self, index: int, body: UsageBatch, member: str, scope: Scope | None) -> None:
        """Check the batch of entry ``index``; without a scope, only that its bytes are those."""
        found = self.files.read(lines_name(index)), self.files.read(leaves_name(index))
        self.batches += 1
        if found[0] is None or found[1] is None:
            return
        lines = self._split(index, found[0])
        self.records += len(lines)
        self._accounts[index] = body.account
        self._check_count(index, body, lines)
        self._check_leaves(index, body, lines, found[1])
        if scope is None:
            return
        erased = self.erased_of(index)
        kept = [at for at, line in enumerate(lines, start=1) if line or at - 1 not in erased]
        if len(kept) < len(lines):
            self._erasers.add(member)
        try:
            judged = (
                read_lines([lines[at - 1] for at in kept], scope, numbers=kept) if kept else None
            )
        except KyojoError as error:
            self.findings.add_error(error, f"entry {index}")
            return
        if judged is not None and len(kept) == len(lines):
            self._check_totals(index, body, judged)
        if judged is not None:
            self._check_ids(index, member, judged, kept)

    def finish(self) -> None:
        """Compare every reversal with the record that it names."""
        by_original: dict[int, list[_Reversal]] = {}
        for found in self._reversals:
            by_original.setdefault(found.original_index, []).append(found)
        for index, reversals in by_original.items():
            ids = {str(found.record.reverses) for found in reversals}
            originals = self._find_records(index, ids)
            for found in reversals:
                self._compare(found, originals.get(str(found.record.reverses)))

    def _compare(self, found: _Reversal, original: Record | None) -> None:
        if self._accounts.get(found.index) != self._accounts.get(found.original_index):
            self.findings.add(
                "malformed-batch", f"entry {found.index}, record {found.number}, reverses",
                f"it counts for another account than its original in entry {found.original_index}",
                f"エントリー {found.original_index} の元の記録と勘定が異なります",
            )  # fmt: skip
        if original is None or not negates(found.record, original):
            place, name = found.original_index, found.record.reverses
            self.findings.add(
                "malformed-batch", f"entry {found.index}, record {found.number}, reverses",
                f"this is not the exact negative of {name!r} in entry {place}",
                f"エントリー {place} の {name!r} を正確に打ち消していません",
            )  # fmt: skip

    def _split(self, index: int, data: bytes) -> Sequence[bytes]:
        lines = data.removesuffix(b"\n").split(b"\n")
        if not data.endswith(b"\n"):
            self.findings.add(
                "malformed-batch", f"{lines_name(index)}, record {len(lines)}",
                "the last line does not end in a LF", "最終行が LF で終わっていません",
            )  # fmt: skip
        return lines

    def _check_count(self, index: int, body: UsageBatch, lines: Sequence[bytes]) -> None:
        if len(lines) != body.count:
            self.findings.add(
                "malformed-batch", f"entry {index}, count",
                f"the entry counts {body.count} records, {lines_name(index)} has {len(lines)}",
                f"署名された件数は {body.count}、実際の行数は {len(lines)} です",
            )  # fmt: skip

    def _check_leaves(
        self, index: int, body: UsageBatch, lines: Sequence[bytes], data: bytes
    ) -> None:
        name = leaves_name(index)
        salts = [data[at : at + HASH_BYTES] for at in range(0, len(data), _ROW_BYTES)]
        if len(data) != len(lines) * _ROW_BYTES:
            self.findings.add(
                "malformed-batch", name,
                f"{len(data)} bytes are not the salts and leaves of {len(lines)} records",
                f"{len(lines)} 件分の塩と葉ではありません",
            )  # fmt: skip
            lines = lines[: len(salts)]
            salts = salts[: len(lines)]
        leaves = record_leaves(salts, lines)
        for number in self.erased_of(index):
            if number < len(leaves) and (salts[number], lines[number]) == (NO_SALT, b""):
                leaves[number] = data[number * _ROW_BYTES + HASH_BYTES : (number + 1) * _ROW_BYTES]
        joined = b"".join(leaves)
        stated = b"".join(
            data[at + HASH_BYTES : at + _ROW_BYTES] for at in range(0, len(data), _ROW_BYTES)
        )
        root = root_hash(leaves).hex()
        if root == body.root and joined == stated:
            return
        if root != body.root:
            self.findings.add(
                "root-mismatch", f"entry {index}, root",
                f"the records give the root {root}, the entry signs {body.root}",
                "記録から得た根が署名された根と一致しません",
            )  # fmt: skip
        self._name_records(index, leaves, stated, is_line=root != body.root)

    def _name_records(
        self, index: int, leaves: Sequence[bytes], stated: bytes, *, is_line: bool
    ) -> None:
        for number, leaf in enumerate(leaves, start=1):
            if stated[(number - 1) * HASH_BYTES : number * HASH_BYTES] == leaf:
                continue
            if is_line:
                self.findings.add(
                    "record-changed", f"entry {index}, record {number}",
                    "the line and its salt do not give the leaf that is stated for it",
                    "行と塩から得られる葉が、示された葉と一致しません",
                )  # fmt: skip
            else:
                self.findings.add(
                    "leaf-changed", f"{leaves_name(index)}, record {number}",
                    "the leaf stated for this record is not the one that its line gives",
                    "この記録について示された葉が、行から得られる葉と一致しません",
                )  # fmt: skip

    def _check_totals(self, index: int, body: UsageBatch, judged: Lines) -> None:
        try:
            signed = parse_totals(self.files.blob(body.totals.sha256))
        except KyojoError as error:
            self.findings.add_error(error, f"entry {index}, totals")
            return
        for key, stated, counted in differences(signed, judged.totals):
            self.findings.add(
                "sum-mismatch", f"entry {index}, totals, {'/'.join(key)}",
                f"signed {stated}, the records give {counted}",
                f"署名された合計は {stated}、記録からの合計は {counted} です",
            )  # fmt: skip

    def _check_ids(self, index: int, member: str, judged: Lines, numbered: Sequence[int]) -> None:
        by_period = _ids_by_period(judged, numbered)
        for period, numbers in by_period.items():
            places = self._places.setdefault((member, period), {})
            for twice in sorted(places.keys() & numbers.keys()):
                self.findings.add(
                    "duplicate-id", f"entry {index}, record {numbers[twice]}, id",
                    f"the id {twice!r} of {member} stands in entry {places[twice]} already",
                    f"{member} の識別子 {twice!r} はエントリー {places[twice]} で使用済みです",
                )  # fmt: skip
        for number, record, period in zip(numbered, judged.records, judged.periods, strict=True):
            if record.reverses is not None:
                own = by_period[period].get(record.reverses, number)
                self._note_reversal(index, number, record, member, period, is_own=own < number)
        for period, numbers in by_period.items():
            places = self._places[member, period]
            places.update(dict.fromkeys(numbers.keys() - places.keys(), index))

    def _note_reversal(  # noqa: PLR0913 - a record, its place, and whose it is
        self, index: int, number: int, record: Record, member: str, period: str, *, is_own: bool
    ) -> None:
        where = f"entry {index}, record {number}, reverses"
        reverses = str(record.reverses)
        if (member, period, reverses) in self._reversed:
            self.findings.add(
                "duplicate-id", where,
                f"{reverses!r} is reversed twice", f"{reverses!r} が二重に取り消されています",
            )  # fmt: skip
        self._reversed.add((member, period, reverses))
        original = index if is_own else self._places[member, period].get(reverses)
        if original is None and member not in self._erasers:
            self.findings.add(
                "malformed-batch", where,
                f"{member} has no record {reverses!r} in {period} before this one",
                f"{member} にはこれ以前に {period} の記録 {reverses!r} がありません",
            )  # fmt: skip
        elif original is not None and not is_own:  # within a batch, read_lines has compared them
            self._reversals.append(_Reversal(index, number, record, original))

    def _find_records(self, index: int, ids: set[str]) -> Mapping[str, Record]:
        found: dict[str, Record] = {}
        for line in (self.files.read(lines_name(index)) or b"").split(b"\n"):
            try:
                record = parse_line(line)
            except KyojoError:
                continue  # noted when the batch was read
            if record.id in ids:
                found[record.id] = record
        return found


def _ids_by_period(judged: Lines, numbered: Sequence[int]) -> dict[str, dict[str, int]]:
    """Per period, the number of the record with each id; ``read_lines`` saw that none repeats."""
    if len(set(judged.periods)) == 1:
        ids = (record.id for record in judged.records)
        return {judged.periods[0]: dict(zip(ids, numbered, strict=True))}
    found: dict[str, dict[str, int]] = {}
    for number, record, period in zip(numbered, judged.records, judged.periods, strict=True):
        found.setdefault(period, {})[record.id] = number
    return found
