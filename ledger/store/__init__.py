"""The database: tables, sequencer, blobs, totals, snapshots (SQLAlchemy)."""
