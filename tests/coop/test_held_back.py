"""How much a dispute holds back: what a member would lose by it, and never more than it is paid."""

from __future__ import annotations

import pytest

from tests.builder import FIRMS
from tests.coop.held_months import (
    CHARGED,
    METERED,
    MORE_OF_BOTH,
    TWO_LINES,
    closed,
    held,
    losses,
    nets,
    settled,
)
from tests.coop.months import correct, open_month, posted


def test_who_gains_by_an_outcome_is_held_for_none_of_its_lines():
    world = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH))
    before, after = nets(world), nets(closed(TWO_LINES, bus=(500, 100), ev=(291, 600)))
    assert after["ev"] > before["ev"]  # more of the energy, and less of the trips
    assert held(world) == losses(before, after)
    assert held(world)["bike"] > 0


def test_the_same_claim_of_two_members_is_held_once_as_what_they_lose():
    world = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH), ("town", MORE_OF_BOTH))
    alone = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH))
    assert held(world) == held(alone)


def test_a_claim_that_brings_no_gain_is_held_beside_one_that_does():
    """The ev gains by the first; by the second alone it loses, and that is held."""
    only = {"trips/bus": 500}
    world = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH), ("town", only))
    after = nets(closed(TWO_LINES, bus=(500, 100)))
    assert held(world)["ev"] == losses(nets(world), after)["ev"] > 0


def test_upheld_the_correction_finds_what_was_held():
    world = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH))
    before, after = nets(world), nets(closed(TWO_LINES, bus=(500, 100), ev=(291, 600)))
    open_month(world, "2026-11")
    (id_,) = world.state.disputes
    for who in ("bus", "ev"):
        world.vote(who, id_)
    correct(world)
    paid = {firm: before[firm] - losses(before, after)[firm] for firm in FIRMS}
    assert {firm: paid[firm] + posted(world).get(firm, 0) for firm in FIRMS} == after
    assert all(amount >= 0 for amount in posted(world).values())


@pytest.mark.parametrize("payouts", [True, False])
def test_no_more_is_held_than_the_settlement_pays_after_its_charges(payouts: bool):
    claim = {"trips/ev": 0}
    world = closed(CHARGED, payouts=payouts)
    before = nets(world)
    settled(world, ("bus", claim))
    after = nets(closed(CHARGED, ev=(0, 300)))
    assert losses(before, after)["ev"] > before["ev"] > 0  # it would owe the charge
    assert held(world)["ev"] == before["ev"]


@pytest.mark.parametrize("payouts", [True, False])
def test_several_disputes_together_hold_no_more_than_is_paid(payouts: bool):
    """One takes the ev's share, the other adds to what it is charged."""
    claims = ({"trips/ev": 0}, {"trips/ev": 1, "trips/bike": 900})
    world = closed(CHARGED, payouts=payouts)
    before = nets(world)
    settled(world, ("bus", claims[0]), ("town", claims[1]))
    assert held(world)["ev"] == before["ev"]
    assert all(amount <= before[firm] for firm, amount in held(world).items())


def test_what_is_metered_is_no_money_to_be_held():
    world = settled(closed(METERED), ("bus", {"trips/bus": 4_130}))
    before, after = nets(world), nets(closed(METERED, bus=(4_130, 100)))
    assert held(world) == losses(before, after)
    assert held(world)["ev"] > 0
