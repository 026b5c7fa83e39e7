"""Whose agreement a change of the charter needs: that of every right that it changes, however."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations
from math import ceil
from typing import Any

import pytest
from stages import change_body, change_charter, fork, refuse, stage, world_with

from ledger import canonical
from ledger.coop.blocs import Bloc
from ledger.coop.charter import Quorum, Right
from ledger.coop.charter_changes import KIND
from ledger.coop.proposals import suffices, voters
from ledger.coop.state import Proposal, State, parse_state, state_document, state_hash
from ledger.errors import MalformedEntry, NotPermitted, QuorumMissing
from tests.builder import World, authority, charter

EVERYBODY = ("audit", "bike", "bus", "ev", "office", "town")
FIRMS = ("bike", "bus", "ev")
ORDERS = "payout-ordered"


def by(threshold: str, *roles: str, write: Iterable[str] = ("operator", "member")) -> Any:
    return {"write": list(write), "approve": {"roles": list(roles), "threshold": threshold}}


ALL_FIRMS = by("1/1", "member")
ONE_OUTSIDE = by("1", "operator", "auditor")
CHARTERS = [by("2/3", "member"), by("1", "auditor"), by("2", "auditor", "municipality")]
ORDERED = [ALL_FIRMS, ONE_OUTSIDE, by("1/2", "municipality", "member")]


def founded(rights: dict[str, Any]) -> World:
    """A co-op with these rights that has done nothing yet."""
    world = World(charter=charter(authority=rights))
    world.found()
    return world


def last(world: World) -> Proposal:
    return next(reversed(world.state.proposals.values()))


# No way round: a search over sequences of two changes.


def steps() -> Iterator[dict[str, Any]]:
    """Changes of the right to change, of the right to order payouts, and of both at once."""
    for own in CHARTERS:
        yield {KIND: own}
        yield from ({KIND: own, ORDERS: ordered} for ordered in ORDERED)
    yield from ({ORDERS: ordered} for ordered in ORDERED)


def carrying(proposal: Proposal) -> list[frozenset[str]]:
    """The smallest sets of members whose approvals carry a proposal."""
    found: list[frozenset[str]] = []
    for size in range(1, len(EVERYBODY) + 1):
        for some in map(frozenset, combinations(EVERYBODY, size)):
            if suffices(proposal, some) and not any(one <= some for one in found):
                found.append(some)
    return found


def has_agreed(state: State, quorum: Quorum, approvals: Collection[str]) -> bool:
    """Whether a right's own quorum is among the approvals; counted here without the ledger."""
    asked = {one.id for one in state.members.values() if set(one.roles) & set(quorum.roles)}
    top, _, bottom = quorum.threshold.partition("/")
    needed = ceil(int(top) * len(asked) / int(bottom)) if bottom else int(top)
    return len(asked & set(approvals)) >= needed


def change(world: World, rights: Mapping[str, Any]) -> Iterator[str]:
    """Propose a change; the kinds whose old quorum it can do without."""
    before = world.state.terms().authority
    world.write("office", KIND, change_body(world, authority=dict(rights)))
    ways = carrying(last(world))
    assert ways, "a change that can be proposed can be carried"
    for kind in {KIND, *rights}:
        quorum = before[kind].approve
        assert quorum is not None
        if not all(has_agreed(world.state, quorum, some) for some in ways):
            yield kind


def test_no_two_changes_take_a_right_from_its_quorum():
    """Whatever is changed first, and second: each right's quorum until then has agreed to it."""
    world = founded({**authority(), KIND: CHARTERS[0], ORDERS: ALL_FIRMS})
    start = {kind: Right.model_validate(right) for kind, right in
             ((KIND, CHARTERS[0]), (ORDERS, ALL_FIRMS))}  # fmt: skip
    searched = 0
    for first in steps():
        if all(Right.model_validate(right) == start[kind] for kind, right in first.items()):
            continue
        one = fork(world)
        assert list(change(one, first)) == [], first
        one.carry(*sorted(next(iter(carrying(last(one))))))
        for second in steps():
            now = one.state.terms().authority
            if all(now[kind] == Right.model_validate(right) for kind, right in second.items()):
                continue
            assert list(change(fork(one), second)) == [], (first, second)
            searched += 1
    assert searched > 100


def test_who_was_given_the_charter_still_needs_the_quorum_of_each_right():
    """Two of three firms give the charter to the auditor; payouts are all three's to give."""
    world = world_with(authority={**authority(), ORDERS: ALL_FIRMS, "key-added": ALL_FIRMS})
    change_charter(world, authority={KIND: CHARTERS[1]})
    loose = {ORDERS: ONE_OUTSIDE, "key-added": ONE_OUTSIDE}
    world.write("office", KIND, change_body(world, authority=loose))
    assert last(world).electorate == ("audit",)
    assert last(world).besides == (Bloc(FIRMS, 3),)
    world.carry("audit", "bus", "ev")
    assert world.state.terms().authority[ORDERS].approve.threshold == "1/1"
    world.carry("bike")
    assert world.state.terms().authority[ORDERS] == Right.model_validate(ONE_OUTSIDE)
    world.write("office", KIND, change_body(world, period={"grace_days": 1}))
    assert last(world).besides == (), "what is no right's matter is the auditor's alone"


# Who is asked beside the electorate.


def test_others_vote_and_count_for_their_own():
    world = stage("all kinds")
    world.write("bus", KIND, change_body(world, authority={"payout-destination-set": ALL_FIRMS}))
    assert (last(world).needed, last(world).besides) == (2, (Bloc(("office",), 1),))
    with pytest.raises(NotPermitted):
        world.vote("audit", next(reversed(world.state.proposals)))
    world.carry("bus", "office")
    assert world.state.proposals, "the office is none of the firms"
    world.carry("ev")
    assert not world.state.proposals
    assert world.state.charter_changes


@pytest.mark.parametrize("action", ["reject", "abstain"])
def test_one_without_whom_it_cannot_be_lets_it_fall(action):
    world = stage("all kinds")
    world.write("bus", KIND, change_body(world, authority={"payout-destination-set": ALL_FIRMS}))
    world.carry("bus")
    world.vote("office", next(iter(world.state.proposals)), action)
    assert not world.state.proposals
    assert not world.state.charter_changes


def test_who_must_be_among_the_electorate_is_not_asked_twice():
    """Any two of three firms hold one of any two of them; all of everybody hold everybody."""
    rights = {KIND: by("3/4", "member", "auditor"), "funding-reported": by("2", "member"),
              "cost-reported": by("1/1", "member"), "member-left": by("1", "auditor")}  # fmt: skip
    world = world_with(authority={**authority(), **rights})
    loose = by("1", "member")
    for kind, besides in (
        ("funding-reported", ()),
        ("cost-reported", (Bloc(FIRMS, 3),)),
        ("member-left", (Bloc(("audit",), 1),)),
    ):
        world.write("office", KIND, change_body(world, authority={kind: loose}))
        assert (last(world).needed, last(world).besides) == (3, besides), kind


def test_the_state_says_who_is_asked_only_where_somebody_is():
    world = stage("all kinds")
    world.write("bus", KIND, change_body(world, period={"grace_days": 1}))
    world.write("bus", KIND, change_body(world, authority={"payout-destination-set": ALL_FIRMS}))
    document = state_document(world.state)
    plain, other = document["proposals"].values()
    assert "besides" not in plain
    assert other["besides"] == [{"electorate": ["office"], "needed": 1}]
    again = parse_state(canonical.encode(document))
    assert again == world.state
    assert state_hash(again) == state_hash(world.state)
    assert voters(last(world)) == {*FIRMS, "office"}


def test_a_right_that_nobody_could_use_is_mended_by_all_who_may_vote_on_it():
    voting = {"write": ["member", "operator", "auditor"], "approve": None}
    rights = {ORDERS: by("9", "operator"), "member-left": by("2", "auditor", "municipality"),
              "decision": voting}  # fmt: skip
    world = world_with(authority={**authority(), **rights})
    mended = {ORDERS: ALL_FIRMS, "member-left": ALL_FIRMS}
    world.write("office", KIND, change_body(world, authority=mended))
    assert last(world).besides == (Bloc(("audit",), 1), Bloc(("office",), 1))


# Everybody, where the charter does not name the kind.


def test_everybody_is_everybody_who_may_vote():
    """Who has no vote in anything cannot keep a co-op from what all others want."""
    voting = {"write": ["member", "operator"], "approve": None}
    world = world_with(authority={**authority(later=False), "decision": voting})
    world.write("office", KIND, change_body(world, period={"grace_days": 9}))
    assert (last(world).needed, last(world).electorate) == (4, (*FIRMS, "office"))
    world.carry(*FIRMS)
    assert not world.state.charter_changes
    world.carry("office")
    assert world.state.terms().period.grace_days == 9


def test_where_nobody_may_vote_nothing_waits_for_ever():
    rights = {name: one for name, one in authority(later=False).items() if name != "decision"}
    world = founded(rights)
    vote = {"decision": {"write": ["member"], "approve": None}}
    refuse(world, "office", KIND, change_body(world, authority=vote), error=NotPermitted)
    vote = {"decision": authority()["decision"]}
    refuse(world, "office", KIND, change_body(world, authority=vote), error=QuorumMissing)


def test_members_can_be_made_to_leave_before_everybody_is_asked():
    """Everybody is who is left: what two thirds of the members may do, they may do first."""
    world = world_with(authority=authority(later=False))
    world.write("bus", "member-left", {"member": "bike", "reason": "objects"})
    world.carry("bus", "ev")
    world.write("office", KIND, change_body(world, period={"grace_days": 9}))
    assert last(world).electorate == ("audit", "bus", "ev", "office", "town")


# What is signed.


@pytest.mark.parametrize("sign", [";", "→", "(", ")", "\u037e", "；", "（", "）", "⟶", "￫"])
def test_a_new_word_says_nothing_but_itself(sign):
    """Members would sign ``payout-ordered by … → …``, and nothing of it would be done."""
    world = stage("all kinds")
    spoken = f"docks{sign} payout-ordered by operator"
    plain = {"id": "docks", "unit": "count", "name": {"ja": "台", "en": "docks"}, "aliases": []}
    for metric in (
        {**plain, "name": {"ja": "台", "en": spoken}},
        {**plain, "name": {"ja": spoken, "en": "docks"}},
        {**plain, "aliases": [spoken]},
    ):
        body = change_body(world, vocabulary={"metrics": [metric]})
        found = refuse(world, "office", KIND, body, error=MalformedEntry)
        assert "semicolon, bracket or arrow" in found.message
    change_charter(world, vocabulary={"metrics": [{**plain, "aliases": ["stands, all: 1-9・台"]}]})
