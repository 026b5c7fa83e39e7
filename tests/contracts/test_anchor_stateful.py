"""CheckpointAnchor beside a naive model: any order of anchors, forks, replays and rotations.

The model keeps whole histories as lists of leaves and says from them alone what must happen; it
knows no roots, no proofs and no storage. What it says and what the contract does never differ.
"""

import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

pytest.importorskip("pyrevm", reason="pyrevm has no wheel for this Python: contract tests skipped")

from ledger.chain.anchor import AnchorMessage, Head, anchor_digest, rotate_digest
from ledger.chain.quorum import sign_digest
from tests.contracts.anchor_world import (
    CHAIN_ID,
    ZERO,
    Reverted,
    Step,
    World,
    accounts,
    consistency,
    root_of,
)

PEOPLE = accounts(6, b"somebody")
ORIGINS = [hashlib.sha256(b"log %d" % index).digest() for index in range(2)]
GROWTH_MAX = 12
SIZE_MAX = 40

origins = st.sampled_from(ORIGINS)
# Who signs: any group, or (None) just as many of the signers as are needed.
groups = st.lists(st.sampled_from(range(len(PEOPLE))), unique=True, max_size=5).map(sorted)


@dataclass(frozen=True)
class Call:
    """A call of anchor as it was made, to be made again."""

    step: Step
    signatures: list


def entry(origin, teller, index):
    """Entry ``index`` of a log as one teller has it; all tell the same up to their number."""
    told = teller if index >= 4 * teller else 0
    return hashlib.sha256(b"\x00" + origin + bytes([told, index])).digest()


class Anchoring(RuleBasedStateMachine):
    """Two logs, three tellers of each, six people of whom some are signers."""

    def __init__(self):
        super().__init__()
        self.signers, self.k, self.epoch = [0, 1, 2], 2, 1
        self.world = World([PEOPLE[one] for one in self.signers], self.k, GROWTH_MAX)
        self.told = {origin: [] for origin in ORIGINS}
        self.calls = []

    def quorum(self):
        return self.signers[-self.k :]

    def signed(self, digest, people):
        return [sign_digest(digest, bytes(PEOPLE[one].key)) for one in people]

    def is_quorum(self, people):
        return len(people) >= self.k and set(people) <= set(self.signers)

    def taken(self, call, *arguments):
        try:
            call(*arguments)
        except Reverted as error:
            # Each refusal has its reason.
            self.reason = str(error)
            return False
        return True

    @rule(
        origin=origins,
        teller=st.integers(0, 2),
        by=st.none() | groups,
        growth=st.sampled_from([3, 1, 2, 5, 8, 12, 13, 0]),
    )
    def anchor(self, origin, teller, by, growth):
        """Somebody tells a log, truly or not, with the best proof that such a telling has."""
        stands, by = self.told[origin], self.quorum() if by is None else by
        size = min(len(stands) + growth, SIZE_MAX)
        telling = [entry(origin, teller, index) for index in range(size)]
        step = Step(
            len(stands), root_of(stands) if stands else ZERO, size,
            root_of(telling) if telling else ZERO, origin=origin,
            proof=consistency(len(stands), telling) if stands and size > len(stands) else [],
        )  # fmt: skip
        message = AnchorMessage(
            origin, Head(step.previous_size, step.previous_root), Head(max(size, 1), step.root)
        )
        is_larger = size > len(stands)
        if not is_larger:
            message = AnchorMessage(origin, Head(0, ZERO), Head(1, step.root))
        digest = anchor_digest(message, chain_id=CHAIN_ID, contract=self.world.contract)
        signatures = self.signed(digest, by)
        expected = (
            is_larger
            and size - len(stands) <= GROWTH_MAX
            and self.is_quorum(by)
            and telling[: len(stands)] == stands
        )
        assert self.taken(self.world.anchor, step, signatures) == expected
        if expected:
            self.told[origin] = telling
            self.calls.append(Call(step, signatures))
        else:
            assert self.reason

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def anchor_again(self, data):
        """The same transaction, sent again at any later time."""
        call = data.draw(st.sampled_from(self.calls))
        assert not self.taken(self.world.anchor, call.step, call.signatures)
        assert self.reason == "size: previous is not the head"

    @rule(
        new=groups,
        k=st.integers(0, 6),
        by=st.none() | groups,
        late=st.sampled_from([0, 0, 0, -1, 1]),
    )
    def rotate(self, new, k, by, late):
        """Somebody puts other signers in place; ``late`` is off by so many epochs."""
        epoch, by = self.epoch + late, self.quorum() if by is None else by
        addresses = [PEOPLE[one].address for one in new]
        digest = rotate_digest(
            addresses, k=k, epoch=epoch, chain_id=CHAIN_ID, contract=self.world.contract
        )
        signatures = self.signed(digest, by)
        expected = late == 0 and self.is_quorum(by) and 1 <= k <= len(new)
        assert self.taken(self.world.rotate, addresses, k, epoch, signatures) == expected
        if expected:
            self.signers, self.k, self.epoch = new, k, epoch + 1

    @invariant()
    def heads_are_those_of_the_histories(self):
        for origin, stands in self.told.items():
            root = root_of(stands) if stands else ZERO
            assert self.world.head(origin) == (len(stands), root)

    @invariant()
    def terms_are_those_of_the_last_rotation(self):
        names = [PEOPLE[one].address.lower() for one in self.signers]
        assert [one.lower() for one in self.world.view("signers", "address[]")] == names
        assert self.world.view("k", "uint8") == self.k
        assert self.world.view("epoch", "uint64") == self.epoch
        assert self.world.view("maxGrowth", "uint64") == GROWTH_MAX


class AnchoringLong(Anchoring):
    """The same, for long."""


# A new EVM for each run is no slow strategy.
SLOW = [HealthCheck.too_slow]
Anchoring.TestCase.settings = settings(
    max_examples=8, stateful_step_count=25, suppress_health_check=SLOW
)
# 400 runs of up to 60 steps, each a call and six questions: about 150,000 calls.
AnchoringLong.TestCase.settings = settings(
    max_examples=400, stateful_step_count=60, suppress_health_check=SLOW, database=None
)

TestAnchoring = Anchoring.TestCase
TestAnchoringLong = pytest.mark.long(AnchoringLong.TestCase)
