"""Costs that members are charged: who bore them is repaid, and who cannot pay owes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import Row, balances, correct, new_world, open_month, posted, revenue, settle, submit
from stages import MONTH, dispute_body, propose

from ledger.coop.settlements import balances_after
from ledger.coop.state import Balances
from ledger.rules.document import parse_rules
from ledger.rules.inputs import SUSPENSE, parse_inputs
from ledger.settlement.run import run
from tests.builder import RULES, World

HEAD = RULES[: RULES.index("steps:")]
CHARGED = (
    HEAD
    + """steps:
  - {id: use, kind: allocate, source: cost.platform, as: charge,
     key: {kind: fixed, weights: {ev: 1}}}
  - {id: share, kind: allocate, source: gross, key: {kind: fixed, weights: {bus: 1}}}
"""
)
LATER = "2026-11"
COST = 40_000


def charged_month() -> World:
    """October: the ev is charged the whole cost of 40,000, and earns nothing."""
    world = new_world(CHARGED)
    world.prepare()
    assert world.state.period(MONTH).costs["platform"]["borne"] == {"bike": 10_000, "bus": 30_000}
    lines = settle(world, MONTH)
    assert lines == {"bus": 1_000_001, "ev": -COST, "bike": 0}
    return world


def test_who_bore_a_charged_cost_is_repaid_and_who_cannot_pay_owes_it():
    world = charged_month()
    assert dict(world.state.period(MONTH).paid) == {"bike": 10_000, "bus": 1_030_001, "ev": 0}
    assert dict(balances(world).receivables) == {"ev": COST}


def test_what_a_charge_left_owing_is_offset_in_the_months_after():
    """The bus gets the first 1,000,001 of each month, the ev the rest."""
    rest = "  - {id: rest, kind: allocate, source: gross, key: {kind: fixed, weights: {ev: 1}}}\n"
    world = new_world(
        CHARGED.replace("source: gross, key", "source: gross, limit: 1000001, key") + rest
    )
    world.prepare()
    settle(world, MONTH)
    found = []
    for month in (LATER, "2026-12"):
        open_month(world, month)
        revenue(world, month, 1_030_001)
        submit(world, Row(month, "ev", f"ev-{month}", 5))
        settle(world, month)
        found.append((world.state.period(month).paid["ev"], dict(balances(world).receivables)))
    assert found == [(0, {"ev": 10_000}), (20_000, {})]


def test_late_usage_moves_who_is_charged_and_original_and_correction_are_a_fresh_run():
    rules = CHARGED.replace("{kind: fixed, weights: {ev: 1}}", "{kind: proportional, input: trips}")
    late = Row(MONTH, "ev", "late", 500, fare=700)
    world, fresh = new_world(rules), new_world(rules)
    world.prepare()
    fresh.prepare()
    submit(fresh, late)
    before, right = settle(world, MONTH), settle(fresh, MONTH)
    open_month(world, LATER)
    submit(world, late)
    correct(world)
    assert {name: before[name] + posted(world).get(name, 0) for name in before} == right


def test_a_claim_that_only_moves_who_bore_the_cost_is_corrected_too():
    world = new_world(CHARGED + "approval: {threshold: 2/3, pay_undisputed: true}\n")
    world.prepare()
    world.close()
    propose(world)
    claims = [
        {"where": "costs/platform/bus", "value": 25_000},
        {"where": "costs/platform/bike", "value": 15_000},
    ]
    body, _ = dispute_body(world, claims=claims, line_ids=["use/bike"])
    world.write("bike", "dispute-opened", body)
    (id_,) = world.state.disputes
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    assert dict(world.state.disputes[id_].held) == {"bus": 5_000}
    open_month(world, LATER)
    for who in ("bus", "ev"):
        world.vote(who, id_)
    correct(world)
    # What was held of the bus is released, and taken from it by the correction.
    assert posted(world) == {"bike": 5_000, "bus": 0}


def outcome(steps: str, costs: dict[str, int], members: list[str]):
    text = f"{HEAD}steps:\n{steps}"
    document = {
        "kyojo_inputs": 1,
        "period": {"start": "2026-10-01", "end": "2026-11-01"},
        "members": members,
        "totals": {"trips": dict.fromkeys(members, 1)},
        "costs": {"platform": costs},
    }
    return run(parse_rules(text.encode()), parse_inputs(document))


def charge(id_: str, percent: int) -> str:
    return (
        f"  - {{id: {id_}, kind: allocate, source: cost.platform, as: charge, "
        f"limit: {percent}%, "
        "key: {kind: proportional, input: trips}}\n"
    )


@settings(max_examples=60, deadline=None)
@given(
    borne=st.lists(st.integers(0, 10**9), min_size=1, max_size=4),
    percents=st.lists(st.integers(0, 100), min_size=1, max_size=3),
    whole=st.booleans(),
)
def test_each_charge_is_repaid_in_proportion_and_never_more_than_was_borne(borne, percents, whole):
    members = ["bike", "bus", "ev", "town"]
    costs = dict(zip(members, borne, strict=False))
    steps = "".join(charge(f"c{n}", one) for n, one in enumerate([*percents, 100][: 3 + whole]))
    result = outcome(steps + (charge("rest", 100) if whole else ""), costs, members)
    total = dict.fromkeys(members, 0)
    for step in result.steps:
        repaid = result.repaid.get(step.step, {})
        assert sum(repaid.values()) == step.taken
        for member, amount in repaid.items():
            total[member] += amount
            unpaid = costs[member] - total[member] + amount
            assert abs(amount - Fraction(step.taken * unpaid, step.available)) < 1
    assert all(total[member] <= costs.get(member, 0) for member in members)
    assert sum(result.nets.values()) == 0
    if whole:
        assert total == dict.fromkeys(members, 0) | costs


@pytest.mark.parametrize("suspended", [SUSPENSE, "town"])
def test_what_suspense_is_charged_is_taken_from_what_it_holds(suspended):
    result = outcome(charge("c", 100), {"bus": 100}, ["bus", suspended])
    held = balances_after(Balances(suspense=70), result).suspense
    assert held == (20 if suspended == SUSPENSE else 70)
