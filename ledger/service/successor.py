"""Name the contract that follows another as the log's witness, once a node shows what it is."""

from __future__ import annotations

from contracts import load_contract
from ledger.chain.node import open_node
from ledger.coop.charter import AnchorTarget
from ledger.coop.successors import current_targets, place_of
from ledger.errors import InvalidInput, NotFound
from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.store.sequencer import Receipt

KIND = "anchor-successor-named"


def name_successor(
    coop: Coop, url: str, contract: str, *, after: str | None = None, reason: str = ""
) -> Receipt:
    """Put the contract at an address of the chain that ``url`` leads to before the members.

    ``after`` is the contract that it follows, as ``<chain id>/<address>``; it may be left out where
    anchors go to one contract only. Raises AnchorMismatch unless the code that stands there is the
    committed CheckpointAnchor's, so nobody votes on an address with a slip in it; NotFound if
    anchors do not go to ``after``; InvalidInput if it is needed.
    """
    code_hash = load_contract("CheckpointAnchor").runtime_hash
    earlier = _chosen(coop, after)
    # Closed before the entry is written: the embedded chain is one opening's.
    with open_node(url) as node:
        chain_id = node.chain_id
        node.check(chain_id=chain_id, contract=contract, code_hash=code_hash)
    successor = {
        "chain_id": chain_id,
        "contract": contract.lower(),
        "code_hash": code_hash.hex(),
    }
    place = {"chain_id": earlier.chain_id, "contract": earlier.contract}
    return write(coop, kind=KIND, body={**place, "successor": successor, "reason": reason})


def _chosen(coop: Coop, after: str | None) -> AnchorTarget:
    targets = {place_of(one.chain_id, one.contract): one for one in current_targets(coop.state())}
    if after is None:
        if len(targets) != 1:
            raise InvalidInput(
                f"say which contract it follows: {', '.join(targets) or 'there is none'}"
            )
        after = next(iter(targets))
    found = targets.get(after.lower())
    if found is None:
        raise NotFound(f"anchors do not go to {after}; they go to {', '.join(targets)}")
    return found
