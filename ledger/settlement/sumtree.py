r"""Salted Merkle-sum trees (RULES.md section 9).

A leaf commits to a member's id and amount under a salt that only that member is given; a node
commits to both of its children's sums, so no sibling can be negative or shrunk, and the root's sum
is the total. With D = ``kyojo/sum-tree/v1\n`` and big-endian u16, u64, u128::

    salt_i     = HMAC-SHA256(seed, D ‖ tree name ‖ u64(i))
    leaf       = SHA-256(0x02 ‖ salt_i ‖ u16(len id) ‖ id ‖ u128(amount))
    node(L, R) = SHA-256(0x03 ‖ u128(sum_L) ‖ hash_L ‖ u128(sum_R) ‖ hash_R), sum_L + sum_R
    commitment = SHA-256(0x04 ‖ u128(sum) ‖ u64(count) ‖ root hash)

Weights of several parts, and exact amounts, have a least common denominator that 128 bits may not
hold. A tree is as wide as its sum needs: sums of 16, 64, 256, 1024 or 4096 bytes, and with every
step up the three marks are 0x10 higher (0x12, 0x13, 0x14 for 64 bytes); all else is the same. How
wide a tree is follows from its sum alone.

The shape is that of RFC 6962: pairing neighbours level by level and lifting a last odd node up is
the same as splitting at the largest power of two.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ledger.errors import NotIncluded, OutOfRange, SumMismatch

SEED_BYTES = 32
NARROW_BYTES = 16
WIDTHS = (NARROW_BYTES, 64, 256, 1024, 4096)

_DOMAIN = b"kyojo/sum-tree/v1\n"


@dataclass(frozen=True, slots=True)
class SumNode:
    """A hash of 32 bytes and the sum below it."""

    hash: bytes
    sum: int


@dataclass(frozen=True, slots=True)
class SumHead:
    """What is known of a tree in public: its commitment, number of leaves, and their sum."""

    commitment: bytes
    size: int
    sum: int


@dataclass(frozen=True, slots=True)
class SumTree:
    """All levels of a tree, leaves first; the last level is the root alone."""

    levels: tuple[tuple[SumNode, ...], ...]

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self.levels[0])

    @property
    def root(self) -> SumNode:
        """The root's hash and sum."""
        return self.levels[-1][0]

    @property
    def head(self) -> SumHead:
        """What a verifier needs to know of this tree."""
        return SumHead(self.commitment, self.size, self.root.sum)

    @property
    def commitment(self) -> bytes:
        """What is published: root hash, sum and number of leaves in one hash."""
        return commit(self.root, self.size)


def derive_salt(seed: bytes, tree: str, index: int) -> bytes:
    """The salt of leaf ``index``; raises OutOfRange unless the seed is 32 bytes."""
    if len(seed) != SEED_BYTES:
        raise OutOfRange(f"a seed is {SEED_BYTES} bytes, not {len(seed)}")
    return hmac.digest(seed, _DOMAIN + tree.encode() + _unsigned(index, 8), "sha256")


def width_of(total: int) -> int:
    """How many bytes the sums of a tree with this total have; raises OutOfRange beyond 4096."""
    bits = total.bit_length()
    size_bytes = next((width for width in WIDTHS if bits <= 8 * width), WIDTHS[-1])
    _unsigned(total, size_bytes)
    return size_bytes


def leaf_node(salt: bytes, member: str, amount: int, width: int = NARROW_BYTES) -> SumNode:
    """The leaf of one member; ``amount`` fits into ``width`` bytes, else OutOfRange."""
    name = member.encode()
    body = salt + _unsigned(len(name), 2) + name + _unsigned(amount, width)
    return SumNode(hashlib.sha256(_mark(2, width) + body).digest(), amount)


def parent_node(left: SumNode, right: SumNode, width: int = NARROW_BYTES) -> SumNode:
    """The node above two others; raises OutOfRange when the sum does not fit."""
    body = _unsigned(left.sum, width) + left.hash + _unsigned(right.sum, width) + right.hash
    total = left.sum + right.sum
    _unsigned(total, width)
    return SumNode(hashlib.sha256(_mark(3, width) + body).digest(), total)


def commit(root: SumNode, size: int) -> bytes:
    """The commitment of a tree with ``size`` leaves."""
    width = width_of(root.sum)
    body = _unsigned(root.sum, width) + _unsigned(size, 8) + root.hash
    return hashlib.sha256(_mark(4, width) + body).digest()


def build_sum_tree(seed: bytes, tree: str, rows: Sequence[tuple[str, int]]) -> SumTree:
    """The tree over (member, amount), which must be in the order of the ids' bytes.

    Raises OutOfRange for no rows, another order, a negative amount or too large a sum.
    """
    names = [member.encode() for member, _ in rows]
    if not names or any(a >= b for a, b in pairwise(names)):
        raise OutOfRange("a sum tree needs at least one member, in the order of the ids' bytes")
    width = width_of(sum(amount for _, amount in rows))
    level = tuple(
        leaf_node(derive_salt(seed, tree, index), member, amount, width)
        for index, (member, amount) in enumerate(rows)
    )
    levels = [level]
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        lifted = level[-1:] if len(level) % 2 else ()
        level = tuple(parent_node(level[at], level[at + 1], width) for at in pairs) + lifted
        levels.append(level)
    return SumTree(tuple(levels))


def prove_sum(tree: SumTree, index: int) -> tuple[SumNode, ...]:
    """The siblings from leaf ``index`` up to the root; raises OutOfRange."""
    if not 0 <= index < tree.size:
        raise OutOfRange(f"there is no leaf {index} among {tree.size}")
    siblings: list[SumNode] = []
    for level in tree.levels[:-1]:
        if index ^ 1 < len(level):
            siblings.append(level[index ^ 1])
        index >>= 1
    return tuple(siblings)


def verify_sum(leaf: SumNode, index: int, siblings: Sequence[SumNode], head: SumHead) -> None:
    """Check that ``leaf`` is one of the leaves of the tree that ``head`` describes.

    Raises NotIncluded when the path does not lead to the commitment, SumMismatch when it does but
    adds up to another sum.
    """
    if not 0 <= index < head.size:
        raise NotIncluded(f"there is no leaf {index} among {head.size}")
    root = _climb(leaf, (index, head.size), siblings, width_of(head.sum))
    if commit(root, head.size) != head.commitment:
        raise NotIncluded(f"the path of leaf {index} does not lead to the commitment")
    if root.sum != head.sum:
        raise SumMismatch(f"the leaves add up to {root.sum}, not {head.sum}", sum=root.sum)


def _climb(
    leaf: SumNode, place: tuple[int, int], siblings: Sequence[SumNode], width: int
) -> SumNode:
    node, rest = leaf, list(siblings)
    index, size = place
    while size > 1:
        if index ^ 1 < size:
            if not rest:
                raise NotIncluded("the path is too short")
            node = _join(node, rest.pop(0), width, is_right=index % 2 == 1)
        index, size = index >> 1, (size + 1) >> 1
    if rest:
        raise NotIncluded("the path is too long")
    return node


def _join(node: SumNode, sibling: SumNode, width: int, *, is_right: bool) -> SumNode:
    left, right = (sibling, node) if is_right else (node, sibling)
    if len(sibling.hash) != hashlib.sha256().digest_size:
        raise NotIncluded("a hash on the path is not 32 bytes")
    try:
        return parent_node(left, right, width)
    except OutOfRange as error:
        raise NotIncluded(error.message) from error


def _mark(kind: int, width: int) -> bytes:
    return bytes([kind + 0x10 * WIDTHS.index(width)])


def _unsigned(value: int, size_bytes: int) -> bytes:
    try:
        return value.to_bytes(size_bytes, "big")
    except OverflowError as error:
        text = f"a number of {value.bit_length()} bits, or below 0"
        raise OutOfRange(f"{text}, does not fit into {size_bytes} unsigned bytes") from error
