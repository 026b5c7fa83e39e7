"""What a statement says is payable: every term, and that it is what the state pays."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.coop.envelope import parse_envelope
from ledger.coop.payable import payable_figures
from ledger.errors import Conflict
from ledger.rules.inputs import SUSPENSE
from ledger.settlement.payable import PayableShape, verify_payable
from ledger.settlement.shape import parse_settlement, parse_shape
from tests.builder import FIRMS, World
from tests.coop.months import Row, correct, open_month, revenue, settle, submit
from tests.coop.payable_months import (
    LAST,
    LATER,
    charged_world,
    figures,
    result_of,
    settle_december,
    settle_disputed,
    settle_november,
    until_november,
)
from tests.coop.payments import dues
from tests.coop.stages import MONTH, propose, stage


def due(world: World) -> dict[str, int]:
    return {firm: dues(world, firm).due for firm in FIRMS}


def gained(world: World, before: dict[str, int]) -> dict[str, int]:
    return {firm: amount - before[firm] for firm, amount in due(world).items()}


def payables(world: World, month: str) -> dict[str, int]:
    """What each statement says is payable: its part, or the lines where there is none."""
    result = result_of(world, month)
    parts = {firm: figures(world, month, firm) for firm in FIRMS}
    return {
        firm: result.member_totals[firm] if part is None else int(part["payable_minor"])
        for firm, part in parts.items()
    }


def test_a_month_that_is_its_lines_has_no_such_part():
    world = stage("payable")
    assert [figures(world, MONTH, firm) for firm in FIRMS] == [None] * 3
    assert payables(world, MONTH) == due(world)


def test_what_a_charge_repays_and_a_dispute_holds_is_said_with_its_step_and_dispute():
    world = charged_world()
    id_ = settle_disputed(world, 500)
    bus, ev = figures(world, MONTH, "bus"), figures(world, MONTH, "ev")

    assert bus["repaid"] == [{"step": "use", "amount_minor": 30_000}]
    assert bus["posted"] == []
    held = world.state.disputes[id_].held["ev"]
    assert held > 0
    assert ev["held"] == [{"dispute": id_, "amount_minor": held, "posted_in": None}]
    assert payables(world, MONTH) == due(world)


def test_what_was_held_stays_held_of_its_month_and_is_posted_with_the_next():
    world = charged_world()
    settle_disputed(world, 500)
    before = payables(world, MONTH)
    (id_,) = world.state.disputes
    open_month(world, LATER)
    assert figures(world, MONTH, "ev")["held"][0]["posted_in"] is None
    world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "it was not"})
    revenue(world, LATER, 1_000)
    submit(world, Row(LATER, "bus", "nov", 5))
    settle(world, LATER)
    held = figures(world, MONTH, "ev")["held"][0]
    assert held["posted_in"] == LATER
    posted = {"kind": "dispute", "id": id_, "amount_minor": held["amount_minor"]}
    assert figures(world, LATER, "ev")["posted"] == [posted]
    assert payables(world, MONTH) == before


def test_a_correction_that_a_month_cannot_bear_becomes_owed_and_is_offset_later():
    world = charged_world()
    until_november(world)
    before = due(world)
    id_ = settle_november(world)
    november = figures(world, LATER, "ev")
    kinds = {row["kind"]: row for row in november["posted"]}
    assert kinds["correction"]["id"] == id_
    assert set(kinds) == {"correction", "dispute"}
    owing = world.state.balances["JPY"].receivables["ev"]
    assert (november["owing_minor"], november["payable_minor"]) == (owing, 0)
    assert payables(world, LATER) == gained(world, before)
    before = due(world)
    settle_december(world)
    december = figures(world, LAST, "ev")
    assert december["offset_minor"] == owing
    assert december["payable_minor"] == december["net_minor"] - owing
    assert payables(world, LAST) == gained(world, before)


def test_before_it_takes_effect_the_part_says_so_and_holds_nothing():
    world = charged_world()
    world.close()
    propose(world)
    proposed = figures(world, MONTH, "bus")
    assert (proposed["status"], len(proposed["limits"])) == ("proposed", 3)
    settlement = str(world.state.period(MONTH).settlement)
    for who in ("bus", "ev"):
        world.vote(who, settlement)
    approved = figures(world, MONTH, "bus")
    assert approved == {**proposed, "status": "approved"}
    world.write("office", "settlement-settled", {"period": MONTH, "settlement_id": settlement})
    settled = figures(world, MONTH, "bus")
    assert (settled["payable_minor"], len(settled["limits"])) == (approved["payable_minor"], 2)
    assert settled["payable_minor"] == due(world)["bus"]


def test_suspense_is_paid_nothing():
    world = charged_world()
    settle_disputed(world, 500)
    result = result_of(world, MONTH)
    assert payable_figures(world.state, world.state.period(MONTH), result, SUSPENSE) is None


def parts_add_up(world: World, month: str) -> None:
    """Each part is what ``verify_payable`` asks for, beside the settlement's own net."""
    result = result_of(world, month)
    for firm in FIRMS:
        part = figures(world, month, firm)
        if part is None:
            continue
        found = parse_shape({"size": 1, "state_hash": "00" * 32, **part}, PayableShape, "part")
        verify_payable(found, result.member_totals[firm], public_of(world, month))


def public_of(world: World, month: str):
    for data in world.entries:
        draft = parse_envelope(data).draft
        if draft.kind == "settlement-proposed" and draft.body["settlement"]["period"] == month:
            return parse_settlement(draft.body["settlement"])
    raise AssertionError(month)


MONTHS = st.fixed_dictionaries(
    {
        "claimed": st.sampled_from([None, 1, 450, 5_000]),
        "how": st.sampled_from(["withdrawn", "approve", "reject", "open"]),
        "late": st.lists(st.tuples(st.sampled_from(FIRMS), st.integers(1, 400)), max_size=2),
        "takes_back": st.booleans(),
        "earned": st.lists(st.integers(1, 200_000), min_size=2, max_size=2),
        "trips": st.lists(st.integers(1, 9), min_size=6, max_size=6),
    }
)
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}


@settings(max_examples=3, **SLOW)
@given(months=MONTHS)
def test_what_is_payable_is_what_becomes_due(months):
    payable_is_due(**months)


@pytest.mark.long
@settings(max_examples=100, **SLOW)
@given(months=MONTHS)
def test_what_is_payable_is_what_becomes_due_in_many_months(months):
    payable_is_due(**months)


def payable_is_due(*, claimed, how, late, takes_back, earned, trips):
    """Months with charges, a dispute, corrections and debts: parts and the state agree."""
    world = charged_world()
    if claimed is None:
        settle(world, MONTH)
    else:
        settle_disputed(world, claimed)
    assert payables(world, MONTH) == due(world)
    parts_add_up(world, MONTH)
    october = payables(world, MONTH)
    for at, month in enumerate((LATER, LAST)):
        open_month(world, month)
        if at == 0:
            end(world, how)
        revenue(world, month, earned[at])
        for firm, count in zip(FIRMS, trips[3 * at :], strict=False):
            submit(world, Row(month, firm, f"{firm}-{month}", count))
        if at == 0:
            for number, (firm, count) in enumerate(late):
                submit(world, Row(MONTH, firm, f"late-{number}", count))
            if takes_back:
                submit(world, Row(MONTH, "ev", "back", -291, reverses="ev-1"))
        with suppress(Conflict):  # nothing has changed
            correct(world, ("bus", "ev", "bike"))
        before = due(world)
        settle(world, month)
        parts_add_up(world, month)
        assert payables(world, month) == gained(world, before)
        assert payables(world, MONTH) == october


def end(world: World, how: str) -> None:
    for id_ in list(world.state.disputes):
        if how == "withdrawn":
            world.write("bus", "dispute-withdrawn", {"dispute": id_, "reason": "x"})
        elif how != "open":
            for who in ("ev", "bike"):
                if id_ in world.state.proposals:
                    world.vote(who, id_, how)
