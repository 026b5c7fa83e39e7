"""What became of ordered lines, the bank's one file of them, and what may no longer be paid."""

from __future__ import annotations

import pytest

from ledger import canonical
from ledger.coop.dues import payable
from ledger.errors import (
    AlreadyExported,
    Conflict,
    DuplicateId,
    MalformedEntry,
    NotFound,
    SumMismatch,
)
from tests.builder import SALT, blob_ref
from tests.coop.payments import dues, lines_of, order, report
from tests.coop.payout_bodies import export_body, results_body, set_destination
from tests.coop.stages import refuse, stage

EVM = {"type": "evm", "address": "0x" + "55" * 20}


def test_paid_and_returned_lines_and_the_return_is_ordered_again():
    world = stage("exported")
    (first,) = world.state.orders
    lines = lines_of(world, first)
    due = dues(world, "ev").due
    report(world, {lines["bus"][0]: "paid", lines["ev"][0]: "returned"})
    assert dues(world, "bus").paid == dues(world, "bus").due
    assert (dues(world, "ev").ordered, dues(world, "ev").returned) == (0, due)
    assert payable(world.state, "JPY") == {"ev": due}
    again = lines_of(world, order(world))
    assert again.keys() == {"ev"}
    assert again["ev"][1].attempt == 1
    assert again["ev"][0] != lines["ev"][0]


def test_a_bank_may_return_what_it_had_paid_and_a_false_return_is_taken_back():
    world = stage("exported")
    (first,) = world.state.orders
    id_, line = lines_of(world, first)["ev"]
    report(world, {id_: "paid"})
    report(world, {id_: "returned"})
    assert payable(world.state, "JPY") == {"ev": line.amount_minor}
    report(world, {id_: "paid"})
    assert payable(world.state, "JPY") == {}
    report(world, {id_: "returned"})
    order(world)
    body, blobs = results_body(world, {id_: "paid"}, first)
    refuse(world, "office", "payout-resulted", body, *blobs, error=Conflict)


def test_reports_that_change_nothing_or_make_no_sense():
    world = stage("exported")
    (first,) = world.state.orders
    id_, _ = lines_of(world, first)["ev"]
    body, blobs = results_body(world, {id_: "paid"})
    less = {**body, "paid_minor": body["paid_minor"] - 1}
    refuse(world, "office", "payout-resulted", less, *blobs, error=SumMismatch)
    refuse(world, "office", "payout-resulted", {**body, "order": "00" * 32}, *blobs, error=NotFound)
    content = canonical.parse(blobs[0][32:])
    rows = content["results"]
    for changed, error in (
        ({**content, "results": rows * 2}, DuplicateId),
        ({**content, "results": [{**rows[0], "id": "202610-aaaa"}]}, NotFound),
        ({**content, "results": [{**rows[0], "outcome": "lost"}]}, MalformedEntry),
        ({**content, "results": []}, MalformedEntry),
        ({**content, "order": "00" * 32}, MalformedEntry),
        ([], MalformedEntry),
    ):
        blob = SALT + canonical.encode(changed)
        named = {**body, "results": blob_ref(blob)}
        refuse(world, "office", "payout-resulted", named, blob, error=error)
    report(world, {id_: "paid"})
    refuse(world, "office", "payout-resulted", body, *blobs, error=DuplicateId)


def test_of_two_reports_of_one_line_the_second_fails():
    world = stage("exported")
    (first,) = world.state.orders
    id_, _ = lines_of(world, first)["ev"]
    for _ in range(2):
        body, blobs = results_body(world, {id_: "paid"})
        world.write("office", "payout-resulted", body, *blobs)
    one, other = world.state.proposals
    world.vote("audit", one)
    with pytest.raises(Conflict, match="was ordered when this was reported and is paid now"):
        world.vote("audit", other)


def test_a_report_has_a_payment_and_its_return():
    world = stage("exported")
    (first,) = world.state.orders
    id_, line = lines_of(world, first)["ev"]
    body, (blob,) = results_body(world, {id_: "returned"})
    document = canonical.parse(blob[32:])
    (row,) = document["results"]
    rows = [{**row, "outcome": "paid"}, {**row, "date": "2026-11-12"}]
    both = SALT + canonical.encode({**document, "results": rows})
    world.write("office", "payout-resulted", {**body, "results": blob_ref(both)}, both)
    world.carry("audit")
    assert world.state.orders[first].lines[id_].state == "returned"
    assert (dues(world, "ev").paid, dues(world, "ev").returned) == (0, line.amount_minor)


def test_reports_confirmed_out_of_order_leave_no_false_state():
    """Paid, then returned: confirmed the other way round, the older report must not win."""
    world = stage("exported")
    (first,) = world.state.orders
    id_, line = lines_of(world, first)["ev"]
    for outcome in ("paid", "returned"):
        body, blobs = results_body(world, {id_: outcome})
        world.write("office", "payout-resulted", body, *blobs)
    paid, returned = world.state.proposals
    world.vote("audit", returned)
    before = world.state
    with pytest.raises(Conflict, match="is returned now"):
        world.vote("audit", paid)
    assert world.state is before
    assert payable(world.state, "JPY") == {"ev": line.amount_minor}
    world.write("office", "proposal-withdrawn", {"subject_hash": paid, "reason": "late"})
    assert order(world) in world.state.orders


def test_a_report_does_not_take_what_was_paid_and_came_back_since():
    """A return that waits from before must not take a later payment of the same line."""
    world = stage("exported")
    (first,) = world.state.orders
    id_, line = lines_of(world, first)["ev"]
    body, blobs = results_body(world, {id_: "returned"})
    world.write("office", "payout-resulted", body, *blobs)
    (stale,) = world.state.proposals
    again, blobs = results_body(world, {id_: "paid"})
    world.write("office", "payout-resulted", again, *blobs)
    world.vote("audit", next(reversed(world.state.proposals)))
    with pytest.raises(Conflict, match="is paid now"):
        world.vote("audit", stale)
    assert dues(world, "ev").paid == line.amount_minor


# The bank's file.


def test_an_order_is_exported_once_in_a_format_of_its_method():
    world = stage("ordered")
    (first,) = world.state.orders
    body, blobs = export_body(world)
    other, _ = export_body(world, form="pain.001.001.09")
    refuse(world, "office", "payout-exported", other, *blobs, error=MalformedEntry)
    strange = {**body, "order": "00" * 32}
    refuse(world, "office", "payout-exported", strange, *blobs, error=NotFound)
    world.write("office", "payout-exported", body, *blobs)
    file = world.state.orders[first].file
    assert file is not None
    assert (file.format, file.pay_on) == ("zengin", "2026-11-10")
    other, blobs = export_body(world, form="csv")
    refuse(world, "office", "payout-exported", other, *blobs, error=AlreadyExported)


def test_what_came_back_and_was_ordered_again_is_in_no_other_file():
    """Cancelled before any bank knew it: the money is in the next order, and in one file."""
    world = stage("ordered")
    (first,) = world.state.orders
    ids = list(world.state.orders[first].lines)
    wanted = sum(line.amount_minor for line in world.state.orders[first].lines.values())
    cancelled, blobs = results_body(world, dict.fromkeys(ids, "returned"))
    world.write("office", "payout-resulted", cancelled, *blobs)
    body, file = export_body(world, first)
    with pytest.raises(Conflict, match="waits to be confirmed"):
        world.write("office", "payout-exported", body, *file)
    world.carry("audit")
    again = order(world)
    assert sum(one.amount_minor for one in world.state.orders[again].lines.values()) == wanted
    body, file = export_body(world, again)
    world.write("office", "payout-exported", body, *file)
    body, file = export_body(world, first)
    with pytest.raises(Conflict, match="are returned"):
        world.write("office", "payout-exported", body, *file)
    assert world.state.orders[first].file is None


@pytest.mark.parametrize("outcome", ["paid", "returned"])
def test_an_order_that_no_bank_has_is_only_cancelled_whole(outcome):
    world = stage("ordered")
    (first,) = world.state.orders
    some = {id_: outcome for id_, _ in lines_of(world, first).values()}
    if outcome == "returned":
        some.popitem()
    body, blobs = results_body(world, some)
    refuse(world, "office", "payout-resulted", body, *blobs, error=Conflict)


def test_claims_in_the_vault_take_no_file():
    world = stage("payable")
    set_destination(world, "bus", EVM)
    id_ = order(world, "vault")
    body, blobs = export_body(world, id_, "csv")
    refuse(world, "office", "payout-exported", body, *blobs, error=MalformedEntry)
