"""Report what the vault has paid: read at a final block, for somebody else to confirm.

The evidence is the contract's state as the node told it, in one file, whose hash the report names;
anybody with a node can ask the same of the same block.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from ledger import canonical
from ledger.chain.node import open_node
from ledger.chain.vault import read_paid, read_publication
from ledger.coop.payouts import vault_totals
from ledger.errors import ChainUnavailable, NotFound
from ledger.service.claims import VaultAccess, base_units, check_vault
from ledger.service.coop import Coop
from ledger.service.payout_result import report_claims
from ledger.store.sequencer import Receipt

_ALL = "9999-12"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a vault has paid to accounts, cumulative, in whole minor units, and what shows it."""

    currency: str
    claimed: dict[str, int]
    day: date
    block_number: int
    evidence: bytes


def read_claimed(coop: Coop, access: VaultAccess) -> Claimed:
    """Read at the final block what the co-op's accounts were paid.

    An account that was paid a part of a minor unit counts without that part. What has expired
    counts as paid. Raises NotFound if nothing was ever ordered through the vault.
    """
    state = coop.state()
    accounts = list(vault_totals(state, access.currency, through=_ALL))
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
        }
    )
    return Claimed(
        currency=access.currency,
        claimed={one: amount // scale for one, amount in paid.items()},
        day=datetime.fromtimestamp(block.timestamp, UTC).date(),
        block_number=block.number,
        evidence=evidence,
    )


def report_claimed(coop: Coop, found: Claimed) -> tuple[Receipt, ...]:
    """Report the lines that are paid and not reported yet; keep ``found.evidence`` before."""
    return report_claims(
        coop, found.currency, found.claimed, day=found.day, evidence=found.evidence
    )
