"""One bundle of the corpus over which two verifiers are run."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.audit.trust import Trust


@dataclass(frozen=True)
class Case:
    """A bundle and the trust that it is verified with."""

    name: str
    bundle: bytes
    trust: Trust | None
