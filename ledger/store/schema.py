"""Bringing a database to the tables of this version, by alembic revisions.

A database of a newer version is refused by name; it is never touched.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from ledger.errors import Conflict
from ledger.store.database import Database

_DIRECTORY = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create or upgrade the tables; does nothing if they are up to date."""
    if current_revision(database) == newest_revision():
        return
    config = _config()
    try:
        with database.write(0) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Conflict(f"the database belongs to another version of kyojo: {error}") from error


def current_revision(database: Database) -> str | None:
    """The revision that the database is at; None for an empty one."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The newest revision that this version of kyojo has."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY))
    config.set_main_option("path_separator", "os")
    return config
