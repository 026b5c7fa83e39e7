"""Report what the vault has paid, and what expired: read at a final block, for another to confirm.

The evidence is the contract's state and its events as the node told them, in one file, whose hash
the report names; anybody with a node can ask the same of the same block.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger import canonical
from ledger.chain.expiries import Expiry, find_expiries, first_block_at
from ledger.chain.node import Node, open_node
from ledger.chain.vault import VaultTerms, read_paid, read_publication
from ledger.coop.payouts import Expired, vault_orders, vault_totals
from ledger.coop.state import State
from ledger.errors import ChainUnavailable, NotFound
from ledger.period import parse_instant
from ledger.service.claims import VaultAccess, base_units, check_vault
from ledger.service.coop import Coop
from ledger.service.payout_result import report_claims
from ledger.service.vault_in_log import bound
from ledger.store.sequencer import Receipt

_ALL = "9999-12"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a vault has paid to accounts, cumulative, in whole minor units, and what shows it.

    ``claimed`` holds what expired too; ``expired`` says which parts of it. ``vault`` is as the log
    names it, None where it names none.
    """

    currency: str
    vault: str | None
    claimed: dict[str, int]
    expired: dict[str, list[Expired]]
    day: date
    block_number: int
    evidence: bytes


def read_claimed(coop: Coop, access: VaultAccess) -> Claimed:
    """Read at the final block what the co-op's accounts were paid.

    An account that was paid a part of a minor unit counts without that part. Raises NotFound if
    nothing was ever ordered through the vault, VaultMismatch if the log names others.
    """
    state = coop.state()
    access = bound(state, access)
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
        gone = _expiries(node, coop, access, terms, at=at)
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
            "expired": [_document(one) for one in gone],
        }
    )
    return Claimed(
        currency=access.currency,
        vault=access.vault,
        expired=_parts(gone, scale),
        claimed={one: amount // scale for one, amount in paid.items()},
        day=datetime.fromtimestamp(block.timestamp, UTC).date(),
        block_number=block.number,
        evidence=evidence,
    )


def report_claimed(coop: Coop, found: Claimed) -> tuple[Receipt, ...]:
    """Report the lines that are paid or expired and not reported as such yet.

    Keep ``found.evidence`` before.
    """
    orders = vault_orders(coop.state(), found.currency, found.vault)
    return report_claims(
        coop, orders, found.claimed, found.expired, day=found.day, evidence=found.evidence
    )


def _expiries(
    node: Node, coop: Coop, access: VaultAccess, terms: VaultTerms, *, at: int
) -> list[Expiry]:
    """What expired up to a block; none can before the first month was over for a claim window."""
    earliest = _first_end(coop.state(), access) + terms.claim_window_seconds
    first = first_block_at(node, earliest, last_block=at)
    return find_expiries(node, access.contract, coop.log.origin, first_block=first, last_block=at)


def _first_end(state: State, access: VaultAccess) -> int:
    """When the first month that was ordered from the vault ended, in seconds."""
    orders = vault_orders(state, access.currency, access.vault).values()
    ends = [state.period(order.period).end for order in orders]
    return int(min(map(parse_instant, ends)).timestamp())


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
