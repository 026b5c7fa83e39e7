"""What every part of a check is given: the rows, the head that is believed, and the notebook."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.service.fsck.head import LogHead
from ledger.service.fsck.report import Counts, Findings
from ledger.store.raw import RawRows


@dataclass(frozen=True, slots=True)
class Reading:
    """One check of one log under way."""

    raw: RawRows
    head: LogHead
    counts: Counts
    findings: Findings
