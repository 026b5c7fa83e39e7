"""Ballots in the inputs: what is counted, and every fault at its JSON pointer."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedRules
from ledger.rules.inputs import Ballots, parse_inputs
from ledger.rules.inputs.ballots import PROJECTS_MAX, VOTES_MAX
from tests.settlement.cases import inputs

PROJECTS = {"lamp": {"cost": 300000}, "bench": {}}


def read(votes, projects=PROJECTS):
    document = inputs(ballots={"town": {"projects": projects, "votes": votes}})
    return parse_inputs(document).ballots["town"]


def faults_of(ballots):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(ballots={"town": ballots}))
    return [(fault.where, fault.code) for fault in caught.value.faults]


def approves(voter, *projects):
    return {"voter": voter, "approve": list(projects)}


def gives(voter, **amounts):
    return {"voter": voter, "amounts": amounts}


def test_voters_are_counted_by_what_they_approve():
    votes = [
        approves("c1", "lamp", "bench"),
        approves("c2", "bench", "lamp"),
        approves("c3", "lamp"),
        approves("c4"),
        gives("c5", lamp=400),
    ]
    assert read(votes) == Ballots(
        costs={"bench": None, "lamp": 300000},
        approvals={("bench", "lamp"): 2, ("lamp",): 1, (): 1},
        contributions={"bench": (), "lamp": (400,)},
    )


def test_what_one_voter_gives_to_one_project_is_one_contribution():
    votes = [gives("c1", lamp=400), gives("c2", lamp=9, bench=0), gives("c1", lamp="100", bench=5)]
    assert read(votes).contributions == {"bench": (5,), "lamp": (9, 500)}


def test_a_voter_may_approve_and_give():
    found = read([approves("c1", "lamp"), gives("c1", bench=7)])
    assert (found.approvals, found.contributions["bench"]) == ({("lamp",): 1}, (7,))


def test_the_inputs_without_ballots():
    assert parse_inputs(inputs()).ballots == {}


LAMP = {"lamp": {"cost": 5}}


@pytest.mark.parametrize(
    ("projects", "votes", "fault"),
    [
        ({"a b": {}}, [], ("/projects", "project")),
        ({"lamp": 5}, [], ("/projects/lamp", "shape")),
        ({"lamp": {"price": 5}}, [], ("/projects/lamp", "shape")),
        ({"lamp": {"cost": "0.0"}}, [], ("/projects/lamp/cost", "cost")),
        ({"lamp": {"cost": -1}}, [], ("/projects/lamp/cost", "negative")),
        ({"lamp": {"cost": None}}, [], ("/projects/lamp/cost", "number")),
        ({f"p{i}": {} for i in range(PROJECTS_MAX + 1)}, [], ("/projects", "projects")),
        (LAMP, {}, ("/votes", "shape")),
        (LAMP, [0] * (VOTES_MAX + 1), ("/votes", "shape")),
        (LAMP, [5], ("/votes/0", "shape")),
        (LAMP, [{"voter": "c1"}], ("/votes/0", "shape")),
        (LAMP, [{**approves("c1"), "amounts": {}}], ("/votes/0", "shape")),
        (LAMP, [approves("c 1")], ("/votes/0/voter", "voter")),
        (LAMP, [approves(5)], ("/votes/0/voter", "voter")),
        (LAMP, [approves("c1"), approves("c1", "lamp")], ("/votes/1/voter", "duplicate")),
        (LAMP, [{"voter": "c1", "approve": "lamp"}], ("/votes/0/approve", "shape")),
        (LAMP, [approves("c1", "lamp", "lamp")], ("/votes/0/approve/1", "duplicate")),
        (LAMP, [approves("c1", "bench")], ("/votes/0/approve/0", "unknown-project")),
        (LAMP, [approves("c1", ["lamp"])], ("/votes/0/approve/0", "unknown-project")),
        (LAMP, [gives("c1", bench=5)], ("/votes/0/amounts", "unknown-project")),
        (LAMP, [gives("c1", lamp=-5)], ("/votes/0/amounts/lamp", "negative")),
        (LAMP, [gives("c1", lamp="1/2")], ("/votes/0/amounts/lamp", "integer")),
        (LAMP, [{"voter": "c1", "amounts": []}], ("/votes/0/amounts", "shape")),
    ],
)
def test_each_fault_has_its_place(projects, votes, fault):
    where, code = fault
    found = faults_of({"projects": projects, "votes": votes})
    assert found == [(f"/ballots/town{where}", code)]


@pytest.mark.parametrize("ballots", [5, {"projects": {}}, {"projects": {}, "votes": [], "x": 1}])
def test_ballots_have_projects_and_votes(ballots):
    assert faults_of(ballots) == [("/ballots/town", "shape")]
