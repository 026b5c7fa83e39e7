"""Charging-network exports: CSV with one session a row, its dates damaged by a spreadsheet.

Implements "Spreadsheet-damaged CSV" of the format reference. What such a file looks like and how
it is read:

- Dates come in two styles, told apart by their separator; the options name one reading for each
  (``local_time``). If the file is in order only under another reading, the report warns.
- Times are local, in minutes, without a zone. A session that begins and ends within one minute has
  its end computed from the duration; the report lists it as coerced.
- The duration is taken from the column of seconds; the columns a person reads wrap at 24 hours.
- Energy is whole Wh. The debit is decimal text: empty means that nothing was charged, which is not
  the same as a charge of 0, so the record then has no charges and no currency.
- A session whose operator is not named has no ``operator`` attribute, and no payer is guessed. Who
  submits it, and to which account, is the co-op's decision.

Records have the shape of ``ledger.usage.record`` and the order of the file:

    {"id": "charging:200362", "facility": "2014", "started_at": "2017-06-01T11:27:00+02:00",
     "ended_at": "2017-06-01T14:33:00+02:00", "measures": {"count": 1, "duration_s": 11165,
     "energy_wh": 7978}, "charges": {"debit": 490}, "currency": "CHF",
     "attributes": {"operator": "Emotì", "transaction": "RFID"}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from ledger import canonical
from ledger.canonical import INTEGER_MAX
from ledger.errors import OutOfRange
from ledger.money import parse_minor
from ledger.usage.formats.csv_table import Row, read_table
from ledger.usage.formats.local_time import (
    MONTH_FIRST,
    READINGS,
    AmbiguousTime,
    MissingTime,
    load_zone,
    localise,
    parse_clock,
    parse_date,
)
from ledger.usage.formats.reading_order import Beginning, reading_warnings
from ledger.usage.formats.report import (
    Coerced,
    Conversion,
    LossReport,
    Record,
    Rejected,
    Warned,
)

FORMAT = "charging-csv"
FORMAT_VERSION = "1"
MINUTE = timedelta(minutes=1)

# In a record's ``attributes``; nothing else of the file gets there.
ATTRIBUTES = ("operator", "transaction", "plug")
ATTRIBUTE_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what; the last three may be absent from a file."""

    id: str = "ChargeLogId"
    facility: str = "ChargingStationId"
    begin_date: str = "BeginDate"
    begin_clock: str = "BeginHour"
    end_date: str = "EndDate"
    end_clock: str = "EndHour"
    duration_s: str = "Duration"
    energy_wh: str = "PowerConsumption"
    debit: str = "Debit"
    currency: str = "Currency"
    operator: str = "UserOperatorName"
    transaction: str = "TransactionType"
    plug: str = "PlugType"


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file; ``map_hash`` of the report is the digest of these.

    ``dates`` names the reading of each separator, ``fold`` what becomes of local times that the
    change of summer time makes ambiguous or skips (``local_time.localise``).
    """

    zone: str = "Europe/Zurich"
    currency: str = "CHF"
    minor_digits: int = 2
    dates: Mapping[str, str] = field(default_factory=lambda: {".": MONTH_FIRST, "/": MONTH_FIRST})
    fold: int | None = None
    columns: Columns = field(default_factory=Columns)
    map_version: str = "1"

    def __post_init__(self) -> None:
        """Refuse options without meaning, which would otherwise be read as some other meaning."""
        if unknown := sorted(set(self.dates.values()) - set(READINGS)):
            raise OutOfRange(f"{unknown} are not readings of a date; {READINGS} are")
        if self.fold not in {None, 0, 1}:
            raise OutOfRange(f"fold is None, 0 or 1, not {self.fold}")
        load_zone(self.zone)


class _Refused(Exception):
    """This row gives no record; never leaves this module."""

    def __init__(self, column: str, raw: str, code: str) -> None:
        super().__init__(code)
        self.column, self.raw, self.code = column, raw, code


def convert(data: bytes, options: Options) -> Conversion:
    """The sessions of a CSV file as usage records.

    Raises MalformedDocument when the bytes are not CSV in UTF-8 with the columns named, TooLarge
    beyond the limits of ``csv_table``. What is wrong with single rows stands in the report.
    """
    table = read_table(data, _needed(options.columns))
    reader = _Reader(options)
    for row in table.rows:
        reader.take(row)
    report = LossReport(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        map_version=options.map_version,
        map_hash=canonical.digest(asdict(options)).hex(),
        rows_in=len(table.rows),
        records_out=len(reader.records),
        merged=reader.merged,
        rejected=tuple(reader.rejected),
        dropped=table.count_values_outside(set(asdict(options.columns).values())),
        coerced=tuple(reader.coerced),
        defaulted=(),
        warnings=(
            *reading_warnings(_beginnings(table.rows, options.columns), options.dates),
            *reader.warnings,
        ),
        control_totals=_control_totals(reader.records),
    )
    return Conversion(tuple(reader.records), report)


class _Reader:
    """Takes row after row and sorts what comes of it into records and findings."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.zone = load_zone(options.zone)
        self.records: list[Record] = []
        self.rejected: list[Rejected] = []
        self.coerced: list[Coerced] = []
        self.warnings: list[Warned] = []
        self.merged = 0
        self._seen: dict[str, dict[str, str]] = {}

    def take(self, row: Row) -> None:
        """Convert one row, or note why not; an exact repetition of an earlier row is merged."""
        known = self._seen.get(self._cell(row, "id"))
        if known == row.cells:
            self.merged += 1
            return
        try:
            if known is not None:
                raise self._refuse(row, "id", "duplicate-id")
            self.records.append(self._record(row))
        except _Refused as refused:
            self.rejected.append(Rejected(row.number, refused.column, refused.raw, refused.code))
            return
        self._seen[self._cell(row, "id")] = row.cells

    def _record(self, row: Row) -> Record:
        if not row.is_complete:
            raise _Refused("", "", "bad-row")
        identifier = self._required(row, "id")
        if not (identifier.isascii() and identifier.isalnum() and len(identifier) <= 64):
            raise self._refuse(row, "id", "bad-id")
        duration_s = self._whole(row, "duration_s")
        started_at = self._moment(row, "begin_date", "begin_clock")
        ended_at = self._end(row, started_at, duration_s)
        record = Record(
            {
                "id": f"charging:{identifier}",
                "facility": self._facility(row),
                "started_at": started_at.isoformat(),
                "ended_at": ended_at.isoformat(),
                "measures": {
                    "count": 1,
                    "duration_s": duration_s,
                    "energy_wh": self._whole(row, "energy_wh"),
                },
            }
        )
        debit_minor = self._debit(row)
        if debit_minor is not None:
            record["charges"] = {"debit": debit_minor}
            record["currency"] = self.options.currency
        if attributes := self._attributes(row):
            record["attributes"] = attributes
        return record

    def _end(self, row: Row, started_at: datetime, duration_s: int) -> datetime:
        """The end as published; within the minute of the beginning, from the duration."""
        published = self._moment(row, "end_date", "end_clock")
        if published < started_at:
            raise self._refuse(row, "end_clock", "end-before-begin")
        if abs(published - started_at - timedelta(seconds=duration_s)) >= MINUTE:
            self.warnings.append(Warned(row.number, "duration-disagrees"))
        if published > started_at:
            return published
        ended_at = started_at + timedelta(seconds=min(duration_s, 59))
        before, after = published.isoformat(), ended_at.isoformat()
        self.coerced.append(Coerced(row.number, "ended_at", before, after, "end-from-duration"))
        return ended_at

    def _moment(self, row: Row, date_field: str, clock_field: str) -> datetime:
        try:
            day = parse_date(self._required(row, date_field), self.options.dates)
        except OutOfRange as error:
            raise self._refuse(row, date_field, "bad-date") from error
        try:
            clock = parse_clock(self._required(row, clock_field))
            local = datetime.combine(day, clock)
            moment = localise(local, self.zone, fold=self.options.fold)
        except AmbiguousTime as error:
            raise self._refuse(row, clock_field, "ambiguous-time") from error
        except MissingTime as error:
            raise self._refuse(row, clock_field, "missing-time") from error
        except OutOfRange as error:
            raise self._refuse(row, clock_field, "bad-time") from error
        self._note_resolved(row, clock_field, local, moment)
        return moment

    def _note_resolved(self, row: Row, clock_field: str, local: datetime, moment: datetime) -> None:
        """Report a time that only the option ``fold`` gave a meaning."""
        if self.options.fold is None:
            return
        try:
            localise(local, self.zone)
        except OutOfRange:
            before, after = local.isoformat(), moment.isoformat()
            rule = f"fold-{self.options.fold}"
            self.coerced.append(Coerced(row.number, clock_field, before, after, rule))

    def _facility(self, row: Row) -> str:
        facility = self._required(row, "facility")
        if len(facility) > 64 or "+" in facility or any(mark.isspace() for mark in facility):
            raise self._refuse(row, "facility", "bad-id")
        return facility

    def _attributes(self, row: Row) -> dict[str, str]:
        found = {name: text for name in ATTRIBUTES if (text := self._cell(row, name))}
        for name, text in found.items():
            if len(text) > ATTRIBUTE_CHARACTERS_MAX:
                raise self._refuse(row, name, "too-long")
        return found

    def _debit(self, row: Row) -> int | None:
        """The charge in minor units; None when the cell is empty."""
        text = self._cell(row, "debit")
        if not text:
            return None
        if self._cell(row, "currency") != self.options.currency:
            raise self._refuse(row, "currency", "other-currency")
        try:
            amount_minor = parse_minor(text, digits=self.options.minor_digits)
        except OutOfRange as error:
            raise self._refuse(row, "debit", "bad-amount") from error
        if amount_minor < 0:
            raise self._refuse(row, "debit", "negative")
        return amount_minor

    def _whole(self, row: Row, name: str) -> int:
        text = self._required(row, name)
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):
            raise self._refuse(row, name, "bad-integer")
        if int(text) < 0:
            raise self._refuse(row, name, "negative")
        if int(text) > INTEGER_MAX:
            raise self._refuse(row, name, "bad-integer")
        return int(text)

    def _required(self, row: Row, name: str) -> str:
        text = self._cell(row, name)
        if not text:
            raise self._refuse(row, name, "missing-value")
        return text

    def _cell(self, row: Row, name: str) -> str:
        return row.cells.get(getattr(self.options.columns, name), "").strip()

    def _refuse(self, row: Row, name: str, code: str) -> _Refused:
        return _Refused(getattr(self.options.columns, name), self._cell(row, name), code)


def _control_totals(records: Iterable[Record]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for record in records:
        totals.update(record["measures"])
        totals.update({f"charge.{kind}": sum_ for kind, sum_ in record.get("charges", {}).items()})
    return dict(sorted(totals.items()))


def _needed(columns: Columns) -> set[str]:
    return {name for field_, name in asdict(columns).items() if field_ not in ATTRIBUTES}


def _beginnings(rows: Iterable[Row], columns: Columns) -> list[Beginning]:
    return [
        Beginning(
            row.number,
            row.cells.get(columns.begin_date, ""),
            row.cells.get(columns.begin_clock, ""),
        )
        for row in rows
    ]
