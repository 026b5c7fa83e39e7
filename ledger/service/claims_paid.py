"""Report what the vault has paid, and what expired: read at a final block, for another to confirm.

The evidence is the contract's state and its events as the node told them, in one file, whose hash
the report names; anybody with a node can ask the same of the same block. Events are asked for only
as far as a line needs it (``ledger.service.expiry_search``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger import canonical
from ledger.chain.expiries import Expiry, find_expiries, first_block_at
from ledger.chain.node import BlockRef, Node, open_node
from ledger.chain.vault import read_paid, read_publication
from ledger.coop.payout_results import EXPIRED
from ledger.coop.payouts import Expired, vault_orders, vault_totals
from ledger.coop.state import PayoutOrder, State
from ledger.errors import ChainUnavailable, NotFound, OutOfRange
from ledger.period import parse_instant
from ledger.service.claims import VaultAccess, base_units, check_vault
from ledger.service.coop import Coop
from ledger.service.expiry_search import Mark, Unsure, unsure_lines
from ledger.service.payout_result import by_approval, report_claims, reported_rows, waiting_outcomes
from ledger.service.vault_in_log import bound
from ledger.store.sequencer import Receipt

_ALL = "9999-12"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a vault has paid to accounts, cumulative, in whole minor units, and what shows it.

    ``claimed`` holds what expired too; ``expired`` says which parts of it, as far as that was
    searched: from the block ``searched_from`` on, None where no line needed it. ``lines`` are those
    of which this tells what became of them, ``reached`` is ``claimed`` rounded up. ``vault`` is as
    the log names it, None where it names none.
    """

    currency: str
    vault: str | None
    claimed: dict[str, int]
    reached: dict[str, int]
    expired: dict[str, list[Expired]]
    lines: frozenset[str]
    searched_from: int | None
    day: date
    block_number: int
    evidence: bytes


def read_claimed(coop: Coop, access: VaultAccess, *, from_block: int | None = None) -> Claimed:
    """Read at the final block what the co-op's accounts were paid.

    An account that was paid a part of a minor unit counts without that part. ``from_block`` is the
    first in which to look for what expired, instead of the one that the log leads to. Raises
    NotFound if nothing was ever ordered through the vault, VaultMismatch if the log names others,
    OutOfRange for too many blocks to search, or if the chain is not as long as ``from_block``.
    """
    with coop.reading() as (state, log):
        access = bound(state, access)
        orders = by_approval(log, vault_orders(state, access.currency, access.vault))
        reported = reported_rows(state, log) if orders else {}
    accounts = list(vault_totals(state, access.currency, through=_ALL, vault=access.vault))
    if not accounts:
        raise NotFound(f"nothing in {access.currency} was ordered through the vault")
    origin = coop.log.origin
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        scale = base_units(state.terms().digits(access.currency), terms.decimals)
        block = node.block(node.finality(access.depths).final)
        if block is None:
            raise ChainUnavailable("the node has no final block", kind="unknown")
        at = block.number
        root = read_publication(node, access.contract, origin, at=at).root
        paid = {one: read_paid(node, access.contract, origin, one, at=at) for one in accounts}
        reached = {one: -(-amount // scale) for one, amount in paid.items()}
        waiting = waiting_outcomes(state)
        unsure = [
            one
            for one in unsure_lines(orders, reached, reported, last_block=at)
            if one.line not in waiting
        ]
        search = _Search(node, state, orders, terms.claim_window_seconds, block)
        first, lines = search.plan(unsure, from_block)
        gone = (
            []
            if first is None
            else find_expiries(node, access.contract, origin, first_block=first, last_block=at)
        )
        chain_id = node.chain_id
    evidence = canonical.encode(
        {
            "chain_id": chain_id,
            "contract": access.contract.lower(),
            "origin": origin,
            "block_number": block.number,
            "block_hash": block.hash.hex(),
            "root": root.hex(),
            "paid": {one: str(amount) for one, amount in paid.items()},
            "searched_from": first,
            "expired": [_document(one) for one in gone],
        }
    )
    return Claimed(
        currency=access.currency,
        vault=access.vault,
        claimed={one: amount // scale for one, amount in paid.items()},
        reached=reached,
        expired=_parts(gone, scale),
        lines=lines,
        searched_from=first,
        day=datetime.fromtimestamp(block.timestamp, UTC).date(),
        block_number=block.number,
        evidence=evidence,
    )


def report_claimed(coop: Coop, found: Claimed) -> tuple[Receipt, ...]:
    """Report the lines that are paid or expired and not reported as such yet.

    Keep ``found.evidence`` before.
    """
    orders = vault_orders(coop.state(), found.currency, found.vault)
    references = {
        id_: Mark(found.block_number, found.reached[str(line.account)]).text
        for order in orders.values()
        for id_, line in order.lines.items()
        if id_ in found.lines
    }
    return report_claims(
        coop,
        orders,
        found.claimed,
        found.expired,
        references=references,
        day=found.day,
        evidence=found.evidence,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """Which blocks to search for what expired, up to a final one."""

    node: Node
    state: State
    orders: Mapping[str, PayoutOrder]
    window_seconds: int
    last: BlockRef

    def plan(
        self, unsure: list[Unsure], from_block: int | None
    ) -> tuple[int | None, frozenset[str]]:
        """The first block to search, None if there is none, and the lines that are found out.

        A whole search tells of every line; one that begins later not of those that had expired.
        """
        if from_block is not None:
            return from_block, self._lines_from(unsure, from_block)
        lines = frozenset(one.line for one in unsure)
        by_month: dict[str, int] = {}
        for one in unsure:
            by_month[one.month] = min(one.block, by_month.get(one.month, one.block))
        starts = [max(block, self._first_in(month)) for month, block in by_month.items()]
        first = min(starts, default=self.last.number + 1)
        return (None if first > self.last.number else first), lines

    def _lines_from(self, unsure: list[Unsure], from_block: int) -> frozenset[str]:
        if not 0 <= from_block <= self.last.number:
            raise OutOfRange(
                f"the final block is {self.last.number}; nothing can be searched from {from_block} "
                "on (検索開始ブロックが範囲外です)",
                last_block=self.last.number,
            )
        if from_block <= self._first_in(min(one.period for one in self.orders.values())):
            return frozenset(line for one in self.orders.values() for line in one.lines)
        return frozenset(one.line for one in unsure if one.state != EXPIRED)

    def _first_in(self, month: str) -> int:
        """The first block in which what was ordered for a month can have expired."""
        end = int(parse_instant(self.state.period(month).end).timestamp())
        earliest = end + self.window_seconds
        if earliest > self.last.timestamp:
            return self.last.number + 1
        return first_block_at(self.node, earliest, last_block=self.last.number)


def _parts(gone: list[Expiry], scale: int) -> dict[str, list[Expired]]:
    """What expired, by account, in minor units; a part of one counts whole."""
    found: dict[str, list[Expired]] = {}
    for one in gone:
        start, end = (one.cumulative - one.amount) // scale, -(-one.cumulative // scale)
        found.setdefault(one.account, []).append(Expired(start, end, one.reserve))
    return found


def _document(one: Expiry) -> dict[str, object]:
    return {
        "account": one.account,
        "reserve": one.reserve,
        "amount": str(one.amount),
        "cumulative": str(one.cumulative),
        "block_number": one.block_number,
        "transaction": one.transaction.hex(),
    }
