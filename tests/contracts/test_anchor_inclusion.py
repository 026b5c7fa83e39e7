"""verifyInclusion answers yes exactly where RFC 9162 section 2.1.3.2 does, and never reverts."""

import base64
import hashlib

import pytest

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from ledger.errors import NotIncluded
from ledger.log.merkle import prove_inclusion, verify_inclusion
from tests.contracts.anchor_world import (
    SIZE_MAX,
    ZERO,
    Step,
    World,
    leaves,
    root_of,
    step_between,
)

# LOG.md, example B: a proof made by another implementation (golang.org/x/mod).
PROOF = """
yiM+eia4w1wsk/Ukx7kF56IQVkDW3MWUaUz/VtJu+yU=
nk9gCR+floFqznAPtqjjcnnV64dge2jQB95D5t164Hg=
zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=
5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=
"""
ROOT = "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs="


def test_every_entry_of_every_small_log():
    world = World()
    for size in range(1, 33):
        origin = hashlib.sha256(bytes([size])).digest()
        step = step_between(0, size)
        step.origin = origin
        world.anchor(step)
        hashes = leaves(size)
        for index, leaf in enumerate(hashes):
            proof = list(prove_inclusion(hashes, index))
            assert world.includes(leaf, index, proof, origin)
            assert not world.includes(leaf, index, [*proof, ZERO], origin)
            if proof:
                assert not world.includes(leaf, index, proof[:-1], origin)
                assert not world.includes(leaf, index, [ZERO, *proof[1:]], origin)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_it_answers_what_the_ledgers_own_verifier_answers(size):
    """Each leaf at each index with the proof of each other, beyond the end of the log too."""
    world, hashes = World(), leaves(size)
    world.anchor(step_between(0, size))
    proofs = [list(prove_inclusion(hashes, index)) for index in range(size)]
    agreed = 0
    for leaf in hashes:
        for index in (*range(size + 2), 2**32, SIZE_MAX, 2**64 - 1):
            for proof in proofs:
                try:
                    verify_inclusion(leaf, index, size, proof, root_of(hashes))
                except NotIncluded:
                    assert not world.includes(leaf, index, proof)
                else:
                    assert world.includes(leaf, index, proof)
                    agreed += 1
    assert agreed == size


def test_the_published_proof_of_entry_four_of_fifteen():
    proof = [base64.b64decode(line) for line in PROOF.split()]
    world = World()
    world.anchor(Step(0, ZERO, 15, base64.b64decode(ROOT)))
    assert world.includes(hashlib.sha256(b"\x00five").digest(), 4, proof)
    assert not world.includes(hashlib.sha256(b"\x00Five").digest(), 4, proof)


@pytest.mark.parametrize("index", [0, 1, 2**62, SIZE_MAX - 2, SIZE_MAX - 1])
def test_the_largest_log(index):
    proof, found = [], hashlib.sha256(b"\x00leaf").digest()
    leaf, place, last = found, index, SIZE_MAX - 1
    while last:
        if place & 1 or place != last:
            sibling = hashlib.sha256(b"sibling %d" % len(proof)).digest()
            pair = sibling + found if place & 1 else found + sibling
            found = hashlib.sha256(b"\x01" + pair).digest()
            proof.append(sibling)
        place, last = place >> 1, last >> 1
    world = World(max_growth=SIZE_MAX)
    world.anchor(Step(0, ZERO, SIZE_MAX, found))
    assert len(proof) <= 63
    assert world.includes(leaf, index, proof)
    assert not world.includes(leaf, index ^ 1, proof)


def test_a_log_that_was_never_anchored_holds_nothing():
    world = World()
    assert not world.includes(ZERO, 0, [])
    assert not world.includes(ZERO, 2**64 - 1, [ZERO] * 63)


def test_the_head_counts_and_an_older_proof_does_not():
    """What an older head held the new one holds too, under the proof of the new size."""
    world, hashes = World(), leaves(9)
    world.anchor(step_between(0, 7))
    older, newer = list(prove_inclusion(hashes[:7], 3)), list(prove_inclusion(hashes, 3))
    assert world.includes(hashes[3], 3, older)
    world.anchor(step_between(7, 9))
    assert not world.includes(hashes[3], 3, older)
    assert world.includes(hashes[3], 3, newer)
