"""The high-water file: the newest checkpoint that an installation has signed, off its database.

It holds the signed note itself. Keep it on another disk than the database, and out of its backups:
what it is for is to be newer than a copy that is put back. It is replaced after each commit, not
flushed to the disk each time: after a loss of power it may be older than the database, which is
harmless, and never newer.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ledger.errors import KyojoError, ReadOnly
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.note import parse_note
from ledger.store.outside import OutsideHead

_log = logging.getLogger("kyojo.high_water")


class HighWater:
    """The high-water file of one log."""

    def __init__(self, path: Path) -> None:
        """Keep the mark in the file at ``path``, which need not exist yet."""
        self._path = path

    def heads(self) -> list[OutsideHead]:
        """The mark, or nothing; raises ReadOnly if the file cannot be understood."""
        found = self._read()
        if found is None:
            return []
        return [OutsideHead(f"the high-water file {self._path}", found.size, found.root)]

    def note(self, note: bytes) -> None:
        """Raise the mark to a signed checkpoint; a lower one changes nothing.

        A disk that takes no file weakens the watch but stops no entry: it is logged.
        """
        try:
            known = self._read()
            if known is None or known.size < parse_checkpoint(parse_note(note).text).size:
                draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
                draft.write_bytes(note)
                draft.replace(self._path)
        except (OSError, ReadOnly) as error:
            _log.warning("the high-water file %s was not raised: %s", self._path, error)

    def _read(self) -> Checkpoint | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return parse_checkpoint(parse_note(data).text)
        except KyojoError as error:
            raise ReadOnly(
                f"the high-water file {self._path} is damaged ({error.message}); compare the log's "
                "size with the witnesses' and the contract's, then remove the file"
            ) from error
