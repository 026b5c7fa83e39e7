"""Anchors: entries that record on which chain a checkpoint of this log stands."""

from __future__ import annotations

from dataclasses import replace

from ledger.coop import bodies
from ledger.coop.state import Anchor
from ledger.coop.step import Change, Step
from ledger.coop.successors import known_targets, place_of
from ledger.errors import AnchorMismatch, Conflict, UnknownField


def record(step: Step, body: bodies.AnchorRecorded) -> Change:
    """Record an anchor: of a true head of this log, on a contract that is or was its witness.

    A contract that has a successor counts: an anchor that was under way may become final late.
    That the chain really holds it is for the auditor to see, from the evidence blob or a node.
    """
    target = place_of(body.chain_id, body.contract)
    known = known_targets(step.state)
    if target not in {place_of(one.chain_id, one.contract) for _, one in known}:
        raise UnknownField(
            f"neither the charter nor a decision names {body.contract} on chain {body.chain_id}"
        )
    if body.size > step.index or step.evidence.root(body.size).hex() != body.root:
        raise AnchorMismatch(f"the log's root at size {body.size} is not {body.root}")
    newest = step.state.anchors.get(target)
    if newest is not None and body.size <= newest.size:
        raise Conflict(f"size {newest.size} is anchored there already")
    step.blob(body.evidence, "the anchor's evidence")
    anchor = Anchor(body.size, body.root, body.transaction, body.block_number, body.block_hash)
    return Change(replace(step.state, anchors={**step.state.anchors, target: anchor}))
