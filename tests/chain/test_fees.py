"""What a transaction may cost: offers, bumps and caps, to the wei."""

from dataclasses import replace

import pytest

from ledger.chain.fees import BUMP_PERCENT_MIN, FeePolicy, Purse, bumped, offer
from ledger.chain.goals import PlainCall
from ledger.chain.node import Fees, Transaction, sign_transaction
from ledger.chain.outbox import State, queue_row
from ledger.errors import ChainUnavailable
from tests.chain.chain_world import ANVIL_PAYER

GWEI = 10**9
CAPPED = FeePolicy(max_fee_wei=50 * GWEI)


@pytest.mark.parametrize(
    ("base", "policy", "fees"),
    [
        (10, FeePolicy(), (21, 1)),
        (0, FeePolicy(priority_fee_wei=2 * GWEI), (2, 2)),
        (20, CAPPED, (41, 1)),
        (30, CAPPED, (50, 1)),
        (49, CAPPED, (50, 1)),
    ],
)
def test_an_offer_is_twice_the_base_fee_and_the_tip_within_the_cap(base, policy, fees):
    assert offer(base * GWEI, policy) == Fees(fees[0] * GWEI, fees[1] * GWEI)


def test_a_spike_over_the_cap_waits_and_says_so():
    with pytest.raises(ChainUnavailable, match="above the cap") as caught:
        offer(50 * GWEI, CAPPED)
    assert caught.value.details["kind"] == "fee-cap"


@pytest.mark.parametrize(
    ("old", "base", "policy", "new"),
    [
        ((100, 8), 0, FeePolicy(priority_fee_wei=1), (125, 10)),
        ((101, 9), 0, FeePolicy(priority_fee_wei=1), (127, 12)),  # rounded up
        ((100, 8), 500, FeePolicy(priority_fee_wei=1), (1001, 10)),
        ((100, 8), 500, FeePolicy(priority_fee_wei=1, max_fee_wei=110), (110, 10)),
        ((100, 8), 500, FeePolicy(priority_fee_wei=1, max_fee_wei=109), None),
        ((100, 100), 0, FeePolicy(priority_fee_wei=1, max_fee_wei=110), (110, 110)),
    ],
)
def test_a_bump_raises_both_fees_as_far_as_nodes_ask_and_the_cap_allows(old, base, policy, new):
    found = bumped(Fees(*old), base, policy)
    assert found == (None if new is None else Fees(*new))
    if found is not None:
        assert found.max_fee_wei * 100 >= old[0] * BUMP_PERCENT_MIN


def spent(state, *, nonce=0, bump=0, month="2026-11", fee=10, cost_wei=None):
    unsigned = Transaction(31337, nonce, "0x" + "11" * 20, b"", 100, Fees(fee, bump))
    row = queue_row(
        sign_transaction(unsigned, ANVIL_PAYER),
        chain_id=31337,
        goal=PlainCall("0x" + "11" * 20, "spend"),
        queued_at=f"{month}-05T00:00:00.000Z",
        bump=bump,
    )
    return replace(row, state=state, cost_wei=cost_wei)


ROWS = [
    spent(State.FINAL, cost_wei=700),
    spent(State.FAILED, nonce=1, cost_wei=60),  # refused, and paid for
    spent(State.REPLACED, nonce=2),
    spent(State.FINAL, nonce=2, bump=1, cost_wei=5),
    spent(State.SENT, nonce=3),
    spent(State.SENT, nonce=3, bump=1, fee=20),
    spent(State.FINAL, nonce=4, month="2026-10", cost_wei=10**6),
]
PURSE = Purse(31337, ROWS[0].sender, "2026-11")


def test_what_a_month_has_cost_counts_the_dearest_of_what_is_still_out():
    assert PURSE.spent_wei(ROWS) == 700 + 60 + 5 + 100 * 20
    assert replace(PURSE, chain_id=1).spent_wei(ROWS) == 0
    assert replace(PURSE, month="2026-10").spent_wei(ROWS) == 10**6


def test_a_month_never_costs_more_than_its_cap():
    policy = FeePolicy(monthly_cost_cap_wei=3000)
    PURSE.require(235, ROWS, policy)
    PURSE.require(10**18, ROWS, FeePolicy())
    with pytest.raises(ChainUnavailable, match="2765") as caught:
        PURSE.require(236, ROWS, policy)
    assert caught.value.details["kind"] == "cost-cap"
