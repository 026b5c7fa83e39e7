"""Open, close: the office's verbs on a period. Each is safe to repeat."""

from __future__ import annotations

from ledger.coop.bodies import PeriodClosed, PeriodClosing, PeriodOpened
from ledger.errors import Conflict
from ledger.period import add_days, month_bounds
from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.store.sequencer import Receipt


def open_period(coop: Coop, month: str) -> Receipt | None:
    """Open a month of the co-op's time zone; None if it is open already."""
    state = coop.state()
    if month in state.periods:
        return None
    start, end = month_bounds(month, zone=state.terms().time_zone)
    return write(coop, kind="period-opened", body=PeriodOpened(period=month, start=start, end=end))


def begin_closing(coop: Coop, month: str) -> Receipt | None:
    """Begin the grace time of a month; None if it has begun already."""
    if coop.state().period(month).status != "open":
        return None
    return write(coop, kind="period-closing", body=PeriodClosing(period=month))


def close_period(coop: Coop, month: str) -> Receipt | None:
    """Cut the month off; None if that was done. Raises PeriodClosed while grace runs."""
    period = coop.state().period(month)
    if period.status == "open":
        raise Conflict(f"{month} is open; begin its closing first")
    if period.status != "closing":
        return None
    return write(coop, kind="period-closed", body=PeriodClosed(period=month))


def grace_ends(coop: Coop, month: str) -> str | None:
    """The instant at which a closing month's grace time ends; None if it is not closing."""
    state = coop.state()
    period = state.period(month)
    if period.status != "closing" or period.closing_at is None:
        return None
    return add_days(period.closing_at, state.deadlines_of(period).grace_days)
