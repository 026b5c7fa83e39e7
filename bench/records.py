"""The records that are measured with: seeded, so that every run sends the same ones.

They look like those of a town's shared vehicles: two measures, a fare, a payer and two
attributes, about 330 bytes as a line.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

MONTH = "2024-01"
CURRENCY = "JPY"
FACILITIES = tuple(f"hub-{number}" for number in range(1, 9))
KINDS = ("bicycle", "bus", "car", "scooter")

# Well inside the month in any time zone, and as many seconds as hours 2 … 700 of it have.
_FIRST = datetime(2024, 1, 1, 2, tzinfo=UTC)
_SPAN_SECONDS = 698 * 3600
_BATCH_RECORDS = 1000


def make_records(member: str, start: int, count: int) -> Iterator[dict[str, Any]]:
    """Records ``start`` … of a member, as its own system would hold them."""
    chance = random.Random(f"{member} {start}")
    for number in range(start, start + count):
        begin = _FIRST + timedelta(seconds=chance.randrange(_SPAN_SECONDS))
        duration = chance.randrange(60, 7200)
        yield {
            "id": f"{member}-{number:08d}",
            "facility": chance.choice(FACILITIES),
            "started_at": _text(begin),
            "ended_at": _text(begin + timedelta(seconds=duration)),
            "measures": {"energy_wh": chance.randrange(40_000), "duration_s": duration},
            "charges": {"fare": chance.randrange(100, 3000)},
            "currency": CURRENCY,
            "payer": f"rider-{chance.randrange(100_000):05d}",
            "attributes": {"vehicle": chance.choice(KINDS), "return": chance.random() < 0.5},
        }


def batch_sizes(total: int, members: int) -> list[int]:
    """How many records each member has, as equal as whole numbers allow."""
    each, rest = divmod(total, members)
    return [each + (number < rest) for number in range(members)]


def parts(count: int, size: int = _BATCH_RECORDS) -> Iterator[tuple[int, int]]:
    """(start, count) of every batch of ``count`` records."""
    for start in range(0, count, size):
        yield start, min(size, count - start)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
