"""``kpi_weighted``: scores multiply a base, or are added up."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Infeasible, MalformedRules
from ledger.rules.inputs import parse_inputs
from tests.rules.keys.cases import by_member, faults, sources, weighed, weights
from tests.settlement.cases import inputs, kaga_inputs

NAMED = "inputs: {trips: {metric: validated_trips}, uptime: {kpi: uptime_ppm}}\n"
BASE = "base: {kind: proportional, input: trips}"
QUALITY = (
    f"kind: kpi_weighted, mode: multiply, {BASE}, "
    "kpis: [{input: uptime, min: 900000, max: 1000000, weight: 1}]"
)
LEAVING = "base: {kind: user_centric, matrix: m, idle: carry}"
ADD = "kind: kpi_weighted, mode: add, kpis: [{input: a, weight: 3}, {input: b, weight: 1}]"


def read(**values):
    return {member: {"value": value} for member, value in values.items()}


def kaga():
    uptime = {
        member: {"value": value, "scale": 1_000_000}
        for member, value in (("bus", 998_000), ("ev", 950_000), ("bike", 900_000))
    }
    return {**kaga_inputs(), "kpis": {"uptime_ppm": uptime}}


def test_the_quality_part_of_the_reference_example():
    """RULES.md section 6, example C: scores 49/50, 1/2 and 0."""
    found = weights(QUALITY, kaga(), named=NAMED)
    assert found == {"bus": 413 * Fraction(49, 50), "ev": 291 * Fraction(1, 2), "bike": 0}
    assert sources(QUALITY, kaga(), "ev", named=NAMED) == [
        ("inputs:/totals/validated_trips/ev", 291),
        ("inputs:/kpis/uptime_ppm/ev/value", 950_000),
    ]


def test_scores_are_clamped_and_averaged_by_lambda():
    figures = {
        "totals": {"validated_trips": {"bus": 10, "ev": 10, "bike": 10}},
        "kpis": {"a": read(bus=-7, ev=5, bike=99), "b": read(bus="0.5", ev="0.5", bike=0)},
    }
    kpis = "[{input: a, min: 0, max: 10, weight: 3}, {input: b, min: '0', max: '1', weight: 1}]"
    found = weights(
        f"kind: kpi_weighted, mode: multiply, {BASE}, kpis: {kpis}", figures, named=NAMED
    )
    # (3·0 + 1/2)/4, (3·1/2 + 1/2)/4, (3·1 + 0)/4
    assert found == {"bus": Fraction(5, 4), "ev": 5, "bike": Fraction(15, 2)}


def test_multiply_without_bounds_scores_by_part_of_the_sum():
    figures = {
        "totals": {"validated_trips": {"bus": 10, "ev": 10, "bike": 0}},
        "kpis": {"a": read(bus=1, ev=3)},
    }
    key = f"kind: kpi_weighted, mode: multiply, {BASE}, kpis: [{{input: a}}]"
    expected = {"bus": Fraction(5, 2), "ev": Fraction(15, 2), "bike": 0}
    assert weights(key, figures, named=NAMED) == expected


def test_add_takes_parts_of_the_sums():
    figures = {"kpis": {"a": read(bus=1, ev=3, bike=0), "b": read(bus=1, ev=1, bike=2)}}
    found = weights(ADD, figures)
    # 3·1/4 + 1/4, 3·3/4 + 1/4, 0 + 1/2: their sum is Σλ
    assert found == {"bus": 1, "ev": Fraction(5, 2), "bike": Fraction(1, 2)}
    bounded = "kind: kpi_weighted, mode: add, kpis: [{input: a, min: 1, max: 5, weight: 1/2}]"
    assert weights(bounded, figures) == {"bus": 0, "ev": Fraction(1, 2), "bike": 0}


def test_a_column_of_zeros_is_skipped_and_reported():
    figures = {"kpis": {"a": read(bus=0, ev=0, bike=0), "b": read(bus=1, ev=1, bike=2)}}
    found = weighed(ADD, figures)
    assert by_member(found, figures)["bike"] == Fraction(1, 2)
    assert found.notes == ("the kpi 'a' is zero for everybody and was skipped",)
    every = weighed("kind: kpi_weighted, mode: add, kpis: [{input: a}]", figures)
    assert every.numerators == (0, 0, 0)
    key = f"kind: kpi_weighted, mode: multiply, {BASE}, kpis: [{{input: a}}]"
    multiplied = weighed(key, {**kaga_inputs(), **figures}, named=NAMED)
    assert (multiplied.numerators, len(multiplied.notes)) == ((0, 0, 0), 1)


def test_scores_of_zero_within_bounds_are_scores():
    figures = {**kaga_inputs(), "kpis": {"uptime_ppm": read(bus=1, ev=2, bike=3)}}
    found = weighed(QUALITY, figures, named=NAMED)
    assert (found.numerators, found.notes) == ((0, 0, 0), ())


def test_a_missing_reading_is_an_error_where_it_would_count():
    figures = kaga()
    del figures["kpis"]["uptime_ppm"]["ev"]
    with pytest.raises(Infeasible, match=r"no reading of 'uptime_ppm' for ev$"):
        weights(QUALITY, figures, named=NAMED)
    del figures["totals"]["validated_trips"]["ev"]
    assert weights(QUALITY, figures, named=NAMED)["ev"] == 0
    defaulted = NAMED.replace("uptime_ppm}", "uptime_ppm, default: 910000}")
    figures["totals"]["validated_trips"]["ev"] = 100
    assert weights(QUALITY, figures, named=defaulted)["ev"] == 10
    with pytest.raises(Infeasible, match="no reading of 'b' for bus, ev, bike"):
        weights(ADD, {"kpis": {"a": read(bus=1, ev=3, bike=0)}})


def test_suspense_is_no_firm_but_its_usage_needs_a_score():
    figures = {**kaga(), "members": ["bus", "ev", "bike", "suspense"]}
    figures["totals"] = {"validated_trips": {"bus": 10, "suspense": 4}}
    with pytest.raises(Infeasible, match=r"for suspense$"):
        weights(QUALITY, figures, named=NAMED)
    defaulted = NAMED.replace("uptime_ppm}", "uptime_ppm, default: 1000000}")
    assert weights(QUALITY, figures, named=defaulted)["suspense"] == 4
    added = {**figures, "kpis": {"a": read(bus=1, ev=1, bike=1), "b": read(bus=1, ev=1, bike=1)}}
    assert "suspense" not in weights(ADD, added)


def test_a_total_may_be_scored_and_who_is_not_in_it_has_zero():
    key = "kind: kpi_weighted, mode: add, kpis: [{input: trips, min: -10, max: 10}]"
    figures = {"totals": {"validated_trips": {"bus": 10}}}
    found = weights(key, figures, named=NAMED)
    assert found == {"bus": Fraction(1, 2), "ev": Fraction(1, 4), "bike": Fraction(1, 4)}
    assert sources(key, figures, "ev", named=NAMED) == [("inputs:/totals/validated_trips/ev", 0)]


def test_restrictions_of_the_key_and_of_its_base_both_hold():
    base = "base: {kind: equal, members: [bus, ev]}"
    key = f"kind: kpi_weighted, members: [ev, bike], mode: multiply, {base}, kpis: [{{input: a}}]"
    figures = {"kpis": {"a": read(ev=4)}}
    assert weights(key, figures) == {"ev": 1}


def test_notes_of_the_base_are_kept():
    key = QUALITY.replace("kind: proportional", "kind: patronage")
    assert weighed(key, kaga(), named=NAMED).notes[0].startswith("no origins of 'validated_trips'")


def test_a_kpi_that_weighs_nothing_needs_no_reading():
    key = "kind: kpi_weighted, mode: add, kpis: [{input: a, weight: 1}, {input: b, weight: 0}]"
    assert weights(key, {"kpis": {"a": read(bus=1, ev=1, bike=2)}})["bike"] == Fraction(1, 2)


VALUES = st.lists(st.fractions(-5, 15, max_denominator=6), min_size=3, max_size=3)


@given(
    VALUES,
    VALUES,
    st.tuples(st.integers(0, 4), st.integers(1, 4)),
    st.lists(st.integers(0, 9), min_size=3, max_size=3),
)
def test_the_formulas(first, second, lambdas, trips):
    members = ("bus", "ev", "bike")
    columns = (first, second)
    figures = {
        "totals": {"validated_trips": dict(zip(members, trips, strict=True))},
        "kpis": {
            name: read(**dict(zip(members, map(str, column), strict=True)))
            for name, column in zip("ab", columns, strict=True)
        },
    }
    kpis = ", ".join(
        f"{{input: {name}, min: 0, max: 10, weight: {weight}}}"
        for name, weight in zip("ab", lambdas, strict=True)
    )
    scores = [[min(max(v / 10, Fraction(0)), Fraction(1)) for v in column] for column in columns]
    multiplied = weights(
        f"kind: kpi_weighted, mode: multiply, {BASE}, kpis: [{kpis}]", figures, named=NAMED
    )
    assert list(multiplied.values()) == [
        trips[i] * sum(w * s[i] for w, s in zip(lambdas, scores, strict=True)) / sum(lambdas)
        for i in range(3)
    ]
    added = weights(f"kind: kpi_weighted, mode: add, kpis: [{kpis}]", figures)
    assert list(added.values()) == [
        sum(w * s[i] / sum(s) for w, s in zip(lambdas, scores, strict=True) if sum(s))
        for i in range(3)
    ]


@pytest.mark.parametrize(
    ("key", "pointer", "message"),
    [
        ("mode: multiply, kpis: [{input: a}]", "/base", "needs a base"),
        (f"mode: add, {BASE}, kpis: [{{input: a}}]", "/base", "takes no base"),
        ("mode: add, kpis: []", "/kpis", "at least one"),
        ("mode: add, kpis: [{input: a, weight: 0}]", "/kpis", "add up to 0"),
        ("mode: add, kpis: [{input: a, min: 5}]", "/kpis/0", "both 'min' and 'max'"),
        ("mode: add, kpis: [{input: a, min: 5, max: 5}]", "/kpis/0/max", "not above the minimum"),
        ("mode: add, kpis: [{input: a, min: 5, max: 0.5}]", "/kpis/0/max", "binary float"),
        ("mode: mean, kpis: [{input: a}]", "/mode", "'multiply' or 'add'"),
        (
            "mode: multiply, base: {kind: fixed, weights: {bus: 0}}, kpis: [{input: a}]",
            "/base/weights",
            "add up to 0",
        ),
        (
            f"mode: multiply, {LEAVING}, kpis: [{{input: a}}]",
            "/base",
            "may leave a part over",
        ),
        (
            "mode: multiply, base: {kind: kpi_weighted, mode: add}, kpis: [{input: a}]",
            "/base",
            "unknown key kind 'kpi_weighted'",
        ),
    ],
)
def test_keys_that_cannot_be_are_refused_at_their_place(key, pointer, message):
    (fault,) = faults(f"kind: kpi_weighted, {key}")
    assert fault[0] == pointer
    assert message in fault[1]


@pytest.mark.parametrize(
    ("kpis", "fault"),
    [
        ({"up": {"tram": {"value": 1}}}, ("/kpis/up/tram", "unknown-member")),
        ({"up": {"bus": 5}}, ("/kpis/up/bus", "shape")),
        ({"up": {"bus": {"value": 1, "unit": "s"}}}, ("/kpis/up/bus", "shape")),
        ({"up": {"bus": {"value": 0.5}}}, ("/kpis/up/bus/value", "number")),
        ({"up": {"bus": {"value": 1, "scale": 0}}}, ("/kpis/up/bus/scale", "scale")),
        ({"up": {"bus": {"value": 1, "scale": "1/2"}}}, ("/kpis/up/bus/scale", "integer")),
        ({"up": {"bus": {"value": 1, "scale": 9}, "_": {"value": 1}}}, ("/kpis/up", "scale")),
        ({"up": 5}, ("/kpis/up", "shape")),
    ],
)
def test_readings_that_cannot_be_are_refused_at_their_place(kpis, fault):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(kpis=kpis))
    assert fault in [(one.where, one.code) for one in caught.value.faults]


def test_readings_keep_their_values():
    found = parse_inputs(
        inputs(kpis={"up": {"bus": {"value": "2.5", "scale": 10}, "_": {"value": -3, "scale": 10}}})
    )
    assert found.kpis == {"up": {"bus": Fraction(5, 2), "_": -3}}
