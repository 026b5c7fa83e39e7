"""Netting keeps what everybody is owed."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DuplicateId, OutOfRange
from ledger.money import AMOUNT_MAX
from ledger.payout import netting
from ledger.payout.line import PayoutLine
from ledger.payout.netting import Due, check_ids, net_dues, payout_id, plan_transfers

SETTLEMENT = bytes(range(32))
DUES = st.lists(
    st.builds(
        Due,
        st.sampled_from(["bus", "ev", "bike", "taxi"]),
        st.sampled_from(["JPY", "EUR"]),
        st.integers(-1000, 1000),
        st.just("share"),
    ),
    max_size=30,
)
POSITIONS = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=12).map(
    lambda found: {f"m{at}": amount for at, amount in enumerate([*found, -sum(found)])}
)


def net(dues, **more):
    return net_dues(dues, settlement_id=SETTLEMENT, period="2026-10", **more)


@given(DUES)
def test_what_is_paid_and_carried_is_what_is_due(dues):
    result = net(dues)
    due = Counter()
    for each in dues:
        due[each.member, each.currency] += each.amount_minor
    paid = {(line.member, line.currency): line.amount_minor for line in result.lines}
    carried = {(each.member, each.currency): each.amount_minor for each in result.carried}
    assert paid | carried == due
    assert not paid.keys() & carried.keys()
    assert all(amount > 0 for amount in paid.values())
    assert all(amount <= 0 for amount in carried.values())
    assert sorted(d for p in result.positions for d in map(repr, p.dues)) == sorted(map(repr, dues))


@given(DUES, st.randoms(use_true_random=False))
def test_the_order_of_what_is_due_changes_no_line(dues, random):
    shuffled = list(dues)
    random.shuffle(shuffled)
    assert net(shuffled).lines == net(dues).lines


def test_ids_are_deterministic_and_tell_payments_apart():
    ids = {
        payout_id(settlement, member, currency, period=period, attempt=attempt)
        for settlement in (SETTLEMENT, bytes(32))
        for member in ("bus", "ev")
        for currency in ("JPY", "EUR")
        for period in ("2026-10", "2026-11")
        for attempt in (0, 1)
    }
    assert len(ids) == 32
    assert all(re.fullmatch(r"[A-Za-z0-9-]{35}", each) for each in ids)
    (line,) = net([Due("bus", "JPY", 1, "x")]).lines
    assert line.id == payout_id(SETTLEMENT, "bus", "JPY", period="2026-10")
    (again,) = net([Due("bus", "JPY", 1, "x")], attempts={("bus", "JPY"): 1}).lines
    assert again.id == payout_id(SETTLEMENT, "bus", "JPY", period="2026-10", attempt=1)


def test_a_position_tells_what_it_is_made_of():
    dues = [Due("bus", "JPY", 500, "share 2026-10"), Due("bus", "JPY", -620, "charge 2026-10")]
    (position,) = net(dues).carried
    assert position.as_dict() == {
        "member": "bus",
        "currency": "JPY",
        "net_minor": -120,
        "dues": [
            {"amount_minor": 500, "reason": "share 2026-10"},
            {"amount_minor": -620, "reason": "charge 2026-10"},
        ],
    }


def test_every_amount_that_is_no_money_is_named():
    with pytest.raises(OutOfRange) as caught:
        net([Due("bus", "yen", 1, ""), Due("bus", "JPY", AMOUNT_MAX + 1, "")])
    assert [fault.where for fault in caught.value.faults] == ["due 1", "due 2", "bus/JPY"]
    with pytest.raises(OutOfRange, match="not a month"):
        net_dues([], settlement_id=SETTLEMENT, period="2026-13")


def test_more_than_can_be_netted_at_once_is_refused(monkeypatch):
    monkeypatch.setattr(netting, "DUES_MAX", 1)
    with pytest.raises(OutOfRange, match="more than 1"):
        net([Due("bus", "JPY", 1, "x")] * 2)


def test_two_lines_of_one_id_are_refused():
    line = PayoutLine("x", "bus", "JPY", 1, "2026-10")
    with pytest.raises(DuplicateId, match="two payments"):
        check_ids([line, line])


@given(POSITIONS)
def test_transfers_between_members_keep_positions_and_are_few(positions):
    transfers = plan_transfers(positions)
    net_of = Counter(positions)
    for each in transfers:
        assert each.amount_minor > 0
        net_of[each.payee] -= each.amount_minor
        net_of[each.payer] += each.amount_minor
    assert not any(net_of.values())
    taking_part = sum(1 for amount in positions.values() if amount)
    assert len(transfers) <= max(0, taking_part - 1)
    shuffled = dict(reversed(positions.items()))
    assert plan_transfers(shuffled) == transfers


def test_positions_that_do_not_add_up_are_refused():
    with pytest.raises(OutOfRange, match="add up to 2"):
        plan_transfers({"a": 3, "b": -1})
