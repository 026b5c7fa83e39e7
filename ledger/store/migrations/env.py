"""Alembic's entry point: runs revisions on the connection that ``schema.upgrade`` passes."""

from __future__ import annotations

from alembic import context

from ledger.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
