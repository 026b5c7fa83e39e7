"""The settlement of a month: as far as it can go now.

    open → closing → (grace) → closed → proposed → (decisions) → approved → settled

A settlement that is disputed waits until the last dispute has ended.
"""

from __future__ import annotations

from collections.abc import Callable

from ledger.coop.disputes import open_disputes, tend
from ledger.coop.settlements import objections_until
from ledger.coop.state import Period, State
from ledger.errors import NotFound
from ledger.period import add_days
from ledger.service import periods, settle
from ledger.service.coop import Coop
from ledger.service.month.track import Doing, Standing, Track, Words, decisions
from ledger.store.reading import LogReader

NAME = "settlement"
Step = tuple[str, str, Callable[[Coop, str], object]]
_SETTLE: Step = ("settle", "精算を発効", settle.settle)
STEPS: dict[str, Step] = {
    "open": ("begin closing", "締めを開始", periods.begin_closing),
    "closing": ("close", "締切", periods.close_period),
    "closed": ("propose the settlement", "精算を提案", settle.propose_settlement),
    "proposed": _SETTLE,
    "approved": _SETTLE,
    "disputed": _SETTLE,
}


def settle_month(coop: Coop, month: str, doing: Doing | None = None) -> Track:
    """Take every step of the settlement that can be taken; raises NotFound for an unopened month.

    In a dry run only the next step is noted: what follows depends on what it brings.
    """
    doing = Doing() if doing is None else doing
    while (status := _status(coop, month)) != "settled":
        waits = _waiting(coop, month)
        if waits is not None:
            return Track(NAME, Standing.WAITS, status, waits)
        en, ja, step = STEPS[status]
        if not doing.is_dry:
            step(coop, month)
        doing.did(en, ja)
        if doing.is_dry:
            return Track(NAME, Standing.LATER, status)
    return Track(NAME, Standing.DONE, status)


def _waiting(coop: Coop, month: str) -> Words | None:
    """What the next step waits for; None if it can be taken now."""
    with coop.reading() as (state, log):
        return _obstacle(state, log, coop.clock(), month)


def _obstacle(state: State, log: LogReader, now: str, month: str) -> Words | None:
    state = tend(state, now)
    period = state.period(month)
    if period.status == "disputed":
        return _disputed(state, period)
    if period.status == "open":
        words = Words(
            f"the end of {month} at {period.end}", f"{month} の終わり（{period.end}）待ち"
        )
        return words if now < period.end else None
    if period.status == "closing" and period.closing_at is not None:
        ends = add_days(period.closing_at, state.deadlines_of(period).grace_days)
        words = Words(f"the end of the grace time at {ends}", f"猶予期間の終わり（{ends}）待ち")
        return words if now < ends else None
    if period.status == "proposed" and period.settlement is not None:
        return decisions(period.settlement, state.proposals[period.settlement])
    if period.status == "approved" and period.proposed_at is not None:
        until = objections_until(state, period, log)
        words = Words(
            f"the end of the objection time at {until}", f"異議申立期間の終わり（{until}）待ち"
        )
        return words if now < until else None
    return None


def _disputed(state: State, period: Period) -> Words:
    found = [state.disputes[id_] for id_ in open_disputes(state, period)]
    who = ", ".join(sorted({dispute.member for dispute in found}))
    until = max(dispute.deadline for dispute in found)
    return Words(
        f"the disputes by {who}, which end at {until} at the latest",
        f"{who} の異議の終結待ち（遅くとも {until}）",
    )


def _status(coop: Coop, month: str) -> str:
    try:
        return coop.state().period(month).status
    except NotFound as error:
        raise NotFound(f"{month} has not been opened: run `kyojo open {month}` first") from error
