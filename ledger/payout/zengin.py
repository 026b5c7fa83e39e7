"""総合振込: transfers as the file that banks in Japan take (Zengin format, kind 21).

FORMATS.md section 3. Records of 120 bytes in the single bytes of CP932: one header, one record a
transfer, a trailer with count and sum, an end record; each followed by CRLF or none; 0x1A may end
the file. Digits stand right with zeros before them, text left with spaces behind it.

``write_zengin`` and ``parse_zengin`` are exact inverses: ``write_zengin(parse_zengin(data)) ==
data`` for every file that is read, and the same transfers always give the same bytes. The parser is
total: whatever the bytes, it gives a ``ZenginFile`` or raises MalformedPaymentFile with every
fault, by record and byte. It reads one file with one header; several in one are refused by name.

The date has no year (MMDD): the order that the file was made from has the year.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, cast

from ledger.errors import Fault, MalformedPaymentFile, OutOfRange, TooLarge
from ledger.payout.account import AccountKind, JapaneseAccount
from ledger.payout.kana import encode, is_zengin

RECORD_BYTES: Final = 120
AMOUNT_MAX: Final = 9_999_999_999
COUNT_MAX: Final = 999_999
SUM_MAX: Final = 999_999_999_999
FAULTS_MAX: Final = 1_000
_FILE_BYTES_MAX: Final = (COUNT_MAX + 3) * (RECORD_BYTES + 2) + 1

_NEWLINE = b"\r\n"
_END_MARK = b"\x1a"


@dataclass(frozen=True, slots=True)
class Layout:
    """How records are set off: CRLF after each, also after the last, and 0x1A at the end."""

    newline: bool = True
    final_newline: bool = True
    end_mark: bool = False


@dataclass(frozen=True, slots=True)
class Originator:
    """Who pays: the code that the bank gave it (10 digits), and the account that is debited.

    The account's holder is the name that payees see; its kind is 1, 2 or 9.
    """

    code: str
    account: JapaneseAccount


@dataclass(frozen=True, slots=True)
class Transfer:
    """One data record. Names are half-width kana.

    ``code1`` and ``code2`` are the two customer codes of 10 digits (or 10 spaces); when
    ``edi`` is not None it stands in their place, up to 20 letters, and byte 112 is Y.
    """

    account: JapaneseAccount
    amount_minor: int
    code1: str = "0000000000"
    code2: str = "0000000000"
    edi: str | None = None
    clearing: str = "0000"
    new: str = "0"
    transfer_class: str = "7"


@dataclass(frozen=True, slots=True)
class ZenginFile:
    """A file: who pays, on which day, what to whom."""

    originator: Originator
    month: int
    day: int
    transfers: tuple[Transfer, ...]
    layout: Layout = field(default_factory=Layout)

    @property
    def total_minor(self) -> int:
        """The sum of all transfers in yen."""
        return sum(transfer.amount_minor for transfer in self.transfers)


@dataclass(frozen=True, slots=True)
class _Field:
    """A stretch of a record: its name, the place of its first byte (from 0), and what it may hold.

    ``form`` is a regular expression; None means text of the bank's letters.
    """

    name: str
    start: int
    size: int
    form: str | None

    def place(self, record: int) -> str:
        """Where it is, for people: bytes are counted from 1."""
        return f"record {record}, bytes {self.start + 1}-{self.start + self.size}"


def _record(*parts: tuple[str, int, str | None]) -> tuple[_Field, ...]:
    found: list[_Field] = []
    at = 0
    for name, size, form in parts:
        found.append(_Field(name, at, size, form))
        at += size
    return tuple(found)


_HEADER = _record(
    ("kind", 1, "1"), ("file kind", 2, "21"), ("code", 1, "0"), ("originator code", 10, r"\d+"),
    ("originator name", 40, None), ("date", 4, r"\d+"),
    ("bank", 4, r"\d+"), ("bank name", 15, None), ("branch", 3, r"\d+"), ("branch name", 15, None),
    ("account kind", 1, "[129]"), ("account number", 7, r"\d+"), ("filler", 17, " +"),
)  # fmt: skip
_DATA = _record(
    ("kind", 1, "2"), ("bank", 4, r"\d+"), ("bank name", 15, None), ("branch", 3, r"\d+"),
    ("branch name", 15, None), ("clearing", 4, r"\d+| +"), ("account kind", 1, "[1249]"),
    ("account number", 7, r"\d+"), ("payee", 30, None), ("amount", 10, r"(?!0+$)\d+"),
    ("new", 1, "[012 ]"), ("reference", 20, None), ("class", 1, "[78 ]"), ("mark", 1, "[Y ]"),
    ("filler", 7, " +"),
)  # fmt: skip
_TRAILER = _record(
    ("kind", 1, "8"), ("count", 6, r"\d+"), ("sum", 12, r"\d+"), ("filler", 101, " +")
)
_END = _record(("kind", 1, "9"), ("filler", 119, " +"))
_CODES = re.compile(r"([0-9]{10}|[ ]{10}){2}")
# Every day that some year has, as MMDD.
_DAYS = frozenset(f"{date(2024, 1, 1) + timedelta(days=at):%m%d}" for at in range(366))


def write_zengin(file: ZenginFile) -> bytes:
    """The bytes of a file.

    Raises OutOfRange, with every fault, for what the format cannot hold: an amount outside 1 to
    9,999,999,999, a name that is too long or not in the bank's letters, no or too many transfers.
    """
    faults: list[Fault] = []
    records = [_format(_HEADER, _header_values(file), 1, faults)]
    for number, transfer in enumerate(file.transfers, 2):
        records.append(_format(_DATA, _data_values(transfer), number, faults))
        if transfer.edi is None and _CODES.fullmatch(transfer.code1 + transfer.code2) is None:
            _refuse(faults, _DATA[11].place(number), "customer codes are two of 10 digits")
    faults += _bounds(file)
    if faults:
        raise OutOfRange(f"no transfer file: {faults[0].message}", faults=tuple(faults))
    totals = ["8", f"{len(file.transfers):06d}", f"{file.total_minor:012d}", ""]
    records.append(_format(_TRAILER, totals, len(records) + 1, faults))
    records.append(_format(_END, ["9", ""], len(records) + 1, faults))
    layout = file.layout
    ends = [_NEWLINE if layout.newline else b""] * len(records)
    ends[-1] = _NEWLINE if layout.newline and layout.final_newline else b""
    body = b"".join(record + end for record, end in zip(records, ends, strict=True))
    return body + (_END_MARK if layout.end_mark else b"")


def parse_zengin(data: bytes) -> ZenginFile:
    """Read a file; MalformedPaymentFile lists every fault, TooLarge is beyond 999,999 transfers."""
    if len(data) > _FILE_BYTES_MAX:
        raise TooLarge(f"the file has {len(data)} bytes; a transfer file has {_FILE_BYTES_MAX}")
    layout, records = _split(data)
    if len(records) < 4:
        raise _malformed("header, transfers, trailer and end are at least 4 records", "file")
    faults: list[Fault] = []
    header = _read(records[0], _HEADER, 1, faults)
    if header and header[5] not in _DAYS:
        _refuse(faults, _HEADER[5].place(1), f"no year has the day {header[5]}")
    transfers = tuple(_transfers(records[1:-2], faults))
    trailer = _read(records[-2], _TRAILER, len(records) - 1, faults)
    _read(records[-1], _END, len(records), faults)
    if not faults:
        faults += _totals(trailer, transfers, len(records) - 1)
    if faults:
        text = f"the transfer file has {len(faults)} fault(s), the first: {faults[0].message}"
        raise MalformedPaymentFile(f"{text} ({faults[0].where})", faults=tuple(faults))
    account = _account(header[6:10], header[10], header[11], header[4])
    month, day = int(header[5][:2]), int(header[5][2:])
    return ZenginFile(Originator(header[3], account), month, day, transfers, layout)


def _header_values(file: ZenginFile) -> list[str]:
    payer = file.originator.account
    return [
        *("1", "21", "0", file.originator.code, payer.holder, f"{file.month:02d}{file.day:02d}"),
        *(payer.bank, payer.bank_name, payer.branch, payer.branch_name),
        *(payer.kind, payer.number, ""),
    ]


def _data_values(transfer: Transfer) -> list[str]:
    payee = transfer.account
    reference = transfer.code1 + transfer.code2 if transfer.edi is None else transfer.edi
    return [
        *("2", payee.bank, payee.bank_name, payee.branch, payee.branch_name, transfer.clearing),
        *(payee.kind, payee.number, payee.holder, f"{transfer.amount_minor:010d}", transfer.new),
        *(reference, transfer.transfer_class, " " if transfer.edi is None else "Y", ""),
    ]


def _format(
    layout: tuple[_Field, ...], values: Sequence[str], number: int, faults: list[Fault]
) -> bytes:
    text = ""
    for part, value in zip(layout, values, strict=True):
        padded = value.ljust(part.size)
        if len(value) > part.size:
            problem = f"{part.name} {value[:50]!r} has {len(value)} letters, at most {part.size}"
            _refuse(faults, part.place(number), problem)
        elif not _fits(part, padded):
            _refuse(faults, part.place(number), f"{part.name} cannot be {value[:50]!r}")
        text += padded[: part.size]
    return encode(text) if is_zengin(text) else b""


def _fits(part: _Field, text: str) -> bool:
    if part.form is None:
        return is_zengin(text)
    return text.isascii() and re.fullmatch(part.form, text) is not None


def _bounds(file: ZenginFile) -> Iterator[Fault]:
    count, total = len(file.transfers), file.total_minor
    if f"{file.month:02d}{file.day:02d}" not in _DAYS:
        yield _fault(_HEADER[5].place(1), f"no year has a day {file.day} of month {file.month}")
    if not 1 <= count <= COUNT_MAX:
        yield _fault("file", f"a file has 1 to {COUNT_MAX} transfers, not {count}")
    if total > SUM_MAX:
        yield _fault("file", f"the sum {total} has more than 12 digits; order it in several files")
    for number, transfer in enumerate(file.transfers, 2):
        if not 1 <= transfer.amount_minor <= AMOUNT_MAX:
            text = f"an amount is 1 to {AMOUNT_MAX} yen, not {transfer.amount_minor}"
            yield _fault(_DATA[9].place(number), text)


def _split(data: bytes) -> tuple[Layout, list[bytes]]:
    """Records without what sets them off; every one has 120 bytes."""
    body = data.removesuffix(_END_MARK)
    end_mark = len(body) < len(data)
    newline = body[RECORD_BYTES : RECORD_BYTES + 2] == _NEWLINE
    final = newline and body.endswith(_NEWLINE)
    step = RECORD_BYTES + (2 if newline else 0)
    whole = body if final or not newline else body + _NEWLINE
    if not whole or len(whole) % step:
        raise _malformed(f"{len(data)} bytes are no whole number of records of 120", "file")
    records = [whole[at : at + step] for at in range(0, len(whole), step)]
    for number, record in enumerate(records, 1):
        if newline and record[RECORD_BYTES:] != _NEWLINE:
            raise _malformed("CRLF is missing after 120 bytes", f"record {number}")
    layout = Layout(newline=newline, final_newline=final or not newline, end_mark=end_mark)
    return layout, [record[:RECORD_BYTES] for record in records]


def _transfers(records: list[bytes], faults: list[Fault]) -> Iterator[Transfer]:
    for number, record in enumerate(records, 2):
        if len(faults) > FAULTS_MAX:
            return
        values = _read(record, _DATA, number, faults)
        if not values:
            continue
        reference, is_edi = values[11], values[13] == "Y"
        if not is_edi and _CODES.fullmatch(reference.ljust(20)) is None:
            _refuse(faults, _DATA[11].place(number), "customer codes are two of 10 digits")
        codes = reference.ljust(20)
        yield Transfer(
            account=_account(values[1:5], values[6], values[7], values[8]),
            amount_minor=int(values[9]),
            code1="0000000000" if is_edi else codes[:10],
            code2="0000000000" if is_edi else codes[10:],
            edi=reference if is_edi else None,
            clearing=values[5],
            new=values[10],
            transfer_class=values[12],
        )


def _account(bank: Sequence[str], kind: str, number: str, holder: str) -> JapaneseAccount:
    """``bank`` is number, name, branch number and branch name; the kind was checked before."""
    bank_number, bank_name, branch, branch_name = bank
    known = cast("AccountKind", kind)
    return JapaneseAccount(bank_number, bank_name, branch, branch_name, known, number, holder)


def _read(record: bytes, layout: tuple[_Field, ...], number: int, faults: list[Fault]) -> list[str]:
    """The record's values, text without the spaces behind it; empty if anything is wrong."""
    values: list[str] = []
    expected = layout[0].form or ""
    if record[:1] != expected.encode():
        problem = f"a record of kind {expected} is expected, not {record[:1]!r}"
        if record[:1] == b"1":
            problem += "; several files in one are not read"
        _refuse(faults, f"record {number}, byte 1", problem)
        return []
    before = len(faults)
    for part in layout:
        raw = record[part.start : part.start + part.size]
        text = _decode(raw)
        if text is None or not _fits(part, text):
            _refuse(faults, part.place(number), f"{part.name} cannot be {raw!r}")
            continue
        values.append(text.rstrip(" ") if part.form is None else text)
    return values if len(faults) == before else []


def _decode(raw: bytes) -> str | None:
    """Single bytes of CP932: ASCII and half-width kana; None if any other is among them."""
    if all(0x20 <= byte < 0x7F or 0xA1 <= byte <= 0xDF for byte in raw):
        return raw.decode("cp932")
    return None


def _totals(trailer: list[str], transfers: tuple[Transfer, ...], number: int) -> Iterator[Fault]:
    count, total = len(transfers), sum(transfer.amount_minor for transfer in transfers)
    if int(trailer[1]) != count:
        text = f"the trailer counts {int(trailer[1])} transfers, the file has {count}"
        yield Fault(_TRAILER[1].place(number), MalformedPaymentFile.code, text)
    if int(trailer[2]) != total:
        text = f"the trailer's sum is {int(trailer[2])}, the transfers add up to {total}"
        yield Fault(_TRAILER[2].place(number), MalformedPaymentFile.code, text)


def _fault(where: str, message: str) -> Fault:
    return Fault(where, OutOfRange.code, message)


def _refuse(faults: list[Fault], where: str, message: str) -> None:
    faults.append(_fault(where, message))


def _malformed(message: str, where: str) -> MalformedPaymentFile:
    fault = Fault(where, MalformedPaymentFile.code, message)
    return MalformedPaymentFile(f"no transfer file: {message}", faults=(fault,))
