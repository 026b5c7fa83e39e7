"""Instants and settlement periods.

An instant is UTC text with milliseconds and ``Z``, always 24 characters, so that texts sort as
times. A period is a calendar month of the co-op's time zone, named ``YYYY-MM`` and bounded by two
instants, start included and end excluded; the bounds are computed once, when the period is
opened, and stand in the log from then on.

>>> month_bounds("2026-10", zone="Asia/Tokyo")
('2026-09-30T15:00:00.000Z', '2026-10-31T15:00:00.000Z')
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger.errors import OutOfRange

INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
# Far enough from both ends of the calendar that every zone and deadline stays inside it.
YEAR_MIN, YEAR_MAX = 1900, 9000


def format_instant(moment: datetime) -> str:
    """Write an aware time as an instant; what is below a millisecond is cut off."""
    if moment.tzinfo is None:
        raise OutOfRange(f"{moment.isoformat()} has no time zone")
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def format_posix(seconds: int) -> str:
    """Write POSIX seconds as an instant; as the bare number beyond the calendar."""
    try:
        return format_instant(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def parse_instant(text: str) -> datetime:
    """Read an instant written by ``format_instant``; nothing else is accepted."""
    if INSTANT.fullmatch(text) is None:
        raise OutOfRange(f"{text[:40]!r} is not an instant like 2026-10-31T15:00:00.000Z")
    try:
        # By hand: strptime takes ten times as long, and fromisoformat of newer Pythons takes 24:00.
        return datetime(
            int(text[:4]), int(text[5:7]), int(text[8:10]),
            int(text[11:13]), int(text[14:16]), int(text[17:19]), int(text[20:23]) * 1000, UTC,
        )  # fmt: skip
    except ValueError as error:
        raise OutOfRange(f"{text!r} is not a moment of the calendar") from error


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time with a numeric offset or ``Z``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise OutOfRange(f"{text[:40]!r} is not an RFC 3339 time") from error
    if moment.tzinfo is None or len(text) < len("2026-10-31T15:00:00Z") or text[10] not in "Tt":
        raise OutOfRange(f"{text[:40]!r} lacks a time or an offset such as +09:00 or Z")
    return moment


def month_bounds(month: str, *, zone: str) -> tuple[str, str]:
    """The instants at which the month starts and ends in ``zone`` (an IANA name)."""
    if MONTH.fullmatch(month) is None:
        raise OutOfRange(f"{month[:20]!r} is not a month like 2026-10")
    local = _zone(zone)
    year, number = int(month[:4]), int(month[5:])
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise OutOfRange(f"{month} is not a month of the years {YEAR_MIN} to {YEAR_MAX}")
    following = (year + number // 12, number % 12 + 1)
    return (
        format_instant(datetime(year, number, 1, tzinfo=local)),
        format_instant(datetime(*following, 1, tzinfo=local)),
    )


def is_plausible_month(month: str, start: str, end: str) -> bool:
    """Whether two instants can bound the named month in some time zone of the world."""
    slack = timedelta(hours=15)
    wanted = month_bounds(month, zone="UTC")
    given = (start, end)
    return all(
        abs(parse_instant(a) - parse_instant(b)) <= slack
        for a, b in zip(wanted, given, strict=True)
    )


def next_month(month: str) -> str:
    """The month after one like 2026-10."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def add_days(instant: str, days: int) -> str:
    """The instant a whole number of 24-hour days later."""
    try:
        return format_instant(parse_instant(instant) + timedelta(days=days))
    except OverflowError as error:
        raise OutOfRange(f"{days} days after {instant} is beyond the calendar") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of zones
        raise OutOfRange(f"{name!r} is not a time zone of the IANA table") from error
