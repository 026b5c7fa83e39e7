"""A key's journal on disk: the co-op it belongs to, its counter, and what is on its way.

A signed request is written here, whole and durable, before it is sent; it is removed when its
receipt was verified or the server refused it. After a crash the same bytes are sent again, so
nothing is signed twice under one number and nothing is counted twice. One process at a time: the
folder is locked.

    <folder>/<address>/pin.json        origin, genesis, log keys: the co-op, as first seen
                       head.json       the newest checkpoint that was verified
                       counter         the next number of the key
                       pending.bin     the request on its way, if there is one
                       receipts.jsonl  a line per verified receipt
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.errors import Conflict, InvalidInput, Unavailable


@dataclass(frozen=True, slots=True)
class Pending:
    """A signed request: its number, the path it goes to, its bytes."""

    sequence: int
    path: str
    body: bytes


class Journal:
    """The journal of one key; use ``open_journal``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A small document of the journal, or None."""
        data = self._read(name)
        if data is None:
            return None
        try:
            found: dict[str, Any] = json.loads(data)
        except ValueError as error:
            raise self._damaged(name, error) from error
        return found

    def write_json(self, name: str, document: dict[str, Any]) -> None:
        """Replace a small document, durably."""
        self._write(name, json.dumps(document, sort_keys=True).encode())

    def counter(self) -> int:
        """The next number of the key; 0 for a new key."""
        data = self._read("counter") or b"0"
        try:
            return int(data)
        except ValueError as error:
            raise self._damaged("counter", error) from error

    def pending(self) -> Pending | None:
        """The request on its way, if there is one."""
        data = self._read("pending.bin")
        if data is None:
            return None
        head, _, body = data.partition(b"\n")
        try:
            sequence, path = head.decode().split(" ")
            return Pending(int(sequence), path, body)
        except ValueError as error:
            raise self._damaged("pending.bin", error) from error

    def begin(self, pending: Pending) -> None:
        """Keep a request before it is sent."""
        head = f"{pending.sequence} {pending.path}\n".encode()
        self._write("pending.bin", head + pending.body)

    def accept(self, pending: Pending, receipt: dict[str, Any]) -> None:
        """The request was accepted: keep the receipt, count on, forget the request."""
        line = json.dumps({"sequence": pending.sequence, **receipt}, sort_keys=True)
        with self._written("receipts.jsonl", "the ledger took the request"):
            with (self._folder / "receipts.jsonl").open("a", encoding="ascii") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._replace("counter", str(pending.sequence + 1).encode())
            self.drop()

    def drop(self) -> None:
        """Forget the request; its number, if refused, is free again."""
        (self._folder / "pending.bin").unlink(missing_ok=True)

    def set_counter(self, sequence: int) -> None:
        """Take over the counter of a key that was used elsewhere before."""
        self._write("counter", str(sequence).encode())

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _damaged(self, name: str, error: Exception) -> InvalidInput:
        return InvalidInput(
            f"{self._folder / name} is damaged ({error}); put it back from a copy, or begin with "
            "an empty journal folder: the counter is then taken over from the ledger"
        )

    def _write(self, name: str, data: bytes) -> None:
        with self._written(name, "nothing was sent for it"):
            self._replace(name, data)

    @contextmanager
    def _written(self, name: str, so_far: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"the journal cannot be written: {self._folder / name}: {error.strerror}; {so_far}"
            ) from error

    def _replace(self, name: str, data: bytes) -> None:
        path = self._folder / name
        draft = path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def open_journal(folder: Path, address: str) -> Iterator[Journal]:
    """The journal of a key, locked until the block ends.

    Raises Conflict if another process uses it, Unavailable if it cannot be written.
    """
    own = folder / address.lower()
    try:
        own.mkdir(parents=True, exist_ok=True)
        lock = (own / "lock").open("w")
    except OSError as error:
        raise Unavailable(
            f"the journal cannot be written: {error.filename}: {error.strerror}; nothing was sent"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(f"another process is using the journal in {own}") from error
        yield Journal(own)
