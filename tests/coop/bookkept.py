"""A co-op's months with everything that books have to hold: for tests of the journal."""

from __future__ import annotations

from functools import cache

from tests.builder import RULES, World
from tests.coop.months import Row, correct, new_world, open_month, revenue, settle, submit
from tests.coop.payments import lines_of, order, report
from tests.coop.payout_bodies import set_destination
from tests.coop.stages import MONTH, dispute_body, fork, propose

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 10}\n"
FIRMS = ("bus", "ev", "bike")


def disputed_month() -> World:
    """October settled while it is disputed: what the dispute would take is held back."""
    world = new_world(PAYING)
    world.prepare()
    world.close()
    propose(world)
    world.write("bus", "dispute-opened", dispute_body(world)[0])
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    for firm in FIRMS:
        set_destination(world, firm)
    return world


@cache
def _full() -> World:
    world = disputed_month()
    (dispute,) = world.state.disputes
    first = order(world)
    lines = lines_of(world, first)
    world.now = "2026-11-08T02:00:00.000Z"
    report(world, {lines["bus"][0]: "paid", lines["ev"][0]: "returned"})
    open_month(world, "2026-11")
    world.write("bus", "dispute-withdrawn", {"dispute": dispute, "reason": "found the cause"})
    revenue(world, "2026-11", 250_000)
    submit(world, Row("2026-11", "ev", "nov", 10))
    submit(world, Row(MONTH, "ev", "ev-late", 200, fare=900))
    correct(world)
    settle(world, "2026-11")
    order(world)
    report(world, {lines["bus"][0]: "returned", lines["bike"][0]: "paid"}, first)
    return world


def full_months() -> World:
    """Two months: a dispute held back and released, a correction, payments, and two returns."""
    return fork(_full())
