"""The checkpoints at which the log's keys changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_key_changes"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "key_changes",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name="fk_key_changes_log_id"),
        sa.PrimaryKeyConstraint("log_id", "size", name="pk_key_changes"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("key_changes")
