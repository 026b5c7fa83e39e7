"""Corrections of settled months: RULES.md sections 8 and 12, invariants 13 to 15, 18 and 19."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import (
    LEANING,
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
from stages import correction_body, fork, refuse, settlement_body

from ledger.coop.corrections import compute_correction, due_corrections
from ledger.coop.state import State, parse_state, state_document
from ledger.errors import (
    Conflict,
    Infeasible,
    InvalidInput,
    InvariantViolated,
    MalformedEntry,
    NotFound,
    NotIncluded,
    NotPermitted,
    SumMismatch,
)
from ledger.settlement.correction_statement import (
    correction_statement,
    open_correction,
    verify_correction,
    verify_correction_statement,
)
from ledger.settlement.corrections_of_period import (
    Correction,
    build_correction,
    correction_id,
    correction_rows,
    offset,
)
from tests.builder import World, authority, charter

SEED = bytes(range(32))
FIRMS = ("bus", "ev", "bike")
ROW = st.builds(
    Row,
    month=st.sampled_from(["2026-10", "2026-11"]),
    firm=st.sampled_from(FIRMS),
    id=st.just("late"),
    trips=st.integers(1, 300),
    fare=st.sampled_from([0, 0, 90, 30_000, 400_000]),
    reverses=st.none(),
)
UNDO = st.sampled_from(
    [
        Row("2026-10", "bus", "undo", -413, reverses="bus-1"),
        Row("2026-10", "ev", "undo", -291, reverses="ev-1"),
        Row("2026-11", "bike", "undo", -20, reverses="bike-2"),
    ]
)


@cache
def _settled(rules: str) -> tuple[World, dict[str, int]]:
    return two_months(rules)


def settled(rules: str = LEANING) -> tuple[World, dict[str, int]]:
    world, got = _settled(rules)
    return fork(world), dict(got)


def named(rows: list[Row]) -> list[Row]:
    return [row._replace(id=f"{row.id}-{number}") for number, row in enumerate(rows)]


def arrive(world: World, rows: list[Row], stops: list[bool]) -> None:
    """Rows come late, one by one; at some of them what is due is corrected, and at the end."""
    for row, stops_here in zip(rows, [*stops[: len(rows) - 1], True], strict=False):
        submit(world, row)
        if stops_here and due_corrections(world.state, world):
            correct_if_any(world)


def correct_if_any(world: World) -> None:
    with suppress(Conflict):  # the figures changed, and nobody's share did
        correct(world)


def both(got: dict[str, int], corrections: dict[str, int]) -> dict[str, int]:
    names = (got.keys() | corrections.keys()) - {"suspense"}
    return {name: got.get(name, 0) + corrections.get(name, 0) for name in sorted(names)}


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(ROW, min_size=1, max_size=3),
    undo=st.none() | UNDO,
    stops=st.lists(st.booleans(), min_size=4, max_size=4),
    shuffle=st.randoms(use_true_random=False),
)
def test_13_and_14_original_and_corrections_are_a_fresh_run_in_any_order(
    rows, undo, stops, shuffle
):
    rows = named([*rows, *([undo] if undo else [])])
    _, fresh = fresh_world = two_months(in_time=rows)
    late = list(rows)
    shuffle.shuffle(late)
    world, got = settled()
    arrive(world, late, stops + [True] * len(late))
    assert both(got, posted(world)) == both(fresh, {})
    assert balances(world) == balances(fresh_world[0])


@settings(max_examples=8, deadline=None)
@given(row=ROW)
def test_15_both_styles_give_the_same_totals(row):
    world, _ = settled()
    submit(world, row)
    reruns = compute_correction(world.state, "JPY", world, SEED).reruns
    deltas = [replace(rerun, style="delta") for rerun in reruns]
    ledger = [replace(rerun, style="ledger") for rerun in reruns]
    one, other = (build_correction("2026-12", found, SEED) for found in (deltas, ledger))
    assert one.net == other.net
    assert one.document["totals"] == other.document["totals"]
    assert sum(row["amount_minor"] for row in one.rows) == sum(
        row["amount_minor"] for row in other.rows
    )
    assert {row["role"] for row in other.rows} <= {"negate", "restate"}
    assert len(other.rows) == 2 * len(one.rows)


def test_the_rows_keep_the_charge_period_and_name_what_they_correct():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59))
    computed = compute_correction(world.state, "JPY", world, SEED)
    rows = list(correction_rows(computed.reruns[0]))
    settlement = world.state.period("2026-10").settlement
    assert {row["period"] for row in rows} == {"2026-10"}
    assert {row["correction_of"] for row in rows} == {settlement}
    assert {row["charge_class"] for row in rows} == {"Correction"}
    assert sum(row["amount_minor"] for row in rows) == 0  # members' shares only move among them
    assert computed.posted_in == "2026-12"


def test_18_a_settled_period_is_never_edited_and_nothing_is_posted_without_quorum():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59, fare=5_000))
    before = world.state
    body, blobs = correction_body(world)
    world.write("office", "correction-proposed", body, *blobs)
    assert world.state.balances == before.balances
    assert posted(world) == {}
    world.vote("bus", max(world.state.proposals))
    assert world.state.balances == before.balances
    world.vote("ev", max(world.state.proposals))
    assert list(world.state.period("2026-12").posted) == [correction_id(body["correction"]).hex()]
    for month in ("2026-10", "2026-11"):
        was, now = before.periods[month], world.state.periods[month]
        moved = {"epoch": was.epoch, "run": was.run}
        assert replace(now, **moved) == was
        assert now.run.order == was.run.order


@settings(max_examples=6, deadline=None)
@given(row=ROW)
def test_19_a_late_row_changes_only_the_next_open_period(row):
    world, _ = settled()
    before = world.state
    submit(world, row)
    open_month(world, "2027-01")
    opened = world.state.periods["2027-01"]
    correct_if_any(world)
    after = world.state
    # The row itself is counted with its month, and the month's new run is noted.
    same = {"epoch": 0, "run": None, "usage": {}, "late": 0}
    for month in ("2026-10", "2026-11"):
        assert replace(after.periods[month], **same) == replace(before.periods[month], **same)
    assert after.periods["2027-01"] == opened
    assert replace(after.periods["2026-12"], posted={}) == before.periods["2026-12"]


def test_a_period_corrected_twice_starts_from_what_the_first_correction_made_of_it():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late-1", 59))
    first = correct(world)
    submit(world, Row("2026-10", "bus", "late-2", 40))
    rerun = compute_correction(world.state, "JPY", world, SEED).reruns[0]
    assert rerun.correction_of == first
    second = correct(world)
    assert world.state.period("2026-10").run.id == second
    assert list(world.state.period("2026-12").posted) == [first, second]


def test_what_costs_and_funds_gain_is_named():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 0, fare=400_000))
    document = compute_correction(world.state, "JPY", world, SEED).correction.document
    october, november = document["periods"]
    assert (october["in"], november["in"]) == (400_000, 0)
    assert october["funds"] == {"fund.reserve": 11_500}  # up to its ceiling
    assert november["funds"] == {"fund.reserve": -11_500}  # which November would not have filled
    assert document["totals"]["funds"] == {}
    assert document["totals"]["raised"] - document["totals"]["lowered"] == 400_000


def test_a_snapshot_with_corrections_is_read_back():
    from ledger import canonical

    world, _ = settled()
    submit(world, Row("2026-10", "bus", "undo", -413, reverses="bus-1"))
    correct(world)
    data = canonical.encode(state_document(world.state))
    assert parse_state(data) == world.state


def test_the_first_logs_keep_their_hashes():
    """A charter that does not name corrections keeps nothing for them."""
    world = World(charter=charter(authority=authority(later=False)))
    world.prepare()
    settle(world, "2026-10")
    document = state_document(world.state)
    assert not {"run", "late", "posted"} & document["periods"]["2026-10"].keys()
    assert "receivables" not in document["balances"]["JPY"]
    open_month(world, "2026-11")
    submit(world, Row("2026-10", "ev", "late", 59))
    with pytest.raises(Conflict):
        correction_body(world)
    body = {"correction": {"currency": "JPY"}, "rows": {"sha256": "00" * 32, "bytes": 1}}
    body["seed"] = body["rows"]
    with pytest.raises((NotPermitted, InvalidInput)):
        world.write("office", "correction-proposed", body)


# What is offset, and what is owed.


@pytest.mark.parametrize(
    ("earned", "change", "owed", "expected"),
    [(10, 0, 0, (10, 0)), (10, -4, 0, (6, 0)), (10, -14, 0, (0, 4)), (10, 0, 4, (6, 0)),
     (0, 0, 4, (0, 4)), (5, 3, 9, (0, 1)), (0, 7, 0, (7, 0))],
)  # fmt: skip
def test_a_negative_balance_is_offset_then_owed(earned, change, owed, expected):
    assert offset(earned, change, owed) == expected


def test_what_a_member_owes_is_carried_until_it_is_earned():
    world, _ = settled()
    submit(world, Row("2026-10", "bus", "undo", -413, reverses="bus-1"))
    correct(world)
    lost = -posted(world)["bus"]
    assert lost > 0
    revenue(world, "2026-12", 100_000)
    submit(world, Row("2026-12", "ev", "dec", 10))
    earned = settle(world, "2026-12")["bus"]
    assert balances(world).receivables == {"bus": lost - earned}
    open_month(world, "2027-01")
    revenue(world, "2027-01", 9_000_000)
    submit(world, Row("2027-01", "bus", "jan", 10))
    settle(world, "2027-01")
    assert balances(world).receivables == {}


# What a member checks alone.


@cache
def _statements() -> tuple[Correction, tuple[dict, ...]]:
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59, fare=7_000))
    found = compute_correction(world.state, "JPY", world, SEED).correction
    again = open_correction(found.document, found.rows_blob, SEED)
    return again, tuple(correction_statement(again, SEED, name) for name in again.net)


def test_every_member_verifies_its_part_and_nobody_elses():
    correction, statements = _statements()
    assert sum(one["net_minor"] for one in statements) == correction.document["totals"]["in"]
    for one in statements:
        verify_correction_statement(one, correction.document)
        assert {row["member"] for row in one["rows"]} <= {one["member"]}
    with pytest.raises(NotFound):
        correction_statement(correction, SEED, "nobody")


def places(value, path=()):
    """Every place of a document that holds a number or a text."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, name))
        else:
            yield (*path, name)


def test_no_changed_value_of_a_part_passes():
    correction, statements = _statements()
    for path in places(statements[1]):
        forged = json.loads(json.dumps(statements[1]))
        place = forged
        for name in path[:-1]:
            place = place[name]
        value = place[path[-1]]
        place[path[-1]] = value + 1 if isinstance(value, int) else "0" + value[1:] + "0"
        with pytest.raises((NotIncluded, SumMismatch)):
            verify_correction_statement(forged, correction.document)


@pytest.mark.parametrize("name", ["in", "raised", "lowered", "suspense", "funds", "pools_left"])
def test_a_correction_that_does_not_add_up(name):
    correction, _ = _statements()
    totals = correction.document["totals"]
    value = {"fund.x": 1} if isinstance(totals[name], dict) else totals[name] + 1
    forged = {**correction.document, "totals": {**totals, name: value}}
    with pytest.raises(SumMismatch):
        verify_correction(forged)


def test_rows_that_do_not_lead_to_the_roots():
    correction, _ = _statements()
    with pytest.raises(InvariantViolated):
        open_correction(correction.document, correction.rows_blob, bytes(32))


# When, and how much.


MATERIAL = LEANING + "late: {grace_days: 0, max_lookback_periods: 2, materiality_minor: 20000}\n"


def test_what_is_not_material_is_carried_until_it_adds_up():
    world, got = settled(MATERIAL)
    rows = [Row("2026-10", "ev", f"late-{number}", 9) for number in range(4)]
    submit(world, rows[0])
    with pytest.raises(Conflict, match="materiality") as caught:
        correct(world)
    assert 0 < caught.value.details["moved"] <= 20_000
    for row in rows[1:]:
        submit(world, row)
    correct(world)
    _, fresh = two_months(MATERIAL, rows)
    assert both(got, posted(world)) == both(fresh, {})


def test_nothing_to_correct():
    world, _ = settled()
    assert due_corrections(world.state, world) == []
    with pytest.raises(Conflict, match="nothing"):
        correction_body(world)
    submit(world, Row("2026-10", "ev", "late", 9))
    assert due_corrections(world.state, world) == ["2026-10"]
    submit(world, Row("2026-10", "ev", "undo", -9, reverses="late"))
    assert due_corrections(world.state, world) == []


def test_a_correction_needs_an_open_month_to_be_posted_in():
    world = new_world()
    world.prepare()
    settle(world, "2026-10")
    submit(world, Row("2026-10", "ev", "late", 59))
    with pytest.raises(Conflict, match="open the next month"):
        correction_body(world)


@pytest.mark.parametrize("name", ["closed", "proposed", "approved"])
def test_nothing_is_corrected_between_cut_off_and_settlement(name):
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59))
    body, blobs = correction_body(world)
    world.now = "2027-01-01T00:00:00.000Z"
    revenue(world, "2026-12", 1_000)
    submit(world, Row("2026-12", "ev", "dec", 10))
    world.close("2026-12")
    if name != "closed":
        proposal, named_ = settlement_body(world, "2026-12")
        world.write("office", "settlement-proposed", proposal, *named_)
    if name == "approved":
        world.carry("bus", "ev")
    refuse(world, "office", "correction-proposed", body, *blobs, error=Conflict)


def test_an_undecided_correction_is_dropped_at_the_cut_off_and_still_due_after_it():
    world, got = settled()
    row = Row("2026-10", "ev", "late", 59)
    submit(world, row)
    body, blobs = correction_body(world)
    world.write("office", "correction-proposed", body, *blobs)
    revenue(world, "2026-12", 1_000)
    submit(world, Row("2026-12", "ev", "dec", 10))
    for name, amount in settle(world, "2026-12").items():
        got[name] += amount
    assert not world.state.proposals
    open_month(world, "2027-01")
    correct(world)
    fresh_world, fresh = two_months(in_time=[row])
    revenue(fresh_world, "2026-12", 1_000)
    submit(fresh_world, Row("2026-12", "ev", "dec", 10))
    for name, amount in settle(fresh_world, "2026-12").items():
        fresh[name] += amount
    assert both(got, posted(world)) == both(fresh, {})


def test_a_rejected_correction_changes_nothing_and_may_be_proposed_again():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59))
    before = world.state.balances
    body, blobs = correction_body(world)
    world.write("office", "correction-proposed", body, *blobs)
    refuse(world, "bike", "correction-proposed", body, *blobs, error=Conflict)
    (subject,) = world.state.proposals
    world.vote("bus", subject, "reject")
    world.vote("ev", subject, "reject")
    assert world.state.balances == before
    correct(world)
    assert world.state.balances == before  # only members' shares moved
    assert posted(world)["ev"] > 0


@pytest.mark.parametrize("field", ["totals", "posted_in", "raised_root", "rows", "periods"])
def test_another_correction_than_the_rules_give(field):
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59))
    body, blobs = correction_body(world)
    forged = {**body, "correction": {**body["correction"], field: "2027-01"}}
    refuse(world, "office", "correction-proposed", forged, *blobs, error=SumMismatch)


def test_usage_that_came_between_makes_it_another_correction():
    world, _ = settled()
    submit(world, Row("2026-10", "ev", "late", 59))
    body, blobs = correction_body(world)
    submit(world, Row("2026-10", "bus", "later", 5))
    refuse(world, "office", "correction-proposed", body, *blobs, error=SumMismatch)


def test_usage_that_came_after_the_proposal_is_for_another_correction():
    world, got = settled()
    rows = [Row("2026-10", "ev", "late", 59), Row("2026-10", "bus", "later", 5)]
    submit(world, rows[0])
    body, blobs = correction_body(world)
    world.write("office", "correction-proposed", body, *blobs)
    submit(world, rows[1])
    world.carry("bus", "ev")
    correct(world)
    _, fresh = two_months(in_time=rows)
    assert both(got, posted(world)) == both(fresh, {})


def test_what_the_rules_cannot_divide_is_not_corrected_until_it_is_mended():
    equal_only = LEANING.replace(
        "{id: heads, weight: 10%, key: {kind: equal}}",
        "{id: heads, weight: 10%, key: {kind: proportional, input: trips}}",
    )
    world, _ = settled(equal_only)
    for firm, trips in (("bus", 413), ("ev", 291), ("bike", 137)):
        submit(world, Row("2026-10", firm, "undo", -trips, reverses=f"{firm}-1"))
    with pytest.raises(Infeasible, match="2026-10 cannot be run again"):
        correction_body(world)
    submit(world, Row("2026-10", "bus", "again", 413))
    correct(world)
    assert posted(world)["bus"] > 0


def test_a_correction_without_a_quorum_in_the_charter_is_refused():
    from stages import charter_with_authority

    with pytest.raises(MalformedEntry):
        World(
            charter=charter_with_authority(
                correction_proposed={"write": ["operator"], "approve": None}
            )
        ).found()


def test_states_without_corrections_have_no_trace_of_them():
    document = state_document(State())
    assert "posted" not in str(document)
