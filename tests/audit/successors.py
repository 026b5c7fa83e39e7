"""A settled month whose contract got a successor, on which its head was anchored then."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.audit.trust import Trust, TrustedChain
from ledger.chain.node import Node
from tests.audit.world import anchor, bundle_of, settled_world, trust_in
from tests.builder import World
from tests.chain.chain_world import EMBEDDED_PAYER, deploy


@dataclass(frozen=True)
class Succeeded:
    """The month, its bundle, both contracts as a log names them, and where the anchor stands."""

    world: World
    bundle: bytes
    first: dict[str, object]
    second: dict[str, object]
    decided: int
    block: dict[str, object]

    def trust(self, *named: str, known: bool = True, **changes: object) -> Trust:
        """A trust file that names these of the two contracts; ``known``: and the anchor's block."""
        blocks = (self.block,) if known else ()
        chains = tuple(
            TrustedChain.model_validate({**getattr(self, name), "blocks": blocks, **changes})
            for name in named
        )
        return trust_in(self.world, chains=chains)


def succeeded_month(node: Node) -> Succeeded:
    """Two contracts on ``node``'s chain; the members put the second in place of the first."""
    first, second = (
        {
            "chain_id": node.chain_id,
            "contract": made.contract.lower(),
            "code_hash": made.code_hash.hex(),
        }
        for made in (deploy(node, EMBEDDED_PAYER) for _ in range(2))
    )
    world = settled_world(anchors=[first])
    place = {name: first[name] for name in ("chain_id", "contract")}
    body = {**place, "successor": second, "reason": "signers lost"}
    world.write("office", "anchor-successor-named", body)
    world.carry("bus", "ev")
    decided = world.state.size - 1
    anchor(world, node, str(second["contract"]))
    (found,) = world.state.anchors.values()
    block = {"number": found.block_number, "hash": found.block_hash}
    return Succeeded(world, bundle_of(world), first, second, decided, block)
