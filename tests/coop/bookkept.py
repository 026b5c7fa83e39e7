"""A co-op's months with everything that books have to hold: for tests of the journal."""

from __future__ import annotations

from functools import cache

from ledger.coop.envelope import parse_envelope
from tests.builder import RULES, World
from tests.coop.months import Row, correct, new_world, open_month, revenue, settle, submit
from tests.coop.payments import lines_of, order, report
from tests.coop.payout_bodies import set_destination
from tests.coop.stages import MONTH, dispute_body, fork, propose

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 10}\n"
# The ev is charged the whole cost that others bore; the bus gets what came in.
CHARGING = (
    RULES[: RULES.index("steps:")]
    + """steps:
  - {id: use, kind: allocate, source: cost.platform, as: charge,
     key: {kind: fixed, weights: {ev: 1}}}
  - {id: share, kind: allocate, source: gross, key: {kind: fixed, weights: {bus: 1}}}
"""
)
FIRMS = ("bus", "ev", "bike")


def fill_disputed(world: World) -> None:
    """October settled while it is disputed: what the dispute would take is held back."""
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


def fill(world: World) -> None:
    """Two months: a dispute held back and released, a correction, payments, and two returns.

    November's revenue was reported as 250,000 and replaced by 240,000.
    """
    fill_disputed(world)
    (dispute,) = world.state.disputes
    first = order(world)
    lines = lines_of(world, first)
    world.now = "2026-11-08T02:00:00.000Z"
    report(world, {lines["bus"][0]: "paid", lines["ev"][0]: "returned"})
    open_month(world, "2026-11")
    world.write("bus", "dispute-withdrawn", {"dispute": dispute, "reason": "found the cause"})
    revenue(world, "2026-11", 250_000)
    replace_revenue(world, "2026-11", 240_000)
    submit(world, Row("2026-11", "ev", "nov", 10))
    submit(world, Row(MONTH, "ev", "ev-late", 200, fare=900))
    correct(world)
    settle(world, "2026-11")
    order(world)
    report(world, {lines["bus"][0]: "returned", lines["bike"][0]: "paid"}, first)


def replace_revenue(world: World, month: str, amount_minor: int) -> None:
    """The last report of revenue is replaced by another, and that is confirmed."""
    kinds = [parse_envelope(data).draft.kind for data in world.entries]
    last = len(kinds) - 1 - kinds[::-1].index("revenue-reported")
    body = {"period": month, "id": "fares", "amount_minor": amount_minor, "currency": "JPY",
            "origin": "member", "replaces": last}  # fmt: skip
    world.write("office", "revenue-reported", body)
    world.carry("bus", "ev")


@cache
def _full() -> World:
    world = new_world(PAYING)
    fill(world)
    return world


def full_months() -> World:
    """A copy of the months that ``fill`` makes."""
    return fork(_full())
