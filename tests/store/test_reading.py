"""Reading the log stays as cheap as it is when the log grows, and takes any number."""

from __future__ import annotations

import pytest
from ledgers import Ledger

from ledger.errors import NotFound
from ledger.log.tile import Tile
from ledger.store.reading import LogReader, tiles_statement


def test_sqlite_finds_a_tile_by_its_whole_key(prepared: Ledger) -> None:
    """Searching by the log alone would walk all of its tiles for every proof and every write."""
    if not prepared.database.is_sqlite:
        pytest.skip("this is about SQLite's planner; PostgreSQL decides by the table's size")
    with prepared.database.read() as connection:
        places = {f"{name}_{at}": 0 for name in ("level", "index") for at in range(5)}
        explained = f"EXPLAIN QUERY PLAN {tiles_statement(5)}"
        rows = connection.exec_driver_sql(explained, {"log_id": 1, **places}).all()
    searches = [str(row[-1]) for row in rows if "tiles" in str(row[-1])]
    assert len(searches) == 5
    assert all("(log_id=? AND level=? AND index=?)" in search for search in searches)


def test_tiles_are_given_in_the_order_asked_for(prepared: Ledger) -> None:
    with prepared.reading() as log:
        size = log.head().size
        wide, narrow, first = log.tiles((Tile(0, 0, size), Tile(0, 0, 2), Tile(0, 0, 1)))
        assert wide[:64] == narrow
        assert narrow[:32] == first
        assert log.tiles(()) == []
        for tile in (Tile(0, 0), Tile(1, 0, 1), Tile(63, 2**63 - 1, 1)):
            with pytest.raises(NotFound):
                log.tile(tile)


@pytest.mark.parametrize("index", [-1, 10**6, 2**63 - 1, 2**63, 2**64, 10**40])
def test_numbers_beyond_the_log_are_not_found(prepared: Ledger, index: int) -> None:
    def refused(log: LogReader) -> None:
        head = log.head()
        for ask in (
            lambda: log.entry(index),
            lambda: log.batch(index),
            lambda: log.inclusion(index, head.size),
            lambda: log.inclusion(0, index),
            lambda: log.consistency(1, index),
            lambda: log.consistency(index, head.size),
        ):
            with pytest.raises(NotFound):
                ask()

    with prepared.reading() as log:
        refused(log)
