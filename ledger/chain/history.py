"""What an outsider reads of an anchor contract, with nothing but a node: its facts and its history.

The history is the contract's own events, read backwards in windows, so that no node refuses the
range. Each event names the head before it; so a history that begins at size 0 and ends at the
contract's present head, each step on the one before, is whole. One that does not is said to be so:
either the range was too short, or the node leaves events out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.audit.anchor_evidence import ANCHORED
from ledger.chain.anchor import Head, SignerSet, origin_hash, read_head, read_signers
from ledger.chain.evidence import LOG_WINDOW_BLOCKS
from ledger.chain.node import BlockRef, Finality, FinalityDepths, Node
from ledger.errors import ChainUnavailable, NotFound

# Public nodes take a thousand or more blocks at once; the embedded chain far fewer.
WINDOW_BLOCKS = 1_000
WORD = 32


@dataclass(frozen=True, slots=True)
class AnchorEvent:
    """One anchor: from which head to which, and where it stands."""

    previous: Head
    head: Head
    block_number: int
    transaction_hash: bytes


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract as a node tells it at one moment.

    ``finality`` and ``final_head`` are None where the node has no tags and no depths were given.
    ``events`` ascend and lie in blocks ``first_block`` to the latest.
    """

    chain_id: int
    latest: BlockRef
    finality: Finality | None
    code_hash: bytes
    head: Head
    final_head: Head | None
    signers: SignerSet
    events: tuple[AnchorEvent, ...]
    first_block: int

    @property
    def is_history_whole(self) -> bool:
        """Whether the events lead, step by step, from nothing to the present head."""
        steps = [Head(0, bytes(WORD)), *(event.head for event in self.events)]
        before = [event.previous for event in self.events]
        return steps[:-1] == before and steps[-1] == self.head


def read_contract(
    node: Node, contract: str, origin: str, *, blocks_max: int, depths: FinalityDepths | None = None
) -> ContractView:
    """Read a contract's facts and the anchors of ``origin`` in its newest ``blocks_max`` blocks.

    Raises NotFound if no CheckpointAnchor stands there, ChainUnavailable if the node does not
    answer.
    """
    latest = node.block("latest")
    if latest is None:
        raise ChainUnavailable("the node knows no latest block", kind="unknown")
    head = read_head(node, contract, origin, at=latest.number)
    signers = read_signers(node, contract)
    finality = _finality(node, depths)
    first = max(0, latest.number - blocks_max + 1)
    window = LOG_WINDOW_BLOCKS if node.is_embedded else WINDOW_BLOCKS
    events: list[AnchorEvent] = []
    last = latest.number
    while last >= first:
        start = max(first, last - window + 1)
        events = [*_events(node, contract, origin, start, last), *events]
        if events and events[0].previous.size == 0:
            first = start  # what lies below is not of this log
            break
        last = start - 1
    return ContractView(
        chain_id=node.chain_id,
        latest=latest,
        finality=finality,
        code_hash=node.code_hash(contract),
        head=head,
        final_head=None if finality is None else _head_at(node, contract, origin, finality.final),
        signers=signers,
        events=tuple(events),
        first_block=first,
    )


def _finality(node: Node, depths: FinalityDepths | None) -> Finality | None:
    try:
        return node.finality(depths)
    except ChainUnavailable as error:
        if error.details.get("kind") != "unknown":
            raise
        return None


def _head_at(node: Node, contract: str, origin: str, number: int) -> Head:
    try:
        return read_head(node, contract, origin, at=number)
    except NotFound:
        return Head(0, bytes(WORD))  # before the contract's birth


def _events(node: Node, contract: str, origin: str, first: int, last: int) -> Sequence[AnchorEvent]:
    topics = [ANCHORED, origin_hash(origin)]
    found = node.logs(contract, topics, first_block=first, last_block=last)
    events = []
    for log in found:
        if len(log.topics) != len(topics) + 1 or len(log.data) != 3 * WORD:
            raise ChainUnavailable("the node gives an event of another form", kind="unknown")
        root, size, previous = (log.data[at : at + WORD] for at in range(0, 3 * WORD, WORD))
        events.append(
            AnchorEvent(
                previous=Head(int.from_bytes(size, "big"), previous),
                head=Head(int.from_bytes(log.topics[2], "big"), root),
                block_number=log.block_number,
                transaction_hash=log.transaction_hash,
            )
        )
    return events
