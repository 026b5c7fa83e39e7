"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("id_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("checkpoint", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logs")),
        sa.UniqueConstraint("origin", name=op.f("uq_logs_origin")),
        sa.UniqueConstraint("slug", name=op.f("uq_logs_slug")),
    )
    op.create_table(
        "batches",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seed", sa.LargeBinary(length=32), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_batches_log_id")),
        sa.PrimaryKeyConstraint("log_id", "index", name=op.f("pk_batches")),
    )
    op.create_table(
        "blobs",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_blobs_log_id")),
        sa.PrimaryKeyConstraint("log_id", "sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "entries",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=42), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=True),
        sa.Column("period", sa.String(length=7), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("late", sa.Text(), nullable=True),
        sa.Column("received_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_entries_log_id")),
        sa.PrimaryKeyConstraint("log_id", "index", name=op.f("pk_entries")),
    )
    op.create_index("ix_entries_actor", "entries", ["log_id", "actor", "sequence"], unique=True)
    op.create_index(
        "ix_entries_amount", "entries", ["log_id", "currency", "amount_minor"], unique=False
    )
    op.create_index("ix_entries_kind", "entries", ["log_id", "kind", "period"], unique=False)
    op.create_index("ix_entries_member", "entries", ["log_id", "member", "period"], unique=False)
    op.create_table(
        "nonces",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_nonces_log_id")),
        sa.PrimaryKeyConstraint("log_id", "nonce", name=op.f("pk_nonces")),
    )
    op.create_table(
        "outbox",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("updated_at", sa.String(length=24), nullable=False),
        sa.Column("row", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_outbox_log_id")),
        sa.PrimaryKeyConstraint("log_id", "id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_state", "outbox", ["log_id", "state"], unique=False)
    op.create_table(
        "record_ids",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_record_ids_log_id")),
        sa.PrimaryKeyConstraint("log_id", "id_hash", name=op.f("pk_record_ids")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "snapshots",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_snapshots_log_id")),
        sa.PrimaryKeyConstraint("log_id", "size", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "tiles",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_tiles_log_id")),
        sa.PrimaryKeyConstraint("log_id", "level", "index", name=op.f("pk_tiles")),
    )
    op.create_table(
        "tokens",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("address", sa.String(length=42), nullable=False),
        sa.Column("expires_at", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_tokens_log_id")),
        sa.PrimaryKeyConstraint("log_id", "token_hash", name=op.f("pk_tokens")),
    )
    op.create_table(
        "totals",
        sa.Column("log_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("facility", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["log_id"], ["logs.id"], name=op.f("fk_totals_log_id")),
        sa.PrimaryKeyConstraint(
            "log_id",
            "period",
            "epoch",
            "account",
            "facility",
            "name",
            "currency",
            name=op.f("pk_totals"),
        ),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("totals")
    op.drop_table("tokens")
    op.drop_table("tiles")
    op.drop_table("snapshots")
    op.drop_table("record_ids")
    op.drop_index("ix_outbox_state", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("nonces")
    op.drop_index("ix_entries_member", table_name="entries")
    op.drop_index("ix_entries_kind", table_name="entries")
    op.drop_index("ix_entries_amount", table_name="entries")
    op.drop_index("ix_entries_actor", table_name="entries")
    op.drop_table("entries")
    op.drop_table("blobs")
    op.drop_table("batches")
    op.drop_table("logs")
