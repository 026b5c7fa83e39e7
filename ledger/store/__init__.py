"""The database: tables, the sequencer, blobs, totals, snapshots (SQLAlchemy; SQLite, PostgreSQL)."""
