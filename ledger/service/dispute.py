"""Dispute: what is disputed of settlements, for members to read."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.coop.ages import disputes_by_age
from ledger.coop.disputes import OPEN, tend
from ledger.coop.state import Dispute, State
from ledger.service.coop import Coop
from ledger.service.read import require_member
from ledger.service.sign_in import Reader

SUSPENSE_OF_DISPUTE = "suspense:dispute:"


@dataclass(frozen=True, slots=True)
class Disputed:
    """A dispute as others may see it: what it holds is one sum, not whose it is."""

    id: str
    period: str
    settlement_id: str
    member: str
    line_ids: tuple[str, ...]
    figures: tuple[str, ...]
    evidence_hash: str | None
    opened_at: str
    deadline: str
    state: str
    decisions: tuple[str, ...]
    account: str
    held_minor: int

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its end."""
        return self.state in OPEN


def disputes(coop: Coop, reader: Reader) -> list[Disputed]:
    """All disputes, oldest first, as they stand now. For members."""
    require_member(reader)
    return disputes_in(tend(coop.state(), coop.clock()))


def disputes_in(state: State, period: str | None = None) -> list[Disputed]:
    """The disputes of a state, or those of one period."""
    return [
        _disputed(id_, dispute)
        for id_, dispute in disputes_by_age(state)
        if period in (None, dispute.period)
    ]


def _disputed(id_: str, dispute: Dispute) -> Disputed:
    return Disputed(
        id=id_,
        period=dispute.period,
        settlement_id=dispute.settlement_id,
        member=dispute.member,
        line_ids=dispute.line_ids,
        figures=tuple(dispute.claims),
        evidence_hash=dispute.evidence_hash,
        opened_at=dispute.opened_at,
        deadline=dispute.deadline,
        state=dispute.state,
        decisions=dispute.decisions,
        account=SUSPENSE_OF_DISPUTE + id_,
        held_minor=sum(dispute.held.values()),
    )
