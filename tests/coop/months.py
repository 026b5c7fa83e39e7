"""Two settled months and an open one whose figures depend on each other, for corrections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ledger.coop.state import Balances
from tests.builder import RULES, World, authority, charter, record
from tests.coop.stages import correction_body, settlement_body

# A cost that October cannot pay whole, and a fund that November fills: each month leans on the
# one before it.
LEANING = RULES.replace("limit: 40%", "limit: 3%").replace(
    "rate: 5%}", "rate: 5%, until_balance: 60000}"
)
BOUNDS = {
    "2026-10": ("2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z"),
    "2026-11": ("2026-10-31T15:00:00.000Z", "2026-11-30T15:00:00.000Z"),
    "2026-12": ("2026-11-30T15:00:00.000Z", "2026-12-31T15:00:00.000Z"),
    "2027-01": ("2026-12-31T15:00:00.000Z", "2027-01-31T15:00:00.000Z"),
    "2027-02": ("2027-01-31T15:00:00.000Z", "2027-02-28T15:00:00.000Z"),
}


class Row(NamedTuple):
    """Usage that may come in time or late; ``reverses`` takes back an earlier record."""

    month: str
    firm: str
    id: str
    trips: int
    fare: int = 0
    reverses: str | None = None

    def line(self) -> bytes:
        changes: dict[str, object] = {
            "started_at": f"{self.month}-05T08:00:00+09:00",
            "ended_at": f"{self.month}-05T08:30:00+09:00",
            "measures": {"trips": self.trips},
        }
        if self.fare:
            changes |= {"charges": {"fare": self.fare}, "currency": "JPY"}
        if self.reverses:
            changes["reverses"] = self.reverses
        return record(self.id, **changes)


def submit(world: World, row: Row) -> None:
    world.submit(row.firm, row.line())


def open_month(world: World, month: str) -> None:
    start, end = BOUNDS[month]
    world.write("office", "period-opened", {"period": month, "start": start, "end": end})


def revenue(
    world: World, month: str, amount_minor: int, voters: Sequence[str] = ("bus", "ev")
) -> None:
    body = {"period": month, "id": "fares", "amount_minor": amount_minor, "currency": "JPY",
            "origin": "member"}  # fmt: skip
    world.write("office", "revenue-reported", body)
    world.carry(*voters)


def settle(world: World, month: str, voters: Sequence[str] = ("bus", "ev")) -> dict[str, int]:
    """Close and settle a month; answers with what each member's lines add up to."""
    world.now = max(world.now, BOUNDS[month][1])
    world.close(month)
    body, blobs = settlement_body(world, month)
    from ledger import canonical

    totals = canonical.parse(blobs[1][32:])["totals"]["members"]
    world.write("office", "settlement-proposed", body, *blobs)
    world.carry(*voters)
    settlement = {"period": month, "settlement_id": world.state.period(month).settlement}
    world.write("office", "settlement-settled", settlement)
    return {name: int(amount) for name, amount in totals.items()}


def new_world(rules: str = LEANING) -> World:
    return World(charter=charter(authority=authority(later=True)), rules=rules)


def two_months(rules: str = LEANING, in_time: Iterable[Row] = ()) -> tuple[World, dict[str, int]]:
    """October and November settled, December open; what members got in both together."""
    world, rows = new_world(rules), list(in_time)
    world.prepare()
    for row in rows:
        if row.month == "2026-10":
            submit(world, row)
    got = settle(world, "2026-10")
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    for number, (firm, trips) in enumerate((("bus", 50), ("ev", 80), ("bike", 20))):
        submit(world, Row("2026-11", firm, f"{firm}-{number}", trips))
    for row in rows:
        if row.month == "2026-11":
            submit(world, row)
    for name, amount in settle(world, "2026-11").items():
        got[name] = got.get(name, 0) + amount
    open_month(world, "2026-12")
    return world, got


def correct(world: World, voters: Sequence[str] = ("bus", "ev")) -> str:
    """Propose the correction that is due, and approve it; answers with its id."""
    from ledger.settlement.corrections_of_period import correction_id

    body, blobs = correction_body(world)
    world.write("office", "correction-proposed", body, *blobs)
    world.carry(*voters)
    return correction_id(body["correction"]).hex()


def posted(world: World) -> dict[str, int]:
    """What all corrections came to, by member."""
    found: dict[str, int] = {}
    for period in world.state.periods.values():
        for net in period.posted.values():
            for member, amount in net.items():
                found[member] = found.get(member, 0) + amount
    return found


def balances(world: World) -> Balances:
    return world.state.balances["JPY"]
