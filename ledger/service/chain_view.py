"""What the offline verifier may ask of a chain, over a node of the auditor's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.chain.anchor import read_head
from ledger.chain.node import Node, open_node


class NodeChainView:
    """A ``ledger.audit.anchors.ChainView`` over an open node; heads are read as finalized."""

    def __init__(self, node: Node) -> None:
        """Ask ``node``, which stays its opener's to close."""
        self._node = node

    def chain_id(self) -> int:
        """The chain that the node serves."""
        return self._node.chain_id

    def code_hash(self, contract: str) -> bytes:
        """keccak256 of the code at an address."""
        return self._node.code_hash(contract)

    def head(self, contract: str, origin: str) -> tuple[int, bytes]:
        """Size and root that the contract holds at the finalized block; size 0 if none."""
        found = read_head(self._node, contract, origin, at="finalized")
        return found.size, found.root

    def block_hash(self, number: int) -> bytes | None:
        """The hash of the canonical block at a height; None if there is none."""
        found = self._node.block(number)
        return None if found is None else found.hash


@contextmanager
def open_chain_view(url: str) -> Iterator[NodeChainView]:
    """A chain view on ``embedded:PATH`` or a JSON-RPC URL; raises ChainUnavailable."""
    with open_node(url) as node:
        yield NodeChainView(node)
