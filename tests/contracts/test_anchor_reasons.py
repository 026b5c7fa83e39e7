"""Every reason for which CheckpointAnchor refuses is provoked, once each, and there are no more.

The reasons are read from the source; a new one without its provocation here fails, and so does a
provocation that the contract answers otherwise. The cases around each are in test_anchor_refuses.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from tests.contracts.anchor_world import (
    ORDER,
    ORIGIN,
    SIZE_MAX,
    ZERO,
    Reverted,
    Step,
    World,
    accounts,
    sign_all,
    step_between,
)

SOURCE = Path(__file__).parents[2] / "contracts" / "CheckpointAnchor.vy"
REASON = re.compile(r'"((?:size|growth|proof|quorum|signature|signers|epoch): [^"]+)"')
REASONS = sorted(set(REASON.findall(SOURCE.read_text("utf-8"))))
STEP = step_between(7, 9)
ADDRESSES = [account.address for account in accounts(17)]


def signed(world, *signers):
    return sign_all(signers, "Anchor", STEP.message(), world.contract)


def altered(world, **parts):
    """The quorum's signatures, the first one with another s or v."""
    first, second = signed(world, *world.signers[:2])
    s, v = parts.get("s", first[32:64]), parts.get("v", first[64:])
    return world.anchor(STEP, [first[:32] + s + v, second])


def mirrored_s(world):
    first = signed(world, world.signers[0])[0]
    return (ORDER - int.from_bytes(first[32:64], "big")).to_bytes(32, "big")


def proof_of(*hashes):
    return replace(STEP, proof=list(hashes))


PROVOCATIONS = {
    "size: previous is not the head": lambda w: w.anchor(replace(STEP, previous_size=6)),
    "size: not larger than the head": lambda w: w.anchor(replace(STEP, size=7)),
    "size: beyond 2**63 - 1": lambda w: w.anchor(replace(STEP, size=SIZE_MAX + 1)),
    "growth: above the limit": lambda w: w.anchor(replace(STEP, size=8 + 2**32)),
    "growth: limit out of range": lambda w: w.deploy(ADDRESSES[:1], 1, 0),
    "quorum: too few signatures": lambda w: w.anchor(STEP, signed(w, w.signers[0])),
    "quorum: not a signer": lambda w: w.anchor(STEP, signed(w, *accounts(2, b"stranger"))),
    "quorum: signers not ascending": lambda w: w.anchor(STEP, signed(w, *w.signers[1::-1])),
    "quorum: k is zero": lambda w: w.rotate(accounts(2, b"new"), 0, 1),
    "quorum: k exceeds signers": lambda w: w.rotate(accounts(2, b"new"), 3, 1),
    "signature: high s": lambda w: altered(w, s=mirrored_s(w)),
    "signature: v not 27 or 28": lambda w: altered(w, v=b"\x1d"),
    "signers: more than 16": lambda w: w.rotate(ADDRESSES, 1, 1),
    "signers: not ascending": lambda w: w.rotate(ADDRESSES[1::-1], 1, 1),
    "epoch: not the present one": lambda w: w.rotate(accounts(2, b"new"), 1, 2),
    "proof: first head takes none": lambda w: w.anchor(Step(0, ZERO, 3, ZERO, [ZERO], b"o" * 32)),
    "proof: empty": lambda w: w.anchor(proof_of()),
    "proof: more than 63 hashes": lambda w: w.anchor(proof_of(*[ZERO] * 64)),
    "proof: too short": lambda w: w.anchor(proof_of(*STEP.proof[:-1])),
    "proof: too long": lambda w: w.anchor(proof_of(*STEP.proof, ZERO)),
    "proof: old root differs": lambda w: w.anchor(proof_of(ZERO, *STEP.proof[1:])),
    "proof: new root differs": lambda w: w.anchor(replace(STEP, root=ZERO)),
}


def test_the_source_has_these_reasons_and_no_more():
    source = SOURCE.read_text("utf-8")
    assert sorted(PROVOCATIONS) == REASONS
    assert len(re.findall(r"^ +(?:assert|raise)\b", source, re.MULTILINE)) >= len(REASONS)
    # None is without a reason: what the decoder refuses is refused before our code runs.
    assert all('"' in line for line in re.findall(r"^ +assert .*$", source, re.MULTILINE))


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_is_provoked(reason):
    world = World(accounts(3), k=2)
    world.anchor(step_between(0, 7))
    with pytest.raises(Reverted) as caught:
        PROVOCATIONS[reason](world)
    assert str(caught.value) == reason
    assert world.head() == (7, STEP.previous_root)
    assert world.head(ORIGIN[::-1]) == (0, ZERO)
    assert world.view("epoch", "uint64") == 1
