"""Two rule sets on the same months: sums, state that goes on, and how even it is."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput, MalformedRules, NoWeights, UnknownField
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.comparison import compare_rules, comparison_document, evenness
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from tests.settlement.cases import KAGA, by_trips, inputs, kaga_inputs, one_step

TRIPS = {"trips": {"bus": 413, "ev": 291, "bike": 137}}
EQUAL = one_step("kind: allocate, key: {kind: equal}")


def months(*documents):
    return {f"2026-{at:02d}": parse_inputs(one) for at, one in enumerate(documents, 1)}


def amounts(changes):
    return {one.name: (one.old, one.new) for one in changes}


@settings(deadline=None)
@given(st.lists(st.integers(-50, 1000), max_size=6))
def test_the_gini_coefficient_is_that_of_its_definition(listed):
    found = evenness(listed)
    if sum(listed) <= 0:
        assert (found.min_share, found.gini) == (None, None)
        return
    double = sum(abs(a - b) for a in listed for b in listed)
    assert found.gini == Fraction(double, 2 * len(listed) * sum(listed))
    assert found.min_share == Fraction(min(listed), sum(listed))


@pytest.mark.parametrize(
    ("listed", "gini", "least"),
    [
        ([5, 5, 5], 0, Fraction(1, 3)),
        ([0, 0, 9], Fraction(2, 3), 0),
        ([1, 3], Fraction(1, 4), Fraction(1, 4)),
    ],
)
def test_the_two_measures_by_hand(listed, gini, least):
    found = evenness(listed)
    assert (found.gini, found.min_share) == (gini, least)


def test_amounts_add_up_over_the_months_by_member_and_step():
    both = months(
        inputs(totals=TRIPS, revenue={"fares": 1000}), inputs(totals=TRIPS, revenue={"fares": 500})
    )
    found = compare_rules(parse_rules(by_trips()), parse_rules(EQUAL), both)
    old, new = (
        [result_document(run(parse_rules(text), one))["totals"]["members"] for one in both.values()]
        for text in (by_trips(), EQUAL)
    )
    for change in found.members:
        assert change.old == sum(one[change.name] for one in old)
        assert change.new == sum(one[change.name] for one in new)
    assert amounts(found.steps["s"]) == amounts(found.members)
    assert sum(change.delta for change in found.members) == 0
    assert found.months == ("2026-01", "2026-02")


def test_each_side_goes_on_from_its_own_past():
    reserve = "{id: r, kind: reserve, source: pot, to: fund.r, amount: %d, until_balance: 150}"
    texts = [
        one_step("kind: allocate, key: {kind: equal}, limit: 10").replace(
            "steps:\n", f"steps:\n  - {reserve % amount}\n"
        )
        for amount in (100, 30)
    ]
    figures = inputs(revenue={"fares": 200}, balances={"fund.r": 20})
    found = compare_rules(*map(parse_rules, texts), months(figures, figures, figures))
    # Old: 100, then 30 until 150 is reached; new: 30 each month. What is left opens the next one.
    assert amounts(found.accounts["funds"]) == {"fund.r": (130, 90)}
    assert amounts(found.left) == {"pot": (600 - 130 - 30, 600 - 90 - 30)}
    assert found.members[0].delta == 0


def test_costs_are_carried_on_each_side_to_whom_they_are_owed():
    text = one_step("kind: recover_cost, costs: [c], carry_forward: true, limit: %s")
    first = inputs(members=["bus", "ev"], revenue={"fares": 100}, costs={"c": {"ev": 100}})
    second = inputs(members=["bus"], revenue={"fares": 100})
    found = compare_rules(
        parse_rules(text % "50%"), parse_rules(text % "10%"), months(first, second)
    )
    # ev has left, and is still owed: it stays in the months beside the others. The pool of the
    # second month holds what the first has left: 150 and 190.
    assert amounts(found.members) == {"bus": (0, 0), "ev": (50 + 50, 10 + 19)}
    assert amounts(found.carry) == {"s": (0, 71)}


def test_suspense_and_those_who_get_nothing_are_not_counted():
    figures = inputs(
        members=["bus", "ev", "office", "suspense"],
        totals={"trips": {"bus": 1, "ev": 1, "suspense": 2}},
        revenue={"fares": 100},
    )
    fixed = one_step("kind: allocate, key: {kind: fixed, weights: {bus: 3, ev: 1}}")
    found = compare_rules(parse_rules(by_trips()), parse_rules(fixed), months(figures))
    assert found.counted == 2
    assert found.evenness[0].as_dict() == {"min_share": "1/2", "gini": "0"}
    assert found.evenness[1].as_dict() == {"min_share": "1/4", "gini": "1/4"}
    nothing = compare_rules(
        parse_rules(EQUAL), parse_rules(EQUAL), months(inputs(revenue={"fares": 0}))
    )
    assert nothing.evenness[0].as_dict() == {"min_share": None, "gini": None}


def test_a_rule_set_beside_itself_changes_nothing():
    rules = parse_rules(KAGA)
    found = compare_rules(rules, rules, months(kaga_inputs()))
    document = comparison_document(found)
    rows = [row for table in ("steps", "members", "funds", "pools_left", "carry")
            for row in document[table]]  # fmt: skip
    assert rows
    assert all(row["delta_minor"] == 0 for row in rows)
    assert document["evenness"]["old"] == document["evenness"]["new"]
    assert document["old"] == document["new"]
    assert list(found.steps) == ["opex", "reserve", "town", "share"]


def test_steps_of_only_one_side_stand_beside_nothing():
    other = EQUAL.replace("id: s,", "id: t,")
    found = compare_rules(
        parse_rules(EQUAL), parse_rules(other), months(inputs(revenue={"fares": 3}))
    )
    assert {step: amounts(rows)["ev"] for step, rows in found.steps.items()} == {
        "s": (1, 0),
        "t": (0, 1),
    }


def test_what_cannot_be_compared():
    rules = parse_rules(EQUAL)
    francs = parse_rules(EQUAL.replace("JPY", "CHF"))
    figures = months(inputs(revenue={"fares": 1}))
    with pytest.raises(InvalidInput, match="JPY cannot be compared with CHF"):
        compare_rules(rules, francs, figures)
    with pytest.raises(InvalidInput, match="0 months"):
        compare_rules(rules, rules, {})
    with pytest.raises(NoWeights, match="2026-01, kaga-mobility version 3: step 's'"):
        compare_rules(rules, parse_rules(by_trips()), figures)
    nobody = parse_rules(one_step("kind: allocate, key: {kind: equal, members: [boat]}"))
    with pytest.raises(UnknownField, match="2026-01"):
        compare_rules(rules, nobody, figures)
    with pytest.raises(MalformedRules, match="no pool takes") as caught:
        compare_rules(rules, rules, months(inputs(revenue={"tips": 1})))
    assert caught.value.faults[0].where == "2026-01 /revenue/tips"
