"""What a conversion lost: the report that accompanies the records of every importer.

A foreign file is never converted silently. The report counts rows in and records out, names every
row that was refused (in Japanese and English), every field that was dropped, every value that was
changed or filled in and by which rule, and gives control totals to compare with the source.

Invariant: ``rows_in == records_out + len(rejected) + merged``; a refused row is listed once, with
its first fault. ``row`` is the row number a spreadsheet shows: the header is row 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NewType

from ledger.errors import Fault, InvariantViolated, MalformedBatch

RAW_CHARACTERS_MAX = 80

Record = NewType("Record", dict[str, Any])

# code -> (Japanese, English); the codes are stable, the texts may be improved.
REJECT_TEXTS: dict[str, tuple[str, str]] = {
    "missing-value": ("必須の値が空です。", "A required value is empty."),
    "bad-row": ("列数が見出しと一致しません。", "The row does not have the header's columns."),
    "bad-id": ("識別子が正しくありません。", "The identifier is not usable."),
    "too-long": ("文字数が上限を超えています。", "The text is longer than a record may hold."),
    "bad-integer": ("整数ではありません。", "The value is not a whole number that we can hold."),
    "bad-amount": (
        "金額が読めないか、通貨の桁数を超えています。",
        "The amount is not a decimal, or has more digits than its currency.",
    ),
    "negative": ("負の値は認められません。", "The value is negative."),
    "bad-date": (
        "日付が指定の書式と一致しません。",
        "The date is not of the format named for its separator.",
    ),
    "bad-time": ("時刻が読めません。", "The time of day is not readable."),
    "ambiguous-time": (
        "夏時間の終わりで二度現れる時刻です。",
        "The local time occurs twice, at the end of summer time.",
    ),
    "missing-time": (
        "夏時間の始まりで存在しない時刻です。",
        "The local time does not exist, at the start of summer time.",
    ),
    "end-before-begin": ("終了が開始より前です。", "The session ends before it begins."),
    "other-currency": ("通貨が指定と異なります。", "The currency is not the one expected."),
    "duplicate-id": (
        "同じ識別子で内容の異なる行があります。",
        "An earlier row has this identifier and other content.",
    ),
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that gave no record, and why."""

    row: int
    column: str
    raw: str
    code: str

    def as_dict(self) -> dict[str, Any]:
        """The rejection as a JSON object, with its texts in Japanese and English."""
        japanese, english = REJECT_TEXTS[self.code]
        raw = self.raw[:RAW_CHARACTERS_MAX]
        found = {"row": self.row, "column": self.column, "raw": raw, "code": self.code}
        return {**found, "ja": japanese, "en": english}


@dataclass(frozen=True, slots=True)
class Coerced:
    """One value that stands in the record otherwise than in the file, and by which rule."""

    row: int
    field: str
    before: str
    after: str
    rule: str

    def as_dict(self) -> dict[str, Any]:
        """The change as a JSON object; ``from`` and ``to`` are the format's words for it."""
        place = {"row": self.row, "field": self.field}
        return {**place, "from": self.before, "to": self.after, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Defaulted:
    """One value that the file does not have and a rule filled in."""

    row: int
    field: str
    value: str
    rule: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something a person should look at; ``row`` is None when it concerns the whole file."""

    row: int | None
    code: str


@dataclass(frozen=True, slots=True)
class LossReport:
    """What happened to every row and field of one file.

    ``dropped`` counts the non-empty values of each column that no record holds. ``merged`` counts
    rows that repeat an earlier one exactly. ``control_totals`` are sums over the records, by
    measure and charge. ``map_hash`` identifies the options and belongs into the batch entry.
    """

    format: str
    format_version: str
    map_version: str
    map_hash: str
    rows_in: int
    records_out: int
    merged: int
    rejected: tuple[Rejected, ...]
    dropped: dict[str, int]
    coerced: tuple[Coerced, ...]
    defaulted: tuple[Defaulted, ...]
    warnings: tuple[Warned, ...]
    control_totals: dict[str, int]

    def __post_init__(self) -> None:
        """Refuse a report whose rows do not add up: some row would have vanished."""
        if self.rows_in != self.records_out + len(self.rejected) + self.merged:
            raise InvariantViolated("rows in are not records out, rejected and merged together")

    def as_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            **asdict(self),
            "rejected": [row.as_dict() for row in self.rejected],
            "coerced": [row.as_dict() for row in self.coerced],
            "defaulted": [asdict(row) for row in self.defaulted],
            "warnings": [asdict(row) for row in self.warnings],
        }


@dataclass(frozen=True, slots=True)
class Conversion:
    """The records of a file, in its order, and the report of what became of the rest."""

    records: tuple[Record, ...]
    report: LossReport

    def importable(self, *, partial: bool = False) -> tuple[Record, ...]:
        """The records, if no row was rejected or ``partial`` is asked for.

        Raises MalformedBatch with one fault per rejected row otherwise.
        """
        if self.report.rejected and not partial:
            faults = tuple(
                Fault(f"row {row.row}, {row.column}", row.code, REJECT_TEXTS[row.code][1])
                for row in self.report.rejected
            )
            raise MalformedBatch(f"{len(faults)} rows cannot be converted", faults=faults)
        return self.records
