"""Where records stand: the rows of ``record_ids``, found and written a batch at a time.

A batch of 1,000 records looks up and writes 1,000 rows, most of what the store does for it. Each
database is therefore spoken to in its own way: PostgreSQL gets arrays in one statement, SQLite
plain tuples. The rows are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select, text

from ledger.store.tables import record_ids

PAGE = 500  # SQLite takes 32,766 parameters a statement at most

Place = tuple[bytes, int, int]  # id hash, index of the entry, number of the record in its batch

_FIND_POSTGRESQL = text(
    'SELECT id_hash, "index", number FROM record_ids '
    "WHERE log_id = :log_id AND id_hash = ANY(CAST(:id_hashes AS bytea[]))"
)
_INSERT_POSTGRESQL = text(
    'INSERT INTO record_ids (log_id, id_hash, "index", number) '
    "SELECT CAST(:log_id AS integer), * FROM unnest(CAST(:id_hashes AS bytea[]), "
    "CAST(:indexes AS bigint[]), CAST(:numbers AS integer[]))"
)
_FIND_SQLITE = (
    'SELECT id_hash, "index", number FROM record_ids WHERE log_id = ? AND id_hash IN ({})'
)
_INSERT_SQLITE = 'INSERT INTO record_ids (log_id, id_hash, "index", number) VALUES (?, ?, ?, ?)'


def find_places(
    connection: Connection, log_id: int, id_hashes: Sequence[bytes]
) -> dict[bytes, tuple[int, int]]:
    """Entry index and record number of those hashes that the log has."""
    if connection.dialect.name == "sqlite":
        rows = _find_in_sqlite(connection, log_id, id_hashes)
    else:
        rows = _find_in_postgresql(connection, log_id, id_hashes)
    return {bytes(id_hash): (index, number) for id_hash, index, number in rows}


def insert_places(connection: Connection, log_id: int, places: Sequence[Place]) -> None:
    """Write new rows; the database raises IntegrityError for a hash that it has already."""
    if not places:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_INSERT_SQLITE, [(log_id, *place) for place in places])
    else:
        id_hashes, indexes, numbers = (list(column) for column in zip(*places, strict=True))
        columns = {"id_hashes": id_hashes, "indexes": indexes, "numbers": numbers}
        connection.execute(_INSERT_POSTGRESQL, {"log_id": log_id, **columns})


def places_in(connection: Connection, log_id: int, indexes: Sequence[int]) -> Iterator[Place]:
    """The rows of these batches: one for each id and for each reversal. Reads the whole table."""
    statement = select(record_ids.c.id_hash, record_ids.c.index, record_ids.c.number)
    for start in range(0, len(indexes), PAGE):
        part = indexes[start : start + PAGE]
        conditions = record_ids.c.log_id == log_id, record_ids.c.index.in_(part)
        for id_hash, index, number in connection.execute(statement.where(*conditions)):
            yield bytes(id_hash), index, number


def _find_in_sqlite(
    connection: Connection, log_id: int, id_hashes: Sequence[bytes]
) -> Iterator[Place]:
    for start in range(0, len(id_hashes), PAGE):
        part = id_hashes[start : start + PAGE]
        statement = _FIND_SQLITE.format(",".join("?" * len(part)))
        for row in connection.exec_driver_sql(statement, (log_id, *part)):
            yield row[0], row[1], row[2]


def _find_in_postgresql(
    connection: Connection, log_id: int, id_hashes: Sequence[bytes]
) -> Iterator[Place]:
    parameters = {"log_id": log_id, "id_hashes": list(id_hashes)}
    for row in connection.execute(_FIND_POSTGRESQL, parameters):
        yield row[0], row[1], row[2]
