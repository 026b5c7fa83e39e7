"""The Merkle tree of RFC 6962 §2.1, its proofs, and the verifiers of RFC 9162 §2.1.3–2.1.4.

    leaf = SHA-256(0x00 ‖ entry)        node = SHA-256(0x01 ‖ left ‖ right)

A tree of n leaves splits at the largest power of two below n; nothing is duplicated. The tree
can therefore be stored as its *complete* subtrees only: the node (level, index) is the root over
leaves [index·2**level, (index+1)·2**level), and never changes once those leaves exist. Every
root and proof is computed from a few such nodes, asked for in one batch from a ``HashReader``,
as golang.org/x/mod/sumdb/tlog does.

Invariant: a verifier returns None only if the proof has exactly the length and the hashes that
the tree shape demands. Old size 0 proves nothing about a log and is always refused here.

>>> leaves = [leaf_hash(text) for text in (b"a", b"b", b"c")]
>>> proof = prove_inclusion(leaves, 2)
>>> proof == (node_hash(leaves[0], leaves[1]),)
True
>>> verify_inclusion(leaves[2], 2, 3, proof, root_hash(leaves))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain
from typing import Any, ClassVar

from ledger.errors import (
    InvariantViolated,
    NotConsistent,
    NotIncluded,
    OutOfRange,
    VerificationError,
)

HASH_BYTES = 32
SIZE_MAX = 2**63 - 1
EMPTY_ROOT = hashlib.sha256(b"").digest()


Node = tuple[int, int]
"""A complete subtree as (level, index): the leaves [index·2**level, (index+1)·2**level)."""

HashReader = Callable[[Sequence[Node]], Sequence[bytes]]
"""Returns the hash of each node asked for, in the same order; called once per root or proof."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of one log entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree over ``leaf_hashes``; ``EMPTY_ROOT`` for none.

    Works level by level: pairs are hashed, an odd last hash moves up unchanged, which gives the
    same shape as the recursive definition. Raises OutOfRange for a hash that is not 32 bytes.
    """
    level = list(leaf_hashes)
    require_hashes(level)
    sha256 = hashlib.sha256
    while len(level) > 1:
        paired = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        if len(level) % 2:
            paired.append(level[-1])
        level = paired
    return level[0] if level else EMPTY_ROOT


# Which stored nodes a root or a proof is made of.


def nodes_of_root(size: int) -> tuple[Node, ...]:
    """The complete subtrees that cover a tree of ``size`` leaves, largest first."""
    _require_count(size, "size")
    return _cover(0, size)


def nodes_of_inclusion(index: int, size: int) -> tuple[Node, ...]:
    """The stored nodes that ``prove_inclusion_from`` reads."""
    return _flat(_inclusion_ranges(index, size))


def nodes_of_consistency(old_size: int, new_size: int) -> tuple[Node, ...]:
    """The stored nodes that ``prove_consistency_from`` reads."""
    return _flat(_consistency_ranges(old_size, new_size))


# Provers.


def root_from(reader: HashReader, size: int) -> bytes:
    """The root at ``size``, from at most 63 stored nodes read in one call."""
    return fold(_read(reader, nodes_of_root(size)))


def prove_inclusion(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf ``index`` in the tree over all of ``leaf_hashes``.

    Leaf sibling first. Cost: the whole tree is hashed. Raises OutOfRange for a bad index.
    """
    return prove_inclusion_from(leaf_reader(leaf_hashes), index, len(leaf_hashes))


def prove_inclusion_from(reader: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf ``index`` in the tree of ``size`` leaves, leaf sibling first.

    Calls ``reader`` once, for the nodes of ``nodes_of_inclusion``.
    """
    return prove_inclusions_from(reader, (index,), size)[0]


def prove_inclusions_from(
    reader: HashReader, indexes: Sequence[int], size: int
) -> list[tuple[bytes, ...]]:
    """The inclusion proofs of many leaves in one tree, in the order of ``indexes``.

    Calls ``reader`` once for all of them and hashes what they share once: neighbours, such as
    the entries of one commit, share nearly everything.
    """
    return _prove(reader, [_inclusion_ranges(index, size) for index in indexes])


def prove_consistency(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The proof that the tree over the first ``old_size`` leaves is a prefix of the whole one.

    Empty if nothing was added. Cost: the whole tree is hashed. Raises OutOfRange unless
    0 < old_size ≤ the number of leaves.
    """
    return prove_consistency_from(leaf_reader(leaf_hashes), old_size, len(leaf_hashes))


def prove_consistency_from(reader: HashReader, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """The consistency proof from ``old_size`` to ``new_size``; one call of ``reader``."""
    return _prove(reader, [_consistency_ranges(old_size, new_size)])[0]


def leaf_reader(leaf_hashes: Sequence[bytes]) -> HashReader:
    """A ``HashReader`` that computes every node anew from the leaves it is given."""

    def read(nodes: Sequence[Node]) -> list[bytes]:
        return [root_hash(leaf_hashes[i << k : (i + 1) << k]) for k, i in nodes]

    return read


def fold(roots: Sequence[bytes]) -> bytes:
    """The root over adjacent complete subtrees, largest first; ``EMPTY_ROOT`` for none."""
    if not roots:
        return EMPTY_ROOT
    return reduce(lambda right, left: node_hash(left, right), reversed(roots))


# Verifiers.


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf stands at ``index`` in the tree of ``size`` leaves with this ``root``.

    RFC 9162 §2.1.3.2. Raises NotIncluded.
    """
    _check_counts(NotIncluded, index=index, size=size)
    _check_hashes(NotIncluded, proof, leaf_hash=leaf_hash, root=root)
    if index >= size:
        raise NotIncluded(f"index {index} is not below the size {size}", index=index, size=size)
    computed = leaf_hash
    position, last = index, size - 1
    for sibling in proof:
        if last == 0:
            raise NotIncluded(f"the proof of {len(proof)} hashes is too long", index=index)
        if position & 1 or position == last:
            computed = node_hash(sibling, computed)
            position, last = _climb_to_right_child(position, last)
        else:
            computed = node_hash(computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise NotIncluded(f"the proof of {len(proof)} hashes is too short", index=index)
    if computed != root:
        raise NotIncluded("the proof leads to another root", index=index, size=size)


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the old tree is a prefix of the new one.

    RFC 9162 §2.1.4.2, with 0 < old_size ≤ new_size; equal sizes need equal roots and an empty
    proof. Raises NotConsistent.
    """
    _check_counts(NotConsistent, old_size=old_size, new_size=new_size)
    _check_hashes(NotConsistent, proof, old_root=old_root, new_root=new_root)
    if old_size == 0:
        raise NotConsistent("size 0 is a prefix of everything; it shows nothing about this log")
    if old_size > new_size:
        raise NotConsistent(f"old size {old_size} exceeds new size {new_size}")
    if old_size < new_size:
        _verify_growth(old_size, new_size, old_root, new_root, proof)
    elif proof or old_root != new_root:
        raise NotConsistent("equal sizes allow only equal roots and an empty proof")


def _verify_growth(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if not proof:
        raise NotConsistent("a larger tree needs a proof")
    # An old tree that is one complete subtree starts the path itself; it is left out of proofs.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else proof
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_computed = new_computed = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise NotConsistent(f"the proof of {len(proof)} hashes is too long")
        if position & 1 or position == last:
            old_computed = node_hash(sibling, old_computed)
            new_computed = node_hash(sibling, new_computed)
            position, last = _climb_to_right_child(position, last)
        else:
            new_computed = node_hash(new_computed, sibling)
        position, last = position >> 1, last >> 1
    if last != 0:
        raise NotConsistent(f"the proof of {len(proof)} hashes is too short")
    if old_computed != old_root:
        raise NotConsistent("the proof leads to another old root", old_size=old_size)
    if new_computed != new_root:
        raise NotConsistent("the proof leads to another new root", new_size=new_size)


def _climb_to_right_child(position: int, last: int) -> tuple[int, int]:
    """Skip the levels on which the right-most subtree has no sibling."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that is needed to go on appending: the size and the complete subtrees that cover it.

    ``roots`` holds popcount(size) hashes, largest subtree first, as the ``prefix`` of an audit
    bundle does. Raises OutOfRange if size and roots do not fit together.
    """

    size: int
    roots: tuple[bytes, ...]

    empty: ClassVar[Frontier]

    def __post_init__(self) -> None:
        _require_count(self.size, "size")
        if type(self.roots) is not tuple or len(self.roots) != self.size.bit_count():
            raise OutOfRange(f"size {self.size} needs a tuple of {self.size.bit_count()} roots")
        require_hashes(self.roots)

    @classmethod
    def read_from(cls, reader: HashReader, size: int) -> Frontier:
        """The frontier of a stored tree at ``size``."""
        return cls(size, tuple(_read(reader, nodes_of_root(size))))

    def append(self, leaf_hash: bytes) -> Frontier:
        """The frontier after one more leaf."""
        return self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """The frontier after these leaves, in order; two hashes a leaf at most, on average."""
        leaves = tuple(leaf_hashes)
        require_hashes(leaves)
        stack, size = list(self.roots), self.size
        for leaf in leaves:
            merges = (~size & (size + 1)).bit_length() - 1  # trailing one bits of the old size
            merged = leaf
            for _ in range(merges):
                merged = node_hash(stack.pop(), merged)
            stack.append(merged)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The root of the tree of ``size`` leaves."""
        return fold(self.roots)


# Ranges of leaves, start included and end excluded.

_Range = tuple[int, int]


def _inclusion_ranges(index: int, size: int) -> list[_Range]:
    """PATH(m, D[n]) of RFC 6962 §2.1.1: the sibling subtrees, leaf sibling first."""
    _require_count(size, "size")
    _require_count(index, "index")
    if index >= size:
        raise OutOfRange(f"index {index} is not below the size {size}", index=index, size=size)
    start, end, siblings = 0, size, list[_Range]()
    while end - start > 1:
        middle = _split(start, end)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((start, middle))
            start = middle
    return siblings[::-1]


def _consistency_ranges(old_size: int, new_size: int) -> list[_Range]:
    """PROOF(m, D[n]) of RFC 6962 §2.1.2, deepest subtree first."""
    _require_count(new_size, "new size")
    _require_count(old_size, "old size")
    if not 0 < old_size <= new_size:
        raise OutOfRange(f"no consistency proof from size {old_size} to {new_size}")
    start, end, parts = 0, new_size, list[_Range]()
    while old_size != end:
        middle = _split(start, end)
        if old_size <= middle:
            parts.append((middle, end))
            end = middle
        else:
            parts.append((start, middle))
            start = middle
    if start:  # what is left is not the whole old tree, so the verifier does not have it
        parts.append((start, end))
    return parts[::-1]


def _split(start: int, end: int) -> int:
    """Where a subtree of two or more leaves splits: the largest power of two below its size."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def _cover(start: int, end: int) -> tuple[Node, ...]:
    """The complete subtrees of a range that starts where a subtree of its size may start."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return tuple(nodes)


def _flat(ranges: Iterable[_Range]) -> tuple[Node, ...]:
    return tuple(node for start, end in ranges for node in _cover(start, end))


def _prove(reader: HashReader, proofs: Sequence[Sequence[_Range]]) -> list[tuple[bytes, ...]]:
    ranges = tuple(dict.fromkeys(chain.from_iterable(proofs)))
    hashes = iter(_read(reader, _flat(ranges)))
    roots = {(start, end): fold(_take(hashes, (end - start).bit_count())) for start, end in ranges}
    return [tuple(roots[subtree] for subtree in proof) for proof in proofs]


def _take(hashes: Iterator[bytes], count: int) -> list[bytes]:
    return [next(hashes) for _ in range(count)]


def _read(reader: HashReader, nodes: tuple[Node, ...]) -> Sequence[bytes]:
    if not nodes:
        return ()
    hashes = reader(nodes)
    if len(hashes) != len(nodes):
        raise InvariantViolated(f"asked for {len(nodes)} nodes, the reader gave {len(hashes)}")
    require_hashes(hashes)
    return hashes


# What a prover requires of its caller, and what a verifier checks of a stranger.


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= SIZE_MAX


def _is_hash(value: Any) -> bool:
    return type(value) is bytes and len(value) == HASH_BYTES


def _require_count(value: Any, name: str) -> None:
    if not _is_count(value):
        raise OutOfRange(f"{name} {value!r} is not an integer from 0 to 2**63 − 1")


def require_hashes(hashes: Sequence[Any]) -> None:
    """Refuse a sequence in which anything is not 32 bytes. Raises OutOfRange."""
    # Two set builds instead of a call per hash: this runs over millions of them.
    if not set(map(type, hashes)) <= {bytes} or not set(map(len, hashes)) <= {HASH_BYTES}:
        raise OutOfRange("a hash is not 32 bytes")


def _check_counts(refuse: type[VerificationError], **counts: Any) -> None:
    for name, value in counts.items():
        if not _is_count(value):
            raise refuse(f"{name} {value!r} is not an integer from 0 to 2**63 − 1")


def _check_hashes(refuse: type[VerificationError], proof: Any, **hashes: Any) -> None:
    for name, value in hashes.items():
        if not _is_hash(value):
            raise refuse(f"{name} is not 32 bytes")
    if not isinstance(proof, list | tuple) or not all(map(_is_hash, proof)):
        raise refuse("the proof is not a list of hashes of 32 bytes")


Frontier.empty = Frontier(0, ())  # last, for it is checked by the functions above
