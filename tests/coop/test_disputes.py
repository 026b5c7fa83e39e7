"""Disputes of a settlement: what they hold, how they end, and that none lasts for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import Row, correct, new_world, open_month, posted, revenue, settle, submit
from stages import MONTH, dispute_body, fork, propose, refuse, settlement_body, stage

from ledger.coop.corrections import due_corrections
from ledger.coop.state import parse_state, state_document
from ledger.errors import (
    Conflict,
    DuplicateId,
    KyojoError,
    MalformedEntry,
    NotFound,
    NotPermitted,
    OutOfRange,
    PeriodClosed,
    QuorumMissing,
)
from tests.builder import RULES, World

PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 10}\n"


def closed(rules: str = RULES) -> World:
    world = new_world(rules)
    world.prepare()
    world.close()
    return world


def proposed(rules: str = RULES) -> World:
    world = closed(rules)
    propose(world)
    return world


def dispute(world: World, who: str = "bus", **changes) -> str:
    body, _ = dispute_body(world, **changes)
    world.write(who, "dispute-opened", body)
    return list(world.state.disputes)[-1]


def approve(world: World) -> None:
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)


def settled(world: World) -> None:
    settlement = world.state.period(MONTH).settlement
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})


def status(world: World) -> str:
    return world.state.period(MONTH).status


def shares(world: World, month: str = MONTH) -> dict[str, int]:
    from ledger import canonical

    _, blobs = settlement_body(world, month)
    totals = canonical.parse(blobs[1][32:])["totals"]["members"]
    return {name: int(amount) for name, amount in totals.items()}


# Who may dispute what.


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"settlement_id": "00" * 32}, Conflict),
        ({"line_ids": ["reserve/bus"]}, OutOfRange),
        ({"line_ids": ["share"]}, MalformedEntry),
        ({"claims": []}, MalformedEntry),
        ({"claims": [{"where": "totals/trips", "value": 1}]}, MalformedEntry),
        ({"claims": [{"where": "totals/smiles/bus", "value": 1}]}, NotFound),
        ({"claims": [{"where": "totals/trips/nobody", "value": 1}]}, NotFound),
        ({"claims": [{"where": "totals/trips/bus", "value": 413}]}, Conflict),
        ({"claims": [{"where": "totals/trips/bus", "value": -1}]}, MalformedEntry),
        ({"claims": [{"where": "totals/trips/bus", "value": 1}] * 2}, DuplicateId),
        ({"period": "2026-11"}, NotFound),
    ],
    ids=str,
)
def test_a_dispute_that_makes_no_sense(changes, error):
    world = stage("disputable")
    refuse(world, "bus", "dispute-opened", dispute_body(world, **changes)[0], error=error)


@pytest.mark.parametrize("table", ["revenue/fares", "costs/platform/bus", "funding/network/ev"])
def test_every_kind_of_figure_can_be_disputed(table):
    world = proposed()
    id_ = dispute(world, claims=[{"where": table, "value": 20_000}])
    assert world.state.disputes[id_].state == "open"


def test_a_dispute_of_what_the_rules_cannot_divide():
    world = proposed()
    claims = [{"where": f"totals/trips/{who}", "value": 0} for who in ("bus", "ev", "bike")]
    body, _ = dispute_body(world, claims=claims)
    before = world.state
    with pytest.raises(KyojoError) as caught:
        world.write("bus", "dispute-opened", body)
    assert caught.value.code == "no-weights"
    assert world.state is before


def test_before_a_proposal_and_after_the_settlement_there_is_nothing_to_dispute():
    world = proposed()
    body, _ = dispute_body(world)
    approve(world)
    settled(world)
    refuse(world, "bus", "dispute-opened", body, error=PeriodClosed)


def test_a_member_disputes_a_settlement_once():
    world = proposed()
    id_ = dispute(world)
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
    refuse(world, "bus", "dispute-opened", dispute_body(world)[0], error=DuplicateId)
    dispute(world, "ev")


def test_an_approved_settlement_is_disputed_within_its_objection_time():
    rules = RULES + "approval: {threshold: 2/3, objection_days: 3}\n"
    world = proposed(rules)
    approve(world)
    early = fork(world)
    early.now = "2026-11-03T23:59:59.999Z"
    dispute(early)
    assert status(early) == "disputed"
    world.now = "2026-11-04T00:00:00.000Z"
    refuse(world, "bus", "dispute-opened", dispute_body(world)[0], error=PeriodClosed)


# How it ends.


@pytest.mark.parametrize("before", ["proposed", "approved"])
@pytest.mark.parametrize("how", ["withdrawn", "taken back", "rejected", "deadline"])
def test_every_end_but_one_lets_the_settlement_go_on(before, how):
    world = proposed(RULES + "approval: {threshold: 2/3, objection_days: 1}\n")
    if before == "approved":
        approve(world)
    id_ = dispute(world)
    assert status(world) == "disputed"
    if how == "withdrawn":
        world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
    elif how == "taken back":
        world.write("bus", "proposal-withdrawn", {"subject_hash": id_, "reason": "x"})
    elif how == "rejected":
        world.vote("ev", id_, "reject")
        world.vote("bike", id_, "reject")
    else:
        world.now = world.state.disputes[id_].deadline
        open_month(world, "2026-11")
    assert status(world) == before
    ended = "withdrawn" if how == "taken back" else "rejected" if how == "deadline" else how
    assert world.state.disputes[id_].state == ended
    assert id_ not in world.state.proposals
    if before == "proposed":
        approve(world)
    world.now = "2026-11-20T00:00:00.000Z"
    settled(world)


def test_no_member_freezes_a_month_for_ever():
    """Each disputes once, at the last moment; then the deadline lets it go."""
    world = proposed(RULES + "approval: {threshold: 2/3, objection_days: 1, dispute_days: 2}\n")
    approve(world)
    for day, who in ((1, "bus"), (1, "ev"), (1, "bike"), (1, "town")):
        world.now = f"2026-11-0{day}T23:59:59.999Z"
        dispute(world, who)
    for who in ("bus", "ev", "bike", "town"):
        refuse(world, who, "dispute-opened", dispute_body(world)[0], error=DuplicateId)
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    refuse(world, "office", "settlement-settled", body, error=PeriodClosed)
    world.now = "2026-11-04T00:00:00.000Z"
    settled(world)
    assert {one.state for one in world.state.disputes.values()} == {"rejected"}


def test_votes_on_a_disputed_settlement_count():
    world = proposed()
    id_ = dispute(world)
    approve(world)
    assert status(world) == "disputed"
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
    assert status(world) == "approved"
    settled(world)


def test_a_rejected_settlement_takes_its_disputes_with_it():
    world = proposed()
    id_ = dispute(world)
    settlement = str(world.state.period(MONTH).settlement)
    world.vote("ev", settlement, "reject")
    world.vote("bike", settlement, "reject")
    assert status(world) == "closed"
    assert world.state.disputes[id_].state == "rejected"
    propose(world)
    assert status(world) == "proposed"


def test_a_settlement_and_its_dispute_that_are_lost_at_once_both_end():
    world = stage("disputed")
    settlement, (id_,) = str(world.state.period(MONTH).settlement), world.state.disputes
    for hash_ in (settlement, id_):
        world.vote("bike", hash_, "reject")
    world.write("ev", "member-left", {"member": "ev", "reason": "sold"})
    assert status(world) == "closed"
    assert world.state.disputes[id_].state == "rejected"
    assert world.state.proposals == {}


def test_an_answer_is_somebody_elses():
    world = stage("disputed")
    (id_,) = world.state.disputes
    body = {"dispute": id_, "answer": "no", "evidence_hash": None}
    refuse(world, "bus", "dispute-answered", body, error=NotPermitted)
    refuse(world, "ev", "dispute-answered", {**body, "dispute": "00" * 32}, error=NotFound)
    world.write("ev", "dispute-answered", body)
    assert world.state.disputes[id_].state == "answered"
    taken = {"dispute": id_, "reason": "x"}
    refuse(world, "ev", "dispute-withdrawn", taken, error=NotPermitted)
    world.write("bus", "dispute-withdrawn", taken)
    refuse(world, "ev", "dispute-answered", body, error=Conflict)


# Upheld.


def test_upheld_before_the_approval_the_settlement_falls_and_the_next_has_the_right_inputs():
    world = proposed()
    wrong = str(world.state.period(MONTH).settlement)
    id_ = dispute(world)
    world.carry("bus", "ev")
    assert world.state.disputes[id_].state == "upheld"
    assert world.state.disputes[id_].decisions == ("bus", "ev")
    assert status(world) == "closed"
    assert wrong not in world.state.proposals
    right = new_world(RULES)
    right.prepare()
    submit(right, Row(MONTH, "bus", "more", 87))
    right.close()
    assert shares(world) == shares(right)
    propose(world)
    approve(world)
    settled(world)
    assert due_corrections(world.state, world) == []


def test_upheld_after_the_approval_the_settlement_stands_and_a_correction_follows():
    world = proposed(RULES + "approval: {threshold: 2/3, objection_days: 1}\n")
    before = shares_of_proposed(world)
    approve(world)
    dispute(world)
    world.carry("bus", "ev")
    assert status(world) == "approved"
    world.now = "2026-11-03T00:00:00.000Z"
    settled(world)
    open_month(world, "2026-11")
    assert due_corrections(world.state, world) == [MONTH]
    correct(world)
    right = new_world(RULES)
    right.prepare()
    submit(right, Row(MONTH, "bus", "more", 87))
    right.close()
    together = {name: before[name] + posted(world).get(name, 0) for name in before}
    assert together == shares(right)
    assert due_corrections(world.state, world) == []


FIGURE = "totals/trips/bus"


def claiming(value: int) -> dict[str, object]:
    return {"claims": [{"where": FIGURE, "value": value}]}


def paid_with_disputes(*values: int) -> tuple[World, list[str], dict[str, int]]:
    """October in effect with one open dispute of the bus's trips per value, and what it paid."""
    world = proposed(PAYING)
    paid = shares_of_proposed(world)
    members = ("bus", "town", "ev", "bike")[: len(values)]
    for who, value in zip(members, values, strict=True):
        dispute(world, who, **claiming(value))
    approve(world)
    settled(world)
    for one in world.state.disputes.values():
        paid = {name: amount - one.held.get(name, 0) for name, amount in paid.items()}
    open_month(world, "2026-11")
    return world, list(world.state.disputes), paid


def with_posted(world: World, paid: dict[str, int]) -> dict[str, int]:
    return {name: amount + posted(world).get(name, 0) for name, amount in paid.items()}


def uphold(world: World, id_: str) -> None:
    for who in ("bus", "ev"):
        world.vote(who, id_)


def shares_with_trips(trips: int) -> dict[str, int]:
    """What a month gives in which the bus had so many trips to begin with; at least 413."""
    right = new_world(PAYING)
    right.prepare()
    if trips > 413:
        submit(right, Row(MONTH, "bus", "more", trips - 413))
    right.close()
    return shares(right)


def test_the_same_claim_upheld_for_one_is_upheld_for_all_that_make_it():
    world, (first, second), _ = paid_with_disputes(500, 500)
    uphold(world, first)
    ended = world.state.disputes[second]
    assert (ended.state, ended.decisions) == ("upheld", ("bus", "ev"))
    assert second not in world.state.proposals
    assert world.state.period(MONTH).amended == {FIGURE: 87}


def test_before_it_takes_effect_a_settlement_goes_on_once_the_same_claims_are_answered():
    world = proposed(RULES + "approval: {threshold: 2/3, objection_days: 1}\n")
    approve(world)
    first, _ = dispute(world), dispute(world, "town")
    uphold(world, first)
    assert status(world) == "approved"
    assert world.state.period(MONTH).amended == {FIGURE: 87}
    body = dispute_body(world)[0]
    refuse(world, "ev", "dispute-opened", body, error=Conflict)


def test_claims_that_contradict_each_other_are_not_added():
    world, (first, second), paid = paid_with_disputes(450, 500)
    uphold(world, first)
    correct(world)
    assert world.state.disputes[second].state == "open"
    uphold(world, second)
    correct(world)
    assert with_posted(world, paid) == shares_with_trips(500)


def test_late_usage_is_added_to_a_claim_and_reversed_by_whoever_sent_it():
    world, (first,), paid = paid_with_disputes(500)
    submit(world, Row(MONTH, "bus", "more", 87))
    uphold(world, first)
    correct(world)
    assert with_posted(world, paid) == shares_with_trips(587)
    submit(world, Row(MONTH, "bus", "back", -87, reverses="more"))
    correct(world)
    assert with_posted(world, paid) == shares_with_trips(500)


@settings(max_examples=8, deadline=None)
@given(
    values=st.lists(st.sampled_from([0, 100, 400, 500]), min_size=2, max_size=3),
    order=st.permutations([0, 1, 2]),
    between=st.booleans(),
)
def test_in_any_order_the_figure_is_what_the_last_upheld_claim_says(values, order, between):
    world, ids, _ = paid_with_disputes(*values)
    last = None
    for at in (one for one in order if one < len(values)):
        if world.state.disputes[ids[at]].state == "open":
            uphold(world, ids[at])
            last = values[at]
        if between and due_corrections(world.state, world):
            correct(world)
    assert 413 + world.state.period(MONTH).amended.get(FIGURE, 0) == last
    if due_corrections(world.state, world):
        correct(world)
    assert due_corrections(world.state, world) == []
    run = world.state.period(MONTH).run
    assert run is not None
    assert 413 + run.amended.get(FIGURE, 0) == last


def shares_of_proposed(world: World) -> dict[str, int]:
    """What members get by the settlement that is proposed."""
    from ledger import canonical
    from ledger.coop.envelope import parse_envelope

    for data in reversed(world.entries):
        draft = parse_envelope(data).draft
        if draft.kind == "settlement-proposed":
            blob = world.blob(draft.body["lines"]["sha256"])
            totals = canonical.parse(blob[32:])["totals"]["members"]
            return {name: int(amount) for name, amount in totals.items()}
    raise AssertionError


# Paying what is not disputed.


def test_only_what_lines_could_lose_is_held_and_released_when_it_is_over():
    world = proposed(PAYING)
    before = shares_of_proposed(world)
    id_ = dispute(world)
    assert status(world) == "proposed"
    approve(world)
    settled(world)
    asked = new_world(PAYING)
    asked.prepare()
    submit(asked, Row(MONTH, "bus", "more", 87))
    asked.close()
    after = shares(asked)
    held = world.state.disputes[id_].held
    # Bus asks for more: what the others would lose, and nothing of bus, waits in suspense.
    assert held == {who: before[who] - after[who] for who in ("bike", "ev")}
    assert sum(held.values()) == after["bus"] - before["bus"]
    open_month(world, "2026-11")
    assert world.state.disputes[id_].held == held
    world.now = world.state.disputes[id_].deadline
    revenue(world, "2026-11", 1_000)
    assert world.state.disputes[id_].held == {}
    assert posted(world) == held


def test_upheld_after_payment_what_was_held_pays_the_correction():
    world = proposed(PAYING)
    id_ = dispute(world)
    approve(world)
    settled(world)
    open_month(world, "2026-11")
    held = dict(world.state.disputes[id_].held)
    for who in ("bus", "ev"):
        world.vote(who, id_)
    correct(world)
    net = posted(world)
    assert {name: amount for name, amount in net.items() if name in held} == dict.fromkeys(held, 0)
    assert net["bus"] == sum(held.values())


def test_the_worst_case_of_several_disputes_is_held_once():
    world = proposed(PAYING)
    first = dispute(world)
    second = dispute(world, "town", claims=[{"where": "totals/trips/bus", "value": 450}])
    approve(world)
    settled(world)
    disputes = world.state.disputes
    assert disputes[second].held == {}  # what it asks for is within what the first holds
    alone = proposed(PAYING)
    only = dispute(alone)
    approve(alone)
    settled(alone)
    assert disputes[first].held == alone.state.disputes[only].held


def test_what_is_held_stays_held_without_a_month_to_post_it_in():
    world = proposed(PAYING)
    id_ = dispute(world)
    approve(world)
    settled(world)
    held = dict(world.state.disputes[id_].held)
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
    confirm = {"id": "hub-2", "name": {"ja": "二", "en": "Two"}, "owner": None}
    world.write("office", "facility-registered", confirm)
    assert world.state.disputes[id_].held == held
    open_month(world, "2026-11")
    revenue(world, "2026-11", 1_000)
    assert world.state.disputes[id_].held == {}
    submit(world, Row("2026-11", "ev", "nov", 10))
    got = settle(world, "2026-11")
    together = {name: amount + held.get(name, 0) for name, amount in got.items()}
    assert world.state.period("2026-11").paid == together


def test_a_snapshot_with_disputes_is_read_back():
    from ledger import canonical

    world = stage("disputed")
    assert parse_state(canonical.encode(state_document(world.state))) == world.state


def test_a_settlement_that_is_disputed_is_not_settled():
    world = proposed()
    approve(world)
    fork_ = fork(world)
    settled(fork_)
    with pytest.raises((PeriodClosed, QuorumMissing)):
        dispute(fork_)
