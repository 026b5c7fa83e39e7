"""Who may erase what: one's own at once, another's by quorum, nothing twice, and money unmoved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stages import MONTH, batches_of, later_months, refuse, stage

from ledger import canonical
from ledger.coop.erasure import (
    all_erased,
    erased_records,
    newly_erased,
    proposed_erasures,
)
from ledger.coop.state import State, parse_state, state_document, state_hash
from ledger.errors import Conflict, MalformedEntry, NotFound, OutOfRange
from tests.builder import World, record


def world_with_records(count: int = 5) -> tuple[World, int]:
    """A month in which bus has a batch of some records, and its entry index."""
    world = stage("month")
    world.submit("bus", *(record(f"r{number}") for number in range(count)))
    return world, len(world.entries) - 1


def body(batch: int, *records: int, reason: str = "on request") -> dict:
    return {"batch": batch, "records": list(records), "reason": reason}


def test_a_member_erases_its_own_at_once():
    world, batch = world_with_records()
    before = world.state
    change = world.write("bus", "records-erased", body(batch, 1, 2, 4))
    assert erased_records(world.state, batch) == {1, 2, 4}
    assert world.state.erased == {str(batch): ((1, 2), (4, 4))}
    assert newly_erased(before, world.state) == {batch: {1, 2, 4}}
    assert change.member == "bus"
    world.write("bus", "records-erased", body(batch, 0, 3))
    assert world.state.erased == {str(batch): ((0, 4),)}
    assert all_erased(world.state) == {batch: {0, 1, 2, 3, 4}}


@pytest.mark.parametrize("who", ["office", "ev"])
def test_anothers_only_by_quorum(who):
    world, batch = world_with_records()
    before = world.state
    world.write(who, "records-erased", body(batch, 0, 1, 3, reason="left the town"))
    (proposal,) = world.state.proposals.values()
    assert proposal.subject == f"Erase 3 records of batch {batch} of bus: left the town"
    assert proposed_erasures(world.state) == {batch: {0, 1, 3}}
    assert newly_erased(before, world.state) == {}
    world.carry("bus")
    assert erased_records(world.state, batch) == set()
    world.carry("bike")
    assert erased_records(world.state, batch) == {0, 1, 3}
    assert proposed_erasures(world.state) == {}


def test_one_record_reads_as_one():
    world, batch = world_with_records()
    world.write("office", "records-erased", body(batch, 0))
    (proposal,) = world.state.proposals.values()
    assert proposal.subject.startswith("Erase 1 record of batch ")


def test_an_auditor_or_a_town_may_not_even_propose():
    from ledger.errors import NotPermitted

    world, batch = world_with_records()
    for who in ("audit", "town"):
        refuse(world, who, "records-erased", body(batch, 0), error=NotPermitted)


def test_nothing_is_erased_twice():
    world, batch = world_with_records()
    world.write("bus", "records-erased", body(batch, 1, 2))
    error = refuse(world, "bus", "records-erased", body(batch, 0, 2), error=Conflict)
    assert error.details["records"] == [2]
    refuse(world, "office", "records-erased", body(batch, 1), error=Conflict)


def test_a_proposal_is_carried_although_its_owner_was_faster():
    world, batch = world_with_records()
    world.write("office", "records-erased", body(batch, 0, 1))
    world.write("bus", "records-erased", body(batch, 1))
    before = world.state
    world.carry("ev", "bike")
    assert newly_erased(before, world.state) == {batch: {0}}
    assert erased_records(world.state, batch) == {0, 1}


def test_a_proposal_that_is_withdrawn_or_lost_erases_nothing():
    world, batch = world_with_records()
    world.write("office", "records-erased", body(batch, 0))
    hash_ = next(iter(world.state.proposals))
    world.write("office", "proposal-withdrawn", {"subject_hash": hash_, "reason": "not yet"})
    world.write("office", "records-erased", body(batch, 0))
    hash_ = next(iter(world.state.proposals))
    for who in ("ev", "bike"):
        world.vote(who, hash_, "reject")
    assert world.state.proposals == {}
    assert world.state.erased == {}


def test_batches_of_a_member_that_has_left_are_erased_by_quorum():
    world, batch = world_with_records()
    world.write("bus", "member-left", {"member": "bus", "reason": "sold"})
    world.write("office", "records-erased", body(batch, 0))
    world.carry("ev", "bike")
    assert erased_records(world.state, batch) == {0}


WRONG = {
    "beyond the log": (lambda batch: body(batch + 1, 0), NotFound),
    "far beyond the log": (lambda batch: body(2**53 - 1, 0), NotFound),
    "the charter": (lambda batch: body(0, 0), NotFound),
    "beyond the batch": (lambda batch: body(batch, 0, 5), OutOfRange),
    "not ascending": (lambda batch: body(batch, 1, 0), MalformedEntry),
    "twice": (lambda batch: body(batch, 1, 1), MalformedEntry),
    "nothing": (body, MalformedEntry),
    "a negative number": (lambda batch: body(batch, -1), MalformedEntry),
    "no number": (lambda batch: {**body(batch), "records": [True]}, MalformedEntry),
    "a hidden reason": (lambda batch: body(batch, 0, reason="a\u202eb"), MalformedEntry),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_erased(case):
    world, batch = world_with_records()
    make, error = WRONG[case]
    for who in ("bus", "office"):
        refuse(world, who, "records-erased", make(batch), error=error)


def test_the_greatest_batch_is_erased_in_one_entry():
    world = stage("month")
    world.submit("bus", *(record(f"r{number}") for number in range(10_000)))
    batch = len(world.entries) - 1
    world.write("bus", "records-erased", body(batch, *range(10_000)))
    assert world.state.erased == {str(batch): ((0, 9_999),)}
    assert len(world.entries[-1]) < 65_535


def test_the_settlement_is_the_same_to_the_byte_whatever_is_erased():
    from stages import settlement_body

    plain, erased = stage("closed"), stage("closed")
    for member in ("bus", "ev", "bike"):
        for batch in batches_of(erased, member):
            erased.write(member, "records-erased", body(batch, 0))
    assert settlement_body(erased) == settlement_body(plain)
    assert erased.state.periods == plain.state.periods
    assert erased.rows == plain.rows


def test_late_months_and_closed_ones_are_erased_alike():
    world = later_months(3)
    (batch,) = batches_of(world, "bus")
    world.write("bus", "records-erased", body(batch, 0))
    assert world.state.period(MONTH).usage["bus"].records == 1


def test_a_state_without_erasures_hashes_as_before_there_were_any():
    assert "erased" not in state_document(State())
    world, batch = world_with_records()
    assert "erased" not in state_document(world.state)
    before = state_hash(world.state)
    world.write("bus", "records-erased", body(batch, 3))
    assert state_document(world.state)["erased"] == {str(batch): [[3, 3]]}
    assert state_hash(world.state) != before
    assert parse_state(canonical.encode(state_document(world.state))) == world.state


@given(st.lists(st.sets(st.integers(0, 30), min_size=1), max_size=4))
def test_ranges_hold_exactly_what_was_erased(parts):
    from ledger.coop.erasure import _with_erased

    state, wanted = State(), set()
    for part in parts:
        before, state = state, _with_erased(state, 7, part)
        assert newly_erased(before, state).get(7, set()) == part - wanted
        wanted |= part
        assert erased_records(state, 7) == wanted
