"""The trust file that a command was given."""

from __future__ import annotations

from pathlib import Path

from ledger.audit.trust import Trust, parse_trust
from ledger.errors import InvalidInput, KyojoError


def read_trust(path: Path) -> Trust:
    """The trust file at ``path``; raises InvalidInput with every fault."""
    try:
        return parse_trust(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    except KyojoError as error:
        raise InvalidInput(f"{path}: {error.message}", faults=error.faults) from error
