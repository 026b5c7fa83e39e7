"""Readings and figures: reported, confirmed, and then part of what a month is divided by."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import canonical
from ledger.coop.settlements import compute
from ledger.coop.state import parse_state, state_document, state_hash
from ledger.errors import (
    DuplicateId,
    Infeasible,
    KyojoError,
    MalformedEntry,
    MalformedRules,
    NotFound,
    PeriodClosed,
)
from tests.builder import RULES, SALT, World, authority, blob_ref, charter, rules_body
from tests.coop.stages import MONTH, SEED, dispute_body, propose

HEAD = RULES[: RULES.index("pools:")]
BY_QUALITY = (
    HEAD
    + """\
inputs: {uptime: {kpi: uptime}}
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - id: share
    kind: allocate
    source: gross
    key: {kind: kpi_weighted, mode: multiply, base: {kind: proportional, input: trips},
          kpis: [{input: uptime, min: 900, max: 1000, weight: 1}]}
"""
)
WHEN_GOAL = (
    HEAD
    + """\
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: bonus, kind: allocate, source: gross, limit: 1000, key: {kind: equal},
     when: {kpi: co2_saved, at_least: 500}}
  - {id: rest, kind: reserve, source: gross, to: fund.reserve, rate: 100%}
"""
)
BY_PAYERS = (
    HEAD
    + """\
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: share, kind: allocate, source: gross, key: {kind: user_centric, matrix: plays}}
"""
)
TOWN_FUND = (
    HEAD
    + """\
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: town, kind: citizens_fund, source: gross, ballots: town, method: equal_shares,
     utility: cost, limit: 500000}
  - {id: rest, kind: allocate, source: gross, key: {kind: proportional, input: trips}}
"""
)


def month_under(rules: str) -> World:
    """October with all usage, under these rules, in a co-op whose charter knows every kind."""
    world = World(charter=charter(authority=authority(later=True)))
    world.prepare()
    text = SALT + rules.replace("version: 1", "version: 2").encode()
    world.write("office", "ruleset-proposed", rules_body(text), text)
    world.carry("bus", "ev")
    return world


def kpi(world: World, member: str, value: int, name: str = "uptime", scale: int = 1000) -> None:
    body = {"period": MONTH, "id": name, "member": member, "value": value, "scale": scale,
            "evidence_hash": None}  # fmt: skip
    world.write("town", "kpi-reported", body)


def figures(world: World, section: str, name: str, value: Any) -> None:
    blob = SALT + canonical.encode(value)
    body = {"period": MONTH, "section": section, "id": name, "figures": blob_ref(blob)}
    world.write("office", "figures-reported", body, blob)


def result_of(world: World) -> Any:
    world.close()
    return compute(world.state, MONTH, world, SEED).settlement.result


def test_a_confirmed_reading_weighs_and_an_unconfirmed_one_does_not() -> None:
    world = month_under(BY_QUALITY)
    for member, value in (("bus", 998), ("ev", 950), ("bike", 900)):
        kpi(world, member, value)
        world.carry("bus", "ev")
    kpi(world, "_", 1, name="ignored")
    result = result_of(world)
    share = {name: result.member_totals[name] for name in ("bus", "ev", "bike")}
    # Scores 49/50, 1/2 and 0 on 413, 291 and 137 trips; the costs come on top.
    whole = 413 * 98 + 291 * 50
    assert share["bus"] - 30_000 == round(960_001 * 413 * 98 / whole)
    assert share["bike"] == 10_000
    assert sum(result.member_totals.values()) == 1_000_001


BY_COUNT = (
    HEAD
    + """\
inputs: {rides: {metric: trips, agg: count}}
pools: {gross: {from: [revenue.fares]}}
steps:
  - {id: opex, kind: recover_cost, source: gross, costs: [platform]}
  - {id: share, kind: allocate, source: gross, key: {kind: proportional, input: rides}}
"""
)


def test_a_reported_count_weighs_and_is_disputed_like_what_was_metered() -> None:
    world = month_under(BY_COUNT)
    for wrong in ({"bus": "5/2"}, {"bus": "1.5"}, {"bus": "4/2"}, {"bus": "2.0"}, {"bus": "3"}):
        with pytest.raises(MalformedEntry, match="a total is a whole number"):
            figures(world, "totals", "count.trips", wrong)
    figures(world, "totals", "count.trips", {"bus": 3, "ev": 1})
    world.carry("bus", "ev")
    world.close()
    totals = compute(world.state, MONTH, world, SEED).settlement.result.member_totals
    assert (totals["bus"], totals["ev"]) == (30_000 + 720_001, 240_000)
    propose(world)
    claims = [{"where": "totals/count.trips/ev", "value": 3}]
    world.write(
        "ev", "dispute-opened", dispute_body(world, claims=claims, line_ids=["share/ev"])[0]
    )
    [dispute] = world.state.disputes.values()
    assert dispute.claims == {"totals/count.trips/ev": 2}


def test_a_count_that_nobody_reported_keeps_the_month_open() -> None:
    world = month_under(BY_COUNT)
    with pytest.raises(Infeasible, match=r"count\.trips"):
        world.close()


def test_a_missing_reading_keeps_the_month_open_and_is_named() -> None:
    world = month_under(BY_QUALITY)
    kpi(world, "bus", 998)
    world.carry("bus", "ev")
    with pytest.raises(KyojoError, match="uptime") as caught:
        world.close()
    assert "bike" in str(caught.value) or "ev" in str(caught.value)


@pytest.mark.parametrize(("value", "bonus"), [(499, 0), (500, 1000)])
def test_a_pool_is_released_when_the_town_meets_its_own_target(value: int, bonus: int) -> None:
    world = month_under(WHEN_GOAL)
    kpi(world, "_", value, name="co2_saved", scale=1)
    world.carry("bus", "ev")
    result = result_of(world)
    assert sum(result.member_totals.values()) == 40_000 + bonus
    assert result.funds["fund.reserve"] == 1_000_001 - 40_000 - bonus


def test_matrices_and_payments_reach_the_keys_of_payers() -> None:
    world = month_under(BY_PAYERS)
    figures(world, "matrices", "plays", {"u1": {"bus": 3, "ev": 1}, "u2": {"bike": 5}})
    world.carry("bus", "ev")
    figures(world, "payments", "tickets", {"u1": 100, "u2": 300})
    world.carry("bus", "ev")
    result = result_of(world)
    shares = {"bus": 75, "ev": 25, "bike": 300}
    for member, weight in shares.items():
        cost = {"bus": 30_000, "bike": 10_000}.get(member, 0)
        assert abs(result.member_totals[member] - cost - 960_001 * weight / 400) < 1


def test_citizens_votes_allot_the_towns_fund() -> None:
    world = month_under(TOWN_FUND)
    votes = [{"voter": f"c{n}", "approve": ["lamp"] if n < 3 else ["bench"]} for n in range(4)]
    projects = {"lamp": {"cost": 300_000}, "bench": {"cost": 400_000}}
    figures(world, "ballots", "town", {"projects": projects, "votes": votes})
    world.carry("bus", "ev")
    result = result_of(world)
    assert result.projects == {"project.bench": 0, "project.lamp": 300_000}
    assert sum(result.member_totals.values()) == 1_000_001 - 300_000


def test_a_later_reading_of_the_same_is_refused() -> None:
    world = month_under(BY_QUALITY)
    kpi(world, "bus", 998)
    with pytest.raises(DuplicateId, match="waits for confirmation"):
        kpi(world, "bus", 997)
    world.carry("bus", "ev")
    with pytest.raises(DuplicateId, match="is confirmed already"):
        kpi(world, "bus", 998)
    with pytest.raises(MalformedEntry, match="has the scale 1000"):
        kpi(world, "ev", 998, scale=100)
    with pytest.raises(NotFound, match="nobody"):
        kpi(world, "nobody", 1)


def test_figures_are_read_before_anybody_confirms_them() -> None:
    world = month_under(BY_PAYERS)
    with pytest.raises(MalformedRules, match="/matrices/plays/u1/stranger"):
        figures(world, "matrices", "plays", {"u1": {"stranger": 3}})
    with pytest.raises(MalformedEntry, match="is metered"):
        figures(world, "totals", "trips", {"bus": 3})
    with pytest.raises(MalformedEntry, match="is metered"):
        figures(world, "totals", "charge.fare", {"bus": 7_000_000})
    blob = SALT + b'{"u1":  {"bus":3}}'
    body = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(blob)}
    with pytest.raises(MalformedEntry, match="RFC 8785"):
        world.write("office", "figures-reported", body, blob)
    figures(world, "matrices", "plays", {"u1": {"bus": 3}})
    world.carry("bus", "ev")
    with pytest.raises(DuplicateId, match="confirmed already"):
        figures(world, "matrices", "plays", {"u1": {"bus": 4}})


def test_nothing_is_reported_into_a_month_that_is_cut_off() -> None:
    world = month_under(WHEN_GOAL)
    kpi(world, "_", 500, name="co2_saved", scale=1)
    world.carry("bus", "ev")
    world.close()
    with pytest.raises(PeriodClosed):
        kpi(world, "_", 1, name="late", scale=1)


def test_the_state_with_readings_is_read_back_and_without_them_is_as_before() -> None:
    world = month_under(BY_QUALITY)
    before = state_document(world.state)
    assert "kpis" not in before["periods"][MONTH]
    kpi(world, "bus", 998)
    world.carry("bus", "ev")
    document = state_document(world.state)
    assert document["periods"][MONTH]["kpis"] == {"uptime": {"bus": {"value": 998, "scale": 1000}}}
    assert state_hash(parse_state(canonical.encode(document))) == state_hash(world.state)


def test_the_sentence_that_a_wallet_shows() -> None:
    world = month_under(BY_PAYERS)
    kpi(world, "_", 12_500, name="co2_saved", scale=1000)
    figures(world, "matrices", "plays", {"u1": {"bus": 3}})
    subjects = [one.subject for one in world.state.proposals.values()]
    assert f"Reading co2_saved {MONTH} of the whole town: 12,500 of 1,000" in subjects
    [figure] = [one for one in subjects if one.startswith("Figures")]
    assert figure.startswith(f"Figures matrices plays {MONTH}: 48 bytes, SHA-256 ")


def test_a_target_without_a_reading_keeps_the_month_open() -> None:
    world = month_under(WHEN_GOAL)
    with pytest.raises(KyojoError, match="co2_saved"):
        world.close()
