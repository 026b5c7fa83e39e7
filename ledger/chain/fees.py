"""What a transaction may cost: the first offer, the bump of one that is stuck, and a month's cap.

All of it is arithmetic over whole wei; percentages round up. Two caps bound it: one on the fee per
gas, one on what a key may spend in a calendar month (UTC) for one co-op. Against the second, a
transaction that may still be mined counts with the most that it can cost, one that is in a block
with what it did cost. Above a cap nothing is offered: the caller waits and says so.

A node takes a second transaction with the same nonce only if both of its fees are higher by some
percentage of its own (10 with geth, Erigon and Nethermind); ``BUMP_PERCENT_MIN`` is that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.chain.node import Fees
from ledger.chain.outbox import FINISHED, OutboxRow
from ledger.chain.stored import read_stored_transaction
from ledger.errors import ChainUnavailable

BUMP_PERCENT_MIN = 110
FEE_CAP, COST_CAP = "fee-cap", "cost-cap"


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How much to offer and when to offer more; caps are None where there is none.

    ``bump_percent`` is the new fee in percent of the old one. ``bumps_max`` bounds the
    transactions of one nonce.
    """

    priority_fee_wei: int = 10**9
    max_fee_wei: int | None = None
    monthly_cost_cap_wei: int | None = None
    bump_after_seconds: int = 180
    bump_percent: int = 125
    bumps_max: int = 30


def offer(base_fee_wei: int, policy: FeePolicy) -> Fees:
    """The fees of a first transaction: twice the base fee and the tip, within the cap.

    Raises ChainUnavailable with kind ``fee-cap`` if the present base fee and the tip are above it.
    """
    tip, cap = policy.priority_fee_wei, policy.max_fee_wei
    if cap is None:
        return Fees(2 * base_fee_wei + tip, tip)
    if base_fee_wei + tip > cap:
        raise ChainUnavailable(
            f"the chain asks {base_fee_wei + tip} wei per gas, above the cap of {cap}; this waits "
            "until the fee falls or max_fee_wei is raised",
            kind=FEE_CAP,
        )
    return Fees(min(2 * base_fee_wei + tip, cap), tip)


def bumped(fees: Fees, base_fee_wei: int, policy: FeePolicy) -> Fees | None:
    """Dearer fees for the same nonce; None if the cap leaves no room for what nodes take."""
    fresh = Fees(2 * base_fee_wei + policy.priority_fee_wei, policy.priority_fee_wei)
    wanted = Fees(
        max(_percent(fees.max_fee_wei, policy.bump_percent), fresh.max_fee_wei),
        max(_percent(fees.priority_fee_wei, policy.bump_percent), fresh.priority_fee_wei),
    )
    if policy.max_fee_wei is None:
        return wanted
    max_fee = min(wanted.max_fee_wei, policy.max_fee_wei)
    tip = min(wanted.priority_fee_wei, max_fee)
    least = _percent(fees.max_fee_wei, BUMP_PERCENT_MIN)
    least_tip = _percent(fees.priority_fee_wei, BUMP_PERCENT_MIN)
    return Fees(max_fee, tip) if max_fee >= least and tip >= least_tip else None


@dataclass(frozen=True, slots=True)
class Purse:
    """Whose spending is counted: a key's, on a chain, in a calendar month (YYYY-MM, UTC)."""

    chain_id: int
    sender: str
    month: str

    def spent_wei(self, rows: Iterable[OutboxRow]) -> int:
        """What the rows that were queued in the month have cost, or may still cost.

        Of the transactions with one nonce at most one is mined, so the dearest counts.
        """
        costs: dict[int, int] = {}
        for row in rows:
            is_ours = (row.chain_id, row.sender) == (self.chain_id, self.sender)
            if is_ours and row.queued_at.startswith(self.month):
                costs[row.nonce] = max(costs.get(row.nonce, 0), _cost_wei(row))
        return sum(costs.values())

    def require(self, cost_max_wei: int, rows: Iterable[OutboxRow], policy: FeePolicy) -> None:
        """Raises ChainUnavailable with kind ``cost-cap`` if the cap has no room for a cost."""
        cap = policy.monthly_cost_cap_wei
        if cap is None:
            return
        spent = self.spent_wei(rows)
        if spent + cost_max_wei > cap:
            raise ChainUnavailable(
                f"{self.sender} has spent {spent} wei in {self.month} and the next transaction "
                f"may cost {cost_max_wei}: above the cap of {cap}; this waits for the next month, "
                "lower fees, or a higher monthly_cost_cap_wei",
                kind=COST_CAP,
            )


def _cost_wei(row: OutboxRow) -> int:
    if row.cost_wei is not None:
        return row.cost_wei
    return 0 if row.state in FINISHED else read_stored_transaction(row.raw).cost_max_wei


def _percent(amount: int, percent: int) -> int:
    return -(-amount * percent // 100)
