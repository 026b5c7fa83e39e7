"""Usage batches and their confirmation: handlers of these kinds.

``apply`` sees the signed commitments and the totals blob. That the lines lead to the root and add
up to the totals is checked by whoever holds the lines: the service at the door, the auditor from
a bundle.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from ledger.coop import bodies
from ledger.coop.state import SUSPENSE, Period, State, Usage
from ledger.coop.step import Change, Step, TotalRow
from ledger.errors import Conflict, OutOfRange, PeriodClosed, UnknownField
from ledger.usage.totals import CHARGE, TotalKey, Totals, parse_totals

TAKES_USAGE = ("open", "closing")


def submit(step: Step, body: bodies.UsageBatch) -> Change:
    """Take a batch: its totals enter the periods that they name, late ones as late."""
    totals = parse_totals(step.blob(body.totals, "the totals"))
    account = SUSPENSE if body.account == SUSPENSE else step.member.id
    _check_names(step.state, totals)
    state = step.state
    late: list[str] = []
    for name in sorted({key.period for key in totals}):
        period = state.period(name)
        if period.status not in TAKES_USAGE:
            _check_lookback(state, period)
            late.append(name)
            period = replace(period, late=period.late + 1) if state.keeps_runs() else period
        state = state.with_period(_counted(period, account, step))
    rows = tuple(
        TotalRow(key.period, state.periods[key.period].epoch, account, *key[1:], amount)
        for key, amount in totals.items()
    )
    only = {key.period for key in totals}
    period_id = only.pop() if len(only) == 1 else None
    return Change(state, member=step.member.id, period=period_id, late=tuple(late), totals=rows)


def confirm(step: Step, body: bodies.UsageConfirmed) -> Change:
    """A member confirms what it submitted for a period; a wrong count is refused, not noted."""
    period = step.state.period(body.period)
    if period.status not in TAKES_USAGE:
        raise PeriodClosed(f"{body.period} is {period.status}; confirm before the cut-off")
    usage = period.usage.get(step.member.id, Usage())
    if (body.batches, body.records) != (usage.batches, usage.records):
        raise Conflict(
            f"the ledger holds {usage.batches} batches with {usage.records} records of "
            f"{step.member.id} for {body.period}, not {body.batches} with {body.records}",
            batches=usage.batches,
            records=usage.records,
        )
    confirmed = {**period.confirmed, step.member.id: usage.digest}
    state = step.state.with_period(replace(period, confirmed=confirmed))
    return Change(state, member=step.member.id, period=body.period)


def _counted(period: Period, account: str, step: Step) -> Period:
    before = period.usage.get(account, Usage())
    chained = sha256(bytes.fromhex(before.digest) + step.envelope.leaf).hexdigest()
    count = int(step.envelope.draft.body["count"])
    usage = Usage(before.batches + 1, before.records + count, chained)
    return replace(period, usage={**period.usage, account: usage})


def _check_names(state: State, totals: Totals) -> None:
    if not totals:
        raise OutOfRange("the totals are empty; a record has at least one measure")
    terms = state.terms()
    metrics = {metric.id for metric in terms.vocabulary.metrics}
    charges = {CHARGE + charge.id for charge in terms.vocabulary.charges}
    currencies = {terms_.code for terms_ in terms.currencies}
    for key in totals:
        _check_key(state, key, metrics, charges, currencies)


def _check_key(
    state: State, key: TotalKey, metrics: set[str], charges: set[str], currencies: set[str]
) -> None:
    if key.facility not in state.facilities:
        raise UnknownField(f"facility {key.facility!r} is not registered")
    if key.name not in (charges if key.currency else metrics):
        raise UnknownField(f"{key.name!r} is not in the vocabulary")
    if key.currency and key.currency not in currencies:
        raise UnknownField(f"the charter does not know the currency {key.currency!r}")


def _check_lookback(state: State, period: Period) -> None:
    later = sum(other.start > period.start for other in state.periods.values())
    limit = state.deadlines_of(period).lookback_periods
    if later > limit:
        raise PeriodClosed(
            f"{period.id} is {period.status} and {later} periods back; "
            f"late usage is taken for {limit} periods",
            period=period.id,
            lookback_periods=limit,
        )
