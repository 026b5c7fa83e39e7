"""Netting keeps what everybody is owed."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import DuplicateId, OutOfRange
from ledger.payout.line import PayoutLine
from ledger.payout.netting import check_ids, payout_id, plan_transfers

SETTLEMENT = bytes(range(32))
POSITIONS = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=12).map(
    lambda found: {f"m{at}": amount for at, amount in enumerate([*found, -sum(found)])}
)


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
