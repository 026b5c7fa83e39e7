"""What is payable of a period to one member, from the state: a part of its statement.

What it means and how it adds up is said in ``ledger.settlement.payable``. A settlement of which the
lines are all that a member gets has no such part, so that statements from before there was one
keep their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.coop.ages import disputes_by_age
from ledger.coop.postings import postings_in
from ledger.coop.settlements import amounts_of
from ledger.coop.state import SUSPENSE, Period, State
from ledger.rules.number import integer_json
from ledger.settlement.payable import LIMIT_UNTIL_SETTLED, LIMITS
from ledger.settlement.result import Result


def payable_figures(
    state: State, period: Period, result: Result, member: str
) -> dict[str, Any] | None:
    """The figures of the part for a member; None where the lines of the run are all there is.

    ``state`` is any at which the settlement of ``period`` stands, ``result`` its run. What a
    dispute held back is held of this period for ever: when it ended, it was posted with a later
    one.
    """
    if member == SUSPENSE:
        return None
    repaid = [
        {"step": step, "amount_minor": integer_json(row[member])}
        for step, row in result.repaid.items()
        if row.get(member)
    ]
    net = result.member_totals[member]
    return _figures(state, period, result.currency, member, net, repaid)


def payable_beside(
    state: State, period: Period, currency: str, member: str
) -> dict[str, Any] | None:
    """The same for a member that the run of ``period`` gives nothing in ``currency``.

    That is a firm that has left, or anybody where the month is divided in another currency: what is
    payable comes from what is posted alone. What a month of another currency offset is not kept,
    so there the figures are None.
    """
    if _currency(state, period) != currency:
        return None
    return _figures(state, period, currency, member, 0, [])


def _figures(  # noqa: PLR0913, PLR0917 - what a part is made of
    state: State,
    period: Period,
    currency: str,
    member: str,
    net: int,
    repaid: list[dict[str, Any]],
) -> dict[str, Any] | None:
    posted = [
        {
            "kind": "dispute" if id_ in state.disputes else "correction",
            "id": id_,
            "amount_minor": integer_json(row[member]),
        }
        for id_, row in sorted(postings_in(state, period, currency).items())
        if row.get(member)
    ]
    held = list(_held(state, period, member))
    total = net + sum(int(row["amount_minor"]) for row in (*repaid, *posted))
    paid = _paid(state, period).get(member, max(0, total))
    offset, owing = max(0, total) - paid, max(0, -total)
    if not (repaid or posted or held or offset or owing):
        return None
    payable = paid - sum(int(row["amount_minor"]) for row in held)
    limits = LIMITS if period.status == "settled" else (*LIMITS, LIMIT_UNTIL_SETTLED)
    return {
        "status": period.status,
        "net_minor": integer_json(net),
        "repaid": repaid,
        "posted": posted,
        "held": held,
        "offset_minor": integer_json(offset),
        "owing_minor": integer_json(owing),
        "payable_minor": integer_json(payable),
        "limits": [dict(limit) for limit in limits],
    }


def _paid(state: State, period: Period) -> Mapping[str, int]:
    """What members are paid after offsets, as proposed or as approved; who is absent gets all."""
    proposal = state.proposals.get(str(period.settlement))
    if proposal is None:
        return period.paid
    return amounts_of(proposal.body.get("paid", {}))


def _currency(state: State, period: Period) -> str:
    """The currency in which a period with a settlement is divided."""
    proposal = state.proposals.get(str(period.settlement))
    return str(period.currency if proposal is None else proposal.body["currency"])


def _held(state: State, period: Period, member: str) -> Iterator[dict[str, Any]]:
    """What disputes of the settlement hold back of a member, or did until they ended."""
    for id_, dispute in disputes_by_age(state):
        if dispute.settlement_id != period.settlement:
            continue
        posted_in, amount = None, dispute.held.get(member, 0)
        for later in state.periods.values():
            if later.posted.get(id_, {}).get(member):
                posted_in, amount = later.id, later.posted[id_][member]
        if amount:
            row = {"dispute": id_, "amount_minor": integer_json(amount)}
            yield {**row, "posted_in": posted_in}
