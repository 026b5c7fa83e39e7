"""One step of the fold: what a handler is given and what it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ledger.coop.bodies import BlobRef
from ledger.coop.charter import Right
from ledger.coop.envelope import Envelope
from ledger.coop.state import Member, State
from ledger.errors import MalformedEntry, NotFound


class AccountKey(NamedTuple):
    """Whose total it is, and what it counts; ``currency`` is empty for a metric."""

    account: str
    facility: str
    name: str
    currency: str


class TotalRow(NamedTuple):
    """An amount to be added to the totals of a period; see ``Period.epoch``."""

    period: str
    epoch: int
    account: str
    facility: str
    name: str
    currency: str
    amount: int


class Evidence(Protocol):
    """What ``apply`` may look up beside the state; every answer is a function of the log."""

    def blob(self, sha256: str) -> bytes:
        """The bytes with this SHA-256; raises NotFound."""
        ...

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries; raises NotFound beyond the log's end."""
        ...

    def totals(self, period: str, epochs: int) -> Mapping[AccountKey, int]:
        """The totals of a period over its first ``epochs`` epochs."""
        ...

    def entry(self, index: int) -> bytes:
        """The bytes of an earlier entry; raises NotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """An entry being applied: the state before it, its index, who wrote it, by which right."""

    state: State
    envelope: Envelope
    index: int
    member: Member
    right: Right
    evidence: Evidence

    @property
    def now(self) -> str:
        """The entry's own instant: the only clock that deadlines know."""
        return self.envelope.received_at

    def blob(self, reference: BlobRef, what: str) -> bytes:
        """The bytes a body names; raises MalformedEntry if they are missing or differ in size."""
        try:
            data = self.evidence.blob(reference.sha256)
        except NotFound as error:
            raise MalformedEntry(
                f"the blob with {what} ({reference.sha256}) is missing; send it with the entry"
            ) from error
        if len(data) != reference.bytes:
            raise MalformedEntry(
                f"the blob with {what} has {len(data)} bytes, not {reference.bytes}"
            )
        return data


@dataclass(frozen=True, slots=True)
class Change:
    """What an entry does: the next state, and what the tables beside the log are told."""

    state: State
    member: str | None = None
    period: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    late: tuple[str, ...] = ()
    totals: tuple[TotalRow, ...] = ()
