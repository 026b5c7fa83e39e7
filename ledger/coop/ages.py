"""The order in which what a state holds is gone through, where the order decides anything.

A mapping has none that may be relied on. Whoever folded a log from its first entry has disputes,
proposals and orders as they came; whoever read a snapshot, or the state that a slice starts from,
has them by hash, as canonical JSON sorts them. Both must do the same with the next entry, and tell
the same of the state. So the order comes from what the state says of each (decision 0036).
"""

from __future__ import annotations

from ledger.coop.state import Dispute, OrderedLine, PayoutOrder, Proposal, State


def disputes_by_age(state: State) -> list[tuple[str, Dispute]]:
    """The disputes by id, oldest first.

    Of one millisecond those that have ended come first, by id. The others still stand as proposals,
    and these tell which entry was before which.
    """

    def age(one: tuple[str, Dispute]) -> tuple[str, int, str]:
        id_, dispute = one
        proposal = state.proposals.get(id_)
        return dispute.opened_at, -1 if proposal is None else proposal.index, id_

    return sorted(state.disputes.items(), key=age)


def proposals_by_age(state: State) -> list[tuple[str, Proposal]]:
    """What waits for decisions by hash, as it was proposed: an entry proposes one thing at most."""
    return sorted(state.proposals.items(), key=lambda one: one[1].index)


def orders_by_age(state: State) -> list[tuple[str, PayoutOrder]]:
    """The approved payout orders by id, as they were proposed."""
    return sorted(state.orders.items(), key=lambda one: one[1].index)


def lines_by_member(order: PayoutOrder) -> list[tuple[str, OrderedLine]]:
    """The lines of an order by id, in the order of their members, as the order was derived."""
    return sorted(order.lines.items(), key=lambda one: (one[1].member, one[0]))
