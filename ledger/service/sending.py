"""Move what is in the outbox, under the lock of each key that sends.

The caller holds the lock of its own key. Rows of other keys on the same chain, such as that of a
``sender_key`` that was changed while something was under way, are moved too, unless another process
holds their key's lock at this moment: then it is that process that moves them.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain.node import FinalityDepths, Node
from ledger.chain.outbox import NodeView, Outbox, OutboxRow, State
from ledger.chain.sender import Sender
from ledger.errors import StoreBusy
from ledger.service.anchor_rows import AnchorRows
from ledger.service.coop import Coop
from ledger.store.key_lock import key_lock

RECHECKED = 3
"""How many of the newest final rows of a key are looked at again, should finality break."""


@dataclass(frozen=True, slots=True)
class Sending:
    """The rows of one log on the chain of ``node``; ``depths`` as in ``NodeView``."""

    coop: Coop
    node: Node
    rows: AnchorRows
    depths: FinalityDepths | None

    def move(self, sender: Sender) -> None:
        """Move everything once; the caller holds the lock of ``sender``'s key."""
        for other in self._others(sender.address):
            try:
                with key_lock(
                    self.coop.database, chain_id=self.node.chain_id, sender=other, wait_seconds=0
                ):
                    self._outbox(other).step()
            except StoreBusy:
                continue
        outbox = self._outbox(sender.address)
        outbox.recheck(self._newest_final(sender.address))
        outbox.step()
        if sender.tend():
            outbox.step()

    def _others(self, own: str) -> list[str]:
        rows = [row for row in self.rows.unfinished() if row.chain_id == self.node.chain_id]
        return sorted({row.sender for row in rows} - {own})

    def _outbox(self, address: str) -> Outbox:
        view = NodeView(self.node, self.depths)
        return Outbox(self.rows, view, self.coop.clock, address)

    def _newest_final(self, address: str) -> list[OutboxRow]:
        mine = (self.node.chain_id, address, State.FINAL)
        final = [row for row in self.rows.all() if (row.chain_id, row.sender, row.state) == mine]
        return sorted(final, key=lambda row: row.block_number or 0)[-RECHECKED:]
