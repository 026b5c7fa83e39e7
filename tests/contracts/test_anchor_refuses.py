"""What CheckpointAnchor refuses, each with its reason: CHAIN.md section 8, negative cases."""

import hashlib
import json
from dataclasses import replace

import pytest
from eth_abi import encode

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from contracts import load_contract
from tests.contracts.anchor_world import (
    ORDER,
    ORIGIN,
    SENDER,
    SIGNATURES,
    SIZE_MAX,
    ZERO,
    Reverted,
    Step,
    World,
    accounts,
    consistency,
    leaves,
    root_of,
    sign,
    sign_all,
    step_between,
    synthetic_pair,
    words,
)

STALE = "size: previous is not the head"
NOT_LARGER = "size: not larger than the head"
TOO_FEW = "quorum: too few signatures"
NOT_ASCENDING = "quorum: signers not ascending"
STRANGER = "quorum: not a signer"


@pytest.fixture
def world():
    """A log of 7 entries, anchored by 2 of 3."""
    found = World(accounts(3), k=2)
    found.anchor(step_between(0, 7))
    return found


def refused(reason, call, *arguments, **options):
    with pytest.raises(Reverted) as caught:
        call(*arguments, **options)
    assert str(caught.value) == reason


def head_stays(world):
    assert world.head() == (7, root_of(leaves(7)))


# Sizes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 6, 7])
def test_an_equal_or_smaller_size(world, size):
    step = replace(step_between(7, 8), size=size)
    refused(NOT_LARGER, world.anchor, step)
    head_stays(world)


@pytest.mark.parametrize("previous", [0, 6, 8])
def test_a_stale_or_invented_previous_size(world, previous):
    refused(STALE, world.anchor, replace(step_between(7, 9), previous_size=previous))


def test_the_same_transaction_again(world):
    step = step_between(7, 9)
    signatures = sign_all(world.signers, "Anchor", step.message(), world.contract)
    world.anchor(step, signatures)
    refused(STALE, world.anchor, step, signatures)


def test_a_size_beyond_63_bits():
    world = World(max_growth=SIZE_MAX)
    refused("size: beyond 2**63 - 1", world.anchor, Step(0, ZERO, SIZE_MAX + 1, ORIGIN))


def test_a_first_head_of_no_entries():
    refused(NOT_LARGER, World().anchor, Step(0, ZERO, 0, hashlib.sha256().digest()))


@pytest.mark.parametrize(("old_size", "size"), [(0, 4), (3, 7)])
def test_growth_above_the_limit(old_size, size):
    world = World(max_growth=3)
    if old_size:
        world.anchor(step_between(0, old_size))
    refused("growth: above the limit", world.anchor, step_between(old_size, size))


# Forks and proofs -------------------------------------------------------------------------------


def forged(size):
    """Another history of the same size: only entry 0 differs."""
    return root_of([hashlib.sha256(b"\x00forged").digest(), *leaves(size)[1:]])


def test_a_fork_at_equal_size_with_a_valid_quorum(world):
    refused(NOT_LARGER, world.anchor, replace(step_between(7, 9), size=7, root=forged(7)))


def test_a_fork_at_a_larger_size_with_a_valid_quorum(world):
    refused("proof: new root differs", world.anchor, replace(step_between(7, 9), root=forged(9)))
    head_stays(world)


def test_a_fork_with_the_proof_of_the_fork(world):
    other = [hashlib.sha256(b"\x00forged").digest(), *leaves(9)[1:]]
    step = replace(step_between(7, 9), root=root_of(other), proof=consistency(7, other))
    refused("proof: old root differs", world.anchor, step)


def test_two_histories_signed_by_the_same_keys(world):
    """One log told in two ways from entry 5 on, both with the quorum: the second never stands."""
    ours, common = leaves(20), leaves(20)[:5]
    theirs = common + [hashlib.sha256(b"\x00other %d" % index).digest() for index in range(5, 20)]
    world.anchor(step_between(7, 9))
    told = [
        Step(9, root_of(ours[:9]), size, root_of(theirs[:size]), proof)
        for size in (9, 10, 12, 16, 20)
        for histories in [(theirs, theirs), (ours, theirs), (theirs, ours)]
        for proof in [proof_over(*histories, size)]
    ]
    for step in told:
        reason = r"^size: not larger" if step.size == 9 else r"^proof: (old|new) root differs$"
        with pytest.raises(Reverted, match=reason):
            world.anchor(step)
    # Nor under the previous root that the other history would have: the contract has its own.
    other = Step(9, root_of(theirs[:9]), 12, root_of(theirs[:12]), consistency(9, theirs[:12]))
    with pytest.raises(Reverted, match=r"^quorum: "):
        world.anchor(other)
    assert world.head() == (9, root_of(ours[:9]))
    world.anchor(step_between(9, 20))


def proof_over(inner, outer, size):
    """PROOF(9, size) with the hashes below the ninth leaf of one history, the rest of another."""
    if size == 9:
        return []
    low, high = consistency(9, inner[:size]), consistency(9, outer[:size])
    return [*low[:2], *high[2:]]


@pytest.mark.parametrize("old_size", [7, 8])
def test_an_empty_proof(old_size):
    world = World()
    world.anchor(step_between(0, old_size))
    refused("proof: empty", world.anchor, replace(step_between(old_size, 11), proof=[]))


def test_a_first_head_with_a_proof():
    step = replace(step_between(0, 3), proof=[ZERO])
    refused("proof: first head takes none", World().anchor, step)


def test_a_proof_of_64_hashes(world):
    step = replace(step_between(7, 9), proof=[ZERO] * 64)
    refused("proof: more than 63 hashes", world.anchor, step)


def test_a_proof_of_65_hashes_is_refused_by_the_decoder(world):
    refused("", world.anchor, replace(step_between(7, 9), proof=[ZERO] * 65))


PAIRS = [(1, 2), (3, 4), (4, 5), (6, 13), (7, 8), (7, 15), (8, 64), (21, 40), (33, 63), (63, 64)]


@pytest.mark.parametrize(("old_size", "size"), PAIRS)
def test_every_mutation_of_a_proof(old_size, size):
    world = World()
    world.anchor(step_between(0, old_size))
    step = step_between(old_size, size)
    signatures = sign_all(world.signers, "Anchor", step.message(), world.contract)
    for proof in mutations(step.proof):
        with pytest.raises(Reverted, match=r"^proof: "):
            world.anchor(replace(step, proof=proof), signatures)
    world.anchor(step, signatures)
    assert world.head() == (size, step.root)


def mutations(proof):
    yield from (proof[:index] + proof[index + 1 :] for index in range(len(proof)))
    yield from ([*proof[:index], ZERO, *proof[index:]] for index in range(len(proof) + 1))
    yield from ([*proof[:index], proof[index], *proof[index:]] for index in range(len(proof)))
    if len(proof) > 1:
        yield proof[::-1]
        yield proof[1:] + proof[:1]
    for index, value in enumerate(proof):
        for bit in (0, 100, 255):
            flipped = (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(32, "big")
            yield [*proof[:index], flipped, *proof[index + 1 :]]


@pytest.mark.parametrize("size", [9, 10, 16, 33])
def test_the_proof_of_another_pair(world, size):
    proofs = {tuple(step_between(old, size).proof) for old in range(1, size) if old != 7}
    proofs.discard(tuple(step_between(7, size).proof))
    for proof in proofs:
        with pytest.raises(Reverted, match=r"^proof: "):
            world.anchor(replace(step_between(7, size), proof=list(proof)))


def test_one_hash_more_or_less_at_the_largest_sizes():
    world = World(max_growth=SIZE_MAX)
    old_size = 2**61 + 2
    old_root, root, proof = synthetic_pair(old_size, SIZE_MAX)
    world.anchor(Step(0, ZERO, old_size, old_root))
    step = Step(old_size, old_root, SIZE_MAX, root, proof)
    refused("proof: too short", world.anchor, replace(step, proof=proof[:-1]))
    world.anchor(step)


def test_a_proof_that_goes_on_after_the_top(world):
    step = step_between(7, 9)
    refused("proof: too long", world.anchor, replace(step, proof=[*step.proof, ZERO]))


# Signatures -------------------------------------------------------------------------------------


def with_signatures(world, signers=None, **changes):
    """The step 7 to 9 and signatures over it, or over a message that differs by ``changes``."""
    step = step_between(7, 9)
    message = {**step.message(), **changes}
    return step, sign_all(signers or world.signers[:2], "Anchor", message, world.contract)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_signatures_than_the_quorum(world, count):
    step, signatures = with_signatures(world)
    refused(TOO_FEW, world.anchor, step, signatures[:count])


def test_one_signer_twice(world):
    step, signatures = with_signatures(world)
    refused(NOT_ASCENDING, world.anchor, step, [signatures[0], signatures[0]])


def test_signatures_out_of_order(world):
    step, signatures = with_signatures(world)
    refused(NOT_ASCENDING, world.anchor, step, signatures[::-1])


def test_a_stranger_in_the_quorum(world):
    stranger = accounts(1, b"stranger")
    signers = sorted([world.signers[0], *stranger], key=lambda one: int(one.address, 16))
    step, signatures = with_signatures(world, signers)
    refused(STRANGER, world.anchor, step, signatures)


def test_a_stranger_beside_a_full_quorum(world):
    signers = sorted(
        [*world.signers, *accounts(1, b"stranger")], key=lambda one: int(one.address, 16)
    )
    step, signatures = with_signatures(world, signers)
    refused(STRANGER, world.anchor, step, signatures)


def test_the_mirrored_signature_with_high_s(world):
    step, signatures = with_signatures(world)
    first = signatures[0]
    high = ORDER - int.from_bytes(first[32:64], "big")
    mirrored = first[:32] + high.to_bytes(32, "big") + bytes([55 - first[64]])
    refused("signature: high s", world.anchor, step, [mirrored, signatures[1]])


@pytest.mark.parametrize("lowered", [27, 28])
def test_recovery_ids_other_than_27_and_28(world, lowered):
    step, signatures = with_signatures(world)
    other = signatures[0][:64] + bytes([(signatures[0][64] - lowered) % 256])
    refused("signature: v not 27 or 28", world.anchor, step, [other, signatures[1]])


def test_a_recovery_id_of_more_than_a_byte_is_refused_by_the_decoder(world):
    step, signatures = with_signatures(world)
    high = (256 + signatures[0][64]).to_bytes(2, "big")
    head = [step.origin, step.previous_size, step.size, step.root, step.proof]
    kinds = ["bytes32", "uint64", "uint64", "bytes32", "bytes32[]", "(bytes32,bytes32,uint16)[]"]
    data = encode(kinds, [*head, words([signatures[0][:64] + high, signatures[1]])])
    refused("", world.send, f"anchor({','.join(kinds[:-1])},{SIGNATURES})", data)


@pytest.mark.parametrize("r", [0, ORDER, 2**256 - 1])
def test_a_signature_that_recovers_to_nobody(world, r):
    step, signatures = with_signatures(world)
    nobody = r.to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\x1b"
    refused(NOT_ASCENDING, world.anchor, step, [nobody, *signatures])


@pytest.mark.parametrize(
    "changes",
    [
        {"originHash": hashlib.sha256(b"other.example/log").digest()},
        {"previousRoot": ZERO},
        {"previousSize": 6},
        {"size": 10},
        {"root": ZERO},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_signature_for_another_message(world, changes):
    step, signatures = with_signatures(world, **changes)
    with pytest.raises(Reverted, match=r"^quorum: (not a signer|signers not ascending)$"):
        world.anchor(step, signatures)
    head_stays(world)


@pytest.mark.parametrize("elsewhere", ["chain", "contract"])
def test_a_signature_for_another_chain_or_contract(elsewhere):
    world = World()
    step = step_between(0, 1)
    chain_id, contract = (1, world.contract) if elsewhere == "chain" else (31337, SENDER)
    signature = sign(world.signers[0], "Anchor", step.message(), contract, chain_id)
    refused(STRANGER, world.anchor, step, [signature])


def test_every_byte_of_a_signature_counts():
    world = World()
    step = step_between(0, 1)
    good = sign(world.signers[0], "Anchor", step.message(), world.contract)
    for index in range(65):
        flipped = good[:index] + bytes([good[index] ^ 1]) + good[index + 1 :]
        with pytest.raises(Reverted, match=r"^(quorum|signature): "):
            world.anchor(step, [flipped])
    world.anchor(step, [good])


# Rotation ---------------------------------------------------------------------------------------


def test_a_rotation_again(world):
    message = {
        "newSigners": [account.address for account in world.signers],
        "newK": 2,
        "epoch": 1,
    }
    signatures = sign_all(world.signers, "Rotate", message, world.contract)
    world.rotate(world.signers, 2, 1, signatures)
    refused("epoch: not the present one", world.rotate, world.signers, 2, 1, signatures)
    with pytest.raises(Reverted, match=r"^quorum: "):
        world.rotate(world.signers, 2, 2, signatures)


@pytest.mark.parametrize(
    ("count", "k", "reason"),
    [
        (3, 0, "quorum: k is zero"),
        (3, 4, "quorum: k exceeds signers"),
        (0, 1, "quorum: k exceeds signers"),
        (17, 1, "signers: more than 16"),
        (18, 1, ""),
    ],
)
def test_an_impossible_signer_set(world, count, k, reason):
    signers = accounts(count, b"new")
    refused(reason, world.rotate, signers, k, 1)
    addresses = [account.address for account in signers]
    refused(reason, world.deploy, addresses, k, 2**32)
    assert world.view("epoch", "uint64") == 1


def test_signers_unsorted_twice_or_zero(world):
    one, two = (account.address for account in accounts(2, b"new"))
    nobody = "0x" + "00" * 20
    for addresses in ([two, one], [one, one], [nobody, one]):
        refused("signers: not ascending", world.rotate, addresses, 1, 1)
        refused("signers: not ascending", world.deploy, addresses, 1, 2**32)


@pytest.mark.parametrize("limit", [0, SIZE_MAX + 1, 2**64 - 1])
def test_a_growth_limit_out_of_range(world, limit):
    refused("growth: limit out of range", world.deploy, [SENDER], 1, limit)


def test_a_rotation_without_quorum_or_by_strangers(world):
    new = accounts(2, b"new")
    refused(TOO_FEW, world.rotate, new, 1, 1, by=world.signers[:1])
    refused(STRANGER, world.rotate, new, 1, 1, by=new)


def test_a_signature_over_another_set_quorum_or_epoch(world):
    new = accounts(2, b"new")
    addresses = [account.address for account in new]
    for message in (
        {"newSigners": addresses, "newK": 2, "epoch": 1},
        {"newSigners": addresses[:1], "newK": 1, "epoch": 1},
        {"newSigners": addresses, "newK": 1, "epoch": 2},
    ):
        signatures = sign_all(world.signers, "Rotate", message, world.contract)
        with pytest.raises(Reverted, match=r"^quorum: "):
            world.rotate(new, 1, 1, signatures)


def test_who_left_no_longer_counts(world):
    stays, *left = world.signers
    new = sorted([stays, *accounts(1, b"new")], key=lambda account: int(account.address, 16))
    old = world.signers
    world.rotate(new, 2, 1, by=old)
    step = step_between(7, 9)
    refused(STRANGER, world.anchor, step, sign_all(left, "Anchor", step.message(), world.contract))
    world.anchor(step, sign_all(new, "Anchor", step.message(), world.contract))


# The deployer, and what is not there ------------------------------------------------------------


def test_the_deployer_has_no_right_of_its_own(world):
    refused(TOO_FEW, world.anchor, step_between(7, 9), [])
    refused(TOO_FEW, world.rotate, accounts(1), 1, 1, [])


def test_money_and_unknown_calls_are_refused(world):
    refused("", world.call, "head(bytes32)", [ORIGIN], value=1)
    for signature in ("owner()", "pause()", "upgradeTo(address)", "transferOwnership(address)"):
        arguments = [SENDER] if "address" in signature else []
        refused("", world.call, signature, arguments)


def test_the_interface_is_these_functions_and_no_more():
    abi = load_contract("CheckpointAnchor").abi
    changing = {
        item["name"]
        for item in abi
        if item["type"] == "function" and item["stateMutability"] != "view"
    }
    viewing = {item["name"] for item in abi if item.get("stateMutability") == "view"}
    assert changing == {"anchor", "rotate"}
    assert viewing == {"head", "verifyInclusion", "signers", "k", "epoch", "maxGrowth"}
    assert "payable" not in json.dumps(abi).replace("nonpayable", "")
