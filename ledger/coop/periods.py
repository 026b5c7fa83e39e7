"""The life of a period up to its cut-off: opened, closing, closed. Handlers of these kinds.

    open → closing → closed → proposed → approved → settled

Nothing returns a closed period to open: nobody submits after having seen results.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.coop import bodies
from ledger.coop.corrections import drop_corrections
from ledger.coop.facts import drop_unconfirmed
from ledger.coop.feasibility import check_feasible
from ledger.coop.kpis import TOWN
from ledger.coop.rulesets import rules_in_force
from ledger.coop.state import SUSPENSE, CutOff, Member, Period, State, state_hash
from ledger.coop.step import Change, Step
from ledger.errors import Conflict, DuplicateId, OutOfRange, PeriodClosed
from ledger.log.merkle import Frontier
from ledger.period import add_days, is_plausible_month, month_bounds, next_month


def open_period(step: Step, body: bodies.PeriodOpened) -> Change:
    """Open a month; its two instants stand from now on, whatever later time-zone tables say."""
    if body.period in step.state.periods:
        raise DuplicateId(f"the period {body.period} is open already")
    if not body.start < body.end or not is_plausible_month(body.period, body.start, body.end):
        zone = step.state.terms().time_zone
        raise OutOfRange(
            f"{body.start} to {body.end} is not {body.period}; "
            f"in {zone} it is {' to '.join(month_bounds(body.period, zone=zone))}"
        )
    for other in step.state.periods.values():
        if body.start < other.end and other.start < body.end:
            raise Conflict(f"{body.period} would overlap {other.id}")
    _check_borders(step.state, body)
    period = Period(body.period, body.start, body.end)
    return Change(step.state.with_period(period), period=body.period)


def _check_borders(state: State, body: bodies.PeriodOpened) -> None:
    """Months that follow each other meet: no moment between them belongs to none."""
    for other in state.periods.values():
        if next_month(other.id) == body.period and other.end != body.start:
            raise OutOfRange(f"{body.period} must start where {other.id} ends, at {other.end}")
        if next_month(body.period) == other.id and body.end != other.start:
            raise OutOfRange(f"{body.period} must end where {other.id} starts, at {other.start}")


def begin_closing(step: Step, body: bodies.PeriodClosing) -> Change:
    """Begin the grace time, once the month is over."""
    period = step.state.period(body.period)
    if period.status != "open":
        raise PeriodClosed(f"{body.period} is {period.status}, not open", status=period.status)
    if step.now < period.end:
        raise PeriodClosed(f"{body.period} ends at {period.end}; it is {step.now}")
    closing = replace(period, status="closing", closing_at=step.now)
    return Change(step.state.with_period(closing), period=body.period)


def close(step: Step, body: bodies.PeriodClosed) -> Change:
    """Cut off: what the settlement rests on is frozen here, from the state before this entry."""
    state = step.state
    period = state.period(body.period)
    if period.status != "closing" or period.closing_at is None:
        raise PeriodClosed(f"{body.period} is {period.status}, not closing", status=period.status)
    grace_ends = add_days(period.closing_at, state.deadlines_of(period).grace_days)
    if step.now < grace_ends:
        raise PeriodClosed(f"the grace time of {body.period} ends at {grace_ends}")
    closed = replace(period, status="closed", epoch=1, cut_off=_cut_off(step, period))
    after = drop_corrections(drop_unconfirmed(state.with_period(closed), period.id))
    check_feasible(after, period.id, step.evidence)
    return Change(after, period=body.period)


def _cut_off(step: Step, period: Period) -> CutOff:
    state = step.state
    subtrees = tuple(bytes.fromhex(subtree) for subtree in state.subtrees)
    unconfirmed = tuple(
        sorted(
            account
            for account, usage in period.usage.items()
            if account != SUSPENSE and period.confirmed.get(account) != usage.digest
        )
    )
    return CutOff(
        index=step.index,
        log_root=Frontier(state.size, subtrees).root().hex(),
        state_hash=state_hash(state).hex(),
        rule_hash=rules_in_force(state, period).rule_hash,
        unconfirmed=unconfirmed,
        facts=_facts(state, period),
    )


def was_member(member: Member, period: Period) -> bool:
    """Whether somebody was a member at any time of a period.

    A founder was, whenever: a co-op may settle months from before it was written down.
    """
    joined_in_time = member.joined < period.end or member.founder
    return joined_in_time and (member.left is None or member.left >= period.start)


def _facts(state: State, period: Period) -> dict[str, Any]:
    sharing = {
        member.id
        for member in state.members.values()
        if "member" in member.roles and was_member(member, period)
    }
    # A town that funds an asset, or whoever bore a cost, takes part without the role of a member.
    for asset in state.funding.values():
        sharing |= asset["amounts"].keys()
    for cost in period.costs.values():
        sharing |= cost["borne"].keys()
    for readings in period.kpis.values():
        sharing |= readings.keys() - {TOWN}
    later = {"kpis": dict(period.kpis), "figures": dict(period.figures)}
    return {
        **{name: rows for name, rows in later.items() if rows},
        "members": sorted(sharing),
        "revenue": dict(period.revenue),
        "costs": dict(period.costs),
        "funding": dict(state.funding),
    }
