"""Outbox rows between the chain's form of them and the store's."""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.chain.anchor import Head
from ledger.chain.goals import AnchoredHead, goal_document, parse_goal
from ledger.chain.outbox import FINISHED, OutboxRow, State
from ledger.store.outbox import OutboxTable, Stored


class AnchorRows:
    """An ``OutboxStore`` (see ledger.chain.outbox) over the database."""

    def __init__(self, table: OutboxTable) -> None:
        """Keep the rows in ``table``."""
        self._table = table

    def add(self, row: OutboxRow) -> None:
        """Keep a new row."""
        self._table.add(store_row(row))

    def unfinished(self) -> list[OutboxRow]:
        """All rows that may still move, in ascending order of (sender, nonce, bump)."""
        rows = [load_row(stored) for stored in self._table.rows(without=FINISHED)]
        return sorted(rows, key=lambda row: (row.sender, row.nonce, row.bump))

    def update(self, before: OutboxRow, after: OutboxRow) -> None:
        """Replace a row that is still ``before``."""
        self._table.replace(store_row(before), store_row(after))

    def nonces(self, *, chain_id: int, sender: str) -> list[int]:
        """The nonces that any co-op of this database has used of a key, ascending."""
        return self._table.nonces(chain_id=chain_id, sender=sender)

    def all(self, *, newest: int | None = None) -> list[OutboxRow]:
        """Every row, or the newest few, in ascending order of (sender, nonce, bump)."""
        rows = [load_row(stored) for stored in self._table.rows(newest=newest)]
        return sorted(rows, key=lambda row: (row.sender, row.nonce, row.bump))

    def anchors(self, *, newest: int | None = None) -> list[tuple[OutboxRow, Head]]:
        """The rows that anchor a head, with the head, by its size; of the newest few if told."""
        found = [
            (row, row.goal.head)
            for row in self.all(newest=newest)
            if isinstance(row.goal, AnchoredHead)
        ]
        return sorted(found, key=lambda pair: (pair[1].size, pair[0].nonce, pair[0].bump))


def store_row(row: OutboxRow) -> Stored:
    """A row as the store keeps it: canonical JSON, and beside it what must be unique or sought."""
    return Stored(
        id=row.transaction_hash.hex(),
        state=str(row.state),
        row=encode_row(row),
        chain_id=row.chain_id,
        sender=row.sender,
        nonce=row.nonce,
        bump=row.bump,
        queued_at=row.queued_at,
        sent_at=row.sent_at,
        cost_wei=None if row.cost_wei is None else str(row.cost_wei),
    )


def load_row(stored: Stored) -> OutboxRow:
    """Read what ``store_row`` made."""
    return parse_row(
        stored.row,
        bump=stored.bump,
        queued_at=stored.queued_at,
        sent_at=stored.sent_at,
        cost_wei=None if stored.cost_wei is None else int(stored.cost_wei),
    )


def encode_row(row: OutboxRow) -> bytes:
    """A row as canonical JSON, without its times and cost."""
    return canonical.encode(
        {
            "chain_id": row.chain_id,
            "sender": row.sender,
            "nonce": row.nonce,
            "raw": row.raw.hex(),
            "transaction_hash": row.transaction_hash.hex(),
            "goal": goal_document(row.goal),
            "state": str(row.state),
            "block_number": row.block_number,
            "block_hash": _hex(row.block_hash),
            "superseded_by": _hex(row.superseded_by),
            "note": row.note,
        }
    )


def parse_row(data: bytes, *, queued_at: str = "", bump: int = 0, **beside: Any) -> OutboxRow:
    """Read a row that ``encode_row`` wrote; what stands beside it is given by name."""
    document: dict[str, Any] = canonical.parse(data, what="an outbox row")
    return OutboxRow(
        chain_id=document["chain_id"],
        sender=document["sender"],
        nonce=document["nonce"],
        raw=bytes.fromhex(document["raw"]),
        transaction_hash=bytes.fromhex(document["transaction_hash"]),
        goal=parse_goal(document["goal"]),
        queued_at=queued_at,
        bump=bump,
        state=State(document["state"]),
        block_number=document["block_number"],
        block_hash=_bytes(document["block_hash"]),
        superseded_by=_bytes(document["superseded_by"]),
        note=document["note"],
        **beside,
    )


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
