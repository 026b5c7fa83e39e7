"""``tiered``: graduated and by volume."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rules.keys.cases import all_faults, faults, sources, weights

FONTS = "tiers: [{upto: 5, weight: 7}, {upto: 10, weight: '6.5'}, {weight: 6}]"


def tiered(tiers, figures, mode="graduated"):
    key = f"kind: tiered, input: x, mode: {mode}, {tiers}"
    members = [f"m{index}" for index in range(len(figures))]
    totals = {"x": dict(zip(members, map(str, figures), strict=True))}
    return list(weights(key, {"members": members, "totals": totals}).values())


def test_the_example_of_stripes_documentation():
    """docs.stripe.com, “Set up tiered pricing”: fonts 1–5 at 7 USD, 6–10 at 6.5, from 11 at 6.

    By volume 1, 5, 6, 20 and 25 fonts cost 7, 35, 39, 120 and 150 USD.
    """
    fonts = [1, 5, 6, 20, 25]
    assert tiered(FONTS, fonts, "volume") == [7, 35, 39, 120, 150]
    graduated = [7, 35, 35 + Fraction(13, 2), 35 + Fraction(65, 2) + 60, 35 + Fraction(65, 2) + 90]
    assert tiered(FONTS, fonts) == graduated


def test_graduated_is_the_default_and_a_single_tier_is_proportional():
    figures = {"totals": {"x": {"bus": 3, "ev": 2}}}
    key = "kind: tiered, input: x, tiers: [{weight: 1/3}]"
    assert weights(key, figures) == {"bus": 1, "ev": Fraction(2, 3), "bike": 0}
    assert sources(key, figures, "bus") == [("inputs:/totals/x/bus", 3)]


def test_a_first_tier_may_weigh_nothing():
    tiers = "tiers: [{upto: '1/2', weight: 0}, {weight: 2}]"
    assert tiered(tiers, ["0", "1/2", "3/4", "2"]) == [0, 0, Fraction(1, 2), 3]
    assert tiered(tiers, ["0", "1/2", "3/4", "2"], "volume") == [0, 0, Fraction(3, 2), 4]


QUANTITIES = st.fractions(0, 50, max_denominator=12)


@given(
    st.lists(QUANTITIES.filter(bool), min_size=1, max_size=4, unique=True).map(sorted),
    st.lists(st.fractions(0, 9, max_denominator=7), min_size=5, max_size=5),
    st.lists(QUANTITIES, min_size=1, max_size=6),
)
def test_the_formula(ends, rates, figures):
    rates = [*rates[: len(ends)], rates[4] + 1]
    rows = [f"{{upto: {e}, weight: {r}}}" for e, r in zip(ends, rates, strict=False)]
    tiers = f"tiers: [{', '.join([*rows, f'{{weight: {rates[-1]}}}'])}]"
    bounds = [Fraction(0), *ends, None]
    spans = list(zip(rates, pairwise(bounds), strict=True))
    assert tiered(tiers, figures) == [
        sum(rate * max(0, min(x, high or x) - low) for rate, (low, high) in spans) for x in figures
    ]
    assert tiered(tiers, figures, "volume") == [
        sum(rate * x for rate, (low, high) in spans if low < x and (high is None or x <= high))
        for x in figures
    ]


@pytest.mark.parametrize(
    ("tiers", "pointer", "message"),
    [
        ("[]", "/tiers", "at least one"),
        ("[{weight: 1}, {weight: 2}]", "/tiers/0", "only the last tier has no 'upto'"),
        ("[{upto: 5, weight: 1}]", "/tiers/0/upto", "leave 'upto' out"),
        ("[{upto: 5, weight: 1}, {upto: 5, weight: 2}, {weight: 1}]", "/tiers/1/upto", "not above"),
        ("[{upto: 0, weight: 1}, {weight: 1}]", "/tiers/0/upto", "0 is not above 0"),
        ("[{upto: -1, weight: 1}, {weight: 1}]", "/tiers/0/upto", "-1 is not above 0"),
        ("[{upto: 5, weight: -1}, {weight: 1}]", "/tiers/0/weight", "negative"),
        ("[{upto: 5, weight: 0}, {weight: 0}]", "/tiers", "every tier weighs 0"),
        ("[{upto: 0.5, weight: 1}, {weight: 0}]", "/tiers/0/upto", "binary float"),
        ("[{to: 5, weight: 1}, {weight: 0}]", "/tiers/0/to", "unknown field 'to'"),
        ("[{upto: 5}, {weight: 0}]", "/tiers/0/weight", "required"),
    ],
)
def test_tiers_that_cannot_be_are_refused_at_their_place(tiers, pointer, message):
    (fault,) = faults(f"kind: tiered, input: x, tiers: {tiers}")
    assert fault[0] == pointer
    assert message in fault[1]


def test_a_fault_has_its_line_and_column():
    (fault,) = all_faults("kind: tiered, input: x, mode: slab, tiers: [{weight: 1}]")
    assert fault.where == "line 10, column 78 (/steps/0/key/mode)"
    assert fault.message == "mode is 'slab', but must be 'graduated' or 'volume'"
