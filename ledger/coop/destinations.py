"""Where members are paid: named by the member, confirmed by another, in force after a delay.

A stolen key must not be enough to turn a payment around: somebody else confirms a destination,
and it counts only after the charter's delay, in which the one before it stays in force. Details
of a bank account are a salted blob; what stands in the log is its hash and a hint. A destination
has a hash of its own, by which orders name it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ledger import canonical
from ledger.coop import bodies, payout_bodies, subjects
from ledger.coop.proposals import put_to_vote
from ledger.coop.state import Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import NotPermitted
from ledger.period import add_days

EVM: Final = "evm"
NEXT: Final = "next"
SINCE: Final = "since"


def set_destination(step: Step, body: payout_bodies.PayoutDestinationSet) -> Change:
    """A member names its own destination; it counts once a second approver confirmed it."""
    if body.member != step.member.id:
        raise NotPermitted(f"only {body.member} itself names where {body.member} is paid")
    step.state.terms().digits(body.currency)
    if body.destination.type != EVM:
        step.blob(body.destination.details, "the bank details")
    state = put_to_vote(step, subjects.of_destination(body), body)
    return Change(state, member=body.member)


def enact_destination(step: Step, state: State, proposal: Proposal) -> State:
    """The new destination counts from now on, or after the delay of a charter that knows payouts.

    Until then the one before it stays in force.
    """
    body = bodies.parse_body(payout_bodies.PayoutDestinationSet, dict(proposal.body))
    days = state.terms().destination_days if state.keeps_payouts() else 0
    since = step.now if days == 0 else add_days(step.now, days)
    found: dict[str, Any] = {**body.destination.model_dump(mode="json"), SINCE: since}
    before = destination_in_force(state, body.member, body.currency, step.now)
    if since > step.now and before is not None:
        found = {**before, NEXT: found}
    key = f"{body.member}/{body.currency}"
    return replace(state, destinations={**state.destinations, key: found})


def destination_in_force(
    state: State, member: str, currency: str, now: str
) -> Mapping[str, Any] | None:
    """Where a member is paid in a currency at an instant, with ``since``; None if nowhere yet."""
    row = state.destinations.get(f"{member}/{currency}")
    if row is None:
        return None
    coming = row.get(NEXT)
    if coming is not None and coming[SINCE] <= now:
        return dict(coming)
    return (
        {name: value for name, value in row.items() if name != NEXT} if row[SINCE] <= now else None
    )


def destination_hash(destination: Mapping[str, Any]) -> str:
    """The hash by which orders name a destination: of what the member signed, not of since when."""
    return canonical.digest(
        {name: value for name, value in destination.items() if name not in (SINCE, NEXT)}
    ).hex()
