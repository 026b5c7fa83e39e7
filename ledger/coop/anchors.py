"""Anchors: entries that record on which chain a checkpoint of this log stands."""

from __future__ import annotations

from dataclasses import replace

from ledger.coop import bodies
from ledger.coop.state import Anchor
from ledger.coop.step import Change, Step
from ledger.errors import AnchorMismatch, Conflict, UnknownField


def record(step: Step, body: bodies.AnchorRecorded) -> Change:
    """Record an anchor: of a true head of this log, on a contract that the charter names.

    That the chain really holds it is for the auditor to see, from the evidence blob or a node.
    """
    targets = {(target.chain_id, target.contract) for target in step.state.terms().anchors}
    if (body.chain_id, body.contract) not in targets:
        raise UnknownField(f"{body.contract} on chain {body.chain_id} is no anchor of the charter")
    if body.size > step.index or step.evidence.root(body.size).hex() != body.root:
        raise AnchorMismatch(f"the log's root at size {body.size} is not {body.root}")
    target = f"{body.chain_id}/{body.contract}"
    known = step.state.anchors.get(target)
    if known is not None and body.size <= known.size:
        raise Conflict(f"size {known.size} is anchored there already")
    step.blob(body.evidence, "the anchor's evidence")
    anchor = Anchor(body.size, body.root, body.transaction, body.block_number, body.block_hash)
    return Change(replace(step.state, anchors={**step.state.anchors, target: anchor}))
