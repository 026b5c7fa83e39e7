"""``proportional`` over totals and readings, and what stands behind an input's name."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.errors import Infeasible, MalformedRules
from ledger.rules.document import names_used, parse_rules
from ledger.rules.names import NamesUsed
from tests.rules.keys.cases import by_member, sources, weighed, weights
from tests.settlement.cases import one_step

BY_PEAK = "kind: proportional, input: peak"
PEAK = "inputs: {peak: {metric: peak_w, agg: max}}\n"


def peaks(**values):
    return {name: {"value": value} for name, value in values.items()}


def test_sum_and_count_are_totals_of_different_names():
    figures = {"totals": {"km": {"bus": 7}, "count.km": {"bus": 2, "ev": 1}}}
    for agg, expected in (("sum", [7, 0, 0]), ("count", [2, 1, 0])):
        named = f"inputs: {{x: {{metric: km, agg: {agg}}}}}\n"
        found = weights("kind: proportional, input: x", figures, named=named)
        assert list(found.values()) == expected
    assert sources("kind: proportional, input: x", figures, "ev", named=named) == [
        ("inputs:/totals/count.km/ev", 1)
    ]


def test_a_count_that_nobody_stated_is_not_taken_for_zero():
    named = "inputs: {x: {metric: km, agg: count}}\n"
    with pytest.raises(Infeasible, match=r"nobody metered or reported 'count\.km', for which 'x'"):
        weights("kind: proportional, input: x", {"totals": {"km": {"bus": 7}}}, named=named)


def test_max_and_last_are_readings():
    figures = {"kpis": {"max.peak_w": peaks(bus=9, ev="4.5", bike=0)}}
    assert weights(BY_PEAK, figures, named=PEAK) == {"bus": 9, "ev": Fraction(9, 2), "bike": 0}
    last = {"kpis": {"last.peak_w": peaks(bus=1, ev=2, bike=3)}}
    assert weights(BY_PEAK, last, named=PEAK.replace("max", "last"))["bike"] == 3
    assert sources(BY_PEAK, figures, "ev", named=PEAK) == [
        ("inputs:/kpis/max.peak_w/ev/value", Fraction(9, 2))
    ]


def test_a_missing_reading_names_the_kpi_and_the_members():
    figures = {"kpis": {"max.peak_w": peaks(bus=9)}}
    with pytest.raises(Infeasible, match=r"no reading of 'max\.peak_w' for ev, bike$") as caught:
        weights(BY_PEAK, figures, named=PEAK)
    assert caught.value.details == {"kpi": "max.peak_w", "members": ["ev", "bike"]}
    many = {"members": [f"m{number:02}" for number in range(13)]}
    with pytest.raises(Infeasible, match=r"for m00, .*, m09 and 3 more$"):
        weights(BY_PEAK, many, named=PEAK)


def test_a_default_stands_for_what_is_missing():
    named = PEAK.replace("max}", "max, default: '0.5'}")
    figures = {"kpis": {"max.peak_w": peaks(bus=9)}}
    assert weights(BY_PEAK, figures, named=named)["ev"] == Fraction(1, 2)
    assert sources(BY_PEAK, figures, "ev", named=named) == [
        ("rules:/inputs/peak/default", Fraction(1, 2))
    ]


def test_the_towns_reading_holds_for_everybody_only_where_there_is_no_other():
    town = {"kpis": {"max.peak_w": peaks(_=3)}}
    assert weights(BY_PEAK, town, named=PEAK) == {"bus": 3, "ev": 3, "bike": 3}
    assert sources(BY_PEAK, town, "ev", named=PEAK) == [("inputs:/kpis/max.peak_w/_/value", 3)]
    mixed = {"kpis": {"max.peak_w": peaks(_=3, bus=1)}}
    with pytest.raises(Infeasible, match="ev, bike"):
        weights(BY_PEAK, mixed, named=PEAK)
    assert sources(BY_PEAK, mixed, "ev", named=PEAK) == []


def test_readings_are_of_firms_and_totals_of_accounts():
    figures = {"members": ["bus", "ev", "suspense"], "beside": ["ev"]}
    read = {**figures, "kpis": {"max.peak_w": peaks(bus=2)}}
    assert weights(BY_PEAK, read, named=PEAK) == {"bus": 2}
    counted = {**figures, "totals": {"km": {"suspense": 5}}}
    assert weights("kind: proportional, input: km", counted)["suspense"] == 5


def test_a_restriction_needs_readings_of_those_it_names_only():
    figures = {"kpis": {"max.peak_w": peaks(bus=2)}}
    found = weighed(f"{BY_PEAK}, members: [bus]", figures, named=PEAK)
    assert by_member(found, figures) == {"bus": 2}
    assert found.outside == {"ev", "bike"}


def test_a_negative_figure_gives_no_share():
    with pytest.raises(Infeasible, match="'ev' is negative: -1"):
        weights("kind: proportional, input: km", {"totals": {"km": {"bus": 3, "ev": -1}}})


@pytest.mark.parametrize(
    ("given", "pointer", "message"),
    [
        ("{}", "/inputs/x", "either 'metric' or 'kpi'"),
        ("{metric: a, kpi: b}", "/inputs/x", "either 'metric' or 'kpi'"),
        ("{kpi: a, agg: sum}", "/inputs/x/agg", "not aggregated"),
        ("{metric: a, default: 3}", "/inputs/x/default", "a total's default is 0"),
        ("{metric: a, agg: count, default: 3}", "/inputs/x/default", "a total's default is 0"),
        ("{metric: a, agg: mean}", "/inputs/x/agg", "agg is 'mean'"),
        ("{kpi: a, default: 0.5}", "/inputs/x/default", "binary float"),
    ],
)
def test_inputs_that_mean_nothing_are_refused_at_their_place(given, pointer, message):
    text = one_step("kind: allocate, key: {kind: equal}", more=f"inputs: {{x: {given}}}\n")
    with pytest.raises(MalformedRules) as caught:
        parse_rules(text)
    (fault,) = caught.value.faults
    assert message in fault.message
    assert fault.where.startswith("line 8, column ")
    assert fault.where.endswith(f"({pointer})")


def test_the_names_behind_inputs_are_known_to_the_co_op():
    more = "inputs: {a: {metric: km, agg: count}, b: {metric: w, agg: last}, c: {kpi: up}}\n"
    used = names_used(parse_rules(one_step("kind: allocate, key: {kind: equal}", more=more)))
    assert used == NamesUsed(
        metrics=frozenset({"count.km"}),
        kpis=frozenset({"last.w", "up"}),
        pools=frozenset({"pot"}),
        revenue=frozenset({"fares"}),
    )
