"""``energy``: static, dynamic and hybrid division of what was produced."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Infeasible, UnknownField
from tests.rules.keys.cases import by_member, faults, key_and_scope, sources, weighed, weights


def demands(**values):
    return {"totals": {"wh": values}}


def energy(mode, betas=None):
    given_betas = "" if betas is None else f", coefficients: {betas}"
    return f"kind: energy, mode: {mode}, demand: wh{given_betas}"


THIRDS = "{bus: 30%, ev: 30%, bike: remaining}"


def test_the_example_of_the_czech_regulator():
    """ERÚ's example of a static key of 30, 30 and 40 % (VTM.cz, June 2023): 10 kWh give 3, 3, 4.

    What flats without consumption are allotted goes to the grid, although another needs it.
    """
    busy = weighed(energy("static", THIRDS), demands(bus=9, ev=9, bike=9), amount=10)
    assert (busy.numerators, busy.denominator, busy.allocated) == ((3, 3, 4), 1, 10)
    idle = weighed(energy("static", THIRDS), demands(bus=9), amount=10)
    assert (idle.numerators, idle.allocated) == ((3, 0, 0), 3)


def test_a_hybrid_key_gives_what_one_cannot_use_to_the_others():
    one = weighed(energy("hybrid", THIRDS), demands(bus=9), amount=10)
    assert (one.numerators, one.allocated) == ((9, 0, 0), 9)
    # First round 3, 3, 4: ev uses 1; its 2 go to bus and bike as 3:4, and bike has enough at 5.
    found = weights(energy("hybrid", THIRDS), demands(bus=9, ev=1, bike=5), amount=10)
    assert found == {"bus": 4, "ev": 1, "bike": 5}
    short = weights(energy("hybrid", THIRDS), demands(bus=9, ev=1, bike=8), amount=10)
    assert short == {"bus": Fraction(27, 7), "ev": 1, "bike": Fraction(36, 7)}


def test_a_dynamic_key_follows_demand():
    found = weighed(energy("dynamic"), demands(bus=60, ev=40, bike=20), amount=90)
    assert by_member(found, {}) == {"bus": 45, "ev": 30, "bike": 15}
    assert found.allocated == 90
    ample = weighed(energy("dynamic"), demands(bus=60, ev=40), amount=130)
    assert (ample.numerators, ample.allocated) == ((60, 40, 0), 100)


@pytest.mark.parametrize("mode", ["static", "hybrid"])
def test_coefficients_of_zero_get_nothing(mode):
    key = energy(mode, "{bus: 1, ev: 0}")
    found = weighed(key, demands(bus=4, ev=9), amount=10)
    assert (found.numerators, found.allocated) == ((4, 0, 0), 4)


@pytest.mark.parametrize("mode", ["static", "hybrid", "dynamic"])
def test_no_demand_and_no_production_allocate_nothing(mode):
    key = energy(mode, None if mode == "dynamic" else THIRDS)
    for amount, figures in ((10, demands(bus=0)), (0, demands(bus=5))):
        found = weighed(key, figures, amount=amount)
        assert (sum(found.numerators), found.allocated) == (0, 0)


@pytest.mark.parametrize("mode", ["static", "hybrid", "dynamic"])
def test_a_demand_that_nobody_metered_is_an_error_or_a_stated_0(mode):
    key = energy(mode, None if mode == "dynamic" else THIRDS)
    with pytest.raises(Infeasible, match="nobody metered or reported 'wh'"):
        weighed(key, {}, amount=10)
    named = "inputs: {wh: {metric: wh, default: 0}}\n"
    assert weighed(key, {}, amount=10, named=named).allocated == 0


def test_a_negative_amount_is_divided_like_its_size():
    for amount in (Fraction(7, 2), Fraction(-7, 2)):
        found = weighed(
            energy("static", "{bus: 1/3, ev: 2/3}"), demands(bus=9, ev=2), amount=amount
        )
        assert found.allocated == Fraction(7, 6) + 2


def test_a_coefficient_outside_the_figures_is_not_given_to_others():
    figures = {"members": ["bus", "suspense"], "kpis": {"need": {"bus": {"value": 100}}}}
    key = "kind: energy, mode: static, demand: need, coefficients: {bus: 1/2, suspense: 1/2}"
    found = weighed(key, figures, named="inputs: {need: {kpi: need}}\n", amount=10)
    assert by_member(found, figures) == {"bus": 5}


def test_the_amount_must_be_known():
    with pytest.raises(Infeasible, match="may leave a part over"):
        weights(energy("dynamic"), demands(bus=1))
    key, _ = key_and_scope(energy("dynamic"), {})
    assert key.partial()


def test_sources_are_demand_and_coefficient():
    key = energy("static", THIRDS)
    assert sources(key, demands(bike=8), "bike") == [
        ("inputs:/totals/wh/bike", 8),
        ("rules:/coefficients/bike", Fraction(2, 5)),
    ]
    assert sources(energy("dynamic"), demands(bike=8), "bike") == [("inputs:/totals/wh/bike", 8)]


def test_a_coefficient_of_nobody_is_refused():
    with pytest.raises(UnknownField, match="names tram"):
        weights(energy("static", "{tram: 1}"), {}, amount=1)


SMALL = st.fractions(0, 30, max_denominator=4)


@given(st.lists(st.tuples(SMALL, st.integers(0, 5)), min_size=1, max_size=6), SMALL)
def test_hybrid_equals_rounds_repeated_until_nothing_changes(rows, produced):
    """Round by round, as the rule says it: every round gives the rest by β to the unsatisfied."""
    if not any(beta for _, beta in rows):
        rows[0] = (rows[0][0], 1)
    members = [f"m{index}" for index in range(len(rows))]
    whole = sum(beta for _, beta in rows)
    betas = ", ".join(f"{m}: {beta}/{whole}" for m, (_, beta) in zip(members, rows, strict=True))
    figures = {
        "members": members,
        "totals": {"wh": {m: str(need) for m, (need, _) in zip(members, rows, strict=True)}},
    }
    given_out, rest = [Fraction(0)] * len(rows), produced
    while rest:
        still = [i for i, (need, beta) in enumerate(rows) if beta and given_out[i] < need]
        if not still:
            break
        shares = sum(rows[i][1] for i in still)
        offered = {i: min(rest * rows[i][1] / shares, rows[i][0] - given_out[i]) for i in still}
        for i, part in offered.items():
            given_out[i] += part
        rest -= sum(offered.values())
    found = weighed(energy("hybrid", f"{{{betas}}}"), figures, amount=produced)
    assert list(by_member(found, figures).values()) == given_out
    assert found.allocated == produced - rest


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), st.integers(0, 120))
def test_no_mode_gives_more_than_is_needed_or_was_produced(needs, produced):
    figures = demands(**dict(zip(("bus", "ev", "bike"), needs, strict=True)))
    totals = {}
    for mode in ("static", "hybrid", "dynamic"):
        key = energy(mode, None if mode == "dynamic" else THIRDS)
        found = weighed(key, figures, amount=produced)
        values = by_member(found, {}).values()
        assert all(0 <= a <= d for a, d in zip(values, needs, strict=True))
        assert found.allocated == sum(values)
        totals[mode] = found.allocated
    assert totals["static"] <= totals["hybrid"] == totals["dynamic"] == min(produced, sum(needs))


@pytest.mark.parametrize(
    ("mode", "betas", "pointer", "message"),
    [
        ("static", None, "/coefficients", "'static' needs coefficients"),
        ("hybrid", None, "/coefficients", "'hybrid' needs coefficients"),
        ("dynamic", "{bus: 1}", "/coefficients", "'dynamic' takes no coefficients"),
        ("static", "{bus: 1/2}", "/coefficients", "add up to 1/2, not to 1"),
        ("static", "{bus: 1/2, ev: 3/4, bike: remaining}", "/coefficients", "add up to 5/4"),
        ("static", "{bus: remaining, ev: remaining}", "/coefficients", "only one"),
        ("static", "{bus: 1, ev: -1}", "/coefficients/ev", "negative"),
        ("static", "{}", "/coefficients", "at least one"),
        ("static", "{bus: 1}, members: [ev]", "/coefficients", "outside 'members'"),
        ("greedy", "{bus: 1}", "/mode", "'static', 'dynamic' or 'hybrid'"),
    ],
)
def test_keys_that_cannot_be_are_refused_at_their_place(mode, betas, pointer, message):
    assert [(at, message in text) for at, text in faults(energy(mode, betas))] == [(pointer, True)]
