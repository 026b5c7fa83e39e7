"""Month: run the monthly settlement as far as it can go now. Idempotent, safe in cron.

    open → closing → (grace) → closed → proposed → (decisions) → approved → settled → anchored

A settlement that is disputed waits until the last dispute has ended.

Each call does the steps that are possible and says what it waits for. Nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ledger.coop.disputes import open_disputes, tend
from ledger.coop.settlements import objections_until
from ledger.coop.state import Period, State
from ledger.errors import NotFound
from ledger.period import add_days
from ledger.service import periods, settle
from ledger.service.anchor import Anchored, ChainAccess, anchor
from ledger.service.coop import Coop
from ledger.store.reading import LogReader


@dataclass(frozen=True, slots=True)
class Progress:
    """What a call did, what it waits for (empty when nothing is left), and the anchor."""

    done: tuple[str, ...]
    waits_for: str
    status: str
    anchored: Anchored | None


def run_month(
    coop: Coop, month: str, access: ChainAccess | None, *, dry_run: bool = False
) -> Progress:
    """Bring a month as far as it can go; with ``dry_run`` only say what would be done next."""
    done: list[str] = []
    for name, step in _steps(coop, month):
        waits_for = _waiting(coop, month)
        if waits_for:
            return Progress(tuple(done), waits_for, _status(coop, month), None)
        if dry_run:
            return Progress((f"would: {name}",), "", _status(coop, month), None)
        step()
        done.append(name)
    anchored = None if access is None or dry_run else anchor(coop, access)
    return Progress(tuple(done), "", _status(coop, month), anchored)


def _steps(coop: Coop, month: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """The steps still to be taken; the status is read again before each."""
    verbs: dict[str, tuple[str, Callable[[], object]]] = {
        "open": ("begin closing", lambda: periods.begin_closing(coop, month)),
        "closing": ("close", lambda: periods.close_period(coop, month)),
        "closed": ("propose the settlement", lambda: settle.propose_settlement(coop, month)),
        "proposed": ("settle", lambda: settle.settle(coop, month)),
        "approved": ("settle", lambda: settle.settle(coop, month)),
        "disputed": ("settle", lambda: settle.settle(coop, month)),
    }
    while (status := _status(coop, month)) != "settled":
        yield verbs[status]


def _waiting(coop: Coop, month: str) -> str:
    """What the next step waits for, in words; empty if it can be taken now."""
    with coop.reading() as (state, log):
        return _obstacle(state, log, coop.clock(), state.period(month))


def _obstacle(state: State, log: LogReader, now: str, period: Period) -> str:
    state = tend(state, now)
    period = state.period(period.id)
    month = period.id
    if period.status == "disputed":
        found = [state.disputes[id_] for id_ in open_disputes(state, period)]
        who = ", ".join(sorted({dispute.member for dispute in found}))
        until = max(dispute.deadline for dispute in found)
        return f"the disputes by {who}, which end at {until} at the latest"
    if period.status == "open" and now < period.end:
        return f"the end of {month} at {period.end}"
    if period.status == "closing" and period.closing_at is not None:
        ends = add_days(period.closing_at, state.terms().period.grace_days)
        return f"the end of the grace time at {ends}" if now < ends else ""
    if period.status == "proposed" and period.settlement is not None:
        proposal = state.proposals[period.settlement]
        voted = {*proposal.approvals, *proposal.rejections, *proposal.abstentions}
        missing = [member for member in proposal.electorate if member not in voted]
        return (
            f"decisions on {proposal.subject!r} ({period.settlement}): "
            f"{len(proposal.approvals)} of {proposal.needed}; not yet: {', '.join(missing)}"
        )
    if period.status == "approved" and period.proposed_at is not None:
        until = objections_until(state, period, log)
        return f"the end of the objection time at {until}" if now < until else ""
    return ""


def _status(coop: Coop, month: str) -> str:
    try:
        return coop.state().period(month).status
    except NotFound as error:
        raise NotFound(f"{month} has not been opened: run `kyojo open {month}` first") from error
