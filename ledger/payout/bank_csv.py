"""A bank's result as CSV, by a column map that is data.

Every bank's web service writes a table of its own, so a map says what is where::

    {"bank_csv": 1, "encoding": "cp932", "delimiter": ",", "skip_rows": 0,
     "columns": {"reference": ["顧客コード１", "顧客コード２"], "amount": ["振込金額"],
                 "date": ["振込指定日"], "status": ["結果"], "reason": ["エラー内容"]},
     "date_format": "YYYYMMDD", "statuses": {"正常": "paid", "不能": "returned", "": "pending"},
     "currency": "JPY", "digits": 0}

``reference``, ``amount``, ``date`` and ``status`` are required; several columns of a reference are
joined, each of digits filled to 10. ``encoding`` is ``utf-8`` (with or without a byte order mark)
or ``cp932``. Amounts may be written with commas, ``¥``, ``円`` and full-width digits. A word of
status that the map lacks is a fault, never a guess. All faults are told at once, by the row number
that a spreadsheet shows.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, cast, get_args

from ledger import canonical
from ledger.errors import Fault, MalformedDocument, MalformedPaymentFile, OutOfRange, TooLarge
from ledger.money import CURRENCY, parse_minor
from ledger.payout.reference import CODE_DIGITS
from ledger.payout.results import BankFile, BankRow, RowStatus

FILE_BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_MAX: Final = 500_000
FAULTS_MAX: Final = 1_000

Encoding = Literal["utf-8", "cp932"]
_REQUIRED: Final = ("reference", "amount", "date", "status")
_OPTIONAL: Final = ("reason", "bank_reference")
_DATES: Final = {
    "YYYYMMDD": re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
    "YYYY-MM-DD": re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"),
    "YYYY/MM/DD": re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"),
    "YYYY年MM月DD日": re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"),
}
_STATUSES: Final = ("paid", "returned", "pending")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What a bank's table means; see the module."""

    encoding: Encoding
    delimiter: str
    skip_rows: int
    columns: Mapping[str, Sequence[str]]
    date_format: str
    statuses: Mapping[str, RowStatus]
    currency: str
    digits: int


def parse_column_map(data: bytes) -> ColumnMap:
    """Read a column map; MalformedDocument with every fault."""
    document = canonical.parse(data, what="the column map")
    names = {"bank_csv", *ColumnMap.__dataclass_fields__}
    if not isinstance(document, dict) or document.keys() != names or document["bank_csv"] != 1:
        raise MalformedDocument(f"a column map has the fields {', '.join(sorted(names))}")
    faults = [
        Fault(f"/{name}", MalformedDocument.code, f"{name} {text}")
        for name, text in _faults_of_map(document)
    ]
    if faults:
        raise MalformedDocument(f"the column map: {faults[0].message}", faults=tuple(faults))
    return ColumnMap(**{name: value for name, value in document.items() if name != "bank_csv"})


def parse_bank_csv(data: bytes, columns: ColumnMap) -> BankFile:
    """Read a bank's table. Raises MalformedPaymentFile with every fault, TooLarge by size."""
    if len(data) > FILE_BYTES_MAX:
        raise TooLarge(f"the file has {len(data)} bytes, the limit is {FILE_BYTES_MAX}")
    faults: list[Fault] = []
    rows: list[BankRow] = []
    for number, cells in _table(data, columns):
        if len(rows) >= ROWS_MAX:
            raise TooLarge(f"the file has more than {ROWS_MAX} rows")
        row = _row(number, cells, columns, faults)
        if row is not None:
            rows.append(row)
        if len(faults) >= FAULTS_MAX:
            break
    if faults:
        raise _malformed(faults)
    return BankFile("bank-csv", tuple(rows))


def _table(data: bytes, columns: ColumnMap) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by column name, with their numbers; wholly empty ones are passed over."""
    encoding = "utf-8-sig" if columns.encoding == "utf-8" else columns.encoding
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"not {columns.encoding} at byte {error.start + 1}"
        raise _malformed([_fault("file", problem)]) from error
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=columns.delimiter, strict=True)
    try:
        found = list(enumerate(lines, 1))
    except csv.Error as error:
        raise _malformed([_fault(f"row {lines.line_num}", f"not CSV: {error}")]) from error
    table = found[columns.skip_rows :]
    if not table:
        raise _malformed([_fault("file", "there is no row with the columns' names")])
    number, header = table[0]
    header = [name.strip() for name in header]
    wanted = [name for names in columns.columns.values() for name in names]
    problems = [f"there is no column {name!r}" for name in wanted if name not in header]
    problems += [f"two columns are called {name!r}" for name in wanted if header.count(name) > 1]
    if problems:
        raise _malformed([_fault(f"row {number}", problem) for problem in problems])
    for number, cells in table[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            text = f"the row has {len(cells)} cells, the header {len(header)}"
            raise _malformed([_fault(f"row {number}", text)])
        yield number, dict(zip(header, cells, strict=True))


def _row(
    number: int, cells: Mapping[str, str], columns: ColumnMap, faults: list[Fault]
) -> BankRow | None:
    def cell(field: str) -> str:
        return " ".join(cells[name].strip() for name in columns.columns.get(field, ())).strip()

    before = len(faults)
    place = f"row {number}"
    status = columns.statuses.get(cell("status"))
    if status is None:
        problem = f"the status {cell('status')[:40]!r} is not in the column map"
        faults.append(_fault(place, problem))
    day = _day(cell("date"), columns.date_format)
    if day is None:
        faults.append(_fault(place, f"{cell('date')[:40]!r} is no day as {columns.date_format}"))
    amount = _amount(cell("amount"), columns.digits)
    if amount is None:
        faults.append(_fault(place, f"{cell('amount')[:40]!r} is no amount"))
    if len(faults) > before or status is None or day is None or amount is None:
        return None
    return BankRow(
        place=place,
        reference=_reference([cells[name].strip() for name in columns.columns["reference"]]),
        status=status,
        day=day,
        currency=columns.currency,
        amount_minor=amount,
        bank_reference=cell("bank_reference"),
        reason=cell("reason"),
    )


def _reference(parts: list[str]) -> str:
    """One column as it is; several joined, digits filled to a customer code of 10."""
    if len(parts) == 1:
        return parts[0]
    return "".join(
        part.zfill(CODE_DIGITS) if part.isascii() and part.isdigit() else part for part in parts
    )


def _day(text: str, form: str) -> date | None:
    match = _DATES[form].fullmatch(unicodedata.normalize("NFKC", text))
    try:
        return date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def _amount(text: str, digits: int) -> int | None:
    plain = re.sub(r"[,¥\\円 ]", "", unicodedata.normalize("NFKC", text))
    try:
        amount = parse_minor(plain, digits=digits)
    except OutOfRange:
        return None
    return amount if amount > 0 else None


def _faults_of_map(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if document["encoding"] not in get_args(Encoding):
        yield "encoding", f"is one of {', '.join(get_args(Encoding))}"
    if document["delimiter"] not in (",", ";", "\t"):
        yield "delimiter", "is a comma, a semicolon or a tab"
    if type(document["skip_rows"]) is not int or not 0 <= document["skip_rows"] <= 100:
        yield "skip_rows", "is a number from 0 to 100"
    if not isinstance(document["date_format"], str) or document["date_format"] not in _DATES:
        yield "date_format", f"is one of {', '.join(_DATES)}"
    currency, digits = document["currency"], document["digits"]
    if not isinstance(currency, str) or CURRENCY.fullmatch(currency) is None:
        yield "currency", "is three capitals"
    if type(digits) is not int or not 0 <= digits <= 9:
        yield "digits", "is a number from 0 to 9"
    yield from _faults_of_columns(document["columns"])
    statuses = document["statuses"]
    if not isinstance(statuses, dict) or not statuses:
        yield "statuses", "is an object that gives each of the bank's words a meaning"
    elif any(meaning not in _STATUSES for meaning in statuses.values()):
        yield "statuses", f"have one of the meanings {', '.join(_STATUSES)}"


def _faults_of_columns(columns: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(columns, dict):
        yield "columns", "is an object of lists of column names"
        return
    for name in (*_REQUIRED, *(each for each in _OPTIONAL if each in columns)):
        given = columns.get(name)
        is_list = isinstance(given, list) and 1 <= len(given) <= 4
        if not is_list or not all(
            isinstance(each, str) and each for each in cast("list[Any]", given)
        ):
            yield f"columns/{name}", "is a list of one to four column names"
    for name in sorted(columns.keys() - {*_REQUIRED, *_OPTIONAL}):
        yield f"columns/{name[:40]}", "is nothing that is read"


def _fault(where: str, message: str) -> Fault:
    return Fault(where, MalformedPaymentFile.code, message)


def _malformed(faults: list[Fault]) -> MalformedPaymentFile:
    first = faults[0]
    return MalformedPaymentFile(
        f"the table has {len(faults)} fault(s): {first.message} ({first.where})",
        faults=tuple(faults),
    )
