"""A state that was read does with every entry what the state that was folded does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.envelope import parse_envelope
from ledger.coop.payable import payable_figures
from ledger.coop.payouts import settled_lines, vault_orders
from ledger.coop.state import State, parse_state, state_document, state_hash
from tests.builder import World
from tests.coop.currencies import CHF, JPY, YEN, set_destinations, settle_month, two_currencies
from tests.coop.held_months import MORE_OF_BOTH, TWO_LINES, closed, settled
from tests.coop.months import Row, correct, open_month, revenue, submit
from tests.coop.payable_months import (
    charged_world,
    result_of,
    settle_december,
    settle_november,
    until_november,
)
from tests.coop.payments import order, report
from tests.coop.stages import MONTH, change_charter, dispute_body, fork, propose
from tests.coop.test_vaults import FIRST, november, paying


def read_again(state: State) -> State:
    return parse_state(canonical.encode(state_document(state)))


def restarted(world: World) -> World:
    """The same world in a process that has read its state from a snapshot."""
    again = fork(world)
    again.state = read_again(world.state)
    return again


def compare_all(world: World) -> State:
    """Fold a log once straight, and each entry also from the state before it, read again."""
    state = State()
    for index, data in enumerate(world.entries):
        envelope = parse_envelope(data)
        document = canonical.encode(state_document(state))
        state = apply(state, envelope, world).state
        from_read = apply(parse_state(document), envelope, world).state
        assert state_document(from_read) == state_document(state), f"entry {index}"
    assert state_hash(state) == state_hash(world.state)
    return state


# Whole logs, entry by entry.


@cache
def disputed_by_two() -> World:
    """October takes effect under two disputes, of which the later one has the lower id."""
    for value in range(501, 600):
        later = {"trips/bus": value}
        world = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH), ("town", later))
        first, second = world.state.disputes
        if second < first:
            break
    assert all(dispute.held for dispute in world.state.disputes.values())
    return world


@cache
def held_by_two() -> World:
    """The same, and what was held is posted with November."""
    world = fork(disputed_by_two())
    open_month(world, "2026-11")
    world.now = max(one.deadline for one in world.state.disputes.values())
    revenue(world, "2026-11", 500_000)
    assert len(world.state.period("2026-11").posted) == 2
    return world


def lost_together(*, voted_last: str = "dispute") -> World:
    """A settlement and a dispute of it that nobody can carry any more once the ev has left."""
    for value in range(500, 600):
        world = closed(TWO_LINES)
        settlement = propose(world)
        claims = [{"where": "totals/trips/bus", "value": value}]
        world.write("town", "dispute-opened", dispute_body(world, claims=claims)[0])
        (dispute,) = world.state.disputes
        if dispute < settlement:
            break
    # A fold has last what was voted on last; whoever reads the state has the dispute first.
    rest = [settlement, dispute] if voted_last == "dispute" else [dispute, settlement]
    for id_ in rest:
        world.vote("bus", id_, "reject")
    assert list(world.state.proposals) == rest
    world.write("ev", "member-left", {"member": "ev", "reason": "sold"})
    assert not world.state.proposals
    return world


def two_orders() -> World:
    """Orders of two months from a vault, and the second vault after it."""
    world = paying()
    order(world, "vault")
    november(world)
    second = order(world, "vault")
    lines = world.state.orders[second].lines
    report(world, dict.fromkeys(lines, "paid"), second)
    change_charter(world, "bus", "ev", period={"grace_days": 3})
    return world


def every_term() -> World:
    """Charges, a dispute that was held, a correction that a month cannot bear, and the debt."""
    world = charged_world()
    until_november(world)
    settle_november(world)
    settle_december(world)
    return world


def francs_then_yen() -> World:
    world = two_currencies((CHF, JPY), rules=YEN)
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    correct(world)
    settle_month(world, "2026-11")
    set_destinations(world, "CHF")
    return world


WORLDS = [
    held_by_two,
    lost_together,
    two_orders,
    *(pytest.param(make, marks=pytest.mark.long) for make in (every_term, francs_then_yen)),
]


@pytest.mark.parametrize("make", WORLDS)
def test_no_entry_tells_a_state_that_was_read_from_one_that_was_folded(
    make: Callable[[], World],
) -> None:
    compare_all(make())


# What the order is.


def test_of_one_line_the_older_dispute_holds_what_both_ask_for() -> None:
    """Also when both were opened in one millisecond, and whatever their ids are."""
    disputes = disputed_by_two().state.disputes.values()
    assert len({dispute.opened_at for dispute in disputes}) == 1
    (held,) = (dispute.held for dispute in disputes if dispute.member == "bus")
    alone = settled(closed(TWO_LINES), ("bus", MORE_OF_BOTH))
    (only,) = alone.state.disputes.values()
    assert held == only.held


@pytest.mark.parametrize("last", ["dispute", "settlement"])
def test_a_lost_settlement_takes_its_disputes_along_whatever_was_voted_on_last(last: str) -> None:
    (dispute,) = lost_together(voted_last=last).state.disputes.values()
    assert (dispute.state, dispute.decisions) == ("rejected", ())


def test_the_lines_of_a_vault_are_settled_oldest_first_by_whoever_read_the_state() -> None:
    for attempt in range(20):
        world = paying()
        world.now = f"2026-11-05T00:00:{attempt:02}.000Z"
        first = order(world, "vault")
        november(world)
        second = order(world, "vault")
        if second < first:
            break
    lines = sorted(world.state.orders[first].lines.items(), key=lambda one: one[1].member)
    account = str(lines[0][1].account)
    reached = lines[0][1].amount_minor + lines[1][1].amount_minor
    for state in (world.state, read_again(world.state)):
        found = settled_lines(vault_orders(state, "JPY", FIRST), {account: reached}, {})
        assert [(one.order, one.line) for one in found] == [(first, id_) for id_, _ in lines[:2]]


def test_what_is_posted_and_held_is_told_in_one_order() -> None:
    world = held_by_two()
    state = world.state
    result = result_of(world, MONTH)
    for member in ("bus", "ev", "bike"):
        part = payable_figures(state, state.period(MONTH), result, member)
        assert part == payable_figures(read_again(state), state.period(MONTH), result, member)
