"""``patronage``: dealings with members only."""

from __future__ import annotations

import pytest

from ledger.errors import Infeasible, MalformedRules
from ledger.rules.inputs import parse_inputs
from tests.rules.keys.cases import by_member, faults, sources, weighed, weights
from tests.settlement.cases import inputs

KEY = "kind: patronage, input: km"
FIGURES = {
    "totals": {"km": {"bus": 100, "ev": 40, "bike": 10}},
    "origins": {"km": {"public": {"bus": 30}, "other": {"bus": "20.5", "ev": 40}}},
}


def test_dealings_with_outsiders_are_left_out():
    expected = {"bus": "49.5", "ev": "0", "bike": "10"}
    assert {m: str(float(w)).removesuffix(".0") for m, w in weights(KEY, FIGURES).items()} == (
        expected
    )
    public_only = f"{KEY}, exclude: [public]"
    assert weights(public_only, FIGURES) == {"bus": 70, "ev": 40, "bike": 10}
    assert sources(KEY, FIGURES, "ev") == [
        ("inputs:/totals/km/ev", 40),
        ("inputs:/origins/km/other/ev", 40),
    ]


def test_without_origins_everything_is_members_and_a_note_says_so():
    figures = {"totals": FIGURES["totals"]}
    found = weighed(KEY, figures)
    assert by_member(found, figures) == {"bus": 100, "ev": 40, "bike": 10}
    assert found.notes == ("no origins of 'km' were given; all of it counts as members'",)
    assert weighed(KEY, FIGURES).notes == ()


def test_usage_that_names_nobody_is_no_dealing_with_a_member():
    figures = {"members": ["bus", "suspense"], "totals": {"km": {"bus": 1, "suspense": 5}}}
    assert weights(KEY, figures) == {"bus": 1}
    assert weights(f"{KEY}, members: [bus, suspense]", figures) == {"bus": 1, "suspense": 5}


def test_readings_have_no_origin():
    with pytest.raises(Infeasible, match="'km' stands for readings of 'up'"):
        weights(KEY, {}, named="inputs: {km: {kpi: up}}\n")


def test_members_absent_from_both_tables_have_nothing():
    figures = {"totals": {"km": {"bus": 1}}, "origins": {"km": {"other": {"ev": 0}}}}
    assert weights(KEY, figures) == {"bus": 1, "ev": 0, "bike": 0}


@pytest.mark.parametrize(
    ("exclude", "pointer", "message"),
    [
        ("[]", "/exclude", "at least one"),
        ("[member]", "/exclude/0", "must be 'public' or 'other'"),
    ],
)
def test_what_cannot_be_excluded(exclude, pointer, message):
    (fault,) = faults(f"{KEY}, exclude: {exclude}")
    assert fault[0] == pointer
    assert message in fault[1]


@pytest.mark.parametrize(
    ("origins", "fault"),
    [
        ({"km": {"member": {"bus": 1}}}, ("/origins/km/member", "origin")),
        ({"km": {"public": {"bus": -1}}}, ("/origins/km/public/bus", "negative")),
        ({"km": {"public": {"bus": 60}, "other": {"bus": 41}}}, ("/origins/km", "sum")),
        ({"kg": {"public": {"bus": 1}}}, ("/origins/kg", "sum")),
        ({"km": {"public": {"tram": 0}}}, ("/origins/km/public/tram", "unknown-member")),
        ({"km": 5}, ("/origins/km", "shape")),
    ],
)
def test_origins_that_do_not_fit_the_totals_are_refused(origins, fault):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(totals=FIGURES["totals"], origins=origins))
    assert [(one.where, one.code) for one in caught.value.faults] == [fault]
