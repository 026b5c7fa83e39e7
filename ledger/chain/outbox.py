"""The outbox: sending transactions without losing one, sending one twice, or guessing.

::

    queued → sent → mined → safe → final
    sent → replaced        mined, safe → reorged → sent        any of them → failed

A row holds the signed bytes, their hash and their nonce, and is stored **before** anything is
sent. So a crash at any point leaves either nothing or a row; at the next start unfinished rows are
sent again as the same bytes, which is harmless: the same hash cannot be mined twice. A refused
send proves nothing (the answer to an earlier one may have been lost), so every error of a send is
noted and the chain is looked at instead.

*Success is the contract's state*: it holds the row's goal (see ``goals``), whoever's transaction
brought it there. What a row is in:

========  ========================================================================================
queued    stored; perhaps sent, if the process died in between
sent      handed over at least once, not seen in a block
mined     in the block named by ``block_hash``, successfully
safe      that block is at or below the chain's safe height, and still canonical
final     the same for the final height, and the contract's state there has the goal
reorged   its block is no longer in the chain; it is sent again
replaced  another transaction reached the goal, or a fee bump took the nonce; nothing to do
failed    it was refused, or its nonce was taken, and the goal is not reached; ``note`` says why
========  ========================================================================================

``advance`` is pure: (row, observation) → row. ``Outbox`` observes, advances, stores, sends; the
database behind ``OutboxStore`` belongs to the store. One writer per sending key.

A fee bump is ``supersede``: the same call with the same nonce and a higher fee, added as a row of
its own. All transactions of a nonce are watched until one of them is final, for any of them may
be the one that is mined. ``sender`` decides when to bump, ``fees`` by how much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from ledger.chain.goals import Goal
from ledger.chain.node import FinalityDepths, Node, Receipt, SignedTransaction
from ledger.errors import ChainUnavailable, Conflict, InvariantViolated


class State(StrEnum):
    """Where a row stands; the module docstring says what each state means."""

    QUEUED = "queued"
    SENT = "sent"
    MINED = "mined"
    SAFE = "safe"
    FINAL = "final"
    REORGED = "reorged"
    REPLACED = "replaced"
    FAILED = "failed"


FINISHED = frozenset({State.FINAL, State.REPLACED, State.FAILED})
WAITING = frozenset({State.QUEUED, State.SENT, State.REORGED})
_IN_BLOCK = frozenset({State.MINED, State.SAFE})

# Noted at the end of a run; what the next run still finds so is believed.
SEEMS_TAKEN = "another transaction seems to have the nonce; the next run looks again"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One signed transaction and what it is for.

    ``block_number`` and ``block_hash`` are set while the row is mined, safe or final.
    ``bump`` counts the transactions of one nonce, from 0; ``superseded_by`` is the hash of the
    next one. ``queued_at`` and ``sent_at`` (first handed over) are instants, ``cost_wei`` is what
    the transaction has cost while it is in a block.
    """

    chain_id: int
    sender: str
    nonce: int
    raw: bytes
    transaction_hash: bytes
    goal: Goal
    queued_at: str
    bump: int = 0
    state: State = State.QUEUED
    block_number: int | None = None
    block_hash: bytes | None = None
    superseded_by: bytes | None = None
    sent_at: str | None = None
    cost_wei: int | None = None
    note: str = ""

    @property
    def contract(self) -> str:
        """Whom the transaction calls."""
        return self.goal.contract


@dataclass(frozen=True, slots=True)
class Observation:
    """What the chain said about a row, all read after one another at nearly one moment.

    ``receipt`` is None while the transaction is in no block. ``canonical_hash`` is the hash of the
    chain's own block at the receipt's height. ``final_nonce`` counts the sender's transactions up
    to the final block: what it is above is decided for good. ``reached`` tells whether the row's
    goal is reached at the latest block, ``final_reached`` at the final one.
    """

    receipt: Receipt | None
    canonical_hash: bytes | None
    final_nonce: int
    safe_number: int
    final_number: int
    reached: bool
    final_reached: bool


class OutboxStore(Protocol):
    """Where rows live.

    Each method is one committed database transaction of its own, or part of the caller's; nothing
    is sent before ``add`` is committed.
    """

    def add(self, row: OutboxRow) -> None:
        """Keep a new row; raises DuplicateId if its transaction hash is there already."""

    def unfinished(self) -> list[OutboxRow]:
        """All rows whose state is not in FINISHED, ascending by (sender, nonce, bump)."""

    def update(self, before: OutboxRow, after: OutboxRow) -> None:
        """Replace ``before`` by ``after``; raises Conflict if the row is no longer ``before``."""


def queue_row(
    transaction: SignedTransaction, *, chain_id: int, goal: Goal, queued_at: str, bump: int = 0
) -> OutboxRow:
    """A row for a freshly signed transaction, to be added before it is sent."""
    return OutboxRow(
        chain_id=chain_id,
        sender=transaction.sender,
        nonce=transaction.nonce,
        raw=transaction.raw,
        transaction_hash=transaction.hash,
        goal=goal,
        queued_at=queued_at,
        bump=bump,
    )


def next_nonce(used: Iterable[int], *, on_chain: int) -> int:
    """The nonce of a key's next transaction: behind all that were ever used, and the chain's."""
    return max([on_chain, *(nonce + 1 for nonce in used)])


def advance(row: OutboxRow, seen: Observation) -> OutboxRow:
    """The row as it stands after ``seen``; a finished row stays as it is."""
    if row.state in FINISHED:
        return row
    receipt = seen.receipt
    if receipt is None or seen.canonical_hash != receipt.block_hash:
        return _advance_without_block(row, seen)
    if row.block_hash is not None and row.block_hash != receipt.block_hash:
        return _leave_block(row, f"moved to another block at height {receipt.block_number}")
    if not receipt.succeeded:
        return _settle(row, seen, "the contract refused the transaction")
    return _advance_in_block(row, receipt, seen)


def supersede(row: OutboxRow, bump: OutboxRow) -> OutboxRow:
    """``row``, noting its fee bump. Add ``bump`` first, so that a crash loses neither.

    Raises InvariantViolated unless both are the same call with the same nonce, and Conflict if
    ``row`` is no longer waiting.
    """
    same = ("chain_id", "sender", "nonce", "goal")
    if any(getattr(row, name) != getattr(bump, name) for name in same):
        raise InvariantViolated("a fee bump changes nothing but the fee")
    if row.state not in WAITING:
        raise Conflict(f"a {row.state} transaction cannot be replaced", state=row.state.value)
    return replace(row, superseded_by=bump.transaction_hash)


def _advance_without_block(row: OutboxRow, seen: Observation) -> OutboxRow:
    if row.state in _IN_BLOCK:
        return _leave_block(row, f"left the chain at height {row.block_number}")
    if seen.receipt is None and seen.final_nonce > row.nonce:
        # Another transaction has the nonce, so this one can never be mined any more; unless the
        # node that counted and the one that had no receipt were two, of which one is astray.
        if row.note != SEEMS_TAKEN:
            return replace(row, note=SEEMS_TAKEN)
        return _settle(row, seen, "another transaction took the nonce")
    return row


def _advance_in_block(row: OutboxRow, receipt: Receipt, seen: Observation) -> OutboxRow:
    state = State.MINED
    if receipt.block_number <= seen.safe_number:
        state = State.SAFE
    is_goal = seen.final_reached or not row.goal.by_state
    if receipt.block_number <= seen.final_number and is_goal:
        state = State.FINAL
    return replace(
        row,
        state=state,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        cost_wei=receipt.cost_wei,
        note="",
    )


def _leave_block(row: OutboxRow, note: str) -> OutboxRow:
    # Sent anew, so its patience begins anew; and it costs nothing until it is in a block again.
    left = replace(row, state=State.REORGED, block_number=None, block_hash=None)
    return replace(left, sent_at=None, cost_wei=None, note=note)


def _settle(row: OutboxRow, seen: Observation, why: str) -> OutboxRow:
    """This transaction will not do it: another did, or a fee bump will, or it is a failure.

    Only what is final finishes a row: a verdict in a block that may still vanish is no verdict.
    """
    if seen.receipt is not None:
        row = replace(row, cost_wei=seen.receipt.cost_wei)  # a refusal is paid for too
        if seen.receipt.block_number > seen.final_number:
            return replace(row, note=f"{why}; waiting for finality")
    if seen.final_reached:
        return replace(row, state=State.REPLACED, note=f"{why}; the goal is reached")
    if row.superseded_by is not None:
        return replace(row, state=State.REPLACED, note=f"{why}; a fee bump took over")
    if seen.reached:
        return replace(row, note=f"{why}; the goal is reached and waits for finality")
    return replace(row, state=State.FAILED, note=why)


class ChainView(Protocol):
    """What the driver asks of a chain; ``NodeView`` answers it from a Node."""

    @property
    def chain_id(self) -> int:
        """Which rows are this chain's."""

    def observe(self, row: OutboxRow) -> Observation:
        """All facts about ``row``; raises ChainUnavailable if one cannot be had."""

    def is_replaced(self, row: OutboxRow) -> bool:
        """Whether the chain has another block at the height of the row's own."""

    def send(self, raw: bytes) -> None:
        """Hand over the bytes once; any error leaves the outcome open."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """A ChainView over a Node; ``depths`` stand in for tags that the chain does not have."""

    node: Node
    depths: FinalityDepths | None = None

    @property
    def chain_id(self) -> int:
        """The chain that the node serves."""
        return self.node.chain_id

    def observe(self, row: OutboxRow) -> Observation:
        """The facts about ``row``. Raises InvariantViolated if this is not the row's chain."""
        if row.chain_id != self.node.chain_id:
            raise InvariantViolated(
                f"the row is for chain {row.chain_id}, the node serves {self.node.chain_id}"
            )
        finality = self.node.finality(self.depths)
        # Before the receipt: read after it, the nonce could count our own transaction, mined in
        # between, and make it look like somebody else's.
        final_nonce = self.node.nonce(row.sender, at=finality.final)
        receipt = self.node.receipt(row.transaction_hash)
        block = self.node.block(receipt.block_number) if receipt is not None else None
        return Observation(
            receipt=receipt,
            canonical_hash=block.hash if block is not None else None,
            final_nonce=final_nonce,
            safe_number=finality.safe,
            final_number=finality.final,
            reached=row.goal.reached(self.node, "latest"),
            final_reached=row.goal.reached(self.node, finality.final),
        )

    def is_replaced(self, row: OutboxRow) -> bool:
        """Whether another block stands at the row's height; a node that is behind shows nothing."""
        if row.block_number is None:
            return False
        block = self.node.block(row.block_number)
        return block is not None and block.hash != row.block_hash

    def send(self, raw: bytes) -> None:
        """Hand over the bytes once."""
        self.node.send(raw)


@dataclass(frozen=True, slots=True)
class Outbox:
    """The driver: the same ``step`` serves normal running and recovery after a crash.

    It moves the rows of ``sender`` alone, the address whose key's lock the caller holds; other
    keys' rows may be moving in another process. None moves all, where there is no other process.
    """

    store: OutboxStore
    chain: ChainView
    clock: Callable[[], str]
    sender: str | None = None

    def step(self) -> list[OutboxRow]:
        """Look at this chain's unfinished rows once, send those not in a block, look again.

        Rows for other chains and of other keys are left alone. Returns the rows as they now
        stand. Raises ChainUnavailable if the chain cannot be read; what was done until then is
        stored.
        """
        ours = [row for row in self.store.unfinished() if self._is_ours(row)]
        return [self._step_row(row) for row in ours]

    def recheck(self, rows: Iterable[OutboxRow]) -> list[OutboxRow]:
        """Look again at rows that were final; those whose block was replaced are open again.

        A chain that replaces a final block breaks its word; what stood in it is sent again, as
        the same bytes. Give the newest few: what lies below them is lost only with them. Returns
        the reopened rows.
        """
        found = []
        for row in rows:
            if not self._is_ours(row) or row.state is not State.FINAL:
                continue
            if self.chain.is_replaced(row):
                note = f"its final block {row.block_number} was replaced: the chain broke finality"
                found.append(self._keep(row, _leave_block(row, note)))
        return found

    def _is_ours(self, row: OutboxRow) -> bool:
        return row.chain_id == self.chain.chain_id and self.sender in (None, row.sender)

    def _step_row(self, row: OutboxRow) -> OutboxRow:
        row = self._look(row)
        if row.state not in WAITING or row.superseded_by is not None:
            # Of one nonce only the dearest is sent: a node refuses the others beside it.
            return row
        return self._look(self._send(row))

    def _look(self, row: OutboxRow) -> OutboxRow:
        return self._keep(row, advance(row, self.chain.observe(row)))

    def _send(self, row: OutboxRow) -> OutboxRow:
        note = ""
        sent_at = row.sent_at or self.clock()
        try:
            self.chain.send(row.raw)
        except (ChainUnavailable, Conflict) as error:
            # It may be in all the same: an earlier answer got lost. The next look tells.
            note = error.message
        return self._keep(row, replace(row, state=State.SENT, sent_at=sent_at, note=note))

    def _keep(self, before: OutboxRow, after: OutboxRow) -> OutboxRow:
        if after != before:
            self.store.update(before, after)
        return after
