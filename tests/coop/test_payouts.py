"""Payouts: what is payable, orders that are derived again, and what became of their lines."""

from __future__ import annotations

import pytest

from ledger import canonical
from ledger.coop.charter import Charter
from ledger.coop.destinations import destination_hash, destination_in_force
from ledger.coop.dues import payable
from ledger.coop.payouts import derive_order, vault_totals
from ledger.coop.state import state_document
from ledger.errors import (
    AlreadyExported,
    Conflict,
    DuplicateId,
    MalformedEntry,
    NotFound,
    NotPermitted,
    SumMismatch,
)
from ledger.period import add_days
from tests.builder import RULES, SALT, World, authority, blob_ref, charter
from tests.coop.months import Row, correct, new_world, open_month, revenue, settle, submit
from tests.coop.payments import dues, export, lines_of, order, report
from tests.coop.payout_bodies import export_body, order_body, results_body, set_destination
from tests.coop.stages import (
    MONTH,
    admit,
    dispute_body,
    propose,
    refuse,
    stage,
)

GOT = {"bike": 214_734, "bus": 401_088, "ev": 308_819}
PAYING = RULES + "approval: {threshold: 2/3, pay_undisputed: true, dispute_days: 10}\n"
EVM = {"type": "evm", "address": "0x" + "55" * 20}
OTHER_EVM = {"type": "evm", "address": "0x" + "66" * 20}


def world_with_delay(days: int) -> World:
    """October settled, of a co-op in which a destination counts after some days."""
    terms = charter(authority=authority(), payouts={"destination_days": days})
    world = World(charter=terms)
    world.prepare()
    settle(world, MONTH)
    return world


# What is payable.


def test_a_settled_month_is_due_to_its_members():
    world = stage("payable")
    paid = dict(world.state.period(MONTH).paid)
    assert {member: dues(world, member).due for member in paid} == paid
    assert payable(world.state, "JPY") == paid
    assert sum(paid.values()) > 900_000


def test_a_charter_without_payouts_keeps_no_dues():
    without = {name: right for name, right in authority().items() if name != "payout-ordered"}
    world = World(charter=charter(authority=without))
    world.prepare()
    settle(world, MONTH)
    assert world.state.dues == {}
    assert world.state.period(MONTH).paid == {}
    assert not {"dues", "orders"} & state_document(world.state).keys()


def test_an_order_pays_all_that_is_due_once():
    world = stage("payable")
    wanted = payable(world.state, "JPY")
    id_ = order(world)
    lines = lines_of(world, id_)
    assert {member: line.amount_minor for member, (_, line) in lines.items()} == wanted
    assert {dues(world, member).ordered for member in wanted} == set(wanted.values())
    assert payable(world.state, "JPY") == {}
    with pytest.raises(Conflict, match="nothing is to be paid"):
        derive_order(world.state, "JPY", "bank", world.now)


def test_the_subject_says_what_is_paid():
    world = stage("payable")
    id_ = order(world, approve=False)
    total = f"{sum(world.state.period(MONTH).paid.values()):,}"
    assert world.state.proposals[id_].subject == f"Payout 2026-10: {total} JPY to 3 members by bank"
    world.carry("bus", "ev")
    export(world)
    body, blobs = results_body(world)
    world.write("office", "payout-resulted", body, *blobs)
    found = next(iter(world.state.proposals.values())).subject
    amount = f"{body['paid_minor']:,}"
    assert found == f"Payout results 2026-10: {amount} JPY paid, 0 JPY returned, 1 line"


def test_while_an_order_waits_its_money_is_spoken_for():
    world = stage("payable")
    body, blobs = order_body(world)
    order(world, approve=False)
    refuse(world, "office", "payout-ordered", body, *blobs, error=Conflict)
    id_ = next(iter(world.state.proposals))
    before = dict(world.state.proposals[id_].body)
    world.write("office", "proposal-withdrawn", {"subject_hash": id_, "reason": "later"})
    again = order(world, approve=False)
    assert world.state.proposals[again].body["lines"] == before["lines"]


def test_two_months_are_netted_in_one_line():
    world = stage("payable")
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 10))
    got = settle(world, "2026-11")
    first = world.state.period(MONTH).paid["bus"]
    id_ = order(world)
    assert world.state.orders[id_].period == "2026-11"
    assert lines_of(world, id_)["bus"][1].amount_minor == first + got["bus"]


def test_who_owes_is_paid_less_and_debts_come_first():
    """A correction takes from the bus what it was not paid yet: that much is not ordered."""
    world = stage("payable")
    open_month(world, "2026-11")
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    correct(world)
    (net,) = world.state.period("2026-11").posted.values()
    lost = -net["bus"]
    assert lost > 0
    assert payable(world.state, "JPY")["bus"] == dues(world, "bus").due - lost
    assert payable(world.state, "JPY")["ev"] == dues(world, "ev").due
    order(world)
    revenue(world, "2026-11", 400_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 100))
    got = settle(world, "2026-11")
    assert dues(world, "bus").due == world.state.period(MONTH).paid["bus"] + got["bus"] - lost
    assert payable(world.state, "JPY")["bus"] == got["bus"]


def test_what_is_disputed_is_held_and_ordered_when_the_dispute_has_ended():
    world = new_world(PAYING)
    world.prepare()
    world.close()
    propose(world)
    world.write("bus", "dispute-opened", dispute_body(world)[0])
    (dispute,) = world.state.disputes
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    for firm in ("bus", "ev", "bike"):
        set_destination(world, firm)
    held = dict(world.state.disputes[dispute].held)
    paid = world.state.period(MONTH).paid
    assert held["ev"] > 0
    assert payable(world.state, "JPY") == {m: paid[m] - held.get(m, 0) for m in paid}
    order(world)
    open_month(world, "2026-11")
    world.write("bus", "dispute-withdrawn", {"dispute": dispute, "reason": "x"})
    revenue(world, "2026-11", 1_000)
    submit(world, Row("2026-11", "ev", "nov", 10))
    got = settle(world, "2026-11")
    lines = lines_of(world, order(world))
    assert lines["ev"][1].amount_minor == held["ev"] + got["ev"]


# Orders that are not what is derived.


@pytest.mark.parametrize("change", [{"period": "2026-09"}, {"count": 2}, {"total_minor": 5}])
def test_an_order_of_other_figures_is_refused(change):
    world = stage("payable")
    body, blobs = order_body(world)
    refuse(world, "office", "payout-ordered", {**body, **change}, *blobs, error=SumMismatch)


def test_a_line_to_another_account_is_refused():
    world = stage("payable")
    body, (blob,) = order_body(world)
    document = canonical.parse(blob[32:])
    document["lines"][0]["destination"] = destination_hash(EVM)
    forged = SALT + canonical.encode(document)
    refuse(
        world, "office", "payout-ordered", {**body, "lines": blob_ref(forged)}, forged,
        error=SumMismatch,
    )  # fmt: skip


def test_nothing_is_ordered_before_a_month_is_settled_or_in_a_strange_currency():
    with pytest.raises(Conflict, match="no month is settled"):
        derive_order(stage("disputable").state, "JPY", "bank", "2026-11-01T00:00:00.000Z")
    with pytest.raises(MalformedEntry):
        derive_order(stage("payable").state, "CHF", "bank", "2026-11-01T00:00:00.000Z")


def test_who_has_no_destination_waits():
    world = World(charter=charter(authority=authority()))
    world.prepare()
    settle(world, MONTH)
    set_destination(world, "bus")
    first = order(world)
    assert lines_of(world, first).keys() == {"bus"}
    set_destination(world, "ev")
    assert lines_of(world, order(world)).keys() == {"ev"}
    assert dues(world, "bike").ordered == 0


def test_the_proposer_alone_pays_nobody():
    world = stage("payable")
    id_ = order(world, approve=False)
    with pytest.raises(NotPermitted):
        world.vote("office", id_)
    assert world.state.orders == {}
    world.vote("bus", id_)
    assert world.state.orders == {}
    world.vote("ev", id_)
    assert id_ in world.state.orders


def test_a_rejected_order_frees_its_money():
    world = stage("payable")
    before = payable(world.state, "JPY")
    id_ = order(world, approve=False)
    for who in ("bus", "ev"):
        world.vote(who, id_, "reject")
    assert payable(world.state, "JPY") == before
    assert world.state.orders == {}


def test_an_order_fails_if_a_destination_has_changed_since():
    world = stage("payable")
    id_ = order(world, approve=False)
    world.vote("bus", id_)
    set_destination(world, "bike", EVM)
    before = world.state
    with pytest.raises(Conflict, match="paid elsewhere"):
        world.vote("ev", id_)
    assert world.state is before
    world.write("office", "proposal-withdrawn", {"subject_hash": id_, "reason": "anew"})
    assert lines_of(world, order(world)).keys() == {"bus", "ev"}
    assert lines_of(world, order(world, "vault")).keys() == {"bike"}


def test_an_order_fails_if_a_debt_has_come_up_since():
    world = stage("payable")
    open_month(world, "2026-11")
    id_ = order(world, approve=False)
    world.vote("bus", id_)
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    correct(world)
    with pytest.raises(Conflict, match="may be paid"):
        world.vote("ev", id_)


# Destinations.


def test_a_new_destination_counts_after_the_delay_and_the_old_one_until_then():
    world = world_with_delay(3)
    set_destination(world, "bus")
    named = world.now
    assert destination_in_force(world.state, "bus", "JPY", named) is None
    with pytest.raises(Conflict):
        derive_order(world.state, "JPY", "bank", named)
    world.now = add_days(named, 3)
    first = destination_in_force(world.state, "bus", "JPY", world.now)
    assert first is not None
    set_destination(world, "bus", EVM)
    again = destination_in_force(world.state, "bus", "JPY", world.now)
    assert again == first
    later = add_days(world.now, 3)
    assert destination_in_force(world.state, "bus", "JPY", later) == {**EVM, "since": later}
    world.now = later
    set_destination(world, "bus", OTHER_EVM)
    assert world.state.destinations["bus/JPY"]["next"]["address"] == OTHER_EVM["address"]
    assert destination_in_force(world.state, "bus", "JPY", later) == {**EVM, "since": later}


def test_a_destination_that_is_not_in_force_yet_may_be_replaced():
    world = world_with_delay(3)
    set_destination(world, "bus")
    set_destination(world, "bus", EVM)
    assert destination_in_force(world.state, "bus", "JPY", add_days(world.now, 2)) is None
    found = destination_in_force(world.state, "bus", "JPY", add_days(world.now, 3))
    assert found is not None
    assert found["type"] == "evm"


def test_without_terms_the_delay_is_that_of_objections():
    terms = charter()
    assert terms.destination_days == terms.period.objection_days
    assert "payouts" not in terms.model_dump(mode="json")
    with_terms = charter(payouts={"destination_days": 4})
    assert with_terms.destination_days == 4
    assert Charter.model_validate(with_terms.model_dump(mode="json")) == with_terms
    with pytest.raises(ValueError, match="leave the field out"):
        charter(payouts=None)


def test_an_iban_is_a_destination():
    world = stage("payable")
    details = SALT + canonical.encode({"iban": "CH9300762011623852957"})
    iban = {"type": "iban", "details": blob_ref(details), "hint": "···2957"}
    body = {"member": "bus", "currency": "JPY", "destination": iban}
    world.write("bus", "payout-destination-set", body, details)
    (proposal,) = world.state.proposals.values()
    assert proposal.subject == "Pay bus in JPY to IBAN ···2957"
    world.carry("office")
    id_ = order(world, "iban")
    assert lines_of(world, id_)["bus"][1].destination == destination_hash(iban)
    assert lines_of(world, order(world)).keys() == {"bike", "ev"}


# Results.


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


# The vault.


def test_an_account_keeps_what_it_reached_when_its_member_goes_to_another():
    world = stage("payable")
    for firm, where in (("bus", EVM), ("ev", EVM), ("bike", OTHER_EVM)):
        set_destination(world, firm, where)
    id_ = order(world, "vault")
    paid = world.state.period(MONTH).paid
    first = {EVM["address"]: paid["bus"] + paid["ev"], OTHER_EVM["address"]: paid["bike"]}
    assert vault_totals(world.state, "JPY", through=MONTH) == first
    set_destination(world, "bus", OTHER_EVM)
    assert vault_totals(world.state, "JPY", through=MONTH) == first
    open_month(world, "2026-11")
    revenue(world, "2026-11", 400_000)
    submit(world, Row("2026-11", "bus", "bus-nov", 10))
    got = settle(world, "2026-11")
    order(world, "vault")
    assert vault_totals(world.state, "JPY", through=MONTH) == first
    later = vault_totals(world.state, "JPY", through="2026-11")
    assert later[OTHER_EVM["address"]] == first[OTHER_EVM["address"]] + got["bus"] + got["bike"]
    assert later[EVM["address"]] == first[EVM["address"]] + got["ev"]
    assert vault_totals(world.state, "CHF", through="2026-11") == {}
    line, _ = lines_of(world, id_)["bus"]
    body, blobs = results_body(world, {line: "returned"}, id_)
    refuse(world, "office", "payout-resulted", body, *blobs, error=Conflict)
    report(world, {line: "paid"}, id_)
    assert dues(world, "bus").paid == paid["bus"]


def test_a_member_that_has_left_is_paid_what_it_is_due():
    world = stage("payable")
    admit(world, "taxi", "member")
    world.write("bike", "member-left", {"member": "bike", "reason": "sold"})
    assert "bike" in lines_of(world, order(world))
