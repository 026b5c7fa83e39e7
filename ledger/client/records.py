"""A member's own records: by period, in parts, and compared with what the ledger counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ledger.errors import Conflict, Fault, KyojoError
from ledger.usage.batch import BATCH_RECORDS_MAX, Lines, Scope, read_lines
from ledger.usage.record import parse_line
from ledger.usage.totals import TotalKey, add_totals, differences


def place_of(line: bytes, scope: Scope) -> tuple[str, str] | None:
    """Period and id of a record; None for one that will be refused when it is sealed."""
    try:
        record = parse_line(line)
        return scope.calendar.period_of(record), record.id
    except KyojoError:
        return None


def by_period(lines: Sequence[bytes], scope: Scope) -> list[list[bytes]]:
    """The lines of each period, so that a batch is of one; those that will be refused come first.

    Within a period the order stays: a reversal comes after what it takes back.
    """
    found: dict[str, list[bytes]] = {}
    for line in lines:
        place = place_of(line, scope)
        found.setdefault("" if place is None else place[0], []).append(line)
    return [found[period] for period in sorted(found)]


def read_records(lines: Iterable[bytes], scope: Scope, month: str) -> Lines:
    """The records of one month among a member's own; raises MalformedBatch for a bad line."""
    wanted = [line for line in lines if (place_of(line, scope) or ("",))[0] in ("", month)]
    parts = [read_lines(part, scope) for part in parts_of(wanted, BATCH_RECORDS_MAX)]
    return Lines(
        lines=tuple(line for part in parts for line in part.lines),
        records=tuple(record for part in parts for record in part.records),
        periods=tuple(period for part in parts for period in part.periods),
        totals=add_totals(part.totals for part in parts),
    )


def compare_usage(own: Lines, there: Mapping[str, Any], month: str) -> None:
    """Raise Conflict unless the ledger counts the records and sums that the member counts."""
    held = {TotalKey(month, *row[:3]): int(row[3]) for row in there["totals"]}
    faults = [
        Fault("/".join(key), "sum-mismatch", f"the ledger holds {ledger}, your records give {mine}")
        for key, ledger, mine in differences(held, own.totals)
    ]
    if there["records"] != len(own.records):
        text = f"the ledger holds {there['records']} of your records, you have {len(own.records)}"
        faults.insert(0, Fault("records", "conflict", text))
    if faults:
        raise Conflict(
            f"{month} is not what you submitted: {faults[0].message}", faults=tuple(faults)
        )


def parts_of(lines: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    """The lines in runs of at most ``size``."""
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


def encode_record(record: Mapping[str, Any]) -> bytes:
    """A record as a line: compact JSON in UTF-8, names in the order given."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
