"""The folder of the files that go to the banks and the members: whole, once, for their owner.

A file appears under its name only when all its bytes are on the disk. A file that is there already
with the same bytes is left alone; one with other bytes is never overwritten.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.errors import Conflict, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class Folder:
    """Where files are written, and what they need: per method the format and the payer's file."""

    path: Path
    formats: Mapping[str, str]
    payers: Mapping[str, Path] = field(default_factory=dict)

    def payer(self, method: str) -> Any:
        """Who pays by a method, read from its file; None if no file is set. Raises NotFound."""
        path = self.payers.get(method)
        if path is None:
            return None
        try:
            return canonical.parse(path.read_bytes(), what=str(path))
        except OSError as error:
            raise NotFound(f"cannot read the payer's file {path}: {error}") from error

    def keep(self, name: str, data: bytes) -> bool:
        """Put a file there; False if it was there already, with the same bytes.

        Raises Conflict if other bytes stand there, InvalidInput if the folder cannot be written.
        """
        target = self.path / name
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for left in self.path.glob(f".{name}.*"):  # by a process that was ended
                left.unlink(missing_ok=True)
            if _holds(target, data):
                return False
            _write(target, data)
        except OSError as error:
            if _holds(target, data):  # another process was faster, and has cleared our half away
                return False
            raise InvalidInput(f"cannot write {target}: {error}") from error
        return True

    def has(self, name: str, data: bytes) -> bool:
        """Whether the file is there with these bytes; raises Conflict, InvalidInput as ``keep``."""
        return _holds(self.path / name, data)


def _holds(target: Path, data: bytes) -> bool:
    try:
        found = target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InvalidInput(f"cannot read {target}: {error}") from error
    if found != data:
        raise Conflict(
            f"{target} is not the file that the log names: it was changed. Move it away, and find "
            "out whether the bank was given it; then run this again"
        )
    return True


def _write(target: Path, data: bytes) -> None:
    scratch = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except OSError:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
