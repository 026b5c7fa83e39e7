"""Which of the log's keys sign, and the checkpoints at which that changed.

The log itself says which keys are in force (``ledger.coop.logkeys``); an installation brings the
signers. A key that is in force and not here stops the signing; one that is here and not in force
does not sign. The checkpoint of every change bears the signatures of the keys before and after it:
it is what leads from an old key to a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from ledger.errors import NotPermitted
from ledger.log.key import parse_vkey
from ledger.log.note import Signer
from ledger.store.tables import key_changes


class Keyring:
    """The signers that an installation holds."""

    def __init__(self, signers: Sequence[Signer]) -> None:
        """Hold ``signers``, in the order in which they sign."""
        self._signers = tuple(signers)

    def choose(self, vkeys: Iterable[str]) -> list[Signer]:
        """The signers of these keys; raises NotPermitted for a key that is not here."""
        wanted = {(key.name, key.key_id) for key in map(parse_vkey, vkeys)}
        found = [signer for signer in self._signers if (signer.name, signer.key_id) in wanted]
        missing = wanted - {(signer.name, signer.key_id) for signer in found}
        if missing:
            names = ", ".join(f"{name}+{key_id.hex()}" for name, key_id in sorted(missing))
            raise NotPermitted(
                f"this installation cannot sign with {names}; name the file of that key in "
                "kyojo.toml (log_key, more_log_keys) and start again"
            )
        return found


def keep_key_change(connection: Connection, log_id: int, size: int, note: bytes) -> None:
    """Keep the checkpoint at which the log's keys changed."""
    connection.execute(key_changes.insert(), {"log_id": log_id, "size": size, "note": note})


def read_key_changes(connection: Connection, log_id: int) -> dict[int, bytes]:
    """The checkpoints at which the log's keys changed, by size, ascending."""
    statement = (
        select(key_changes.c.size, key_changes.c.note)
        .where(key_changes.c.log_id == log_id)
        .order_by(key_changes.c.size)
    )
    return {row.size: bytes(row.note) for row in connection.execute(statement)}
