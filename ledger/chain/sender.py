"""Signing for the outbox with one key on one chain: new transactions, fee bumps, gap fillers.

Whoever calls holds the key's lock (``ledger.store.key_lock``). Nothing here sends: each signed
transaction becomes a row, and the outbox sends what is stored.

A transaction that is next in line and has waited ``bump_after_seconds`` is signed again with the
same nonce and a higher fee. A nonce that nobody has used lies below a waiting one when a foreign
transaction of the same key vanished (a reorganisation, a dropped transaction, a restored database);
nothing above it can ever be mined, so after the same patience the gap is filled with an empty
transaction of the key to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Protocol

from ledger.chain.fees import FeePolicy, Purse, bumped, offer
from ledger.chain.goals import Goal, PlainCall
from ledger.chain.node import Fees, Node, Transaction, sign_transaction
from ledger.chain.outbox import (
    WAITING,
    OutboxRow,
    OutboxStore,
    State,
    next_nonce,
    queue_row,
    supersede,
)
from ledger.chain.quorum import key_address
from ledger.chain.stored import read_stored_transaction
from ledger.errors import ChainUnavailable
from ledger.period import parse_instant

FILLER_GAS = 21_000
FILLERS_MAX = 16


class SenderStore(OutboxStore, Protocol):
    """What a sender asks of the rows beside what the outbox does."""

    def all(self) -> list[OutboxRow]:
        """Every row of this log, ascending by (sender, nonce, bump)."""

    def nonces(self, *, chain_id: int, sender: str) -> list[int]:
        """The nonces that any log has used of a key on a chain, ascending."""


@dataclass(frozen=True, slots=True)
class Sender:
    """One key on the chain of ``node``; ``clock`` gives the present instant."""

    node: Node
    key: bytes
    store: SenderStore
    policy: FeePolicy
    clock: Callable[[], str]

    @property
    def address(self) -> str:
        """The key's EIP-55 address."""
        return key_address(self.key)

    def queue(self, goal: Goal, data: bytes, *, gas: int) -> OutboxRow:
        """Sign a call for a new goal with the next free nonce, and store it.

        Raises ChainUnavailable, with nothing stored, if a cap (kinds ``fee-cap``, ``cost-cap``)
        forbids it now or the node is behind what was final before (kind ``behind``).
        """
        self.node.check_chain()
        on_chain = self.node.nonce(self.address)
        self._require_not_behind(on_chain)
        used = self.store.nonces(chain_id=self.node.chain_id, sender=self.address)
        fees = offer(self.node.base_fee_wei(), self.policy)
        nonce = next_nonce(used, on_chain=on_chain)
        return self._store(goal, data, nonce=nonce, gas=gas, fees=fees)

    def tend(self) -> bool:
        """Bump what is stuck and fill gaps; whether there is something new to send.

        Why something has to wait is noted in its row.
        """
        waiting = [row for row in self._own() if row.state in WAITING]
        if not waiting:
            return False
        on_chain = self.node.nonce(self.address)
        for nonce, group in groupby(self._own(), key=lambda row: row.nonce):
            rows = self._mark(list(group))
            if nonce == on_chain and all(row.state in WAITING for row in rows):
                self._bump_if_stuck(rows[-1])
        self._fill_gaps(waiting[0], on_chain)
        return any(row.state is State.QUEUED for row in self._own())

    def _own(self) -> list[OutboxRow]:
        mine = (self.node.chain_id, self.address)
        return [row for row in self.store.unfinished() if (row.chain_id, row.sender) == mine]

    def _require_not_behind(self, on_chain: int) -> None:
        mine = (self.node.chain_id, self.address, State.FINAL)
        final = [row.nonce for row in self.store.all() if _whose(row) == mine]
        if final and on_chain <= max(final):
            raise ChainUnavailable(
                f"the node knows {on_chain} transactions of {self.address}, nonce {max(final)} "
                "was final: it is behind, or serves another chain with the same id",
                kind="behind",
            )

    def _store(  # noqa: PLR0913 - one transaction, all its parts
        self, goal: Goal, data: bytes, *, nonce: int, gas: int, fees: Fees, bump: int = 0
    ) -> OutboxRow:
        now = self.clock()
        # A bump costs only what it adds to the dearest so far with its nonce.
        others = [row for row in self.store.all() if row.nonce != nonce]
        purse = Purse(self.node.chain_id, self.address, now[:7])
        purse.require(gas * fees.max_fee_wei, others, self.policy)
        unsigned = Transaction(self.node.chain_id, nonce, goal.contract, data, gas, fees)
        signed = sign_transaction(unsigned, self.key)
        row = queue_row(signed, chain_id=self.node.chain_id, goal=goal, queued_at=now, bump=bump)
        self.store.add(row)
        return row

    def _mark(self, rows: Sequence[OutboxRow]) -> list[OutboxRow]:
        """Note each row's bump, should the process have died before it could."""
        marked = []
        for row, bump in pairwise(rows):
            after = row
            if row.superseded_by is None and row.state in WAITING:
                after = supersede(row, bump)
                self.store.update(row, after)
            marked.append(after)
        return [*marked, rows[-1]]

    def _bump_if_stuck(self, row: OutboxRow) -> None:
        if not self._is_overdue(row):
            return
        try:
            self._bump(row)
        except ChainUnavailable as error:
            if error.details.get("kind") == "unreachable":
                raise
            self.store.update(row, replace(row, note=error.message))

    def _bump(self, row: OutboxRow) -> None:
        said = read_stored_transaction(row.raw)
        fees = bumped(said.fees, self.node.base_fee_wei(), self.policy)
        if fees is None or row.bump >= self.policy.bumps_max:
            raise ChainUnavailable(
                f"it offers {said.fees.max_fee_wei} wei per gas and waits: a dearer one would be "
                f"above max_fee_wei ({self.policy.max_fee_wei}), or is bump {row.bump + 1} of at "
                f"most {self.policy.bumps_max}",
                kind="fee-cap",
            )
        bump = self._store(
            row.goal, said.data, nonce=row.nonce, gas=said.gas, fees=fees, bump=row.bump + 1
        )
        self.store.update(row, supersede(row, bump))

    def _fill_gaps(self, lowest: OutboxRow, on_chain: int) -> None:
        if lowest.nonce <= on_chain or not self._is_overdue(lowest):
            return
        used = set(self.store.nonces(chain_id=self.node.chain_id, sender=self.address))
        pending = self.node.nonce(self.address, at="pending")
        missing = [nonce for nonce in range(pending, lowest.nonce) if nonce not in used]
        for nonce in missing[:FILLERS_MAX]:
            goal = PlainCall(self.address, f"fill the gap at nonce {nonce}")
            fees = offer(self.node.base_fee_wei(), self.policy)
            self._store(goal, b"", nonce=nonce, gas=FILLER_GAS, fees=fees)

    def _is_overdue(self, row: OutboxRow) -> bool:
        if row.sent_at is None:
            return False
        waited = parse_instant(self.clock()) - parse_instant(row.sent_at)
        return waited.total_seconds() >= self.policy.bump_after_seconds


def _whose(row: OutboxRow) -> tuple[int, str, State]:
    return row.chain_id, row.sender, row.state
