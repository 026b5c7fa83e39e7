"""``capital``: what stands at the end, and amount × days held in the period (31 days here)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import MalformedRules
from ledger.rules.inputs import parse_inputs
from tests.rules.keys.cases import faults, sources, weighed, weights
from tests.settlement.cases import inputs

KEY = "kind: capital, asset: net"
TIMED = f"{KEY}, time_weighted: true"


def change(amount, day):
    return {"amount_minor": amount, "from": day}


DATED = {
    "funding": {
        "net": {
            "bus": [change(300, "2026-09-14"), change(-100, "2026-10-22")],
            "ev": [change(500, "2026-10-31"), change(7, "2026-11-01")],
            "bike": 10,
        },
        "app": {"bike": [change(1, "2026-10-01")]},
    }
}


def test_the_standing_amount_is_that_of_the_periods_end():
    assert weights(KEY, DATED) == {"bus": 200, "ev": 500, "bike": 10}
    assert weights("kind: capital", DATED) == {"bus": 200, "ev": 500, "bike": 11}
    assert weights("kind: capital, asset: none", DATED) == {"bus": 0, "ev": 0, "bike": 0}
    assert weighed(KEY, DATED).notes == ()


def test_time_weighted_counts_the_days_held():
    expected = {"bus": 300 * 31 - 100 * 10, "ev": 500, "bike": 310}
    assert weights(TIMED, DATED) == expected
    assert weighed(TIMED, DATED).notes == (
        "funding of 'net' without dates counts as held all period",
    )
    assert weights("kind: capital, time_weighted: true", DATED) == {**expected, "bike": 341}
    assert sources("kind: capital, time_weighted: true", DATED, "bike") == [
        ("inputs:/funding/app/bike", 31),
        ("inputs:/funding/net/bike", 310),
    ]
    assert sources(KEY, DATED, "bus") == [("inputs:/funding/net/bus", 200)]


def test_amounts_held_throughout_divide_as_if_time_did_not_count():
    figures = {"funding": {"net": {"bus": 5, "ev": 3}}}
    plain, timed = weights(KEY, figures), weights(TIMED, figures)
    assert {member: weight * 31 for member, weight in plain.items()} == timed


@given(
    st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 9)), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_amount_days_are_the_sum_over_days_of_what_stands(changes, random):
    first = date(2026, 10, 1)
    rows = [change(put, str(first + timedelta(day))) for day, put in changes]
    random.shuffle(rows)
    days = (first + timedelta(day) for day in range(31))
    standing = [sum(row["amount_minor"] for row in rows if row["from"] <= str(d)) for d in days]
    assert weights(TIMED, {"funding": {"net": {"bus": rows}}})["bus"] == sum(standing)


def test_time_weighted_is_true_or_false():
    assert faults(f"{KEY}, time_weighted: 1") == [("/time_weighted", "true or false is expected")]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([], ("/funding/net/bus", "shape")),
        ([change(1, "2026-10-01")] * 1_001, ("/funding/net/bus", "shape")),
        ([{"amount_minor": 1}], ("/funding/net/bus/0", "shape")),
        ([5], ("/funding/net/bus/0", "shape")),
        ([change(1, "2026-10-32")], ("/funding/net/bus/0/from", "date")),
        ([change(1, 20261001)], ("/funding/net/bus/0/from", "date")),
        ([change("1/2", "2026-10-01")], ("/funding/net/bus/0/amount_minor", "integer")),
        ([change(5, "2026-10-01"), change(-6, "2026-10-02")], ("/funding/net/bus", "negative")),
        ([change(5, "2026-10-02"), change(-1, "2026-10-01")], ("/funding/net/bus", "negative")),
        (-1, ("/funding/net/bus", "negative")),
    ],
)
def test_changes_that_cannot_be_are_refused_at_their_place(rows, fault):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(funding={"net": {"bus": rows}}))
    assert [(one.where, one.code) for one in caught.value.faults] == [fault]


def test_money_taken_out_on_the_day_it_came_is_no_debt():
    rows = [change(-5, "2026-10-02"), change(5, "2026-10-02")]
    assert weights(TIMED, {"funding": {"net": {"bus": rows}}})["bus"] == 0


def test_funding_is_read_although_the_period_is_at_fault():
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(period={}, funding={"net": {"bus": 1, "tram": 1}}))
    assert [one.where for one in caught.value.faults] == ["/period", "/funding/net/tram"]
