"""Outbox rows of anchors, between the chain's form of them and the store's."""

from __future__ import annotations

from typing import Any

from ledger import canonical
from ledger.chain.anchor import Head
from ledger.chain.outbox import FINISHED, OutboxRow, State
from ledger.store.outbox import OutboxTable


class AnchorRows:
    """An ``OutboxStore`` (see ledger.chain.outbox) over the database."""

    def __init__(self, table: OutboxTable) -> None:
        """Keep the rows in ``table``."""
        self._table = table

    def add(self, row: OutboxRow) -> None:
        """Keep a new row."""
        self._table.add(row.transaction_hash.hex(), row.state, encode_row(row))

    def unfinished(self) -> list[OutboxRow]:
        """All rows that may still move, in ascending order of (sender, nonce)."""
        rows = [parse_row(data) for data in self._table.rows(without=FINISHED)]
        return sorted(rows, key=lambda row: (row.sender, row.nonce))

    def update(self, before: OutboxRow, after: OutboxRow) -> None:
        """Replace a row that is still ``before``."""
        row_id = before.transaction_hash.hex()
        self._table.replace(row_id, encode_row(before), after.state, encode_row(after))

    def all(self) -> list[OutboxRow]:
        """Every row, by wanted size."""
        rows = [parse_row(data) for data in self._table.rows()]
        return sorted(rows, key=lambda row: row.wanted.size)


def encode_row(row: OutboxRow) -> bytes:
    """A row as canonical JSON."""
    return canonical.encode(
        {
            "chain_id": row.chain_id,
            "contract": row.contract,
            "sender": row.sender,
            "nonce": row.nonce,
            "raw": row.raw.hex(),
            "transaction_hash": row.transaction_hash.hex(),
            "origin": row.origin,
            "wanted": {"size": row.wanted.size, "root": row.wanted.root.hex()},
            "state": str(row.state),
            "block_number": row.block_number,
            "block_hash": _hex(row.block_hash),
            "superseded_by": _hex(row.superseded_by),
            "note": row.note,
        }
    )


def parse_row(data: bytes) -> OutboxRow:
    """Read a row that ``encode_row`` wrote."""
    document: dict[str, Any] = canonical.parse(data, what="an outbox row")
    wanted = document["wanted"]
    return OutboxRow(
        chain_id=document["chain_id"],
        contract=document["contract"],
        sender=document["sender"],
        nonce=document["nonce"],
        raw=bytes.fromhex(document["raw"]),
        transaction_hash=bytes.fromhex(document["transaction_hash"]),
        origin=document["origin"],
        wanted=Head(wanted["size"], bytes.fromhex(wanted["root"])),
        state=State(document["state"]),
        block_number=document["block_number"],
        block_hash=_bytes(document["block_hash"]),
        superseded_by=_bytes(document["superseded_by"]),
        note=document["note"],
    )


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
