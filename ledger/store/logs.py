"""The logs of an installation: one a co-op, each wholly apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ledger.errors import DuplicateId, NotFound
from ledger.log.merkle import root_hash
from ledger.store.database import Database
from ledger.store.tables import logs


@dataclass(frozen=True, slots=True)
class Log:
    """A log's row: its number, its short name in URLs, its origin, and the key of its ids."""

    id: int
    slug: str
    origin: str
    id_key: bytes


def create_log(database: Database, *, slug: str, origin: str, id_key: bytes) -> Log:
    """Create an empty log; raises DuplicateId if the slug or the origin is taken."""
    row = {"slug": slug, "origin": origin, "id_key": id_key, "size": 0, "root": root_hash(())}
    try:
        with database.write(0) as connection:
            connection.execute(logs.insert().values(row))
    except IntegrityError as error:
        raise DuplicateId(f"a log {slug!r} or {origin!r} exists here already") from error
    return find_log(database, slug)


def find_log(database: Database, slug: str) -> Log:
    """The log with this slug; raises NotFound."""
    found = list_logs(database).get(slug)
    if found is None:
        raise NotFound(f"there is no co-op {slug!r} in this installation")
    return found


def list_logs(database: Database) -> Mapping[str, Log]:
    """All logs by slug."""
    statement = select(logs.c.id, logs.c.slug, logs.c.origin, logs.c.id_key).order_by(logs.c.slug)
    with database.read() as connection:
        rows = connection.execute(statement).all()
    return {row.slug: Log(row.id, row.slug, row.origin, bytes(row.id_key)) for row in rows}
