"""Every small tree in full, against a second and a third implementation of RFC 6962."""

import hashlib
import itertools
from functools import cache

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import (
    InvariantViolated,
    NotConsistent,
    NotIncluded,
    OutOfRange,
)
from ledger.log import merkle
from tests.log.vectors import FIFTEEN_LEAVES, FIFTEEN_ROOT, hashes_of

TREE_MAX = 130
LEAVES = [merkle.leaf_hash(f"entry {i}".encode()) for i in range(TREE_MAX)]
STRANGER = hashlib.sha256(b"no part of any tree").digest()


# The recursive definitions of RFC 6962 §2.1, §2.1.1 and §2.1.2, written down as they stand there.


def split(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k


@cache
def mth(start, end):
    if start == end:
        return hashlib.sha256().digest()
    if end - start == 1:
        return LEAVES[start]
    middle = start + split(end - start)
    return hashlib.sha256(b"\x01" + mth(start, middle) + mth(middle, end)).digest()


def path(index, start, end):
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*path(index, start, middle), mth(middle, end)]
    return [*path(index, middle, end), mth(start, middle)]


def subproof(old, start, end, *, known):
    if old == end:
        return [] if known else [mth(start, end)]
    middle = start + split(end - start)
    if old <= middle:
        return [*subproof(old, start, middle, known=known), mth(middle, end)]
    return [*subproof(old, middle, end, known=False), mth(start, middle)]


def stored(nodes):
    """A hash reader over the naive implementation, so that proving costs no hashing."""
    return [mth(index << level, (index + 1) << level) for level, index in nodes]


SIZES = range(TREE_MAX + 1)
INDEXED = [(index, size) for size in SIZES for index in range(size)]
GROWTHS = [(old, new) for new in SIZES for old in range(1, new + 1)]
ROOTS = [mth(0, size) for size in SIZES]


def refused_inclusion(*arguments):
    with pytest.raises(NotIncluded):
        merkle.verify_inclusion(*arguments)


def refused_growth(*arguments):
    with pytest.raises(NotConsistent):
        merkle.verify_consistency(*arguments)


def is_refused(error, verify, *arguments):
    """As pytest.raises, but fast enough for a million calls."""
    try:
        verify(*arguments)
    except error:
        return True
    return False


def damaged(proof):
    """The proof with each hash replaced, left out or doubled, and with one hash added."""
    for place in range(len(proof)):
        yield (*proof[:place], STRANGER, *proof[place + 1 :])
        yield proof[:place] + proof[place + 1 :]
        yield (*proof[:place], proof[place], *proof[place:])
    yield (*proof, STRANGER)
    yield (STRANGER, *proof)


# Roots.


def test_the_empty_root_is_the_hash_of_nothing():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.EMPTY_ROOT.hex() == merkle.root_hash([]).hex() == empty


@pytest.mark.parametrize("size", SIZES)
def test_root_agrees_with_the_recursive_definition(size):
    assert merkle.root_hash(LEAVES[:size]) == ROOTS[size]
    assert merkle.root_from(stored, size) == ROOTS[size]
    assert len(merkle.nodes_of_root(size)) == size.bit_count()


def test_root_agrees_with_pymerkle():
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for size in range(1, TREE_MAX + 1):
        tree.append_entry(f"entry {size - 1}".encode())
        assert tree.get_root() == ROOTS[size]


def test_published_log_of_fifteen_entries():
    assert FIFTEEN_LEAVES[4].hex() == (
        "ccc29ae0e02a77b0f4578c1ac17493d79cf4262104929ac804f91fc4e7ac5af0"
    )
    assert merkle.root_hash(FIFTEEN_LEAVES[:7]).hex() == (
        "22b49700306a27b110a143834832913b24a036f79e2fa085862936c3ff9f4bb5"
    )
    assert merkle.root_hash(FIFTEEN_LEAVES) == FIFTEEN_ROOT


def test_published_root_of_three_hundred_records():
    leaves = [merkle.leaf_hash(b"record %d" % i) for i in range(300)]
    assert (merkle.root_hash(leaves),) == hashes_of("gw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=")


def test_published_inclusion_proof():
    proof = hashes_of("""
        yiM+eia4w1wsk/Ukx7kF56IQVkDW3MWUaUz/VtJu+yU=
        nk9gCR+floFqznAPtqjjcnnV64dge2jQB95D5t164Hg=
        zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=
        5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=
    """)
    assert merkle.prove_inclusion(FIFTEEN_LEAVES, 4) == proof
    merkle.verify_inclusion(merkle.leaf_hash(b"five"), 4, 15, proof, FIFTEEN_ROOT)
    refused_inclusion(merkle.leaf_hash(b"Five"), 4, 15, proof, FIFTEEN_ROOT)


def test_published_consistency_proof():
    proof = hashes_of("""
        2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=
        ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs=
        ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=
        zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=
        5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=
    """)
    old_root = merkle.root_hash(FIFTEEN_LEAVES[:7])
    assert merkle.prove_consistency(FIFTEEN_LEAVES, 7) == proof
    merkle.verify_consistency(7, 15, old_root, FIFTEEN_ROOT, proof)


def test_salted_batch_has_the_published_root():
    seed = bytes(range(32))
    lines = [b'{"id":"r%d","measures":{"trips":%d}}' % pair for pair in ((1, 3), (2, 5), (3, 8))]
    salts = [hashlib.sha256(seed + i.to_bytes(8, "big")).digest() for i in range(3)]
    leaves = [merkle.leaf_hash(salt + line) for salt, line in zip(salts, lines, strict=True)]
    assert leaves[0].hex() == "2e20636a19127218d14ed411e8e81ab61040c6f873344992a3d1982fc20236bb"
    assert merkle.root_hash(leaves).hex() == (
        "2fe52518ebb9a10a2e5ba0e8be60fe9eb17537acfd51212f2f7363e929451000"
    )


# Inclusion, all of it.


def test_every_inclusion_proof_is_the_recursive_one_and_verifies():
    for index, size in INDEXED:
        proof = merkle.prove_inclusion_from(stored, index, size)
        assert proof == tuple(path(index, 0, size))
        merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_damaged_inclusion_proof_is_refused():
    for index, size in INDEXED:
        right = (LEAVES[index], index, size, tuple(path(index, 0, size)), ROOTS[size])
        wrong = [(STRANGER, *right[1:]), (*right[:4], STRANGER)]
        wrong += [(*right[:3], proof, right[4]) for proof in damaged(right[3])]
        for arguments in wrong:
            assert is_refused(NotIncluded, merkle.verify_inclusion, *arguments), arguments


def test_an_inclusion_proof_holds_for_its_own_index_only():
    for size in range(1, 40):
        for index, other in itertools.permutations(range(size + 2), 2):
            if index < size:
                proof = tuple(path(index, 0, size))
                refused_inclusion(LEAVES[index], other, size, proof, ROOTS[size])


def test_plain_lists_give_the_same_proofs():
    for size in (1, 2, 3, 7, 8, 9, 31):
        for index in range(size):
            assert list(merkle.prove_inclusion(LEAVES[:size], index)) == path(index, 0, size)
            old = index + 1
            expected = tuple(subproof(old, 0, size, known=True))
            assert merkle.prove_consistency(LEAVES[:size], old) == expected


# Consistency, all of it.


def test_every_consistency_proof_is_the_recursive_one_and_verifies():
    for old, new in GROWTHS:
        proof = merkle.prove_consistency_from(stored, old, new)
        assert proof == tuple(subproof(old, 0, new, known=True))
        merkle.verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)


def test_every_damaged_consistency_proof_is_refused():
    for old, new in GROWTHS:
        proof = tuple(subproof(old, 0, new, known=True))
        right = (old, new, ROOTS[old], ROOTS[new], proof)
        wrong = [(*right[:2], STRANGER, *right[3:]), (*right[:3], STRANGER, proof)]
        wrong += [(*right[:4], other) for other in damaged(proof)]
        for arguments in wrong:
            assert is_refused(NotConsistent, merkle.verify_consistency, *arguments), arguments


def test_a_consistency_proof_holds_for_its_own_sizes_only():
    for old, new in itertools.combinations(range(1, 20), 2):
        proof = tuple(subproof(old, 0, new, known=True))
        for other in range(24):
            if other != old:
                refused_growth(other, new, ROOTS[old], ROOTS[new], proof)


def test_a_tree_is_no_extension_of_a_forked_one():
    forked = merkle.root_hash([*LEAVES[:4], STRANGER])
    proof = merkle.prove_consistency(LEAVES[:9], 5)
    refused_growth(5, 9, forked, ROOTS[9], proof)


def test_size_zero_proves_nothing():
    refused_growth(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, ())
    refused_growth(0, 5, merkle.EMPTY_ROOT, ROOTS[5], ())
    refused_growth(0, 5, merkle.EMPTY_ROOT, ROOTS[5], (ROOTS[5],))


def test_equal_sizes_need_equal_roots_and_no_proof():
    merkle.verify_consistency(5, 5, ROOTS[5], ROOTS[5], ())
    refused_growth(5, 5, ROOTS[5], ROOTS[5], (LEAVES[0],))
    refused_growth(5, 5, ROOTS[5], ROOTS[4], ())


def test_growth_without_a_proof_is_refused():
    refused_growth(4, 5, ROOTS[4], ROOTS[5], ())
    refused_growth(4, 5, ROOTS[4], ROOTS[4], ())


def test_shrinking_is_refused():
    refused_growth(5, 4, ROOTS[5], ROOTS[4], ())
    refused_growth(5, 4, ROOTS[5], ROOTS[5], ())


# Types and bounds.

NO_HASHES = [b"", bytes(31), bytes(33), bytearray(32), "0" * 32, None, 0]
NO_COUNTS = [-1, 2**63, True, 1.0, "1", None]
NO_PROOFS = [None, "", b"", bytes(32), iter(()), {LEAVES[0]: 1}]


@pytest.mark.parametrize("bad", NO_HASHES)
def test_verifiers_refuse_what_is_not_a_hash(bad):
    proof = merkle.prove_inclusion(LEAVES[:2], 1)
    refused_inclusion(bad, 1, 2, proof, ROOTS[2])
    refused_inclusion(LEAVES[1], 1, 2, proof, bad)
    refused_inclusion(LEAVES[1], 1, 2, (bad,), ROOTS[2])
    growth = merkle.prove_consistency(LEAVES[:2], 1)
    refused_growth(1, 2, bad, ROOTS[2], growth)
    refused_growth(1, 2, ROOTS[1], bad, growth)
    refused_growth(1, 2, ROOTS[1], ROOTS[2], (bad,))
    refused_growth(1, 1, bad, bad, ())


@pytest.mark.parametrize("bad", NO_COUNTS)
def test_verifiers_refuse_what_is_not_a_count(bad):
    refused_inclusion(LEAVES[1], bad, 2, (LEAVES[0],), ROOTS[2])
    refused_inclusion(LEAVES[0], 0, bad, (), ROOTS[1])
    refused_growth(bad, 2, ROOTS[1], ROOTS[2], (LEAVES[1],))
    refused_growth(1, bad, ROOTS[1], ROOTS[1], ())


@pytest.mark.parametrize("bad", NO_PROOFS)
def test_verifiers_refuse_what_is_not_a_list_of_hashes(bad):
    refused_inclusion(LEAVES[0], 0, 1, bad, ROOTS[1])
    refused_growth(1, 1, ROOTS[1], ROOTS[1], bad)


def test_verifiers_take_lists_and_tuples():
    merkle.verify_inclusion(LEAVES[0], 0, 1, [], ROOTS[1])
    merkle.verify_consistency(1, 2, ROOTS[1], ROOTS[2], [LEAVES[1]])


@pytest.mark.parametrize("bad", NO_COUNTS)
def test_provers_refuse_what_is_not_a_count(bad):
    for prove in (merkle.prove_inclusion_from, merkle.prove_consistency_from):
        for arguments in ((bad, 2), (1, bad)):
            with pytest.raises(OutOfRange):
                prove(stored, *arguments)
    with pytest.raises(OutOfRange):
        merkle.root_from(stored, bad)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 4)])
def test_there_is_no_inclusion_proof_beyond_the_end(index, size):
    with pytest.raises(OutOfRange):
        merkle.prove_inclusion(LEAVES[:size], index)
    refused_inclusion(LEAVES[index], index, size, (), ROOTS[size])


@pytest.mark.parametrize(("old", "size"), [(0, 0), (0, 4), (5, 4)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(old, size):
    with pytest.raises(OutOfRange):
        merkle.prove_consistency(LEAVES[:size], old)


@pytest.mark.parametrize("bad", [bytes(31), "0" * 32, None])
def test_a_root_is_made_of_hashes_only(bad):
    with pytest.raises((OutOfRange, TypeError)) as caught:
        merkle.root_hash([LEAVES[0], bad])
    assert caught.type is OutOfRange


# Hash readers.


class CountingReader:
    def __init__(self):
        self.calls = []

    def __call__(self, nodes):
        self.calls.append(tuple(nodes))
        return stored(nodes)


def test_one_call_of_the_reader_per_proof():
    for prove, nodes in (
        (merkle.prove_inclusion_from, merkle.nodes_of_inclusion),
        (merkle.prove_consistency_from, merkle.nodes_of_consistency),
    ):
        reader = CountingReader()
        prove(reader, 77, 130)
        assert reader.calls == [nodes(77, 130)]


def test_many_inclusion_proofs_are_read_at_once_and_without_repetition():
    for size in (1, 2, 5, 64, 77, 130):
        indexes, reader = [*range(size), 0], CountingReader()
        proofs = merkle.prove_inclusions_from(reader, indexes, size)
        assert proofs == [tuple(path(index, 0, size)) for index in indexes]
        assert sum(map(len, reader.calls)) < 2 * size + 63
        assert len(reader.calls) <= 1
    assert merkle.prove_inclusions_from(stored, [], 5) == []
    with pytest.raises(OutOfRange):
        merkle.prove_inclusions_from(stored, [0, 5], 5)


def test_a_tree_without_leaves_is_not_read():
    reader = CountingReader()
    assert merkle.root_from(reader, 0) == merkle.EMPTY_ROOT
    assert merkle.prove_consistency_from(reader, 5, 5) == ()
    assert reader.calls == []


def test_proofs_of_the_largest_tree_stay_small():
    inclusion = merkle.prove_inclusion_from(lambda nodes: [STRANGER] * len(nodes), 0, 2**63 - 1)
    assert len(inclusion) == 63
    assert len(merkle.nodes_of_root(2**63 - 1)) == 63


def test_a_reader_that_drops_hashes_is_a_bug():
    with pytest.raises(InvariantViolated):
        merkle.root_from(lambda nodes: [STRANGER], 3)
    with pytest.raises(OutOfRange):
        merkle.root_from(lambda nodes: [b"short"] * len(nodes), 3)


# The frontier.


def test_frontier_grows_like_the_tree():
    frontier = merkle.Frontier.empty
    for size in range(TREE_MAX):
        assert (frontier.size, frontier.root()) == (size, ROOTS[size])
        assert frontier == merkle.Frontier.read_from(stored, size)
        frontier = frontier.append(LEAVES[size])


@given(st.integers(0, TREE_MAX), st.integers(0, TREE_MAX))
def test_frontier_extends_from_anywhere(start, count):
    frontier = merkle.Frontier.read_from(stored, start)
    assert (
        frontier.extend(LEAVES[start : start + count]).root() == ROOTS[min(start + count, TREE_MAX)]
    )


@pytest.mark.parametrize(
    ("size", "roots"),
    [
        (0, (LEAVES[0],)),
        (1, ()),
        (3, (LEAVES[0],)),
        (4, (LEAVES[0], LEAVES[1])),
        (1, [LEAVES[0]]),
        (1, (bytes(31),)),
        (1, (None,)),
        (-1, (LEAVES[0],)),
        (True, (LEAVES[0],)),
        (2**63, (LEAVES[0],)),
    ],
)
def test_frontier_refuses_roots_that_do_not_fit_its_size(size, roots):
    with pytest.raises(OutOfRange):
        merkle.Frontier(size, roots)


def test_frontier_refuses_a_leaf_that_is_no_hash():
    with pytest.raises(OutOfRange):
        merkle.Frontier.empty.append(b"entry")


def test_frontier_stops_at_the_largest_size():
    full = merkle.Frontier(2**63 - 1, (STRANGER,) * 63)
    with pytest.raises(OutOfRange):
        full.append(STRANGER)
