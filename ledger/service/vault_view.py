"""Where the money of a vault stands, for anybody with a node and the vault's address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.chain.anchor import origin_hash
from ledger.chain.node import EMBEDDED_SCHEME, open_node
from ledger.chain.vault import (
    VaultSums,
    VaultTerms,
    find_origins,
    read_balance,
    read_sums_of,
    require_vault,
)
from ledger.errors import ChainUnavailable

# The embedded chain's cost of a search grows faster than the range; public nodes cap the range.
_WINDOW, _WINDOW_EMBEDDED = 2_000, 20


@dataclass(frozen=True, slots=True)
class OriginView:
    """One co-op's sums; ``origin`` is None where only its hash is known."""

    origin_hash: bytes
    origin: str | None
    sums: VaultSums


@dataclass(frozen=True, slots=True)
class VaultView:
    """A vault at one block. ``is_complete`` tells whether all its co-ops are shown."""

    chain_id: int
    contract: str
    block_number: int
    terms: VaultTerms
    balance: int
    origins: tuple[OriginView, ...]
    is_complete: bool

    @property
    def owed(self) -> int:
        """What the vault holds for the co-ops that are shown."""
        return sum(one.sums.deposited - one.sums.withdrawn - one.sums.paid for one in self.origins)


def view_vault(
    url: str, contract: str, *, origins: Sequence[str] = (), first_block: int | None = None
) -> VaultView:
    """The sums of each co-op at the newest block.

    The co-ops are those that ever funded it, found in its events from ``first_block`` on; with
    None they are only those named in ``origins``, whose names are shown too. Raises
    AnchorMismatch if other code stands at the address, NotFound for none, ChainUnavailable.
    """
    with open_node(url) as node:
        terms = require_vault(node, contract)
        block = node.block("latest")
        if block is None:
            raise ChainUnavailable("the node has no block", kind="unknown")
        names = {origin_hash(one): one for one in origins}
        hashes = list(names)
        if first_block is not None:
            window = _WINDOW_EMBEDDED if url.startswith(EMBEDDED_SCHEME) else _WINDOW
            found = find_origins(
                node, contract, first_block=first_block, last_block=block.number, window=window
            )
            hashes += [one for one in found if one not in names]
        views = [
            OriginView(one, names.get(one), read_sums_of(node, contract, one, at=block.number))
            for one in hashes
        ]
        return VaultView(
            chain_id=node.chain_id,
            contract=contract,
            block_number=block.number,
            terms=terms,
            balance=read_balance(node, terms.token, contract, at=block.number),
            origins=tuple(views),
            is_complete=first_block is not None,
        )
