"""The Merkle-sum trees of one settlement: weights per dividing step, amounts, charges.

Every tree has one leaf per member of the inputs (``suspense`` included), in the order of the ids'
bytes, so that a member has the same leaf index everywhere and can prove a weight of zero too.
``amounts`` holds a member's sum over positive lines, ``charges`` the absolute sum over negative
ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.log.merkle import leaf_hash, root_hash
from ledger.rules.inputs import SUSPENSE
from ledger.settlement.result import Result
from ledger.settlement.sumtree import SumTree, build_sum_tree

AMOUNTS, CHARGES = "amounts", "charges"


@dataclass(frozen=True, slots=True)
class Trees:
    """``order`` holds indices into the result's members, in leaf order.

    ``charges`` is None when no line is negative. ``to_suspense`` is the leaf of suspense among the
    amounts: what usage that names nobody has earned, held and paid to nobody yet.
    """

    order: tuple[int, ...]
    weights: Mapping[str, SumTree]
    amounts: SumTree
    charges: SumTree | None
    to_suspense: int


def weights_tree_name(step: str) -> str:
    """The name from which the salts of a step's weights tree are derived."""
    return f"weights/{step}"


def build_trees(result: Result, seed: bytes) -> Trees:
    """All trees of a settlement; raises OutOfRange for a sum that 128 bits cannot hold."""
    order = tuple(sorted(range(len(result.members)), key=result.members.__getitem__))

    def tree(name: str, values: Sequence[int]) -> SumTree:
        rows = [(result.members[index], values[index]) for index in order]
        return build_sum_tree(seed, name, rows)

    weights = {
        step.step: tree(weights_tree_name(step.step), step.division.weights)
        for step in result.steps
        if step.division is not None
    }
    paid, charged = credits_and_charges(result)
    charges = tree(CHARGES, charged) if any(charged) else None
    held = sum(paid[index] for index in order if result.members[index] == SUSPENSE)
    return Trees(order, weights, tree(AMOUNTS, paid), charges, held)


def credits_and_charges(result: Result) -> tuple[list[int], list[int]]:
    """Per member the sum of its positive lines, and the absolute sum of its negative ones."""
    paid, charged = [0] * len(result.members), [0] * len(result.members)
    for step in result.steps:
        if step.division is None:
            continue
        side, sign = (charged, -1) if step.taken < 0 else (paid, 1)
        for index, amount in enumerate(step.division.rounded.amounts):
            side[index] += sign * amount
    return paid, charged


def weights_root(commitments: Sequence[tuple[str, bytes]]) -> bytes:
    """RFC 6962 root over ``step id ‖ 0x00 ‖ commitment`` of every dividing step, in step order."""
    return root_hash(leaf_hash(step.encode() + b"\x00" + found) for step, found in commitments)
