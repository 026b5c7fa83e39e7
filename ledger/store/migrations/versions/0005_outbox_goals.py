"""An outbox row names the goal that it is for, and stands at its place of a key's nonces."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005_outbox_goals"
down_revision = "0004_erased_records"
branch_labels = None
depends_on = None

NEW = (
    ("chain_id", sa.BigInteger(), False),
    ("sender", sa.String(length=42), False),
    ("nonce", sa.BigInteger(), False),
    ("bump", sa.Integer(), False),
    ("queued_at", sa.String(length=24), False),
    ("sent_at", sa.String(length=24), True),
    ("cost_wei", sa.String(length=40), True),
)


def upgrade() -> None:
    """Go to this revision: rows were anchors only, and the first of their nonces."""
    with op.batch_alter_table("outbox") as batch:
        for name, kind, _ in NEW:
            batch.add_column(sa.Column(name, kind, nullable=True))
    connection = op.get_bind()
    table = sa.table("outbox", *map(sa.column, _NAMES))
    bumps: dict[tuple[Any, ...], int] = {}
    for row in connection.execute(sa.select(table).order_by(table.c.updated_at)).mappings().all():
        document = json.loads(row["row"])
        key = (document["chain_id"], document["sender"], document["nonce"])
        bumps[key] = bumps.get(key, -1) + 1
        values = {
            "row": json.dumps(_with_goal(document), ensure_ascii=False, separators=(",", ":"),
                              sort_keys=True).encode(),
            "chain_id": key[0],
            "sender": key[1],
            "nonce": key[2],
            "bump": bumps[key],
            "queued_at": row["updated_at"],
            "sent_at": None if document["state"] == "queued" else row["updated_at"],
        }  # fmt: skip
        same = [table.c.log_id == row["log_id"], table.c.id == row["id"]]
        connection.execute(sa.update(table).where(*same).values(values))
    with op.batch_alter_table("outbox") as batch:
        for name, kind, nullable in NEW:
            batch.alter_column(name, existing_type=kind, nullable=nullable)
        batch.create_index("ix_outbox_nonce", ["chain_id", "sender", "nonce", "bump"], unique=True)


def _with_goal(document: dict[str, Any]) -> dict[str, Any]:
    wanted = document.pop("wanted")
    goal = {
        "kind": "anchored-head",
        "contract": document.pop("contract"),
        "origin": document.pop("origin"),
        "size": wanted["size"],
        "root": wanted["root"],
    }
    return {**document, "goal": goal}


_NAMES = ("log_id", "id", "updated_at", "row", *(name for name, _, _ in NEW))
