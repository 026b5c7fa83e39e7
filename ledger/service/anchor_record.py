"""Recording: entries of the log that say what has become final on a chain, once each."""

from __future__ import annotations

from ledger import canonical
from ledger.chain.anchor import Head, read_head
from ledger.chain.evidence import build_anchor_evidence, find_anchor
from ledger.chain.node import Node
from ledger.chain.outbox import State
from ledger.coop.bodies import AnchorRecorded
from ledger.coop.charter import AnchorTarget
from ledger.coop.successors import known_targets, place_of
from ledger.errors import NotFound
from ledger.service.anchor_access import ChainAccess
from ledger.service.anchor_rows import AnchorRows
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.store.reading import Filter, LogReader

RECORDING = "anchor-recorded"
PAGE = 500

# How far back somebody else's anchor is looked for: about a day of blocks of 12 seconds.
FOREIGN_BLOCKS_MAX = 7_200


def record_final(
    coop: Coop, node: Node, rows: AnchorRows, target: AnchorTarget, access: ChainAccess
) -> None:
    """Write an entry for each final anchor on the node's chain that has none, by size.

    That may be on a contract that has a successor now. The target's own final head counts too
    when somebody else's transaction brought it there; it is looked for in the last
    ``FOREIGN_BLOCKS_MAX`` blocks.
    """
    for _, one in known_targets(coop.state()):
        if one.chain_id == node.chain_id:
            _record_ours(coop, node, rows, one)
    _record_foreign(coop, node, rows, target, access)


def _record_ours(coop: Coop, node: Node, rows: AnchorRows, target: AnchorTarget) -> None:
    for row, head in rows.anchors():
        is_here = (row.chain_id, row.contract) == (target.chain_id, target.contract)
        if is_here and row.state is State.FINAL and _is_next(coop, target, head):
            _record(coop, node, target, row.transaction_hash, head, raw=row.raw)


def recorded_at(log: LogReader, size: int, transaction: str) -> int | None:
    """The index of the entry that records a transaction (hex) at a size; None if none does.

    It lies behind what it records, so the search begins there.
    """
    start = size
    while page := log.search(Filter(kind=RECORDING), start=start, limit=PAGE):
        for row in page:
            if canonical.parse(log.entry(row.index))["body"]["transaction"] == transaction:
                return row.index
        start = page[-1].index + 1
    return None


def _is_next(coop: Coop, target: AnchorTarget, head: Head) -> bool:
    """Whether the log records smaller sizes only; it takes no smaller one after a larger."""
    known = coop.state().anchors.get(place_of(target.chain_id, target.contract))
    return known is None or head.size > known.size


def _record_foreign(
    coop: Coop, node: Node, rows: AnchorRows, target: AnchorTarget, access: ChainAccess
) -> None:
    """Record the head of a transaction that is not ours, where one of ours was made needless."""
    if not any(
        row.state is State.REPLACED and _is_next(coop, target, head)
        for row, head in rows.anchors()
        if (row.chain_id, row.contract) == (target.chain_id, target.contract)
    ):
        return
    final = node.finality(access.depths).final
    head = read_head(node, target.contract, coop.log.origin, at=final)
    with coop.reading() as (_, log):
        is_ours = 0 < head.size <= log.head().size and log.root(head.size) == head.root
    if not is_ours or not _is_next(coop, target, head):
        return
    try:
        found = find_anchor(
            node,
            contract=target.contract,
            origin=coop.log.origin,
            size=head.size,
            first_block=max(0, final - FOREIGN_BLOCKS_MAX),
        )
    except NotFound:
        return
    _record(coop, node, target, found, head, raw=None)


def _record(  # noqa: PLR0913 - one entry, all its parts
    coop: Coop,
    node: Node,
    target: AnchorTarget,
    transaction_hash: bytes,
    head: Head,
    *,
    raw: bytes | None,
) -> None:
    evidence, facts = build_anchor_evidence(
        node,
        transaction_hash,
        contract=target.contract,
        origin=coop.log.origin,
        head=head,
        raw=raw,
    )
    data = canonical.encode(evidence)
    reference = blob_reference(data)
    body = AnchorRecorded.model_validate(
        {
            "size": head.size,
            "root": head.root.hex(),
            "chain_id": target.chain_id,
            "contract": target.contract,
            "transaction": transaction_hash.hex(),
            "block_number": facts.block_number,
            "block_hash": facts.block_hash.hex(),
            "evidence": reference,
        }
    )
    write(coop, kind=RECORDING, body=body, blobs={str(reference["sha256"]): data})
