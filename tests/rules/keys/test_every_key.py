"""What holds for every key (RULES.md section 12: 3, 4, 5), and the names that keys refer to."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.document import names_used, parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import KEY_KINDS
from ledger.rules.names import NamesUsed
from tests.rules.keys.cases import by_member, key_and_scope, weighed
from tests.settlement.cases import inputs, one_step

REPOSITORY = Path(__file__).resolve().parents[3]
MEMBERS = ("a", "b", "組", "ü")
BETAS = "{a: 1/6, b: 1/3, ü: remaining}"
TIERS = "tiers: [{upto: 3, weight: 2}, {upto: '7.5', weight: 1/3}, {weight: 5}]"
KPI = "kind: kpi_weighted, kpis: [{input: up, weight: 2}, {input: down, weight: 1}]"
KEYS = {
    "equal": "kind: equal",
    "fixed": "kind: fixed, weights: {a: 1/7, ü: 2}",
    "proportional": "kind: proportional, input: km",
    "patronage": "kind: patronage, input: km",
    "tiered graduated": f"kind: tiered, input: km, {TIERS}",
    "tiered volume": f"kind: tiered, input: km, mode: volume, {TIERS}",
    "capital": "kind: capital, time_weighted: true",
    "kpi_weighted multiply": f"{KPI}, mode: multiply, base: {{kind: proportional, input: km}}",
    "kpi_weighted add": f"{KPI}, mode: add",
    "energy static": f"kind: energy, mode: static, demand: km, coefficients: {BETAS}",
    "energy hybrid": f"kind: energy, mode: hybrid, demand: km, coefficients: {BETAS}",
    "energy dynamic": "kind: energy, mode: dynamic, demand: km",
    "pro_rata": "kind: pro_rata, matrix: m",
    "user_centric": "kind: user_centric, matrix: m",
    "user_centric carry": "kind: user_centric, matrix: m, idle: carry",
}
# Keys that double when every figure they look at doubles; scores, tiers and β do not.
LINEAR = ("proportional", "patronage", "capital", "pro_rata")
DATA_DRIVEN = [name for name in KEYS if name.split()[0] not in ("equal", "fixed")]


def counts(high=20):
    return st.fixed_dictionaries(dict.fromkeys(MEMBERS, st.integers(0, high)))


@st.composite
def worlds(draw):
    readings = draw(st.lists(counts(), min_size=2, max_size=2))
    km = draw(counts())
    return {
        "members": list(MEMBERS),
        "totals": {"km": km},
        "origins": {"km": {"other": {m: draw(st.integers(0, km[m])) for m in ("a", "b")}}},
        "kpis": {
            name: {member: {"value": value} for member, value in column.items()}
            for name, column in zip(("up", "down"), readings, strict=True)
        },
        "funding": {
            "x": draw(counts()),
            "y": {"b": [{"amount_minor": draw(st.integers(0, 9)), "from": "2026-10-20"}]},
        },
        "matrices": {"m": {f"u{n}": draw(counts(4)) for n in range(3)}},
        "payments": {f"u{n}": draw(st.integers(0, 50)) for n in range(4)},
    }


AMOUNTS = st.integers(-60, 60)


@given(worlds(), AMOUNTS, st.permutations(MEMBERS), st.sampled_from(sorted(KEYS)))
def test_3_the_order_of_members_and_names_is_irrelevant(world, amount, order, name):
    moved = {
        table: dict(reversed(rows.items())) if isinstance(rows, dict) else list(order)
        for table, rows in world.items()
    }
    before = weighed(KEYS[name], world, amount=amount)
    after = weighed(KEYS[name], moved, amount=amount)
    assert by_member(before, world) == by_member(after, moved)
    assert (before.allocated, before.notes) == (after.allocated, after.notes)


def doubled(figures):
    if isinstance(figures, dict):
        return {name: doubled(value) for name, value in figures.items()}
    if isinstance(figures, list):
        return [doubled(value) for value in figures]
    return 2 * figures if isinstance(figures, int) else figures


@given(worlds(), st.sampled_from(LINEAR))
def test_4_figures_times_k_give_weights_times_k(world, name):
    once, twice = weighed(KEYS[name], world), weighed(KEYS[name], doubled(world))
    assert by_member(twice, world) == {m: 2 * w for m, w in by_member(once, world).items()}


@given(worlds(), AMOUNTS, st.sampled_from(DATA_DRIVEN), st.sampled_from(MEMBERS))
def test_5_who_has_no_figures_weighs_nothing(world, amount, name, member):
    def without(rows):
        if isinstance(rows, dict):
            return {
                key: {"value": 0} if key == member and isinstance(value, dict) else without(value)
                for key, value in rows.items()
                if key != member or isinstance(value, dict)
            }
        return rows

    found = weighed(KEYS[name], without(world), amount=amount)
    assert by_member(found, world)[member] == 0


@given(worlds(), AMOUNTS, st.sampled_from(sorted(KEYS)))
def test_weights_are_never_negative_and_a_part_never_exceeds_the_amount(world, amount, name):
    found = weighed(KEYS[name], world, amount=amount)
    assert min(found.numerators) >= 0
    assert found.denominator >= 1
    if found.allocated is not None:
        assert 0 <= found.allocated <= abs(amount)
    if name.startswith("energy"):
        assert found.allocated == Fraction(sum(found.numerators), found.denominator)


def test_every_kind_is_here():
    of_games_and_votes = {"airport", "shapley", "scrb", "quadratic"}  # tested on their own
    here = {key.removeprefix("kind: ").partition(",")[0] for key in KEYS.values()}
    assert here == set(KEY_KINDS) - of_games_and_votes


@pytest.mark.parametrize("name", KEYS)
def test_only_a_key_that_may_leave_a_part_says_so(name):
    key, _ = key_and_scope(KEYS[name], {"members": list(MEMBERS)})
    assert key.partial() == (name.startswith("energy") or name == "user_centric carry")


def test_a_restriction_puts_the_others_outside():
    world = {"members": [*MEMBERS, "suspense"], "matrices": {"m": {}}}
    world["totals"] = {"km": {}}
    world["kpis"] = {name: {"_": {"value": 1}} for name in ("up", "down")}
    for name, key in KEYS.items():
        if "ü" not in key:
            found = weighed(f"{key}, members: [a, b]", world, amount=5)
            assert found.outside == {"組", "ü", "suspense"}, name


def test_the_names_of_all_keys_are_known_to_the_co_op():
    rows = [f"{{id: p{n}, weight: 1, key: {{{key}}}}}" for n, key in enumerate(KEYS.values())]
    more = "inputs: {up: {kpi: uptime}}\n"
    text = one_step(f"kind: allocate, parts: [{', '.join(rows)}]", more=more)
    assert names_used(parse_rules(text)) == NamesUsed(
        metrics=frozenset({"km"}),
        kpis=frozenset({"uptime", "down"}),
        matrices=frozenset({"m"}),
        members=frozenset({"a", "b", "ü"}),
        pools=frozenset({"pot"}),
        revenue=frozenset({"fares"}),
    )


def test_the_figures_of_the_guide_are_inputs():
    page = (REPOSITORY / "docs" / "contribution-keys.md").read_text(encoding="utf-8")
    figures = json.loads(page.partition("```json\n")[2].partition("```")[0])
    read = parse_inputs(inputs(totals={"km": {"bus": 50, "ev": 3}}, **figures))
    assert read.funding["network"].standing == {"bus": 5_000_000, "ev": 200}
