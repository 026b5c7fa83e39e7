"""The outbox: every transition, every fault of a send, every point of a crash, and real chains."""

import itertools
from dataclasses import replace

import pytest

from ledger.chain.anchor import ANCHOR_GAS, Head, read_head
from ledger.chain.goals import AnchoredHead, PlainCall, is_reached
from ledger.chain.node import (
    Fees,
    FinalityDepths,
    Receipt,
    Transaction,
    open_node,
    sign_transaction,
)
from ledger.chain.outbox import (
    FINISHED,
    SEEMS_TAKEN,
    NodeView,
    Observation,
    Outbox,
    OutboxRow,
    State,
    advance,
    next_nonce,
    queue_row,
    supersede,
)
from ledger.chain.quorum import key_address
from ledger.errors import ChainUnavailable, Conflict, DuplicateId, InvariantViolated
from tests.chain.anvil import require_anvil, running_anvil
from tests.chain.chain_world import (
    ANVIL_PAYER,
    ORIGIN,
    anchor_data,
    anchor_now,
    anchor_transaction,
    deploy,
    deploy_while_mining,
    head_of,
)

NOTHING = Head(0, bytes(32))
WANTED = Head(7, b"\x07" * 32)
LATER = Head(9, b"\x09" * 32)
FORK = Head(7, b"\xff" * 32)
BLOCK, OTHER_BLOCK = b"\xaa" * 32, b"\xbb" * 32

NOW = "2026-11-01T00:00:00.000Z"
GOAL = AnchoredHead("0xc0", ORIGIN, WANTED)


def row(**changes):
    plain = OutboxRow(1, "0x5e", 4, b"raw", b"\x01" * 32, GOAL, NOW)
    return replace(plain, **changes)


def mined_row(state=State.MINED, **changes):
    return row(state=state, block_number=10, block_hash=BLOCK, **changes)


def receipt(block_hash=BLOCK, *, succeeded=True):
    return Receipt(b"\x01" * 32, 10, block_hash, succeeded, 50_000, None)


def seen(
    found=None, *, canonical=BLOCK, nonce=4, safe=0, final=0, head=NOTHING, final_head=NOTHING
):
    reached, final_reached = is_reached(WANTED, head), is_reached(WANTED, final_head)
    return Observation(
        found, canonical if found else None, nonce, safe, final, reached, final_reached
    )


IN_BLOCK = {"head": WANTED, "nonce": 5}

# Each line: the row, what the chain says, the state after, and the block it is then in.
TRANSITIONS = {
    "queued, not seen": (row(), seen(), State.QUEUED, None),
    "sent, not seen": (row(state=State.SENT), seen(), State.SENT, None),
    "queued, yet mined: it was sent before a crash": (
        row(), seen(receipt(), **IN_BLOCK), State.MINED, BLOCK),
    "sent, mined": (row(state=State.SENT), seen(receipt(), **IN_BLOCK), State.MINED, BLOCK),
    "mined, safe": (mined_row(), seen(receipt(), safe=10, **IN_BLOCK), State.SAFE, BLOCK),
    "mined, not yet safe": (mined_row(), seen(receipt(), safe=9, **IN_BLOCK), State.MINED, BLOCK),
    "safe, final": (
        mined_row(State.SAFE),
        seen(receipt(), safe=12, final=10, final_head=WANTED, **IN_BLOCK),
        State.FINAL, BLOCK),
    "sent, final at once": (
        row(state=State.SENT),
        seen(receipt(), safe=10, final=10, final_head=LATER, **IN_BLOCK),
        State.FINAL, BLOCK),
    "final height, but the final head lags": (
        mined_row(), seen(receipt(), safe=10, final=10, **IN_BLOCK), State.SAFE, BLOCK),
    "mined, receipt gone": (mined_row(), seen(), State.REORGED, None),
    "safe, receipt gone": (mined_row(State.SAFE), seen(), State.REORGED, None),
    "mined, its block is not canonical": (
        mined_row(), seen(receipt(), canonical=OTHER_BLOCK), State.REORGED, None),
    "sent, a receipt in a stale block": (
        row(state=State.SENT), seen(receipt(), canonical=OTHER_BLOCK), State.SENT, None),
    "mined, now in another block": (
        mined_row(), seen(receipt(OTHER_BLOCK), canonical=OTHER_BLOCK), State.REORGED, None),
    "reorged, mined again": (
        row(state=State.REORGED),
        seen(receipt(OTHER_BLOCK), canonical=OTHER_BLOCK, **IN_BLOCK),
        State.MINED, OTHER_BLOCK),
    "reorged, not seen": (row(state=State.REORGED), seen(), State.REORGED, None),
    "refused, not final": (
        row(state=State.SENT), seen(receipt(succeeded=False), nonce=5), State.SENT, None),
    "refused for good": (
        row(state=State.SENT),
        seen(receipt(succeeded=False), nonce=5, final=10), State.FAILED, None),
    "refused, since another reached the goal": (
        row(state=State.SENT),
        seen(receipt(succeeded=False), final=10, head=LATER, final_head=LATER),
        State.REPLACED, None),
    "refused, another is about to reach the goal": (
        row(state=State.SENT),
        seen(receipt(succeeded=False), final=10, head=WANTED), State.SENT, None),
    "refused: a fork stands there": (
        row(state=State.SENT),
        seen(receipt(succeeded=False), final=10, head=FORK, final_head=FORK),
        State.FAILED, None),
    "nonce seems taken": (row(state=State.SENT), seen(nonce=5), State.SENT, None),
    "nonce seemed taken by a node astray": (
        row(state=State.SENT, note=SEEMS_TAKEN), seen(receipt(), **IN_BLOCK), State.MINED, BLOCK),
    "nonce taken, goal missed": (
        row(state=State.SENT, note=SEEMS_TAKEN), seen(nonce=5), State.FAILED, None),
    "nonce taken, goal reached": (
        row(state=State.SENT, note=SEEMS_TAKEN),
        seen(nonce=5, head=WANTED, final_head=WANTED), State.REPLACED, None),
    "nonce taken by the fee bump": (
        row(state=State.SENT, note=SEEMS_TAKEN, superseded_by=b"\x02" * 32),
        seen(nonce=5), State.REPLACED, None),
    "goal reached by another, nonce free": (
        row(state=State.SENT), seen(head=WANTED, final_head=WANTED), State.SENT, None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "observation", "state", "block"), TRANSITIONS.values(), ids=TRANSITIONS
)
def test_transition(before, observation, state, block):
    after = advance(before, observation)
    assert (after.state, after.block_hash) == (state, block)
    assert (after.block_number is None) == (block is None)
    assert (after.raw, after.nonce, after.goal) == (before.raw, before.nonce, before.goal)


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_a_finished_row_stays_as_it_is(state):
    finished = row(state=state)
    for observation in (seen(), seen(nonce=5), seen(receipt(), final=10, **IN_BLOCK)):
        assert advance(finished, observation) is finished


def test_a_failure_says_why():
    refused = advance(row(), seen(receipt(succeeded=False), final=10))
    taken = advance(row(note=SEEMS_TAKEN), seen(nonce=5))
    assert "refused" in refused.note
    assert "nonce" in taken.note


CALLED = row(goal=PlainCall("0xc0", "fill a gap"), note=SEEMS_TAKEN)


@pytest.mark.parametrize(
    ("observation", "state"),
    [
        (seen(receipt(), safe=10, final=9), State.SAFE),
        (seen(receipt(), safe=10, final=10), State.FINAL),
        (seen(receipt(succeeded=False), final=10), State.FAILED),
        (seen(nonce=5), State.FAILED),
    ],
)
def test_a_plain_call_is_done_when_its_own_transaction_has_succeeded(observation, state):
    unseen = replace(observation, reached=False, final_reached=False)
    assert advance(CALLED, unseen).state is state


def test_a_nonce_comes_after_all_that_were_used_and_the_chains():
    assert next_nonce([4, 7], on_chain=5) == 8
    assert next_nonce([4, 7], on_chain=11) == 11
    assert next_nonce([], on_chain=0) == 0


def test_a_fee_bump_is_the_same_call_with_the_same_nonce():
    old = row(state=State.SENT)
    bump = row(transaction_hash=b"\x02" * 32, raw=b"dearer")
    assert supersede(old, bump).superseded_by == bump.transaction_hash
    with pytest.raises(InvariantViolated):
        supersede(old, replace(bump, nonce=5))
    with pytest.raises(InvariantViolated):
        supersede(old, replace(bump, goal=replace(GOAL, head=LATER)))
    with pytest.raises(Conflict):
        supersede(mined_row(), bump)


# Faults -----------------------------------------------------------------------------------------


class Crash(BaseException):
    """The process dies here."""


class MemoryStore:
    """An OutboxStore in memory that survives a Crash, as a database would."""

    def __init__(self, *rows):
        self.rows = {}
        for one in rows:
            self.add(one)

    def add(self, added):
        if added.transaction_hash in self.rows:
            raise DuplicateId("the transaction is in the outbox already")
        self.rows[added.transaction_hash] = added

    def unfinished(self):
        waiting = [one for one in self.rows.values() if one.state not in FINISHED]
        return sorted(waiting, key=lambda one: (one.sender, one.nonce))

    def update(self, before, after):
        if self.rows[before.transaction_hash] != before:
            raise Conflict("the row has changed")
        self.rows[before.transaction_hash] = after

    def states(self):
        return [one.state for one in self.rows.values()]


class FakeChain:
    """A chain of one contract: it mines what it is sent, unless a fault says otherwise."""

    chain_id = 1

    def __init__(self, *faults):
        self.faults = list(faults)
        self.mined = {}
        self.sent = []
        self.height = 10
        self.final = 100

    def send(self, raw):
        self.sent.append(raw)
        fault = self.faults.pop(0) if self.faults else ""
        if "lost" not in fault and raw not in self.mined:
            self.mined[raw] = self.height
            self.height += 1
        if "error" in fault:
            raise ChainUnavailable("no answer", kind="unreachable")
        if "nonce" in fault:
            raise Conflict("nonce too low", kind="nonce")
        if "crash" in fault:
            raise Crash

    def observe(self, watched):
        height = self.mined.get(watched.raw)
        found = replace(receipt(), block_number=height) if height is not None else None
        head = WANTED if self.mined else NOTHING
        safe = self.height - 1 if self.final else 0
        return seen(
            found,
            nonce=4 + len(self.mined),
            head=head,
            safe=safe,
            final=min(self.final, self.height - 1),
            final_head=head if self.final else NOTHING,
        )


FAULTS = ["", "lost error", "error", "lost nonce", "nonce", "lost crash", "crash"]


@pytest.mark.parametrize("faults", [*itertools.product(FAULTS, repeat=2)], ids=" / ".join)
def test_whatever_a_send_does_the_row_ends_final_and_is_mined_once(faults):
    store, chain = MemoryStore(row()), FakeChain(*faults)
    for _ in range(4):
        try:
            Outbox(store, chain, lambda: NOW).step()
        except Crash:
            continue
    assert store.states() == [State.FINAL]
    assert set(chain.sent) == {b"raw"}
    assert len(chain.mined) == 1


@pytest.mark.parametrize("dies_at", range(4))
@pytest.mark.parametrize("persisted", [True, False])
def test_a_crash_at_any_write_of_the_store(dies_at, persisted):
    store, chain = MemoryStore(row()), FakeChain()
    chain.final = 0
    writes = itertools.count()
    keep = store.update

    def update(before, after):
        dying = next(writes) == dies_at
        if persisted or not dying:
            keep(before, after)
        if dying:
            raise Crash

    store.update = update
    for round_number in range(4):
        chain.final = 0 if round_number < 2 else 100
        try:
            Outbox(store, chain, lambda: NOW).step()
        except Crash:
            continue
    store.update = keep
    Outbox(store, chain, lambda: NOW).step()
    assert store.states() == [State.FINAL]
    assert len(chain.mined) == 1


def test_nothing_is_sent_again_once_it_is_in_a_block():
    store, chain = MemoryStore(row()), FakeChain()
    chain.final = 0
    for _ in range(3):
        Outbox(store, chain, lambda: NOW).step()
    assert store.states() == [State.MINED]
    assert chain.sent == [b"raw"]


def test_a_reorganised_row_is_sent_again_as_the_same_bytes():
    store, chain = MemoryStore(row()), FakeChain()
    chain.final = 0
    Outbox(store, chain, lambda: NOW).step()
    chain.mined.clear()
    chain.faults = ["lost error"]
    (after,) = Outbox(store, chain, lambda: NOW).step()
    assert (after.state, after.block_hash, after.note) == (State.SENT, None, "no answer")
    (after,) = Outbox(store, chain, lambda: NOW).step()
    assert after.state is State.MINED
    assert chain.sent == [b"raw"] * 3


def test_a_store_that_lost_the_race_is_heard():
    store, chain = MemoryStore(row()), FakeChain()
    stale = store.unfinished()
    store.update(stale[0], replace(stale[0], note="somebody else was here"))
    store.unfinished = lambda: list(stale)
    with pytest.raises(Conflict):
        Outbox(store, chain, lambda: NOW).step()


def test_only_the_rows_of_the_key_whose_lock_is_held_are_moved():
    own, other = row(), row(sender="0xother", transaction_hash=b"other", raw=b"other")
    store, chain = MemoryStore(own, other), FakeChain()
    chain.is_replaced = lambda _row: True
    outbox = Outbox(store, chain, lambda: NOW, own.sender)
    assert [found.sender for found in outbox.step()] == [own.sender]
    assert store.states() == [State.FINAL, State.QUEUED]
    assert chain.sent == [b"raw"]
    assert outbox.recheck([replace(other, state=State.FINAL, block_number=7)]) == []


# Real chains ------------------------------------------------------------------------------------


def queued(node, payer, contract, old_size, size, **options):
    transaction = anchor_transaction(node, payer, contract, old_size, size, **options)
    return queue_row(
        transaction,
        chain_id=node.chain_id,
        goal=AnchoredHead(contract, ORIGIN, head_of(size)),
        queued_at=NOW,
    )


def run(node, store, depths=None):
    return Outbox(store, NodeView(node, depths), lambda: NOW).step()


def test_a_month_of_anchors_on_a_real_chain(chain, node):
    contract = deploy(node, chain.payer).contract
    store = MemoryStore()
    for old_size, size in [(0, 3), (3, 7), (7, 9)]:
        store.add(queued(node, chain.payer, contract, old_size, size))
        run(node, store)
        (last,) = [one for one in store.rows.values() if one.goal.head == head_of(size)]
        node.wait_for_receipt(last.transaction_hash)
        run(node, store, FinalityDepths(0, 0))
    assert store.states() == [State.FINAL] * 3
    assert read_head(node, contract, ORIGIN) == head_of(9)


def test_on_the_embedded_chain_one_step_is_enough(embedded_url):
    with open_node(embedded_url) as node:
        contract = deploy(node, (1).to_bytes(32, "big")).contract
        store = MemoryStore(queued(node, (1).to_bytes(32, "big"), contract, 0, 3))
        (after,) = run(node, store)
        assert after.state is State.FINAL
        assert after.block_hash == node.block(after.block_number).hash


def test_somebody_else_anchored_first(chain, node):
    contract = deploy(node, chain.payer).contract
    mine = queued(node, chain.payer, contract, 0, 3, nonce=node.nonce(key_address(chain.payer)) + 1)
    anchor_now(node, chain.payer, contract, 0, 7)
    store = MemoryStore(mine)
    run(node, store)
    node.wait_for_receipt(mine.transaction_hash)
    run(node, store, FinalityDepths(0, 0))
    assert store.states() == [State.REPLACED]


def test_an_anchor_without_quorum_fails_with_a_reason(chain, node):
    contract = deploy(node, chain.payer, k=3).contract
    store = MemoryStore(queued(node, chain.payer, contract, 0, 3))
    run(node, store)
    node.wait_for_receipt(next(iter(store.rows)))
    (after,) = run(node, store, FinalityDepths(0, 0)) or store.rows.values()
    assert after.state is State.FAILED
    assert "refused" in after.note


def test_a_row_for_another_chain_is_not_sent(chain, node):
    contract = deploy(node, chain.payer).contract
    foreign = replace(queued(node, chain.payer, contract, 0, 3), chain_id=5)
    store = MemoryStore(foreign)
    assert run(node, store) == []
    with pytest.raises(InvariantViolated, match="chain 5"):
        NodeView(node).observe(foreign)
    assert store.states() == [State.QUEUED]


def rpc(node, method, *parameters):
    answer = node.web3.provider.make_request(method, list(parameters))
    assert "error" not in answer, answer
    return answer["result"]


def test_finality_grows_with_blocks_on_a_node_with_tags():
    require_anvil()
    with running_anvil() as url, open_node(url) as node:
        contract = deploy(node, ANVIL_PAYER).contract
        store = MemoryStore(queued(node, ANVIL_PAYER, contract, 0, 3))
        run(node, store)
        node.wait_for_receipt(next(iter(store.rows)))
        states = []
        for _ in range(4):
            run(node, store)
            states += store.states()
            rpc(node, "anvil_mine", "0x1")
        assert states == [State.MINED, State.SAFE, State.FINAL, State.FINAL]


def test_a_reorganisation_on_a_real_node():
    """anvil's orphans do not return to its pool: only the outbox brings the anchor back."""
    require_anvil()
    with running_anvil(epoch_slots=8) as url, open_node(url) as node:
        contract = deploy(node, ANVIL_PAYER).contract
        rpc(node, "anvil_mine", "0x3")
        store = MemoryStore(queued(node, ANVIL_PAYER, contract, 0, 3))
        run(node, store)
        node.wait_for_receipt(next(iter(store.rows)))
        (before,) = run(node, store)
        assert before.state is State.MINED
        rpc(node, "anvil_reorg", 1, [])
        assert node.receipt(before.transaction_hash) is None
        (after,) = run(node, store)
        assert after.state in {State.SENT, State.MINED}
        node.wait_for_receipt(before.transaction_hash)
        rpc(node, "anvil_mine", "0x20")
        (last,) = run(node, store)
        assert last.state is State.FINAL
        assert last.block_hash != before.block_hash
        assert read_head(node, contract, ORIGIN) == head_of(3)


def test_a_fee_bump_on_a_real_node():
    require_anvil()
    with running_anvil("--no-mining") as url, open_node(url) as node:
        contract = deploy_while_mining(node, ANVIL_PAYER)
        cheap = queued(node, ANVIL_PAYER, contract, 0, 3)
        store = MemoryStore(cheap)
        run(node, store)
        bump = dearer(node, contract, cheap)
        store.add(bump)
        store.update(
            store.rows[cheap.transaction_hash], supersede(store.rows[cheap.transaction_hash], bump)
        )
        run(node, store)
        rpc(node, "anvil_mine", "0x5")
        run(node, store)
        assert store.states() == [State.SENT, State.FINAL], "one look is not enough to give it up"
        run(node, store)
        assert store.states() == [State.REPLACED, State.FINAL]


def dearer(node, contract, cheap):
    fees = Fees(20 * 10**9, 5 * 10**9)
    data = anchor_data(node, contract, 0, 3)
    unsigned = Transaction(node.chain_id, cheap.nonce, contract, data, ANCHOR_GAS, fees)
    signed = sign_transaction(unsigned, ANVIL_PAYER)
    return queue_row(signed, chain_id=node.chain_id, goal=cheap.goal, queued_at=NOW, bump=1)
