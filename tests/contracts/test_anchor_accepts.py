"""What CheckpointAnchor takes: every true extension, by any quorum, from any sender."""

import hashlib

import pytest
from eth_hash.auto import keccak

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from contracts import load_contract
from tests.contracts.anchor_world import (
    ORIGIN,
    SIZE_MAX,
    ZERO,
    Step,
    World,
    accounts,
    consistency,
    leaves,
    proof_length,
    root_of,
    sign_all,
    step_between,
    synthetic_pair,
)


@pytest.mark.parametrize("size", range(2, 65))
def test_every_smaller_head_is_extended_to(size):
    world = World()
    for old_size in range(1, size):
        origin = hashlib.sha256(bytes([old_size])).digest()
        first, then = step_between(0, old_size), step_between(old_size, size)
        first.origin = then.origin = origin
        world.anchor(first)
        world.anchor(then)
        assert world.head(origin) == (size, then.root)


def test_a_log_grows_step_by_step_and_origins_are_apart():
    world = World()
    other = hashlib.sha256(b"other.example/log").digest()
    for old_size, size in [(0, 1), (1, 2), (2, 5), (5, 64), (64, 65), (65, 130)]:
        world.anchor(step_between(old_size, size))
    assert world.head() == (130, root_of(leaves(130)))
    assert world.head(other) == (0, ZERO)


def test_the_published_example_of_fifteen_entries():
    """LOG.md example B, made with golang.org/x/mod: root(7), root(15) and the proof between."""
    old_root = bytes.fromhex("22b49700306a27b110a143834832913b24a036f79e2fa085862936c3ff9f4bb5")
    root = bytes.fromhex("aca6c38a90af86e5f5199ee0e4105ef2c03a05b27b8daff59e4e36eefdfcddcb")
    words = "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten"
    hashes = [hashlib.sha256(b"\x00" + word.encode()).digest() for word in words.split()]
    assert (root_of(hashes[:7]), root_of(hashes)) == (old_root, root)
    world = World()
    world.anchor(Step(0, ZERO, 7, old_root))
    world.anchor(Step(7, old_root, 15, root, consistency(7, hashes)))
    assert world.head() == (15, root)


@pytest.mark.parametrize(
    ("old_size", "size"),
    [
        (2**62, SIZE_MAX),
        (2**61 + 2, SIZE_MAX),
        (2**61 + 1, 2**62),
        (2**61 - 1, 2**62),
        (1, SIZE_MAX),
        (SIZE_MAX - 1, SIZE_MAX),
        (2**61 + 12346, 2**62 + 2),
    ],
)
def test_the_largest_trees_and_the_longest_proofs(old_size, size):
    world = World(max_growth=SIZE_MAX)
    old_root, root, proof = synthetic_pair(old_size, size)
    world.anchor(Step(0, ZERO, old_size, old_root))
    world.anchor(Step(old_size, old_root, size, root, proof))
    assert world.head() == (size, root)


def test_only_beyond_two_to_the_62_leaves_can_a_proof_have_64_hashes():
    assert proof_length(2**61 - 1, 2**62) == 63
    assert proof_length(2**62 - 1, 2**62 + 1) == 64


def test_any_k_of_the_signers_and_any_sender():
    signers = accounts(16)
    for chosen in (signers[:3], signers[13:], signers[::7], signers):
        world = World(signers, k=3)
        step = step_between(0, 1)
        signatures = sign_all(chosen, "Anchor", step.message(), world.contract)
        world.anchor(step, signatures, sender="0x" + "77" * 20)
        assert world.head() == (1, step.root)


def test_the_event_says_what_happened():
    world = World()
    world.anchor(step_between(0, 3))
    step = step_between(3, 7)
    world.anchor(step)
    (log,) = world.evm.result.logs
    topics, data = log.data
    event = keccak(b"Anchored(bytes32,uint64,bytes32,uint64,bytes32)")
    words = [event, ORIGIN, (7).to_bytes(32, "big")]
    assert [bytes(topic) for topic in topics] == words
    assert bytes(data) == step.root + (3).to_bytes(32, "big") + step.previous_root


def test_what_was_deployed_can_be_read():
    signers = accounts(4)
    world = World(signers, k=2, max_growth=99)
    listed = [address.lower() for address in world.view("signers", "address[]")]
    assert listed == [account.address.lower() for account in signers]
    assert (world.view("k", "uint8"), world.view("epoch", "uint64")) == (2, 1)
    assert world.view("maxGrowth", "uint64") == 99


def test_growth_up_to_the_limit_is_taken():
    world = World(max_growth=3)
    world.anchor(step_between(0, 3))
    world.anchor(step_between(3, 6))
    assert world.head()[0] == 6


def test_the_code_hash_does_not_depend_on_the_arguments():
    expected = load_contract("CheckpointAnchor").runtime_hash
    for world in (World(), World(accounts(5), k=3, max_growth=7)):
        assert world.evm.basic(world.contract).code_hash == expected


def test_rotation_hands_over_to_the_new_set_and_its_quorum():
    old, new = accounts(3), accounts(4, b"new")
    world = World(old, k=2)
    world.rotate(new, 3, 1, by=old[1:])
    assert (world.view("epoch", "uint64"), world.view("k", "uint8")) == (2, 3)
    step = step_between(0, 5)
    world.anchor(step, sign_all(new[:3], "Anchor", step.message(), world.contract))
    assert world.head() == (5, step.root)
    world.rotate(old, 1, 2, by=new)
    assert world.view("epoch", "uint64") == 3
