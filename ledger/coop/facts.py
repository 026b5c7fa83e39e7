"""Money facts: funding, revenue and cost. Reported by one, confirmed by another, or not counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ledger.coop import bodies, subjects
from ledger.coop.proposals import put_to_vote
from ledger.coop.replaced import check_free, check_report, drop_outdated, identity_of
from ledger.coop.state import Period, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import DuplicateId, MalformedEntry, OutOfRange, PeriodClosed
from ledger.money import AMOUNT_MAX

OF_A_PERIOD: Final = ("revenue-reported", "cost-reported", "kpi-reported", "figures-reported")
Fact = bodies.FundingReported | bodies.RevenueReported | bodies.CostReported


def report_funding(step: Step, body: bodies.FundingReported) -> Change:
    """Report capital that a member put into an asset."""
    terms = step.state.terms()
    step.state.member(body.member)
    terms.digits(body.currency)
    _check_funding(step.state, body)
    refuse_pending(step, body)
    return _report(step, subjects.of_funding(body, terms), body, body.member)


def enact_funding(step: Step, state: State, proposal: Proposal) -> State:
    """The capital weighs from now on."""
    del step
    body = bodies.parse_body(bodies.FundingReported, dict(proposal.body))
    _check_funding(state, body)
    before = state.funding.get(body.asset, {"amounts": {}, "reports": ()})
    amount = before["amounts"].get(body.member, 0) + body.amount_minor
    found = {
        "currency": body.currency,
        "amounts": dict(sorted({**before["amounts"], body.member: amount}.items())),
        "reports": sorted((*before["reports"], f"{body.member}/{body.id}")),
    }
    return replace(state, funding={**state.funding, body.asset: found})


def report_revenue(step: Step, body: bodies.RevenueReported) -> Change:
    """Report revenue of a period that has not been cut off."""
    terms = step.state.terms()
    terms.digits(body.currency)
    if body.id in {charge.id for charge in terms.vocabulary.charges}:
        raise MalformedEntry(f"{body.id!r} is metered; the same money is never also reported")
    row = check_uncut(step.state, body.period).revenue.get(body.id)
    check_report(step, body, row, _the_revenue(body))
    refuse_pending(step, body)
    return _report(step, subjects.of_revenue(body, terms), body, None)


def enact_revenue(step: Step, state: State, proposal: Proposal) -> State:
    """The revenue enters the period's settlement, perhaps in the place of another figure."""
    del step
    body = bodies.parse_body(bodies.RevenueReported, dict(proposal.body))
    period = check_uncut(state, body.period)
    check_free(body, _the_revenue(body), confirmed=body.id in period.revenue)
    state = drop_outdated(state, proposal)
    row = {"amount_minor": body.amount_minor, "currency": body.currency, "origin": body.origin}
    return state.with_period(replace(period, revenue={**period.revenue, body.id: row}))


def report_cost(step: Step, body: bodies.CostReported) -> Change:
    """Report a cost that a member bore in a period that has not been cut off."""
    terms = step.state.terms()
    terms.digits(body.currency)
    step.state.member(body.member)
    period = _check_cost(step.state, body)
    check_report(step, body, _cost_now(period, body), _the_cost(body))
    refuse_pending(step, body)
    return _report(step, subjects.of_cost(body, terms), body, body.member)


def enact_cost(step: Step, state: State, proposal: Proposal) -> State:
    """The cost enters the period's settlement, perhaps in the place of another figure."""
    del step
    body = bodies.parse_body(bodies.CostReported, dict(proposal.body))
    period = _check_cost(state, body)
    check_free(body, _the_cost(body), confirmed=_cost_now(period, body) is not None)
    state = drop_outdated(state, proposal)
    before = period.costs.get(body.id, {"currency": body.currency, "borne": {}})
    borne = dict(sorted({**before["borne"], body.member: body.amount_minor}.items()))
    row = {"currency": body.currency, "borne": borne}
    return state.with_period(replace(period, costs={**period.costs, body.id: row}))


def _report(step: Step, subject: str, body: Fact, member: str | None) -> Change:
    state = put_to_vote(step, subject, body)
    period = None if isinstance(body, bodies.FundingReported) else body.period
    return Change(
        state,
        member=member,
        period=period,
        amount_minor=body.amount_minor,
        currency=body.currency,
    )


def _check_funding(state: State, body: bodies.FundingReported) -> None:
    asset = state.funding.get(body.asset)
    if asset is None:
        return
    if asset["currency"] != body.currency:
        raise MalformedEntry(f"{body.asset} is funded in {asset['currency']}, not {body.currency}")
    if f"{body.member}/{body.id}" in asset["reports"]:
        raise DuplicateId(f"{body.id!r} of {body.asset} by {body.member} is confirmed already")
    if asset["amounts"].get(body.member, 0) + body.amount_minor > AMOUNT_MAX:
        raise OutOfRange(f"the funding of {body.asset} by {body.member} would be beyond 2**53 − 1")


def _the_revenue(body: bodies.RevenueReported) -> str:
    return f"the revenue {body.id!r} of {body.period}"


def _the_cost(body: bodies.CostReported) -> str:
    return f"the cost {body.id!r} of {body.period} by {body.member}"


def _cost_now(period: Period, body: bodies.CostReported) -> dict[str, Any] | None:
    """What counts now of a cost that a member bore, as its report has it."""
    row = period.costs.get(body.id)
    if row is None or body.member not in row["borne"]:
        return None
    return {"amount_minor": row["borne"][body.member], "currency": row["currency"]}


def _check_cost(state: State, body: bodies.CostReported) -> Period:
    period = check_uncut(state, body.period)
    row = period.costs.get(body.id)
    if row is not None and row["currency"] != body.currency:
        raise MalformedEntry(f"the cost {body.id!r} is kept in {row['currency']}")
    return period


def refuse_pending(step: Step, body: bodies.Body) -> None:
    """Nobody reports a thing twice; another's report of it, true or false, blocks nobody.

    Only one of several can be confirmed, and whoever reported in error withdraws it.
    """
    wanted = identity_of(body.model_dump(mode="json"))
    for proposal in step.state.proposals.values():
        same = (proposal.kind, proposal.proposer) == (step.envelope.draft.kind, step.member.id)
        if same and identity_of(proposal.body) == wanted:
            raise DuplicateId(f"this waits for confirmation already: {proposal.subject}")


def drop_unconfirmed(state: State, period_id: str) -> State:
    """The state without the reports of a period that nobody can confirm any more."""
    kept = {
        hash_: proposal
        for hash_, proposal in state.proposals.items()
        if proposal.kind not in OF_A_PERIOD or proposal.body["period"] != period_id
    }
    return replace(state, proposals=kept)


def check_uncut(state: State, period_id: str) -> Period:
    """The period, if it has not been cut off; raises PeriodClosed."""
    period = state.period(period_id)
    if period.status not in ("open", "closing"):
        raise PeriodClosed(
            f"{period_id} is {period.status}: facts enter before the cut-off only",
            period=period_id,
            status=period.status,
        )
    return period
