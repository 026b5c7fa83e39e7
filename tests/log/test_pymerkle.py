"""A second implementation from PyPI agrees: roots, and the hashes of inclusion paths.

pymerkle's proofs have a form of their own. Its inclusion path starts with the leaf itself, which
an RFC 6962 path leaves out, and is the same from there on. Its consistency path takes the trees
apart in another way (down to single leaves), so it has no hashes to compare.
"""

from __future__ import annotations

import pymerkle
import pytest

from ledger.log import merkle
from ledger.usage.commitment import derive_salts, record_leaves

SIZE = 130
ENTRIES = [f"entry {number}".encode() for number in range(SIZE)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


@pytest.fixture(scope="module")
def tree() -> pymerkle.InmemoryTree:
    found = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        found.append_entry(entry)
    return found


def test_roots_of_every_size_agree(tree: pymerkle.InmemoryTree) -> None:
    for size in range(1, SIZE + 1):
        assert tree.get_root(size) == merkle.root_hash(LEAVES[:size])


def test_hashes_of_every_inclusion_path_agree(tree: pymerkle.InmemoryTree) -> None:
    for size in (*range(1, 41), 127, 128, 129, SIZE):
        for index in range(size):
            leaf, *path = tree.prove_inclusion(index + 1, size).path
            assert leaf == LEAVES[index]
            assert tuple(path) == merkle.prove_inclusion(LEAVES[:size], index)


def test_it_verifies_the_root_of_a_batch_of_records() -> None:
    """Its leaves are H(0x00 ‖ data); a record's leaf is that of salt ‖ line."""
    lines = [f'{{"id":"r{number}"}}'.encode() for number in range(11)]
    salts = derive_salts(bytes(32), len(lines))
    batch = pymerkle.InmemoryTree(algorithm="sha256")
    for salt, line in zip(salts, lines, strict=True):
        batch.append_entry(salt + line)
    assert batch.get_root() == merkle.root_hash(record_leaves(salts, lines))
