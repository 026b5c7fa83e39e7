"""Co-ops over several months: what is owed and held between them, and months that must meet."""

from __future__ import annotations

from tests.audit.world import new_world, open_month, record_in, report_revenue, settle
from tests.builder import RULES, SALT, World, record, rules_body

CARRIED = """\
kyojo_rules: 1
ruleset: kaga-mobility
version: 1
effective_from: 2026-10-01
timezone: Asia/Tokyo
currency: JPY
minor_digits: 0
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform], limit: 40, carry_forward: true}
  - id: share
    kind: allocate
    source: gross
    parts:
      - {id: use, weight: 50%, key: {kind: proportional, input: trips}}
      - {id: heads, weight: 50%, key: {kind: equal}}
"""


def adopt(world: World, text: str) -> None:
    blob = SALT + text.encode()
    world.write("office", "ruleset-proposed", rules_body(blob), blob)
    world.carry("bus", "ev")


def report_cost(world: World, cost: str, member: str, amount_minor: int) -> None:
    body = {"period": "2026-10", "id": cost, "member": member, "amount_minor": amount_minor,
            "currency": "JPY"}  # fmt: skip
    world.write("office", "cost-reported", body)
    world.carry("bus", "ev")


def owing_world() -> World:
    """Two months settled and a third cut off: a town is owed a carry, and suspense holds money."""
    world = new_world()
    world.found()
    facility = {"id": "hub-1", "name": {"ja": "拠点一", "en": "Hub 1"}, "owner": None}
    world.write("office", "facility-registered", facility)
    adopt(world, CARRIED)
    bounds = {"start": "2026-09-30T15:00:00.000Z", "end": "2026-10-31T15:00:00.000Z"}
    world.write("office", "period-opened", {"period": "2026-10", **bounds})
    report_cost(world, "platform", "town", 130)
    for month, now in (
        ("2026-10", world.now), ("2026-11", "2026-12-01T00:00:00.000Z"),
        ("2026-12", "2027-01-01T00:00:00.000Z"),
    ):  # fmt: skip
        if month != "2026-10":
            open_month(world, month)
        report_revenue(world, month, 101)
        world.submit("bus", record_in(month, f"bus {month}".replace(" ", "-")))
        lost = record_in(month, f"lost-{month}", measures={"trips": 3})
        world.submit("ev", lost, account="suspense")
        world.now = now
        world.close(month)
        if month != "2026-12":
            settle(world, month)
    return world


def waiting_world() -> World:
    """November is cut off before October, which waited for a rule set of its own."""
    world = new_world()
    world.prepare(with_usage=False)
    world.submit("bus", record("bus-1"))
    report_cost(world, "insurance", "bus", 5)
    open_month(world, "2026-11")
    world.submit("bus", record_in("2026-11", "bus-2"), n=1)
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    text = RULES.replace("version: 1", "version: 2")
    adopt(world, text.replace("[platform]", "[platform, insurance]"))
    world.close()
    return world


LATE_RULES = SALT + RULES.replace("version: 1", "version: 3").replace("5%", "7%").encode()
GAPS = (
    {"period": "2026-11", "start": "2026-11-01T00:00:00.000Z", "end": "2026-11-30T15:00:00.000Z"},
    {"period": "2026-09", "start": "2026-08-31T15:00:00.000Z", "end": "2026-09-30T10:00:00.000Z"},
    {"period": "2026-11", "start": "2026-10-31T15:00:00.000Z", "end": "2026-11-30T15:00:00.000Z"},
    {"period": "2026-12", "start": "2026-12-01T00:00:00.000Z", "end": "2026-12-31T15:00:00.000Z"},
)
