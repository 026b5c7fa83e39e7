"""One writer per sending key: a lock over all processes that share a database.

Two cron runs and a server may want to send with one key at once. Whoever holds its lock may take
nonces of it; the others wait a little and are told. The operating system, or PostgreSQL, frees the
lock when its holder dies, however it dies, so there is no lease to run out and no clock to trust.

SQLite: ``flock`` on a file beside the database (all its processes are on one machine). PostgreSQL:
a session-level advisory lock. Should a lock fail all the same, the unique index on (chain, sender,
nonce, bump) lets only one transaction of a nonce be stored, and nothing is sent before it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from ledger.errors import StoreBusy
from ledger.store.database import Database

LOCK_CLASS = 0x6B79736E  # "kysn": beside the locks of the logs
_POLL_SECONDS = 0.02


@contextmanager
def key_lock(
    database: Database, *, chain_id: int, sender: str, wait_seconds: float
) -> Iterator[None]:
    """Hold the lock of a key on a chain; raises StoreBusy if another holds it for so long."""
    digest = hashlib.sha256(f"{chain_id}/{sender.lower()}".encode()).digest()
    held = _in_file if database.is_sqlite else _in_postgresql
    with held(database, digest, _Patience(sender, wait_seconds)):
        yield


class _Patience:
    """Waiting for a lock, in small steps, and the error at the end."""

    def __init__(self, sender: str, wait_seconds: float) -> None:
        self._sender = sender
        self._wait_seconds = wait_seconds

    def until(self, is_taken: Callable[[], bool]) -> None:
        """Ask ``is_taken`` until it is so."""
        deadline = time.monotonic() + self._wait_seconds
        while not is_taken():
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    f"another process is sending with the key {self._sender}: waited "
                    f"{self._wait_seconds:g} s; nothing was sent by this one"
                )
            time.sleep(_POLL_SECONDS)


@contextmanager
def _in_file(database: Database, digest: bytes, patience: _Patience) -> Iterator[None]:
    name = database.url.database
    if not name or name == ":memory:":
        yield  # nobody else can open it
        return
    path = Path(f"{name}.sending-{digest[:8].hex()}")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreBusy(f"cannot open {path}: {error.strerror}") from error
    try:
        patience.until(lambda: _flock(descriptor))
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _in_postgresql(database: Database, digest: bytes, patience: _Patience) -> Iterator[None]:
    key = {"lock_class": LOCK_CLASS, "key": int.from_bytes(digest[:4], "big", signed=True)}
    with database.engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        take = text("SELECT pg_try_advisory_lock(:lock_class, :key)")
        patience.until(lambda: bool(plain.execute(take, key).scalar_one()))
        try:
            yield
        finally:
            plain.execute(text("SELECT pg_advisory_unlock(:lock_class, :key)"), key)
