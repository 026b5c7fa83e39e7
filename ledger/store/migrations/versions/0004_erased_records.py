"""A batch that has erased records keeps salts and leaves in place of its seed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_erased_records"
down_revision = "0003_cosignatures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("batches") as batch:
        batch.add_column(sa.Column("leaves", sa.LargeBinary(), nullable=True))
        batch.alter_column("seed", existing_type=sa.LargeBinary(length=32), nullable=True)
