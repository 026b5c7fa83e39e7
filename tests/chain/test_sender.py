"""Bumps, gaps and caps, on a real node that mines on command, with one store in memory."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ledger.chain.anchor import read_head
from ledger.chain.fees import FeePolicy
from ledger.chain.goals import AnchoredHead, PlainCall
from ledger.chain.node import Fees, Transaction, open_node, sign_transaction
from ledger.chain.outbox import NodeView, Outbox, State, queue_row
from ledger.chain.quorum import key_address
from ledger.chain.sender import Sender
from ledger.chain.stored import read_stored_transaction
from ledger.errors import ChainUnavailable
from ledger.period import format_instant, parse_instant
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import (
    ANVIL_PAYER,
    ORIGIN,
    anchor_data,
    deploy,
    head_of,
)
from tests.chain.proxy import rpc
from tests.chain.test_outbox import MemoryStore

GWEI = 10**9
PATIENT = FeePolicy(bump_after_seconds=60)
ADDRESS = key_address(ANVIL_PAYER)


class Rows(MemoryStore):
    """A store in memory that a sender can use."""

    def all(self):
        return sorted(self.rows.values(), key=lambda row: (row.nonce, row.bump))

    def nonces(self, **_key):
        return [row.nonce for row in self.all()]


class Minutes:
    """A clock that is moved by hand."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        moment = parse_instant("2026-11-29T12:00:00.000Z")
        return format_instant(moment.replace(minute=self.count))


class Bench:
    """A node, a contract, an outbox and a sender with a policy."""

    def __init__(self, node, contract, policy):
        self.node, self.contract = node, contract
        self.store, self.clock = Rows(), Minutes()
        self.sender = Sender(node, ANVIL_PAYER, self.store, policy, self.clock)
        self.outbox = Outbox(self.store, NodeView(node), self.clock)

    def queue(self, old_size, size):
        goal = AnchoredHead(self.contract, ORIGIN, head_of(size))
        data = anchor_data(self.node, self.contract, old_size, size)
        return self.sender.queue(goal, data, gas=350_000)

    def round(self, *, minutes=2, mine=0):
        self.outbox.step()
        if self.sender.tend():
            self.outbox.step()
        self.clock.count += minutes
        if mine:
            rpc(self.url, "anvil_mine", hex(mine))

    @property
    def url(self):
        return str(self.node.web3.provider.endpoint_uri)

    def states(self):
        return [(row.nonce, row.bump, row.state.value) for row in self.store.all()]


@pytest.fixture
def bench():
    require_anvil()
    with running_anvil() as url, open_node(url) as node:
        contract = deploy(node, ANVIL_PAYER).contract
        rpc(url, "evm_setAutomine", False)
        yield Bench(node, contract, PATIENT)


def use(bench, policy):
    bench.sender = replace(bench.sender, policy=policy)


def test_what_is_stuck_is_bumped_and_all_of_its_transactions_are_watched(bench):
    first = bench.queue(0, 3)
    nonce = first.nonce
    for _ in range(3):
        bench.round()
    assert bench.states() == [(nonce, bump, "sent") for bump in range(3)]
    rows = bench.store.all()
    fees = [read_stored_transaction(row.raw).fees for row in rows]
    for before, after in pairwise(fees):
        assert after.max_fee_wei * 100 >= before.max_fee_wei * 125
        assert after.priority_fee_wei * 100 >= before.priority_fee_wei * 125
    assert len({read_stored_transaction(row.raw).data for row in rows}) == 1
    assert [row.superseded_by for row in rows] == [
        rows[1].transaction_hash, rows[2].transaction_hash, None]  # fmt: skip
    rpc(bench.url, "anvil_mine", "0x5")
    bench.round()
    bench.round()
    assert bench.states() == [
        (nonce, 0, "replaced"), (nonce, 1, "replaced"), (nonce, 2, "final")]  # fmt: skip
    assert bench.store.all()[2].cost_wei > 0
    assert read_head(bench.node, bench.contract, ORIGIN) == head_of(3)


def test_the_cheaper_one_may_win(bench):
    """The bump is forgotten by the node, the first comes back from elsewhere and is mined."""
    first = bench.queue(0, 3)
    bench.round()
    bench.round()
    rpc(bench.url, "anvil_dropAllTransactions")
    bench.node.send(first.raw)
    rpc(bench.url, "anvil_mine", "0x5")
    bench.round()
    bench.round()
    assert [state for _, _, state in bench.states()] == ["final", "replaced"]


def test_nothing_is_bumped_before_its_time_or_out_of_turn(bench):
    bench.queue(0, 3)
    bench.queue(0, 7)
    bench.round(minutes=0)
    bench.round(minutes=0)
    assert [bump for _, bump, _ in bench.states()] == [0, 0]
    bench.clock.count += 2
    bench.round()
    assert [bump for _, bump, _ in bench.states()] == [0, 1, 0], "only the next in line"


def test_a_crash_between_the_bump_and_the_note_of_it_is_mended(bench):
    bench.queue(0, 3)
    bench.round()
    update = bench.store.update
    bench.store.update = lambda *_rows: (_ for _ in ()).throw(SystemExit)
    with pytest.raises(SystemExit):
        bench.sender.tend()
    bench.store.update = update
    assert [row.superseded_by for row in bench.store.all()] == [None, None]
    bench.round(minutes=0)
    first, bump = bench.store.all()
    assert first.superseded_by == bump.transaction_hash


def test_a_spike_above_the_cap_waits_in_the_open(bench):
    use(bench, FeePolicy(max_fee_wei=3 * GWEI, bump_after_seconds=60))
    rpc(bench.url, "anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
    rpc(bench.url, "anvil_mine", "0x1")
    with pytest.raises(ChainUnavailable, match="above the cap") as caught:
        bench.queue(0, 3)
    assert caught.value.details["kind"] == "fee-cap"
    assert bench.store.all() == []
    rpc(bench.url, "anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    rpc(bench.url, "anvil_mine", "0x1")
    bench.queue(0, 3)
    for _ in range(3):
        bench.round()
    (row,) = bench.store.all()
    assert "above max_fee_wei" in row.note
    bench.round(mine=5)
    bench.round()
    assert bench.store.all()[0].state is State.FINAL


def test_a_month_stops_at_its_cap_for_bumps_too(bench):
    bench.queue(0, 3)
    worst = read_stored_transaction(bench.store.all()[0].raw).cost_max_wei
    use(bench, FeePolicy(monthly_cost_cap_wei=worst, bump_after_seconds=60))
    bench.round()
    bench.round()
    (row,) = bench.store.all()
    assert "above the cap" in row.note
    with pytest.raises(ChainUnavailable) as caught:
        bench.queue(0, 7)
    assert caught.value.details["kind"] == "cost-cap"
    use(bench, FeePolicy(monthly_cost_cap_wei=3 * worst, bump_after_seconds=60))
    bench.round()
    assert len(bench.store.all()) == 2


def test_a_gap_below_a_waiting_nonce_is_filled_after_a_while(bench):
    nonce = bench.node.nonce(ADDRESS)
    data = anchor_data(bench.node, bench.contract, 0, 3)
    unsigned = Transaction(31337, nonce + 2, bench.contract, data, 350_000,
                           Fees(5 * GWEI, GWEI))  # fmt: skip
    goal = AnchoredHead(bench.contract, ORIGIN, head_of(3))
    signed = sign_transaction(unsigned, ANVIL_PAYER)
    row = queue_row(signed, chain_id=31337, goal=goal, queued_at=bench.clock())
    bench.store.add(row)
    bench.round()
    assert bench.states() == [(nonce + 2, 0, "sent")]
    bench.round(mine=5)
    bench.round()
    assert bench.states() == [(nonce + gap, 0, "final") for gap in range(3)]
    assert isinstance(bench.store.all()[0].goal, PlainCall)


def test_a_node_that_is_behind_what_was_final_is_not_signed_for(bench):
    bench.queue(0, 3)
    bench.round(mine=5)
    bench.round()
    (row,) = bench.store.all()
    assert row.state is State.FINAL
    bench.store.rows = {row.transaction_hash: replace(row, nonce=row.nonce + 9)}
    with pytest.raises(ChainUnavailable, match="behind") as caught:
        bench.queue(3, 7)
    assert caught.value.details["kind"] == "behind"


def test_a_final_block_that_was_replaced_opens_its_row_again(bench):
    bench.queue(0, 3)
    bench.round(mine=5)
    bench.round()
    (row,) = bench.store.all()
    assert bench.outbox.recheck([row]) == []
    rpc(bench.url, "anvil_reorg", 5, [])
    (opened,) = bench.outbox.recheck(bench.store.all())
    assert (opened.state, opened.cost_wei) == (State.REORGED, None)
    assert "broke finality" in opened.note
    bench.round(mine=5)
    bench.round()
    assert bench.store.all()[0].state is State.FINAL
    assert read_head(bench.node, bench.contract, ORIGIN) == head_of(3)
