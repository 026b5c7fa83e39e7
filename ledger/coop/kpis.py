"""KPI readings: reported by one, confirmed by another, or not counted. Handler of this kind.

A reading is of one member, or of the whole town (``_``), for one period: a whole number over a
scale, so that 99.8 % is 998000 of 1000000. Readings enter the inputs of the period's settlement
as far as its rule set names their KPI; what a rule does without one is for the rule to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ledger.coop import bodies, subjects
from ledger.coop.facts import check_uncut, refuse_pending
from ledger.coop.proposals import put_to_vote
from ledger.coop.replaced import check_free, check_report, drop_outdated
from ledger.coop.state import Period, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import MalformedEntry
from ledger.rules.document import RuleSet, names_used

TOWN: Final = "_"


def report_kpi(step: Step, body: bodies.KpiReported) -> Change:
    """Report a reading of a period that has not been cut off."""
    if body.member != TOWN:
        step.state.member(body.member)
    period = _check(step.state, body)
    check_report(step, body, period.kpis.get(body.id, {}).get(body.member), _the_reading(body))
    refuse_pending(step, body)
    state = put_to_vote(step, subjects.of_kpi(body), body)
    member = step.member.id if body.member == TOWN else body.member
    return Change(state, member=member, period=body.period)


def enact_kpi(step: Step, state: State, proposal: Proposal) -> State:
    """The reading enters the period's settlement, perhaps in the place of another."""
    del step
    body = bodies.parse_body(bodies.KpiReported, dict(proposal.body))
    period = _check(state, body)
    confirmed = body.member in period.kpis.get(body.id, {})
    check_free(body, _the_reading(body), confirmed=confirmed)
    state = drop_outdated(state, proposal)
    reading = {"value": body.value, "scale": body.scale}
    readings = dict(sorted({**period.kpis.get(body.id, {}), body.member: reading}.items()))
    return state.with_period(replace(period, kpis={**period.kpis, body.id: readings}))


def readings_for(rules: RuleSet, readings: Mapping[str, Any]) -> dict[str, Any]:
    """The readings of a period that a rule set has a use for, by KPI and member."""
    named = names_used(rules).kpis
    return {kpi: dict(row) for kpi, row in sorted(readings.items()) if kpi in named}


def _the_reading(body: bodies.KpiReported) -> str:
    return f"{body.id} of {body.member} in {body.period}"


def _check(state: State, body: bodies.KpiReported) -> Period:
    period = check_uncut(state, body.period)
    readings = period.kpis.get(body.id, {})
    scales = {row["scale"] for member, row in readings.items() if member != body.member}
    if scales - {body.scale}:
        raise MalformedEntry(f"{body.id} of {body.period} has the scale {min(scales)}")
    return period
