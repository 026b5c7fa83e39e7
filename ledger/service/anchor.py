"""Anchor: bring the newest checkpoint to a contract, and record in the log that it stands there.

Where the co-op has a policy with a quorum of witnesses, it is the newest checkpoint that has it:
what the chain holds for good is a history that others have seen. Entries behind it wait
(``unwitnessed``).

One call does what can be done now and may be repeated at any time, by cron or after a crash:
move what is in the outbox; record what has become final; if the log has grown since, sign and
store a new anchor before sending it. Entries that only record anchors do not cause another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger import canonical
from ledger.chain.anchor import (
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    build_transaction,
    key_address,
    order_signatures,
    origin_hash,
    read_head,
    sign_digest,
)
from ledger.chain.evidence import build_anchor_evidence
from ledger.chain.goals import AnchoredHead
from ledger.chain.node import Node, SignedTransaction, open_node
from ledger.chain.outbox import NodeView, Outbox, OutboxRow, State, next_nonce, queue_row
from ledger.coop.bodies import AnchorRecorded
from ledger.coop.charter import AnchorTarget
from ledger.errors import AnchorMismatch
from ledger.service.anchor_rows import AnchorRows
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.service.published import quorum_size, unwitnessed
from ledger.store.outbox import OutboxTable
from ledger.store.reading import Filter, LogReader

RECORDING = "anchor-recorded"
PAGE = 500


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """How to reach the chain, who pays the gas, and which anchorers sign here."""

    url: str
    sender_key: bytes
    anchorer_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Anchored:
    """Where the newest anchor stands: its state says how far it is shown.

    ``unwitnessed`` counts the log's entries that are not anchored for want of a quorum.
    """

    size: int
    root: bytes
    state: str
    chain_id: int
    contract: str
    transaction: bytes
    block_number: int | None
    block_hash: bytes | None
    recorded_at: int | None
    unwitnessed: int = 0


def anchor(coop: Coop, access: ChainAccess) -> Anchored | None:
    """Anchor what is new and record what is final; None if there is nothing to anchor yet."""
    rows = AnchorRows(OutboxTable(coop.database, coop.log.id, coop.clock))
    # First, and not while we hold the node: the embedded chain is one process's, one opening's.
    coop.sequencer.compare()
    with open_node(access.url) as node:
        target = _target(coop, node)
        node.check(
            chain_id=target.chain_id,
            contract=target.contract,
            code_hash=bytes.fromhex(target.code_hash),
        )
        outbox = Outbox(rows, NodeView(node))
        outbox.step()
        _record_final(coop, node, rows)
        if not rows.unfinished() and _queue(coop, node, rows, target, access):
            outbox.step()
            _record_final(coop, node, rows)
    return newest(coop)


def newest(coop: Coop) -> Anchored | None:
    """The newest anchor that the outbox knows, without asking the chain."""
    rows = AnchorRows(OutboxTable(coop.database, coop.log.id, coop.clock)).anchors()
    live = [pair for pair in rows if pair[0].state not in (State.FAILED, State.REPLACED)]
    if not live:
        return None
    row, wanted = live[-1]
    return Anchored(
        size=wanted.size,
        root=wanted.root,
        state=str(row.state),
        chain_id=row.chain_id,
        contract=row.contract,
        transaction=row.transaction_hash,
        block_number=row.block_number,
        block_hash=row.block_hash,
        recorded_at=_recorded(coop).get(row.transaction_hash.hex()),
        unwitnessed=unwitnessed(coop),
    )


def waiting_text(count: int) -> str:
    """What is added for people where entries wait for their quorum; empty where none does."""
    if not count:
        return ""
    return (
        f"; {count} newer entries have no quorum of witnesses yet and are not anchored "
        f"証人の定足数を待つエントリー {count} 件"
    )


def _target(coop: Coop, node: Node) -> AnchorTarget:
    for target in coop.state().terms().anchors:
        if target.chain_id == node.chain_id:
            return target
    raise AnchorMismatch(
        f"the charter names no anchor contract on chain {node.chain_id}; is this the right node?"
    )


def _queue(
    coop: Coop, node: Node, rows: AnchorRows, target: AnchorTarget, access: ChainAccess
) -> bool:
    """Sign and store an anchor of the newest checkpoint that may be; False if none needs one."""
    previous = read_head(node, target.contract, coop.log.origin)
    with coop.reading() as (_, log):
        head = log.head()
        if previous.size > head.size:
            raise AnchorMismatch(
                f"the contract holds size {previous.size}, this log has {head.size}: it was "
                "restored from an old copy, or is not this contract's log; do not write to it"
            )
        known = log.root(previous.size) if previous.size else bytes(32)
        if known != previous.root:
            raise AnchorMismatch(
                f"the contract holds another root at size {previous.size}: a fork; stop writing"
            )
        wanted = _wanted(coop, log, previous.size)
        if wanted is None:
            return False
        proof = log.consistency(previous.size, wanted.size) if previous.size else ()
    message = AnchorMessage(origin_hash(coop.log.origin), previous, wanted)
    transaction = _sign(
        node=node, rows=rows, message=message, proof=proof, target=target, access=access
    )
    rows.add(
        queue_row(
            transaction,
            chain_id=node.chain_id,
            goal=AnchoredHead(target.contract, coop.log.origin, message.head),
            queued_at=coop.clock(),
        )
    )
    return True


def _wanted(coop: Coop, log: LogReader, anchored: int) -> Head | None:
    """The head to anchor after the first ``anchored`` entries; None if nothing new needs it."""
    size = quorum_size(coop, log.head())
    if size is None or size <= anchored:
        return None
    rows = log.search(Filter(), start=anchored, limit=PAGE)
    is_all = len(rows) < PAGE or rows[-1].index >= size - 1
    if is_all and all(row.kind == RECORDING for row in rows if row.index < size):
        return None
    return Head(size, log.root(size))


def _sign(  # noqa: PLR0913 - one transaction, all its parts
    *,
    node: Node,
    rows: AnchorRows,
    message: AnchorMessage,
    proof: Sequence[bytes],
    target: AnchorTarget,
    access: ChainAccess,
) -> SignedTransaction:
    digest = anchor_digest(message, chain_id=node.chain_id, contract=target.contract)
    signatures = order_signatures(
        digest, [sign_digest(digest, key) for key in access.anchorer_keys]
    )
    sender = key_address(access.sender_key)
    nonce = next_nonce(
        rows.unfinished(), chain_id=node.chain_id, sender=sender, on_chain=node.nonce(sender)
    )
    return build_transaction(
        node,
        access.sender_key,
        contract=target.contract,
        data=anchor_call(message, proof, signatures),
        nonce=nonce,
    )


def _record_final(coop: Coop, node: Node, rows: AnchorRows) -> None:
    recorded = _recorded(coop)
    for row, wanted in rows.anchors():
        if row.state == State.FINAL and row.transaction_hash.hex() not in recorded:
            _record(coop, node, row, wanted)


def _record(coop: Coop, node: Node, row: OutboxRow, wanted: Head) -> None:
    evidence, facts = build_anchor_evidence(
        node,
        row.transaction_hash,
        contract=row.contract,
        origin=coop.log.origin,
        head=wanted,
        raw=row.raw,
    )
    data = canonical.encode(evidence)
    reference = blob_reference(data)
    body = AnchorRecorded.model_validate(
        {
            "size": wanted.size,
            "root": wanted.root.hex(),
            "chain_id": row.chain_id,
            "contract": row.contract.lower(),
            "transaction": row.transaction_hash.hex(),
            "block_number": facts.block_number,
            "block_hash": facts.block_hash.hex(),
            "evidence": reference,
        }
    )
    write(coop, kind=RECORDING, body=body, blobs={str(reference["sha256"]): data})


def _recorded(coop: Coop) -> dict[str, int]:
    """The transactions that entries of the log record, with the index of the entry."""
    found: dict[str, int] = {}
    with coop.reading() as (_, log):
        start = 0
        while page := log.search(Filter(kind=RECORDING), start=start, limit=PAGE):
            for row in page:
                body = canonical.parse(log.entry(row.index))["body"]
                found[body["transaction"]] = row.index
            start = page[-1].index + 1
    return found
