"""Months in which money is held back of who also gains, or posted in another currency."""

from __future__ import annotations

from collections.abc import Iterator

from tests.audit.world import slice_of, trust_in
from tests.browser.case import Case
from tests.browser.contested import HEAD, OPEX, case_of, under
from tests.builder import World, record
from tests.coop.currencies import (
    CHF,
    JPY,
    YEN,
    adopt,
    earn,
    pay,
    set_destinations,
    settle_month,
    two_currencies,
)
from tests.coop.held_months import CHARGED, METERED, MORE_OF_BOTH, TWO_LINES, closed, settled
from tests.coop.months import Row, correct, open_month, revenue, settle, submit
from tests.coop.stages import MONTH, dispute_body, propose

WHILE_DISPUTED = "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 60}\n"
# Three members: a cap of 30 % each would leave money over, but it is the projects'.
CAPPED_MATCH = f"""{HEAD}{OPEX}\
  - {{id: match, kind: allocate, source: gross, key: {{kind: quadratic, ballots: town}},
     bounds: {{cap: 30%}}}}
"""


def held_cases() -> Iterator[Case]:
    """What disputes hold back, and what is posted in another currency than the month's."""
    yield from _held_back()
    yield from _currencies()
    yield case_of("the cap of a match", under(CAPPED_MATCH))


def _held_back() -> Iterator[Case]:
    """Held of members that gain elsewhere, and of such as pay more than they get."""
    for name, rules, payouts, claims in (
        ("of who also gains", TWO_LINES, True, MORE_OF_BOTH),
        ("no more than is paid", CHARGED, False, {"trips/ev": 0}),
        ("no more than is due", CHARGED, True, {"trips/ev": 0}),
        ("of money alone", METERED, True, {"trips/bus": 4_130}),
    ):
        others = {"trips/ev": 1, "trips/bike": 900}
        world = settled(closed(rules, payouts=payouts), ("bus", claims), ("town", others))
        open_month(world, "2026-11")
        revenue(world, "2026-11", 500_000)
        world.submit("ev", _november())
        settle(world, "2026-11")
        yield case_of(f"held {name}", world)
        if rules == TWO_LINES:  # it starts in a state that has two open disputes
            cut = world.state.periods["2026-11"].cut_off.index
            yield Case(f"held {name}, from November", slice_of(world, cut), trust_in(world))
    yield case_of("lost with its dispute", _lost_together())


def _november() -> bytes:
    """A record of trips and of energy."""
    times = {"started_at": "2026-11-05T08:00:00+09:00", "ended_at": "2026-11-05T09:00:00+09:00"}
    return record("nov", measures={"trips": 10, "energy_wh": 5}, **times)


def _lost_together() -> World:
    """One departure ends a settlement, of which the last vote was, and a dispute of it."""
    world = closed(TWO_LINES)
    settlement = propose(world)
    claims = [{"where": "totals/trips/bus", "value": 500}]
    world.write("town", "dispute-opened", dispute_body(world, claims=claims)[0])
    (dispute,) = world.state.disputes
    for id_ in (dispute, settlement):
        world.vote("bus", id_, "reject")
    world.write("ev", "member-left", {"member": "ev", "reason": "sold"})
    propose(world, bytes(32))
    world.carry("bus", "bike")
    settlement = str(world.state.period(MONTH).settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    # The state of November's cut-off tells how the dispute ended.
    open_month(world, "2026-11")
    revenue(world, "2026-11", 500_000, ("bus", "bike"))
    world.submit("bus", _november())
    settle(world, "2026-11", ("bus", "bike"))
    return world


def _currencies() -> Iterator[Case]:
    """Corrected and disputed in yen, posted with a month of francs, and offset in yen again."""
    for order, is_disputed in (((JPY, CHF), True), ((CHF, JPY), False)):
        world = two_currencies(order, rules=YEN + WHILE_DISPUTED, disputed=is_disputed)
        if is_disputed:
            (id_,) = world.state.disputes
            world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
        submit(world, Row(MONTH, "ev", "ev-late", 200))
        correct(world)
        earn(world, "2026-11", 400_00, "CHF")
        settle_month(world, "2026-11")
        for currency in ("JPY", "CHF"):
            set_destinations(world, currency)
            pay(world, currency)
        adopt(world, YEN, version=3, since="2026-12")
        open_month(world, "2026-12")
        earn(world, "2026-12", 900_000, "JPY")
        settle_month(world, "2026-12")
        name = f"{order[0]['code']} first{', disputed' if is_disputed else ''}"
        yield case_of(f"two currencies, {name}", world)
        for month in ("2026-11", "2026-12"):
            cut = world.state.periods[month].cut_off.index
            yield Case(f"{name}, from {month}", slice_of(world, cut), trust_in(world))
