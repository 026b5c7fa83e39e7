"""Outside: what is known of a log elsewhere than in its database, asked before it is written to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from ledger.chain.anchor import read_head
from ledger.chain.node import open_node
from ledger.coop.state import State
from ledger.errors import NotFound, ReadOnly, Unavailable
from ledger.store.outside import OutsideHead

ANSWER_SECONDS = 10.0

Source = Callable[[State], Iterable[OutsideHead]]

_log = logging.getLogger("kyojo.outside")


def ask_all(state: State, sources: Iterable[Source]) -> list[OutsideHead]:
    """The heads that the sources hold. One that does not answer is logged and passed over."""
    found: list[OutsideHead] = []
    for source in sources:
        try:
            found += source(state)
        except ReadOnly:
            raise
        except (Unavailable, NotFound) as error:
            _log.warning("the log's head could not be compared: %s", error.message)
    return found


def heads_on_chain(url: str, state: State) -> list[OutsideHead]:
    """What the charter's contracts on one chain hold; raises ChainUnavailable.

    A log without entries names no contract yet.
    """
    if state.charter is None or not state.charter.anchors:
        return []
    with open_node(url, wait_seconds=ANSWER_SECONDS) as node:
        return [
            OutsideHead(f"the contract {target.contract} on chain {target.chain_id}", *head)
            for target in state.charter.anchors
            if target.chain_id == node.chain_id
            for found in [read_head(node, target.contract, state.charter.origin)]
            for head in [(found.size, found.root)]
        ]
