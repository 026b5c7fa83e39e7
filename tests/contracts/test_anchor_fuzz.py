"""CheckpointAnchor takes exactly the proofs that the ledger's own verifier takes.

The two verifiers are written differently on purpose: ``ledger.log.merkle`` follows the text of RFC
9162, the contract has no inner loops. Here they are asked about the same true and altered proofs.
What takes 100,000 calls runs under ``make long``; a sample of it runs always.
"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from ledger.chain.anchor import AnchorMessage, Head, anchor_call, anchor_digest
from ledger.chain.quorum import sign_digest
from ledger.errors import NotConsistent, NotIncluded
from ledger.log.merkle import verify_consistency, verify_inclusion
from tests.contracts.anchor_world import (
    CHAIN_ID,
    SIZE_MAX,
    ZERO,
    Reverted,
    World,
    accounts,
    consistency,
    leaves,
    proof_length,
    root_of,
    synthetic_pair,
)

LEAVES = leaves(65)
ROOTS = [ZERO, *(root_of(LEAVES[:size]) for size in range(1, 65))]
KEY = bytes(accounts(1)[0].key)
COUNTER = itertools.count()
LONG_EXAMPLES = 50_000  # two calls each

hashes = st.binary(min_size=32, max_size=32)
places = st.integers(0, 63)
alterations = st.one_of(
    st.tuples(st.just("drop"), places),
    st.tuples(st.just("double"), places),
    st.tuples(st.just("swap"), places, places),
    st.tuples(st.just("flip"), places, st.integers(0, 255)),
    st.tuples(st.just("insert"), places, hashes),
    st.tuples(st.just("insert"), places, st.sampled_from(LEAVES)),
    st.tuples(st.just("keep"), places),
)
small = st.integers(1, 63).flatmap(lambda m: st.tuples(st.just(m), st.integers(m + 1, 64)))
large = (
    st.tuples(st.integers(1, SIZE_MAX), st.integers(1, SIZE_MAX))
    .map(sorted)
    .filter(lambda pair: pair[0] < pair[1] and proof_length(*pair) <= 63)
)


def altered(proof, steps):
    """The proof after these alterations, each at a place that it has; 63 hashes at most."""
    found = list(proof)
    for what, at, *rest in steps:
        size = len(found)
        if what == "insert":
            found.insert(at % (size + 1), rest[0])
        elif what == "double" and size:
            found.insert(at % size, found[at % size])
        elif what == "drop" and size:
            del found[at % size]
        elif what == "swap" and size:
            a, b = at % size, rest[0] % size
            found[a], found[b] = found[b], found[a]
        elif what == "flip" and size:
            value = int.from_bytes(found[at % size], "big") ^ 1 << rest[0]
            found[at % size] = value.to_bytes(32, "big")
    return found[:63]


@pytest.fixture(scope="module")
def world():
    return World(max_growth=SIZE_MAX)


def anchored(world, origin, previous, head, proof):
    """Whether the contract takes a step that its one signer has signed; a refusal is a proof's."""
    message = AnchorMessage(origin, previous, head)
    digest = anchor_digest(message, chain_id=CHAIN_ID, contract=world.contract)
    data = anchor_call(message, proof, [sign_digest(digest, KEY)])
    reason = None
    try:
        world.send_data(data)
    except Reverted as error:
        reason = str(error)
    assert reason is None or reason.startswith("proof: ")
    return reason is None


def compare(world, previous, head, proof):
    origin = next(COUNTER).to_bytes(32, "big")
    assert anchored(world, origin, Head(0, ZERO), previous, [])
    try:
        verify_consistency(previous.size, head.size, previous.root, head.root, proof)
    except NotConsistent:
        assert not anchored(world, origin, previous, head, proof)
        assert world.head(origin) == (previous.size, previous.root)
        return False
    assert anchored(world, origin, previous, head, proof)
    assert world.head(origin) == (head.size, head.root)
    return True


def compare_small(world, pair, steps, swapped):
    """A true step between two small logs, its proof altered; ``swapped``: the proof of another."""
    m, n = pair
    proof = consistency(*(swapped or pair)[:1], LEAVES[: (swapped or pair)[1]])
    return compare(world, Head(m, ROOTS[m]), Head(n, ROOTS[n]), altered(proof, steps))


def compare_large(world, pair, steps, root):
    """Logs of any size, from a proof: all its hashes are free, and both roots follow from them."""
    old_root, new_root, proof = synthetic_pair(*pair)
    head = Head(pair[1], root or new_root)
    return compare(world, Head(pair[0], old_root), head, altered(proof, steps))


def compare_inclusion(world, size, index, place, steps):
    """One leaf's proof altered, for any index."""
    origin = (size).to_bytes(1, "big") * 32
    if world.head(origin)[0] == 0:
        assert anchored(world, origin, Head(0, ZERO), Head(size, ROOTS[size]), [])
    leaf = place % size
    proof = altered(_path(leaf, LEAVES[:size]), steps)
    asked = leaf if index is None else index
    try:
        verify_inclusion(LEAVES[leaf], asked, size, proof, ROOTS[size])
    except NotIncluded:
        assert not world.includes(LEAVES[leaf], asked, proof, origin)
    else:
        assert world.includes(LEAVES[leaf], asked, proof, origin)


def _path(index, hashes):
    """PATH(m, D[n]) by the recursion of RFC 6962."""
    if len(hashes) == 1:
        return []
    middle = 1 << (len(hashes) - 1).bit_length() - 1
    if index < middle:
        return [*_path(index, hashes[:middle]), root_of(hashes[middle:])]
    return [*_path(index - middle, hashes[middle:]), root_of(hashes[:middle])]


SMALL = (small, st.lists(alterations, max_size=3), st.none() | small)
LARGE = (large, st.lists(alterations, max_size=2), st.none() | hashes)
INCLUSION = (
    st.integers(1, 64),
    st.none() | st.integers(0, 70) | st.integers(0, 2**64 - 1),
    places,
    st.lists(alterations, max_size=3),
)


@settings(max_examples=80)
@given(*SMALL)
def test_altered_proofs_between_small_logs(world, pair, steps, swapped):
    compare_small(world, pair, steps, swapped)


@settings(max_examples=60)
@given(*LARGE)
def test_altered_proofs_between_logs_of_any_size(world, pair, steps, root):
    compare_large(world, pair, steps, root)


@settings(max_examples=80)
@given(*INCLUSION)
def test_altered_inclusion_proofs(world, size, index, place, steps):
    compare_inclusion(world, size, index, place, steps)


@pytest.mark.long
@settings(max_examples=LONG_EXAMPLES, database=None)
@given(*SMALL)
def test_a_hundred_thousand_calls_between_small_logs(world, pair, steps, swapped):
    compare_small(world, pair, steps, swapped)


@pytest.mark.long
@settings(max_examples=LONG_EXAMPLES, database=None)
@given(*LARGE)
def test_a_hundred_thousand_calls_between_logs_of_any_size(world, pair, steps, root):
    compare_large(world, pair, steps, root)


@pytest.mark.long
@settings(max_examples=2 * LONG_EXAMPLES, database=None)
@given(*INCLUSION)
def test_a_hundred_thousand_questions_about_entries(world, size, index, place, steps):
    compare_inclusion(world, size, index, place, steps)
