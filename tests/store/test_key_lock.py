"""One writer per sending key, whatever process; a writer that dies lets go."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from ledger.errors import DuplicateId, StoreBusy
from ledger.store.database import Database
from ledger.store.key_lock import key_lock
from ledger.store.logs import create_log
from ledger.store.outbox import OutboxTable, Stored

KEY = {"chain_id": 1, "sender": "0x" + "5E" * 20}


def held(database: Database, *, wait_seconds: float = 0, **changes: Any) -> Any:
    return key_lock(database, **{**KEY, "wait_seconds": wait_seconds, **changes})


def hold_for_ever(url: str, told: Any) -> None:
    with held(Database(url)):
        told.send("held")
        told.recv()


def test_a_key_has_one_writer_at_a_time(database: Database) -> None:
    with held(database):
        with pytest.raises(StoreBusy, match="another process"), held(database):
            pass
        with held(database, chain_id=2), held(database, sender="0x" + "5F" * 20):
            pass  # other keys, and the key on another chain, have locks of their own
        with pytest.raises(StoreBusy), held(database, sender=KEY["sender"].lower()):
            pass
    with held(database):
        pass


def test_a_writer_that_is_killed_lets_go(database: Database) -> None:
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    url = database.url.render_as_string(hide_password=False)
    child = context.Process(target=hold_for_ever, args=(url, there))
    child.start()
    assert here.recv() == "held"
    with pytest.raises(StoreBusy), held(database):
        pass
    child.kill()
    child.join()
    with held(database, wait_seconds=20):
        pass


def test_a_nonce_is_stored_once_over_all_logs(database: Database) -> None:
    tables = []
    for slug in ("kaga", "noto"):
        log = create_log(database, slug=slug, origin=f"example.jp/{slug}", id_key=bytes(32))
        tables.append(OutboxTable(database, log.id, lambda: "2026-11-01T00:00:00.000Z"))
    row = Stored("aa", "queued", b"{}", 1, "0x5E", 7, 0, "2026-11-01T00:00:00.000Z")
    tables[0].add(row)
    other = Stored("bb", "queued", b"{}", 1, "0x5E", 7, 0, "2026-11-01T00:00:00.000Z")
    with pytest.raises(DuplicateId, match="nonce 7"):
        tables[1].add(other)
    assert tables[1].nonces(chain_id=1, sender="0x5E") == [7]
    assert tables[1].rows() == []
