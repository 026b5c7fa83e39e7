"""Readings and figures: reported, confirmed, and then part of what a month is divided by."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import canonical
from ledger.coop.settlements import compute
from ledger.coop.state import parse_state, state_document, state_hash
from ledger.errors import (
    Conflict,
    DuplicateId,
    Infeasible,
    KyojoError,
    MalformedEntry,
    MalformedRules,
    NotFound,
    PeriodClosed,
)
from tests.builder import RULES, SALT, World, authority, blob_ref, charter, rules_body
from tests.coop.stages import MONTH, SEED, dispute_body, fork, propose

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


# A wrong report is replaced before the cut-off, by an entry that names it.


def confirmed(world: World, kind: str, body: dict[str, Any], *blobs: bytes) -> int:
    """Report and confirm; answers with the entry's index."""
    index = world.state.size
    world.write("town" if kind == "kpi-reported" else "office", kind, body, *blobs)
    world.carry("bus", "ev")
    return index


def reports(world: World) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """A report of each kind and what is right instead."""
    money = {"period": MONTH, "currency": "JPY"}
    reading = {"period": MONTH, "id": "uptime", "evidence_hash": None, "member": "bus"}
    return {
        "revenue-reported": (
            {**money, "id": "rent", "amount_minor": 700, "origin": "member"},
            {**money, "id": "rent", "amount_minor": 0, "origin": "other"},
        ),
        "cost-reported": (
            {**money, "id": "wires", "amount_minor": 700, "member": "ev"},
            {**money, "id": "wires", "amount_minor": 70, "member": "ev"},
        ),
        "kpi-reported": (
            {**reading, "value": 9, "scale": 10},
            {**reading, "value": 95, "scale": 100},
        ),
    }


@pytest.mark.parametrize("kind", ["revenue-reported", "cost-reported", "kpi-reported"])
def test_a_confirmed_report_is_replaced_by_one_that_names_it(kind: str) -> None:
    world = month_under(BY_QUALITY)
    wrong, right = reports(world)[kind]
    first = confirmed(world, kind, wrong)
    who = "town" if kind == "kpi-reported" else "office"

    def refused(error: type[KyojoError], text: str, **changes: Any) -> None:
        before = world.state
        with pytest.raises(error, match=text):
            world.write(who, kind, {**right, **changes})
        assert world.state is before

    refused(DuplicateId, "confirmed already; to replace it, name its entry as 'replaces'")
    refused(Conflict, "is no report of", replaces=0)
    refused(Conflict, "is no report of", replaces=10_000)
    refused(Conflict, "is that already", **wrong, replaces=first)
    refused(Conflict, "nothing to replace", id="other", replaces=first)
    refused(MalformedEntry, "replaces", replaces=-1)
    refused(MalformedEntry, "replaces", replaces=None)
    world.write(who, kind, {**right, "replaces": first})
    [proposal] = world.state.proposals.values()
    assert proposal.subject.endswith(f", instead of entry {first}")
    world.carry("bus", "ev")
    period = world.state.period(MONTH)
    found = {
        "revenue-reported": lambda: period.revenue["rent"],
        "cost-reported": lambda: period.costs["wires"]["borne"],
        "kpi-reported": lambda: period.kpis["uptime"]["bus"],
    }[kind]()
    fields = ("amount_minor", "currency", "origin", "value", "scale")
    expected = {name: right[name] for name in fields if name in right}
    assert found == ({"ev": 70} if kind == "cost-reported" else expected)
    refused(Conflict, "not the report of .* that counts now", **wrong, replaces=first)
    assert parse_state(canonical.encode(state_document(world.state))) == world.state


def test_with_a_replacement_the_others_that_wait_fall() -> None:
    world = month_under(BY_QUALITY)
    wrong, right = reports(world)["cost-reported"]
    first = confirmed(world, "cost-reported", wrong)
    world.write("office", "cost-reported", {**right, "replaces": first})
    world.write("bike", "cost-reported", {**right, "amount_minor": 5, "replaces": first})
    mine = next(iter(world.state.proposals))
    world.vote("bus", mine)
    world.vote("ev", mine)
    assert world.state.proposals == {}
    assert world.state.period(MONTH).costs["wires"]["borne"] == {"ev": 70}


def test_figures_are_replaced_and_disputed_like_totals() -> None:
    world = month_under(BY_PAYERS)

    def report(plays: Any, **more: Any) -> int:
        blob = SALT + canonical.encode(plays)
        body = {"period": MONTH, "section": "matrices", "id": "plays", "figures": blob_ref(blob)}
        return confirmed(world, "figures-reported", {**body, **more}, blob)

    first = report({"u1": {"bus": 1}})
    with pytest.raises(DuplicateId, match="confirmed already"):
        report({"u1": {"bus": 3, "ev": 1}})
    report({"u1": {"bus": 3, "ev": 1}}, replaces=first)
    figures(world, "payments", "tickets", {"u1": 100})
    world.carry("bus", "ev")
    world.close()
    propose(world)

    def disputed(where: str, value: int) -> Any:
        other = fork(world)
        claims = [{"where": where, "value": value}]
        body = dispute_body(other, claims=claims, line_ids=["share/ev"])[0]
        other.write("ev", "dispute-opened", body)
        [found] = other.state.disputes.values()
        return found

    assert disputed("matrices/plays/u1/ev", 3).claims == {"matrices/plays/u1/ev": 2}
    for where in ("matrices/plays/u2/ev", "payments/u9", "kpis/uptime/bus"):
        with pytest.raises(NotFound, match="no figure"):
            disputed(where, 3)
    with pytest.raises(NotFound, match="has no part"):
        disputed("matrices/plays/u1/nobody", 3)


def test_a_reading_is_disputed_and_what_is_upheld_counts() -> None:
    world = month_under(BY_QUALITY)
    for member, value in (("bus", 998), ("ev", 950), ("bike", 900)):
        kpi(world, member, value)
        world.carry("bus", "ev")
    world.close()
    propose(world)
    claims = [{"where": "kpis/uptime/bike", "value": 1000}]
    body = dispute_body(world, claims=claims, line_ids=["share/bike"])[0]
    world.write("bike", "dispute-opened", body)
    for who in ("bus", "ev"):
        world.vote(who, next(iter(world.state.disputes)))
    assert world.state.period(MONTH).amended == {"kpis/uptime/bike": 100}
    result = compute(world.state, MONTH, world, SEED).settlement.result
    assert result.member_totals["bike"] > 10_000
    assert world.state.period(MONTH).kpis["uptime"]["bike"] == {"value": 900, "scale": 1000}
