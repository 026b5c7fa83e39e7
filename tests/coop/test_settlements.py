"""Settlements and anchors: computed again, byte for byte, before they are taken."""

from __future__ import annotations

import json

import pytest
from stages import (
    MONTH,
    fork,
    later_months,
    propose,
    refuse,
    settlement_body,
    stage,
    world_with,
)

from ledger.errors import (
    Conflict,
    KyojoError,
    MalformedEntry,
    PeriodClosed,
    QuorumMissing,
    SumMismatch,
    UnknownField,
)
from tests.builder import blob_ref, record

DAY_LATER = "2026-11-02T00:00:00.000Z"
TERMS = {"decided_by": "end", "grace_days": 1, "objection_days": 3, "lookback_periods": 2}


# Settlements.


def test_a_month_is_settled_and_its_balances_move():
    world = stage("settled")
    assert world.state.period(MONTH).status == "settled"
    assert world.state.balances["JPY"].funds == {"fund.reserve": 48_000}


def test_no_settlement_before_the_cut_off():
    world = stage("closed")
    body, blobs = settlement_body(world)
    for name in ("month", "closing"):
        refuse(stage(name), "office", "settlement-proposed", body, *blobs, error=PeriodClosed)


def moved(document, path, change):
    """A copy of a document with one place changed."""
    found = json.loads(json.dumps(document))
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change(place[path[-1]])
    return found


def places(document, path=()):
    """Every place of a document that holds a number or a text."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))
    else:
        yield path


def test_a_settlement_in_which_any_one_thing_differs():
    world = stage("closed")
    body, blobs = settlement_body(world)
    changed = 0
    for path in places(body["settlement"]):
        if path == ("period",):
            continue

        def change(value):
            if isinstance(value, bool) or value is None:
                return "x"
            return value + 1 if isinstance(value, int) else value + "0"

        document = moved(body["settlement"], path, change)
        wrong = {**body, "settlement": document}
        # A blob of another name would have to come with the entry.
        error = MalformedEntry if path == ("lines", "sha256") else SumMismatch
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=error)
        changed += 1
    assert changed > 10
    with pytest.raises(KyojoError):
        world.write("office", "settlement-proposed", {**body, "settlement": {}}, *blobs)
    extra = {**body, "settlement": {**body["settlement"], "note": "x"}}
    refuse(world, "office", "settlement-proposed", extra, *blobs, error=SumMismatch)


def test_true_is_not_one():
    world = stage("closed")
    body, blobs = settlement_body(world)
    ones = [p for p in places(body["settlement"]) if _at(body["settlement"], p) == 1]
    for path in ones:
        wrong = {**body, "settlement": moved(body["settlement"], path, bool)}
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=SumMismatch)
    assert ones


def _at(document, path):
    for name in path:
        document = document[name]
    return document


def test_a_settlement_of_another_period():
    world = stage("closed")
    body, blobs = settlement_body(world)
    for period in ("2026-09", 5, None):
        document = {**body["settlement"], "period": period}
        wrong = {**body, "settlement": document}
        refuse(world, "office", "settlement-proposed", wrong, *blobs, error=MalformedEntry)


@pytest.mark.parametrize("name", ["inputs", "lines"])
def test_a_settlement_with_another_blob(name):
    world = stage("closed")
    body, blobs = settlement_body(world)
    other = b"another blob"
    wrong = {**body, name: blob_ref(other)}
    # The settlement itself goes on naming the true lines.
    kept = [blob for blob in blobs if name == "lines" or blob_ref(blob) != body[name]]
    refuse(world, "office", "settlement-proposed", wrong, other, *kept, error=SumMismatch)


@pytest.mark.parametrize("seed", [b"\x01" * 32, b"\x01" * 31, b"x", b"\x01" * 33])
def test_a_settlement_with_another_seed(seed):
    world = stage("closed")
    body, blobs = settlement_body(world)
    wrong = {**body, "seed": blob_ref(seed)}
    with pytest.raises(KyojoError):
        world.write("office", "settlement-proposed", wrong, *blobs[:2], seed)
    assert world.state.period(MONTH).status == "closed"


def test_another_seed_gives_another_settlement_of_the_same_money():
    world = stage("closed")
    one, two = settlement_body(world)[0], settlement_body(world, seed=b"\x02" * 32)[0]
    assert one["settlement"] != two["settlement"]
    other = fork(world)
    propose(world)
    propose(other, seed=b"\x02" * 32)
    subjects = {p.subject for w in (world, other) for p in w.state.proposals.values()}
    assert len(subjects) == 1


def test_late_usage_does_not_move_the_settlement():
    world = stage("closed")
    body, _ = settlement_body(world)
    world.submit("bus", record("late", measures={"trips": 999}))
    assert settlement_body(world)[0] == body


def test_a_second_proposal_while_one_is_open():
    world = stage("proposed")
    body, blobs = settlement_body(stage("closed"), seed=b"\x02" * 32)
    refuse(world, "office", "settlement-proposed", body, *blobs, error=PeriodClosed)


def test_a_rejected_settlement_can_be_proposed_again():
    world = stage("proposed")
    settlement = world.state.period(MONTH).settlement
    world.vote("bus", settlement, "reject")
    world.vote("ev", settlement, "reject")
    period = world.state.period(MONTH)
    assert (period.status, period.settlement, period.proposed_at) == ("closed", None, None)
    assert propose(world) == settlement  # the same cut-off and seed: the same settlement
    world.carry("bus", "ev")
    assert world.state.period(MONTH).status == "approved"


@pytest.mark.parametrize("name", ["month", "closing", "closed", "proposed", "settled"])
def test_only_an_approved_settlement_is_settled(name):
    world = stage(name)
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement or "00" * 32}
    refuse(world, "office", "settlement-settled", body, error=QuorumMissing)


def test_another_settlement_than_the_approved_one():
    body = {"period": MONTH, "settlement_id": "00" * 32}
    refuse(stage("approved"), "office", "settlement-settled", body, error=Conflict)


def test_the_objection_time_is_kept_to_the_instant():
    world = world_with(period={**TERMS, "grace_days": 0})
    world.close()
    settlement = propose(world)
    world.carry("bus", "ev")
    body = {"period": MONTH, "settlement_id": settlement}
    world.now = "2026-11-03T23:59:59.999Z"
    refuse(world, "office", "settlement-settled", body, error=PeriodClosed)
    world.now = "2026-11-04T00:00:00.000Z"
    world.write("office", "settlement-settled", body)


def test_months_are_settled_in_order():
    world = later_months(1)
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    with pytest.raises(Conflict):
        settlement_body(world, "2026-11")
    propose(world)
    world.carry("bus", "ev")
    body = {"period": MONTH, "settlement_id": world.state.period(MONTH).settlement}
    world.write("office", "settlement-settled", body)
    after, blobs = settlement_body(world, "2026-11")
    world.write("office", "settlement-proposed", after, *blobs)
    assert world.state.period("2026-11").status == "proposed"


# Anchors.


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"chain_id": 1}, UnknownField),
        ({"contract": "0x" + "12" * 20}, UnknownField),
        ({"root": "00" * 32}, KyojoError),
        ({"size": 6}, KyojoError),
        ({"size": 10_000}, KyojoError),
        ({"size": 0}, MalformedEntry),
    ],
    ids=str,
)
def test_an_anchor_that_is_not_ours(change, error):
    from stages import CASES

    world = stage("month")
    body, blobs = CASES["anchor-recorded"].make(world)
    before = world.state
    with pytest.raises(error) as caught:
        world.write("office", "anchor-recorded", {**body, **change}, *blobs)
    assert caught.value.code in ("anchor-mismatch", error.code)
    assert world.state is before


def test_an_anchor_does_not_go_back():
    from stages import CASES

    world = stage("month")
    body, blobs = CASES["anchor-recorded"].make(world)
    world.write("office", "anchor-recorded", body, *blobs)
    for size in (5, 4):
        again = {**body, "size": size, "root": world.root(size).hex()}
        refuse(world, "office", "anchor-recorded", again, *blobs, error=Conflict)
