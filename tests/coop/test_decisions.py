"""How a co-op agrees: who votes, on what words, once; and what ends when nobody can carry it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import CASES, MONTH, fork, propose, stage

from ledger.coop.signing import sign_decision
from ledger.coop.submission import Submission
from ledger.errors import (
    DuplicateId,
    MalformedEntry,
    NotFound,
    NotPermitted,
    PeriodClosed,
    QuorumMissing,
    WrongSigner,
)
from tests.builder import World, charter, new_key, record, signing_key

QUORUM = ("member-admitted", "funding-reported", "revenue-reported", "cost-reported")


def pending(kind: str = "funding-reported") -> tuple[World, str]:
    """A co-op with one open proposal of a kind, and its hash."""
    case = CASES[kind]
    world = stage(case.stage)
    world.accept(case.submission(world, kind))
    return world, next(iter(world.state.proposals))


def refuse(world: World, submission: Submission, error, **details) -> None:
    before = world.state
    with pytest.raises(error) as caught:
        world.accept(submission)
    assert world.state is before
    assert caught.value.code == error.code
    for name, value in details.items():
        assert caught.value.details[name] == value


def ballot(world: World, who: str, hash_: str, **changes) -> Submission:
    words = {
        "action": "approve",
        "subject": world.state.proposals[hash_].subject,
        "subject_hash": hash_,
        **changes,
    }
    draft = sign_decision(signing_key(who), world.seen(), sequence=world.sequence(who), **words)
    return Submission(draft)


SUBJECTS = {
    "member-admitted": "Admit taxi (Taxi) as member with 1 key(s)",
    "funding-reported": "Funding grant of network by bus: 5 JPY (public)",
    "revenue-reported": "Revenue adverts 2026-10: 5 JPY (other)",
    "cost-reported": "Cost cleaning 2026-10: 5 JPY borne by bus",
    "ruleset-proposed": "Rule set kaga-mobility version 2 from 2026-12-01",
    "settlement-proposed": "Settlement 2026-10: 952,001 JPY to 3 members",
}


@pytest.mark.parametrize("kind", SUBJECTS)
def test_subjects_are_derived_words(kind):
    world, hash_ = pending(kind)
    assert world.state.proposals[hash_].subject == SUBJECTS[kind]


@pytest.mark.parametrize("kind", [k for k in CASES if k in (*SUBJECTS, "payout-destination-set")])
def test_any_other_subject_is_refused(kind):
    world, hash_ = pending(kind)
    subject = world.state.proposals[hash_].subject
    voter = world.state.proposals[hash_].electorate[0]
    for wrong in (subject + " ", subject.upper(), subject.replace("5", "6"), "Settlement"):
        if wrong != subject:
            refuse(
                world,
                ballot(world, voter, hash_, subject=wrong),
                MalformedEntry,
                expected=subject,
            )


@pytest.mark.parametrize("words", [{"action": "maybe"}, {"subject": ""}, {"comment": "x" * 501}])
def test_words_that_are_no_decision(words):
    world, hash_ = pending()
    refuse(world, ballot(world, "ev", hash_, **words), MalformedEntry)


def test_a_vote_on_nothing():
    world, hash_ = pending()
    refuse(world, ballot(world, "ev", hash_, subject_hash="00" * 32), NotFound)


def test_a_vote_on_what_is_decided():
    world, hash_ = pending()
    late = ballot(world, "bike", hash_)
    world.carry("bus", "ev")
    refuse(world, late, NotFound)


def test_a_vote_twice():
    world, hash_ = pending()
    world.vote("bus", hash_)
    refuse(world, ballot(world, "bus", hash_), DuplicateId)
    refuse(world, ballot(world, "bus", hash_, action="reject"), DuplicateId)


def test_a_vote_twice_with_a_second_key():
    world, hash_ = pending()
    body = {"member": "bus", "key": new_key(world, "bus-b", "bus"), "label": "b"}
    world.write("bus", "key-added", body)
    world.vote("bus", hash_)
    refuse(world, ballot(world, "bus-b", hash_), DuplicateId)


@pytest.mark.parametrize("who", ["office", "town", "audit"])
def test_a_vote_from_outside_the_electorate(who):
    world, hash_ = pending()
    refuse(world, ballot(world, who, hash_), NotPermitted)


def test_who_was_admitted_later_does_not_vote_on_what_was_proposed_before():
    world, hash_ = pending()
    world.accept(CASES["member-admitted"].submission(world, "member-admitted"))
    world.carry("bus", "ev")
    assert "taxi" in world.state.members
    refuse(world, ballot(world, "taxi", hash_), NotPermitted)


def test_a_ballot_for_another_proposal_does_not_count():
    world, hash_ = pending()
    world.accept(CASES["revenue-reported"].submission(world, "revenue-reported"))
    other = next(h for h in world.state.proposals if h != hash_)
    vote = ballot(world, "ev", hash_)
    body = {**vote.draft.body, "subject_hash": other}
    refuse(world, Submission(replace(vote.draft, body=body)), WrongSigner)


def test_the_quorum_carries_and_not_one_vote_less():
    world, hash_ = pending()
    assert world.state.proposals[hash_].needed == 2
    world.vote("bus", hash_)
    assert hash_ in world.state.proposals
    assert world.state.funding["network"]["amounts"]["bus"] == 5_000_000
    world.vote("ev", hash_)
    assert hash_ not in world.state.proposals
    assert world.state.funding["network"]["amounts"]["bus"] == 5_000_005


def one_approval() -> World:
    authority = charter().model_dump(mode="json")["authority"]
    right = {"write": ["member"], "approve": {"roles": ["member"], "threshold": "1"}}
    world = World(charter=charter(authority={**authority, "cost-reported": right}))
    world.found()
    opened = {"period": MONTH, "start": "2026-09-30T15:00:00.000Z",
              "end": "2026-10-31T15:00:00.000Z"}  # fmt: skip
    world.write("office", "period-opened", opened)
    cost = {"period": MONTH, "id": "rent", "member": "bus", "amount_minor": 9, "currency": "JPY"}
    world.write("bus", "cost-reported", cost)
    return world


def test_the_proposer_alone_carries_nothing():
    world = one_approval()
    (hash_,) = world.state.proposals
    world.vote("bus", hash_)
    assert hash_ in world.state.proposals
    assert world.state.period(MONTH).costs == {}
    world.vote("ev", hash_)
    assert world.state.period(MONTH).costs["rent"]["borne"] == {"bus": 9}


def test_a_proposal_that_only_its_proposer_approves_ends_with_the_last_refusal():
    world = one_approval()
    (hash_,) = world.state.proposals
    world.vote("bus", hash_)
    world.vote("ev", hash_, "reject")
    assert hash_ in world.state.proposals
    world.vote("bike", hash_, "abstain")
    assert world.state.proposals == {}
    assert world.state.period(MONTH).costs == {}


def test_the_proposer_needs_somebody_beside_itself():
    world = one_approval()
    for firm in ("ev", "bike"):
        world.write(firm, "member-left", {"member": firm, "reason": "test"})
    cost = {"period": MONTH, "id": "x", "member": "bus", "amount_minor": 9, "currency": "JPY"}
    refuse(world, Submission(world.draft("bus", "cost-reported", cost)), QuorumMissing)


@pytest.mark.parametrize("action", ["reject", "abstain"])
def test_a_proposal_is_dropped_when_too_few_are_left(action):
    world, hash_ = pending()
    world.vote("bus", hash_, action)
    assert hash_ in world.state.proposals
    world.vote("ev", hash_, action)
    assert hash_ not in world.state.proposals
    assert world.state.funding["network"]["amounts"]["bus"] == 5_000_000


def test_a_proposal_is_dropped_when_its_voters_have_left():
    world = stage("proposed")
    world.write("bus", "member-left", {"member": "bus", "reason": "test"})
    assert world.state.period(MONTH).status == "proposed"
    world.write("ev", "member-left", {"member": "ev", "reason": "test"})
    assert world.state.proposals == {}
    assert world.state.period(MONTH).status == "closed"


def test_an_approval_stays_when_its_giver_leaves():
    world = stage("proposed")
    world.carry("bus")
    world.write("bus", "member-left", {"member": "bus", "reason": "test"})
    world.carry("ev")
    assert world.state.period(MONTH).status == "approved"


def test_the_same_rule_set_twice_before_the_electorate():
    world, _ = pending("ruleset-proposed")
    again = CASES["ruleset-proposed"].submission(world, "ruleset-proposed")
    refuse(world, again, DuplicateId)


# Members and keys.


def test_admitted_members_write_and_those_who_left_do_not():
    world, _ = pending("member-admitted")
    world.carry("bus", "ev")
    world.submit("taxi", record("t-1"))
    assert world.state.period(MONTH).usage["taxi"].records == 1
    world.write("taxi", "member-left", {"member": "taxi", "reason": "sold"})
    assert world.state.members["taxi"].left == world.now


def test_a_member_is_removed_by_quorum_only():
    world = stage("month")
    world.write("ev", "member-left", {"member": "bike", "reason": "bankrupt"})
    assert world.state.members["bike"].left is None
    world.carry("bus", "ev")
    assert world.state.members["bike"].left == world.now


def test_another_members_key_is_revoked_by_quorum_only():
    world, hash_ = pending("key-revoked")
    assert not world.state.keys[signing_key("ev").address].revoked
    world.vote("bus", hash_)
    world.vote("bike", hash_)
    key = world.state.keys[signing_key("ev").address]
    assert key.revoked
    assert key.sequence > 0


def test_another_members_key_is_added_by_quorum_only():
    world = stage("month")
    body = {"member": "ev", "key": new_key(world, "ev-2", "ev"), "label": "new"}
    world.write("bus", "key-added", body)
    assert signing_key("ev-2").address not in world.state.keys
    world.carry("bus", "bike")
    assert world.state.keys[signing_key("ev-2").address].member == "ev"


def submit_kind(world: World, who: str, kind: str, body: dict) -> Submission:
    return Submission(world.draft(who, kind, body))


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("key-added", {"member": "bus", "label": ""}, DuplicateId),
        ("key-revoked", {"key": signing_key("bus").address, "reason": ""}, NotPermitted),
        ("key-revoked", {"key": signing_key("nobody").address, "reason": ""}, NotFound),
        ("member-left", {"member": "nobody", "reason": ""}, NotFound),
        ("payout-destination-set", {"member": "ev", "currency": "JPY"}, NotPermitted),
        ("payout-destination-set", {"member": "bus", "currency": "CHF"}, MalformedEntry),
    ],
)
def test_what_a_member_may_not_do_with_keys_and_names(kind, body, error):
    world = stage("month")
    if kind == "key-added":  # a key that is registered already, its own
        body = {**body, "key": new_key(world, "bus", "bus")}
    if kind == "payout-destination-set":
        body = {**body, "destination": {"type": "evm", "address": "0x" + "55" * 20}}
    refuse(world, submit_kind(world, "bus", kind, body), error)


def test_a_revoked_key_never_comes_back():
    world = stage("month")
    body = {"member": "bus", "key": new_key(world, "bus-2", "bus"), "label": ""}
    world.write("bus", "key-added", body)
    world.write("bus", "key-revoked", {"key": signing_key("bus-2").address, "reason": ""})
    refuse(world, submit_kind(world, "bus", "key-added", body), DuplicateId)


@pytest.mark.parametrize(
    "flaw", ["another member", "another co-op", "another key", "the same twice"]
)
def test_possession_that_shows_nothing(flaw):
    from ledger.coop.signing import show_possession
    from ledger.errors import BadSignature

    world = stage("month")
    genesis = bytes.fromhex(world.state.genesis)
    key = signing_key("taxi")
    good = new_key(world, "taxi", "taxi")
    keys = {
        "another member": [new_key(world, "taxi", "bus")],
        "another co-op": [
            show_possession(key, origin=world.charter.origin, genesis=bytes(32), member="taxi")
        ],
        "another key": [{**good, "address": signing_key("x").address}],
        "the same twice": [good, good],
    }[flaw]
    assert len(genesis) == 32
    body = {
        "id": "taxi", "name": {"ja": "タ", "en": "Taxi"}, "roles": ["member"], "keys": keys,
    }  # fmt: skip
    error = DuplicateId if flaw == "the same twice" else BadSignature
    refuse(world, submit_kind(world, "bus", "member-admitted", body), error)


@pytest.mark.parametrize("taken", ["bus", "suspense"])
def test_a_members_name_is_given_once(taken):
    world = stage("month")
    body = {
        "id": taken, "name": {"ja": "x", "en": "x"}, "roles": ["member"],
        "keys": [new_key(world, "taxi", taken)],
    }  # fmt: skip
    refuse(world, submit_kind(world, "office", "member-admitted", body), DuplicateId)


def test_a_facility_is_registered_once_and_owned_by_a_member():
    world = stage("month")
    body = {"id": "hub-1", "name": {"ja": "x", "en": "x"}, "owner": None}
    refuse(world, submit_kind(world, "office", "facility-registered", body), DuplicateId)
    stranger = {**body, "id": "hub-9", "owner": "nobody"}
    refuse(world, submit_kind(world, "office", "facility-registered", stranger), NotFound)
    control = {**body, "id": "hub\x00"}
    refuse(world, submit_kind(world, "office", "facility-registered", control), MalformedEntry)


def test_a_destination_counts_once_the_office_confirmed_it():
    world, hash_ = pending("payout-destination-set")
    assert world.state.destinations == {}
    refuse(world, ballot(world, "bus", hash_), NotPermitted)
    world.vote("office", hash_)
    assert world.state.destinations["bus/JPY"]["since"] == world.now


# Facts after the cut-off.


@pytest.mark.parametrize("kind", ["revenue-reported", "cost-reported"])
def test_facts_after_the_cut_off(kind):
    world = stage("closed")
    refuse(world, CASES[kind].submission(world, kind), PeriodClosed, status="closed")


@pytest.mark.parametrize("kind", ["revenue-reported", "cost-reported"])
def test_facts_reported_before_and_confirmed_after_the_cut_off(kind):
    world, hash_ = pending(kind)
    world.vote("ev", hash_)
    late = ballot(world, "bike", hash_)
    world.close()
    refuse(world, late, NotFound)
    propose(world)


@pytest.mark.parametrize("kind", ["funding-reported", "revenue-reported", "cost-reported"])
def test_a_fact_is_reported_once(kind):
    world, _ = pending(kind)
    again = CASES[kind].submission(world, kind)
    refuse(world, again, DuplicateId)
    world.carry("bus", "ev")
    refuse(world, CASES[kind].submission(world, kind), DuplicateId)


@pytest.mark.parametrize("kind", ["funding-reported", "revenue-reported", "cost-reported"])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"currency": "CHF"}, MalformedEntry),
        ({"amount_minor": 0}, MalformedEntry),
        ({"amount_minor": -1}, MalformedEntry),
        ({"amount_minor": 2**53 - 1 + 1}, MalformedEntry),
        ({"amount_minor": True}, MalformedEntry),
        ({"amount_minor": "5"}, MalformedEntry),
        ({"member": "nobody"}, NotFound),
        ({"period": "2026-11"}, NotFound),
    ],
    ids=str,
)
def test_facts_that_make_no_sense(kind, change, error):
    case = CASES[kind]
    world = stage("month")
    body = case.make(world)[0]
    if change.keys() <= body.keys():
        if change.get("amount_minor") == 2**53:
            return  # no such integer can be signed at all: see the canonical form
        if (kind, change) == ("revenue-reported", {"amount_minor": 0}):
            return  # that says that nothing came in
        refuse(world, case.submission(world, kind, body={**body, **change}), error)


def test_funding_has_an_upper_bound():
    from ledger.errors import OutOfRange

    world = stage("month")
    body = {**CASES["funding-reported"].make(world)[0], "amount_minor": 2**53 - 1}
    refuse(world, submit_kind(world, "office", "funding-reported", body), OutOfRange)


def test_forks_do_not_see_each_other():
    world = stage("month")
    other = fork(world)
    other.submit("bus", record("only-here"))
    assert len(other.entries) == len(world.entries) + 1
    assert other.state != world.state
