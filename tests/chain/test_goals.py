"""What a transaction is for: stored and read back, and asked of a contract's state."""

import pytest
from eth_hash.auto import keccak

from ledger.chain.anchor import Head
from ledger.chain.goals import (
    AnchoredHead,
    FundedVault,
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
    FundedVault("0xc0", ORIGIN, 2**200),
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
    """A node whose vault has published some roots, the last for a period."""

    def __init__(self, period, *roots):
        self.period, self.roots = period, roots

    def call(self, _contract, data, *, at):
        assert at == "latest"
        if data[:4] == keccak(b"published(bytes32)")[:4]:
            return self.period.to_bytes(32, "big") + self.roots[-1] + bytes(32)
        assert data[:4] == keccak(b"publishedAt(bytes32,bytes32)")[:4]
        return int(data[36:] in self.roots).to_bytes(32, "big")


@pytest.mark.parametrize(
    ("period", "roots", "reached"),
    [
        (202611, [ROOT], True),
        (202612, [ROOT, OTHER_ROOT], True),
        (202611, [ROOT, OTHER_ROOT], True),  # its period was published again
        (202611, [OTHER_ROOT], False),
        (202612, [OTHER_ROOT], False),
        (202610, [ROOT], False),  # of an earlier month in which as much was earned
    ],
)
def test_a_root_is_published_when_it_ever_stood_for_its_period(period, roots, reached):
    goal = PublishedRoot("0xc0", ORIGIN, 202611, ROOT)
    assert goal.reached(OneVault(period, *roots), "latest") is reached


class NoVault:
    """A node where nothing stands."""

    def call(self, _contract, _data, *, at):
        assert at == "latest"
        return b""


def test_where_no_vault_stands_nothing_is_published():
    assert not PublishedRoot("0xc0", ORIGIN, 202611, ROOT).reached(NoVault(), "latest")


@pytest.mark.parametrize(("deposited", "reached"), [(6, False), (7, True), (8, True)])
def test_a_vault_is_funded_when_so_much_was_deposited_by_whomever(deposited, reached):
    class OneSum:
        def call(self, contract, data, *, at):
            assert (contract, at) == ("0xc0", "latest")
            assert data[:4] == keccak(b"deposited(bytes32)")[:4]
            return deposited.to_bytes(32, "big")

    goal = FundedVault("0xc0", ORIGIN, 7)
    assert goal.reached(OneSum(), "latest") is reached
    assert not goal.reached(NoVault(), "latest")
