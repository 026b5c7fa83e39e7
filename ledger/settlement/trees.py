"""The Merkle-sum trees of one settlement: weights per dividing step, amounts, charges.

Where exact amounts are no plain proportion (bounds, short rules), a step has two trees: its exact
amounts are the weights, and beside them stands what they rest on, keys' weights or claims.

Every tree has one leaf per member of the inputs (``suspense`` included), in the order of the ids'
bytes, so that a member has the same leaf index everywhere and can prove a weight of zero too.
``amounts`` holds a member's sum over positive lines, ``charges`` the absolute sum over negative
ones, both in money: lines of pools that hold something else are in neither.
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
    bases: Mapping[str, SumTree]


def weights_tree_name(step: str) -> str:
    """The name from which the salts of a step's weights tree are derived."""
    return f"weights/{step}"


def basis_tree_name(step: str) -> str:
    """The name from which the salts of a step's basis tree are derived."""
    return f"basis/{step}"


def basis_row(step: str) -> str:
    """The name under which a basis tree stands among those of ``weights_root``; no step's id."""
    return f"{step}/basis"


def build_trees(result: Result, seed: bytes) -> Trees:
    """All trees of a settlement; raises OutOfRange for a sum that no tree can hold."""
    order = tuple(sorted(range(len(result.members)), key=result.members.__getitem__))

    def tree(name: str, values: Sequence[int]) -> SumTree:
        rows = [(result.members[index], values[index]) for index in order]
        return build_sum_tree(seed, name, rows)

    weights = {
        step.step: tree(weights_tree_name(step.step), step.division.weights)
        for step in result.steps
        if step.division is not None
    }
    bases = {
        step.step: tree(basis_tree_name(step.step), step.division.basis.weights)
        for step in result.steps
        if step.division is not None and step.division.basis is not None
    }
    paid, charged = credits_and_charges(result)
    charges = tree(CHARGES, charged) if any(charged) else None
    held = sum(paid[index] for index in order if result.members[index] == SUSPENSE)
    return Trees(order, weights, tree(AMOUNTS, paid), charges, held, bases)


def credits_and_charges(result: Result) -> tuple[list[int], list[int]]:
    """Per member the sum of its positive lines, and the absolute sum of its negative ones."""
    paid, charged = [0] * len(result.members), [0] * len(result.members)
    for step in result.steps:
        if step.division is None or step.unit is not None:
            continue
        for index, amount in enumerate(step.division.amounts):
            if amount < 0:
                charged[index] -= amount
            else:
                paid[index] += amount
    return paid, charged


def weights_root(commitments: Sequence[tuple[str, bytes]]) -> bytes:
    """RFC 6962 root over ``step id ‖ 0x00 ‖ commitment`` of every dividing step, in step order."""
    return root_hash(leaf_hash(step.encode() + b"\x00" + found) for step, found in commitments)
