"""Advances of a guarantee: kept between months, and paid back out of later lines."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.coop.state import parse_state, state_document, state_hash
from tests.builder import RULES
from tests.coop.months import (
    Row,
    balances,
    correct,
    new_world,
    open_month,
    posted,
    revenue,
    settle,
    submit,
    two_months,
)

FLOOR = (
    RULES[: RULES.index("steps:")]
    + """\
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: floor, kind: guarantee, source: gross, claims: {bike: 60000}, recoup: next_periods}
  - {id: share, kind: allocate, source: gross, key: {kind: proportional, input: trips}}
"""
)


def test_an_advance_is_paid_back_out_of_next_months_lines() -> None:
    world = new_world(FLOOR)
    world.prepare()
    october = settle(world, "2026-10")
    # 900,001 are divided by 413, 291 and 137 trips, after 40,000 of costs and 60,000 advanced.
    assert abs(october["bike"] - 70_000 - Fraction(900_001 * 137, 841)) < 1
    assert balances(world).recoup == {"bike": 60_000}
    open_month(world, "2026-11")
    revenue(world, "2026-11", 1_000_000)
    for firm, trips in (("bus", 50), ("ev", 30), ("bike", 20)):
        submit(world, Row("2026-11", firm, f"{firm}-11", trips))
    november = settle(world, "2026-11")
    # Bike is advanced as much again, and pays October's advance back.
    assert balances(world).recoup == {"bike": 60_000}
    assert november["bike"] < 60_000 + (1_000_000 - 60_000) * 20 // 100
    assert sum(november.values()) + sum(balances(world).pools.values()) == 1_000_000


def test_a_correction_runs_with_the_advances_of_then() -> None:
    late = Row("2026-10", "ev", "ev-late", 59)
    fresh, wanted = two_months(FLOOR, [late])
    world, got = two_months(FLOOR)
    submit(world, late)
    correct(world)
    change = posted(world)
    assert {name: got[name] + change.get(name, 0) for name in got} == wanted
    assert balances(world).recoup == balances(fresh).recoup


@pytest.mark.parametrize("rules", [FLOOR, RULES])
def test_the_state_keeps_advances_only_where_there_are_any(rules: str) -> None:
    world = new_world(rules)
    world.prepare()
    settle(world, "2026-10")
    document = state_document(world.state)
    assert ("recoup" in document["balances"]["JPY"]) is (rules == FLOOR)
    from ledger import canonical

    assert state_hash(parse_state(canonical.encode(document))) == state_hash(world.state)
