"""What a transaction is for: stored and read back, and asked of a contract's state."""

import pytest

from ledger.chain.anchor import Head
from ledger.chain.goals import (
    AnchoredHead,
    PlainCall,
    PublishedRoot,
    goal_document,
    is_reached,
    parse_goal,
)
from ledger.errors import MalformedDocument
from tests.chain.chain_world import ORIGIN

NOTHING = Head(0, bytes(32))
WANTED = Head(7, b"\x07" * 32)
LATER = Head(9, b"\x09" * 32)
FORK = Head(7, b"\xff" * 32)
ROOT, OTHER_ROOT = b"\xaa" * 32, b"\xbb" * 32
GOALS = [
    AnchoredHead("0xc0", ORIGIN, WANTED),
    PlainCall("0xc0", "fill a gap"),
    PublishedRoot("0xc0", ORIGIN, 202611, ROOT),
]


@pytest.mark.parametrize(
    ("head", "reached"),
    [(NOTHING, False), (Head(6, WANTED.root), False), (WANTED, True), (FORK, False), (LATER, True)],
)
def test_the_goal_is_the_contracts_state(head, reached):
    assert is_reached(WANTED, head) is reached


@pytest.mark.parametrize("goal", GOALS)
def test_a_goal_is_stored_and_read_back(goal):
    assert parse_goal(goal_document(goal)) == goal
    assert goal.description


def test_a_goal_of_an_unknown_kind_is_refused():
    with pytest.raises(MalformedDocument):
        parse_goal({"kind": "wish", "contract": "0xc0"})


class OneVault:
    """A node whose vault has published one period."""

    def __init__(self, answer):
        self.answer = answer

    def call(self, _contract, _data, *, at):
        assert at == "latest"
        return self.answer


@pytest.mark.parametrize(
    ("period", "root", "reached"),
    [
        (202611, ROOT, True),
        (202612, OTHER_ROOT, True),
        (202611, OTHER_ROOT, False),
        (202610, ROOT, False),
    ],
)
def test_a_root_is_published_when_it_stands_or_a_later_period_does(period, root, reached):
    goal = PublishedRoot("0xc0", ORIGIN, 202611, ROOT)
    assert goal.reached(OneVault(period.to_bytes(32, "big") + root), "latest") is reached


def test_where_no_vault_stands_nothing_is_published():
    assert not PublishedRoot("0xc0", ORIGIN, 202611, ROOT).reached(OneVault(b""), "latest")
