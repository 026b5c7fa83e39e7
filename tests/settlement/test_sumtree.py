"""Merkle-sum trees: the published vector, every leaf of small trees, every flipped bit."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from ledger.errors import NotIncluded, OutOfRange, SumMismatch
from ledger.settlement.sumtree import (
    WIDTHS,
    SumHead,
    SumNode,
    build_sum_tree,
    commit,
    derive_salt,
    leaf_node,
    parent_node,
    prove_sum,
    verify_sum,
    width_of,
)

SEED = bytes(range(32))
EXAMPLE = [("bike", 163), ("bus", 491), ("ev", 346)]


def tree_of(size):
    return build_sum_tree(SEED, "t", [(f"m{i:03}", i * i) for i in range(size)])


def test_vector_of_the_reference():
    tree = build_sum_tree(SEED, "amounts", EXAMPLE)
    salt = "7fff9025764d46faada64c2697d03eb166f3e4110b57962e58507755aab47fbb"
    assert derive_salt(SEED, "amounts", 0).hex() == salt
    assert [node.hash.hex() for node in tree.levels[0]] == [
        "ee91cd3e36af8219d7b8c8dcd8811b3e3ab956732604a248e9c72f40590c1d18",
        "c0e69b54aa1f9766d5530eb49266c9e9d237a695c38014cd1e5a85f597a1fce4",
        "cdae4d5f21e33c60564c9736c24188ae8c77d585e5e31b6e822f2dc6c6cf53ae",
    ]
    left = "b386cc40a709853b796aea35c47a38d5b338803149927cc9b16677cc831afc3a"
    assert tree.levels[1][0] == SumNode(bytes.fromhex(left), 654)
    root = "cace8f8c3057aa06c6114fed54857c0a1c5fba36d149fa7db23b9f8d9b3e69a6"
    assert tree.root == SumNode(bytes.fromhex(root), 1000)
    commitment = "033d88febeec0b337da89ff1bb52195c26cf6943b2aac7747c0564384ec3d0b3"
    assert tree.commitment.hex() == commitment


def recursive_root(rows, seed, name):
    """The definition, split at the largest power of two, written a second time."""
    domain = b"kyojo/sum-tree/v1\n" + name.encode()

    def leaf(i):
        member, amount = rows[i]
        salt = hmac.new(seed, domain + i.to_bytes(8, "big"), hashlib.sha256).digest()
        data = salt + len(member.encode()).to_bytes(2, "big") + member.encode()
        return hashlib.sha256(b"\x02" + data + amount.to_bytes(16, "big")).digest(), amount

    def node(a, b):
        if b - a == 1:
            return leaf(a)
        split = 1
        while split * 2 < b - a:
            split *= 2
        (lh, ls), (rh, rs) = node(a, a + split), node(a + split, b)
        data = ls.to_bytes(16, "big") + lh + rs.to_bytes(16, "big") + rh
        return hashlib.sha256(b"\x03" + data).digest(), ls + rs

    return node(0, len(rows))


@pytest.mark.parametrize("size", range(1, 35))
def test_shape_is_that_of_rfc_6962(size):
    rows = [(f"組{i:03}", i * i) for i in range(size)]
    root = build_sum_tree(SEED, "名", rows).root
    assert (root.hash, root.sum) == recursive_root(rows, SEED, "名")


def test_every_leaf_of_every_small_tree_proves():
    for size in range(1, 66):
        tree = tree_of(size)
        assert tree.root.sum == sum(i * i for i in range(size))
        for index, leaf in enumerate(tree.levels[0]):
            verify_sum(leaf, index, prove_sum(tree, index), tree.head)


def flips(data):
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_flipped_bit_of_a_proof_is_refused(size):
    tree = tree_of(size)
    for index in range(size):
        proof = list(prove_sum(tree, index))
        salt, amount = derive_salt(SEED, "t", index), index * index
        leaf = tree.levels[0][index]
        for at, node in enumerate(proof):
            for bad in [SumNode(h, node.sum) for h in flips(node.hash)] + [
                SumNode(node.hash, node.sum ^ (1 << bit)) for bit in range(128)
            ]:
                refused(leaf, index, [*proof[:at], bad, *proof[at + 1 :]], tree.head)
        for bad in flips(salt):
            refused(leaf_node(bad, f"m{index:03}", amount), index, proof, tree.head)
        for bit in range(128):
            refused(leaf_node(salt, f"m{index:03}", amount ^ (1 << bit)), index, proof, tree.head)
        for other in set(range(-1, size + 2)) - {index}:
            refused(leaf, other, proof, tree.head)


def refused(leaf, index, proof, head):
    with pytest.raises(NotIncluded):
        verify_sum(leaf, index, proof, head)


def test_paths_of_the_wrong_length_or_width_are_refused():
    tree = tree_of(3)
    proof = prove_sum(tree, 0)
    leaf = tree.levels[0][0]
    refused(leaf, 0, proof[:1], tree.head)
    refused(leaf, 0, [*proof, proof[0]], tree.head)
    refused(leaf, 0, [SumNode(b"short", 1), proof[1]], tree.head)
    refused(leaf, 0, [SumNode(proof[0].hash, -1), proof[1]], tree.head)
    refused(leaf, 0, proof, SumHead(tree.commitment, 4, tree.root.sum))


def test_another_total_than_committed_is_a_mismatch():
    tree = tree_of(3)
    head = SumHead(tree.commitment, 3, tree.root.sum + 1)
    with pytest.raises(SumMismatch):
        verify_sum(tree.levels[0][0], 0, prove_sum(tree, 0), head)


@pytest.mark.parametrize("rows", [[], [("b", 1), ("a", 1)], [("a", 1), ("a", 1)], [("a", -1)]])
def test_unordered_empty_or_negative_rows_are_refused(rows):
    with pytest.raises(OutOfRange):
        build_sum_tree(SEED, "t", rows)


def test_overflow_seed_and_index_are_checked():
    with pytest.raises(OutOfRange):
        build_sum_tree(SEED, "t", [("a", 2**32768 - 1), ("b", 1)])
    with pytest.raises(OutOfRange):
        parent_node(SumNode(bytes(32), 2**128), SumNode(bytes(32), 0))
    with pytest.raises(OutOfRange):
        derive_salt(b"short", "t", 0)
    with pytest.raises(OutOfRange):
        prove_sum(tree_of(2), 2)


def test_commitment_depends_on_the_number_of_leaves():
    assert commit(SumNode(bytes(32), 1), 1) != commit(SumNode(bytes(32), 1), 2)


@pytest.mark.parametrize(("bits", "width"), [(300, 64), (600, 256), (2100, 1024), (8200, 4096)])
def test_a_tree_is_as_wide_as_its_sum(bits, width):
    rows = [("a", 2**128 - 1), ("b", 1), ("c", 2**bits)]
    tree = build_sum_tree(SEED, "t", rows)
    assert tree.root.sum == 2**bits + 2**128
    assert width_of(tree.root.sum) == width
    for index, (member, amount) in enumerate(rows):
        leaf = leaf_node(derive_salt(SEED, "t", index), member, amount, width)
        verify_sum(leaf, index, prove_sum(tree, index), tree.head)
        narrow = SumHead(tree.commitment, tree.size, amount)
        with pytest.raises((NotIncluded, SumMismatch)):
            verify_sum(leaf, index, prove_sum(tree, index), narrow)


def test_every_width_has_marks_and_bytes_of_its_own():
    assert [width_of(2 ** (8 * width) - 1) for width in WIDTHS] == list(WIDTHS)
    assert [width_of(2 ** (8 * width)) for width in WIDTHS[:-1]] == list(WIDTHS[1:])
    salt = derive_salt(SEED, "t", 0)
    for step, width in enumerate(WIDTHS):
        body = bytes([0x02 + 0x10 * step]) + salt + b"\0\1a" + (5).to_bytes(width, "big")
        assert leaf_node(salt, "a", 5, width).hash == hashlib.sha256(body).digest()
