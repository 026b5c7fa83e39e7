"""Tables for cosignatures: checkpoints put before witnesses, signatures, where witnesses stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_cosignatures"
down_revision = "0002_key_changes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "cosigned_heads",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("chosen_at", sa.String(length=24), nullable=False),
        sa.Column("witnessed_at", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_cosigned_heads_log_id")),
        sa.PrimaryKeyConstraint("log_id", "size", name=op.f("pk_cosigned_heads")),
    )
    op.create_table(
        "cosignatures",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=264), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_cosignatures_log_id")),
        sa.PrimaryKeyConstraint("log_id", "size", "witness", name=op.f("pk_cosignatures")),
    )
    op.create_table(
        "witnesses",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=264), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.String(length=24), nullable=True),
        sa.Column("trouble", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.String(length=24), nullable=True),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_witnesses_log_id")),
        sa.PrimaryKeyConstraint("log_id", "witness", name=op.f("pk_witnesses")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("witnesses")
    op.drop_table("cosignatures")
    op.drop_table("cosigned_heads")
