"""One usage record: a line of JSON that a member sent, and what it says.

The line's bytes are the evidence and are never re-serialised; a ``Record`` is only how we read
them. Quantities are integers in the metric's base unit (Wh, m, s, count), money is minor units.
A record with ``reverses`` takes back an earlier record of the same member: its figures are the
exact negatives, all else about the usage is the same.

>>> parse_line(b'{"id":"r1","facility":"f","started_at":"2026-10-01T00:00:00Z",'
...            b'"ended_at":"2026-10-01T01:00:00Z","measures":{"energy_wh":5}}').measures
{'energy_wh': 5}
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ledger.errors import MalformedRecord
from ledger.money import AMOUNT_MAX

LINE_BYTES_MAX = 8192

IDENTIFIER = r"^[!-~]+\Z"
NAME = r"^[^+\s\x00-\x1f\x7f]+\Z"
CURRENCY = r"^[A-Z]{3}\Z"

Amount = Annotated[int, Meta(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]
Moment = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=200)]
Identifier = Annotated[str, Meta(min_length=1, max_length=128)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Currency = Annotated[str, Meta(min_length=3, max_length=3)]
Amounts = Annotated[dict[Name, Amount], Meta(min_length=1, max_length=32)]
Attributes = Annotated[dict[Name, Text | bool | Amount], Meta(max_length=32)]

_Identifier = Annotated[str, Meta(min_length=1, max_length=128, pattern=IDENTIFIER)]
_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=NAME)]
_Currency = Annotated[str, Meta(pattern=CURRENCY)]
_Amounts = Annotated[dict[_Name, Amount], Meta(min_length=1, max_length=32)]
_Attributes = Annotated[dict[_Name, Text | bool | Amount], Meta(max_length=32)]


class Record(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A usage record as its line states it; times keep the offset that was sent.

    Not tracked by the cycle collector (``gc=False``): it holds nothing that could point back.
    """

    id: Identifier
    facility: Name
    started_at: Moment
    ended_at: Moment
    measures: Amounts
    charges: Amounts | None = None
    currency: Currency | None = None
    payer: Identifier | None = None
    reverses: Identifier | None = None
    attributes: Attributes | None = None


class _Spelt(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """A record whose names the decoder matches with patterns: it says which one is wrong."""

    id: _Identifier
    facility: _Name
    started_at: Moment
    ended_at: Moment
    measures: _Amounts
    charges: _Amounts | None = None
    currency: _Currency | None = None
    payer: _Identifier | None = None
    reverses: _Identifier | None = None
    attributes: _Attributes | None = None


LONG_FRACTION = re.compile(rb"\.[0-9]{7}")
decode_record = msgspec.json.Decoder(Record).decode
"""The shape of a record alone; ``parse_line`` and ``parse_lines`` check all else."""
_decode_spelt = msgspec.json.Decoder(_Spelt).decode


def parse_line(line: bytes) -> Record:
    """Read one line of a batch; raises MalformedRecord, saying which field is wrong and why."""
    if len(line) > LINE_BYTES_MAX:
        raise MalformedRecord(f"the line has {len(line)} bytes, the limit is {LINE_BYTES_MAX}")
    try:
        _decode_spelt(line)
        record = decode_record(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRecord(_plain(str(error)), field=_field(error)) from error
    check_text(line, record)
    _check_meaning(record)
    return record


def negates(reversal: Record, original: Record) -> bool:
    """Whether ``reversal`` is the exact negative of ``original``: same usage, negated figures."""
    return (
        reversal.reverses == original.id
        and original.reverses is None
        and (reversal.facility, reversal.currency, reversal.payer)
        == (original.facility, original.currency, original.payer)
        and (reversal.started_at, reversal.ended_at) == (original.started_at, original.ended_at)
        and reversal.measures == _negative(original.measures)
        and (reversal.charges or {}) == _negative(original.charges or {})
    )


def _negative(amounts: dict[str, int]) -> dict[str, int]:
    return {name: -amount for name, amount in amounts.items()}


def _check_meaning(record: Record) -> None:
    if record.ended_at < record.started_at:
        raise MalformedRecord("ended_at lies before started_at", field="ended_at")
    if (record.charges is None) != (record.currency is None):
        raise MalformedRecord("charges and currency go together", field="currency")
    _check_signs(record, "measures", record.measures)
    if record.charges is not None:
        _check_signs(record, "charges", record.charges)


def _check_signs(record: Record, field: str, amounts: dict[str, int]) -> None:
    """Only what takes back an earlier record is negative; nobody lowers a pool by a bare claim."""
    if record.reverses and max(amounts.values()) > 0:
        raise MalformedRecord(f"a reversal's {field} are negative or zero", field=field)
    if not record.reverses and min(amounts.values()) < 0:
        raise MalformedRecord(
            f"negative {field} need a reversal (reverses) of the record they take back",
            field=field,
        )


def check_text(line: bytes, record: Record) -> None:
    """Refuse what decoders resolve each in their own way: names given twice, rounded times.

    Names and string values are all that puts quotation marks into JSON. Where no escape occurs,
    counting the marks tells whether there is more in the line than in the record; where no long
    fraction occurs, no time can have been rounded. All other lines are read a second time.
    """
    plain = b"\\" not in line and line.count(b'"') == 2 * _count_strings(record)
    if plain and LONG_FRACTION.search(line) is None:
        return
    try:
        document = json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise MalformedRecord(str(error)) from error
    for name in ("started_at", "ended_at"):
        if LONG_FRACTION.search(document[name].encode()):
            raise MalformedRecord(f"{name} has more than six decimals", field=name)


def _count_strings(record: Record) -> int:
    count = 9 + len(record.measures)  # five names, four values that are strings
    if record.charges is not None:
        count += 3 + len(record.charges)  # charges, currency and its value
    count += 2 * (record.payer is not None) + 2 * (record.reverses is not None)
    if record.attributes is not None:
        texts = sum(type(value) is str for value in record.attributes.values())
        count += 1 + len(record.attributes) + texts
    return count


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object")
    return found


def _plain(message: str) -> str:
    return message.replace("`$.", "`").replace("`$`", "the line")


def _field(error: Exception) -> str:
    _, _, path = str(error).partition(" - at `$.")
    return path.rstrip("`")
