"""kyojo: a profit-sharing co-op ledger (共助).

The package is layered; ``pyproject.toml`` holds the table that import-linter enforces, and
``docs/architecture.md`` explains it.
"""
