"""The tables. The log's entries and blobs are the truth; all else can be made from them again.

Times are instants as text, hashes and keys are bytes. One installation hosts many logs; every
table starts its key with ``log_id``, so co-ops are wholly apart. Rows of ``entries``, ``blobs``
and ``batches`` are written once; only an erasure rewrites the row of its batch. ``migrations/``
holds the same tables for alembic; a test keeps the two equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _log_id() -> Column[int]:
    return Column("log_id", Integer, ForeignKey("logs.id"), primary_key=True, autoincrement=False)


logs = Table(
    "logs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("origin", String(255), nullable=False, unique=True),
    # Keys the hashes of record ids, so that an id cannot be guessed from what erasure leaves.
    Column("id_key", LargeBinary(32), nullable=False),
    # The head; changed only by compare-and-swap on (size, root).
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("checkpoint", LargeBinary, nullable=True),
)

entries = Table(
    "entries",
    metadata,
    _log_id(),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("actor", String(42), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("member", String(64), nullable=True),
    Column("period", String(7), nullable=True),
    Column("amount_minor", BigInteger, nullable=True),
    Column("currency", String(3), nullable=True),
    Column("late", Text, nullable=True),
    Column("received_at", String(24), nullable=False),
    Index("ix_entries_actor", "log_id", "actor", "sequence", unique=True),
    Index("ix_entries_kind", "log_id", "kind", "period"),
    Index("ix_entries_member", "log_id", "member", "period"),
    Index("ix_entries_amount", "log_id", "currency", "amount_minor"),
)

# The checkpoints at which the log's keys changed: signed by those before and those after.
key_changes = Table(
    "key_changes",
    metadata,
    _log_id(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
)

tiles = Table(
    "tiles",
    metadata,
    _log_id(),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    _log_id(),
    Column("sha256", LargeBinary(32), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    _log_id(),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    # None once a record of the batch was erased, and in a batch that came back from a bundle:
    # then ``leaves`` has, per record, 32 bytes of salt (zero for an erased record, whose line is
    # empty) and 32 bytes of leaf.
    Column("seed", LargeBinary(32), nullable=True),
    Column("lines", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=True),
)

record_ids = Table(
    "record_ids",
    metadata,
    _log_id(),
    Column("id_hash", LargeBinary(16), primary_key=True),
    Column("index", BigInteger, nullable=False),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)

totals = Table(
    "totals",
    metadata,
    _log_id(),
    Column("period", String(7), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("account", String(64), primary_key=True),
    Column("facility", String(64), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

snapshots = Table(
    "snapshots",
    metadata,
    _log_id(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("state", LargeBinary, nullable=False),
)

nonces = Table(
    "nonces",
    metadata,
    _log_id(),
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", String(24), nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    _log_id(),
    # SHA-256 of the token: what is stored opens nothing.
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("address", String(42), nullable=False),
    Column("expires_at", String(24), nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    _log_id(),
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("updated_at", String(24), nullable=False),
    # The row as its owner writes it: canonical JSON, raw transaction included.
    Column("row", LargeBinary, nullable=False),
    # Whose nonce it is, on which chain, and the how-manieth transaction with it. One key may serve
    # several logs, so these are unique over all of them: nobody signs a nonce differently.
    Column("chain_id", BigInteger, nullable=False),
    Column("sender", String(42), nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("bump", Integer, nullable=False),
    Column("queued_at", String(24), nullable=False),
    Column("sent_at", String(24), nullable=True),
    # What it has cost, in wei: more digits than an integer column has.
    Column("cost_wei", String(40), nullable=True),
    Index("ix_outbox_state", "log_id", "state"),
    Index("ix_outbox_nonce", "chain_id", "sender", "nonce", "bump", unique=True),
)

# Checkpoints that were put before witnesses; what is published is chosen from them. Those at which
# a month was cut off are kept for good.
cosigned_heads = Table(
    "cosigned_heads",
    metadata,
    _log_id(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    Column("chosen_at", String(24), nullable=False),
    # When its cosignatures first made the quorum.
    Column("witnessed_at", String(24), nullable=True),
)

cosignatures = Table(
    "cosignatures",
    metadata,
    _log_id(),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    # "<key name>+<key id>", as in a vkey.
    Column("witness", String(264), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("received_at", String(24), nullable=False),
)

witnesses = Table(
    "witnesses",
    metadata,
    _log_id(),
    Column("witness", String(264), primary_key=True),
    # The size that it has acknowledged; the next proof starts there.
    Column("size", BigInteger, nullable=False),
    Column("answered_at", String(24), nullable=True),
    # What went wrong last, and since when nothing went right; NULL once it has.
    Column("trouble", String(32), nullable=True),
    Column("detail", Text, nullable=True),
    Column("failing_since", String(24), nullable=True),
)
