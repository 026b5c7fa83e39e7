"""Each kind of step by worked examples, and for each that every member verifies its statement."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from ledger.errors import (
    CapsBelowPool,
    FloorsExceedPool,
    Infeasible,
    InvariantViolated,
    UnknownField,
)
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import Weights
from ledger.rules.rounding import Rounding
from ledger.rules.scope import Scope
from ledger.rules.steps.base import Basis, StepView, divide_exactly
from ledger.settlement.document import CutOff, build_settlement
from ledger.settlement.result import result_document
from ledger.settlement.run import check_conservation, run
from ledger.settlement.statement import statement_maker
from ledger.settlement.verify import verify_statement
from tests.settlement.cases import HEAD, SEED, inputs, one_step

FACTS = CutOff("2026-10", 7, bytes(32), bytes(32))
TRIPS = {"trips": {"bus": 413, "ev": 291, "bike": 137}}


def settle(text, figures):
    """The result of a run whose statements all verify."""
    rules, given = parse_rules(text), parse_inputs(figures)
    built = build_settlement(FACTS, rules, given, SEED)
    maker = statement_maker(built, rules, given, SEED)
    for member in given.members:
        verify_statement(maker.statement(member), built.document)
    return built.result


def steps(*written, pools="pot: {from: [revenue.fares]}", more=""):
    """A rule set of several steps in flow style."""
    listed = "".join(f"  - {{{step}}}\n" for step in written)
    return f"{HEAD}{more}pools: {{{pools}}}\nsteps:\n{listed}"


def members(text, **fields):
    return dict(settle(text, inputs(**fields)).member_totals)


# --- guarantee ---------------------------------------------------------------------------------

CLAIMS = "claims: {bike: 60000, ev: 90000, bus: 150000}"


@pytest.mark.parametrize(
    ("rule", "bike", "ev", "bus"),
    [
        ("proportional", 26000, 39000, 65000),
        ("cea", 43334, 43333, 43333),
        ("cel", 3333, 33333, 93334),
        ("talmud", 30000, 45000, 55000),
        ("random_arrival", 26666, 41667, 61667),
    ],
)
def test_worked_example_b_a_short_pool(rule, bike, ev, bus):
    text = one_step(f"kind: guarantee, {CLAIMS}, short_rule: {rule}")
    assert members(text, revenue={"fares": 130000}) == {"bus": bus, "ev": ev, "bike": bike}


@pytest.mark.parametrize("rule", ["priority", "minimal_overlap"])
def test_rules_without_a_level_say_that_only_an_auditor_recomputes_them(rule):
    text = one_step(f"kind: guarantee, {CLAIMS}, short_rule: {rule}")
    rules, given = parse_rules(text), parse_inputs(inputs(revenue={"fares": 130000}))
    built = build_settlement(FACTS, rules, given, SEED)
    statement = statement_maker(built, rules, given, SEED).statement("ev")
    verify_statement(statement, built.document)
    assert any("only an auditor" in limit["en"] for limit in statement["limits"])
    assert sum(built.result.member_totals.values()) == 130000


@pytest.mark.parametrize(("fares", "taken"), [(300001, 300000), (-5, 0), (0, 0), (7, 7)])
def test_a_guarantee_pays_what_is_there_up_to_the_claims(fares, taken):
    text = one_step(f"kind: guarantee, {CLAIMS}, short_rule: talmud")
    result = settle(text, inputs(revenue={"fares": fares}))
    assert result.steps[0].taken == taken
    note = f"{300000 - taken} of what is guaranteed cannot be paid"
    assert result.steps[0].notes == ((note,) if taken < 300000 else ())


def test_a_guarantee_prints_the_claim_as_weight_and_the_exact_amount():
    text = one_step(f"kind: guarantee, {CLAIMS}, short_rule: cel")
    lines = result_document(settle(text, inputs(revenue={"fares": 130000})))["lines"]
    assert [(line["weight"], line["exact"]) for line in lines] == [
        ("150000", "280000/3"),
        ("90000", "100000/3"),
        ("60000", "10000/3"),
    ]
    assert Fraction(lines[0]["share"]) == Fraction(280000, 3) / 130000


def test_a_guarantee_to_a_stranger_is_refused():
    text = one_step("kind: guarantee, claims: {tram: 5}")
    with pytest.raises(UnknownField, match="names tram"):
        members(text, revenue={"fares": 9})


ADVANCE = steps(
    "id: floor, kind: guarantee, source: pot, claims: {bike: 60}, recoup: next_periods",
    "id: share, kind: allocate, source: pot, key: {kind: proportional, input: trips}",
)


def test_an_advance_is_paid_back_out_of_later_periods_lines():
    first = settle(ADVANCE, inputs(totals=TRIPS, revenue={"fares": 1060}))
    assert dict(first.member_totals) == {"bus": 491, "ev": 346, "bike": 223}
    assert first.recoup == {"bike": 60}
    later = ADVANCE.replace("claims: {bike: 60}", "claims: {bike: 0}")
    figures = inputs(totals=TRIPS, revenue={"fares": 100}, recoup={"bike": 60, "ev": 4})
    second = settle(later, figures)
    assert dict(second.member_totals) == {"bus": 49, "ev": 31, "bike": 0}
    assert second.recoup == {"bike": 44}
    assert second.pools_left == {"pot": 20}
    document = result_document(second)
    assert document["totals"]["recoup"] == {"bike": 44}
    assert [line.get("recouped_minor") for line in document["lines"]][-3:] == [None, 4, 16]


def test_what_is_advanced_and_paid_back_in_one_period_stays_apart():
    figures = inputs(totals=TRIPS, revenue={"fares": 1060}, recoup={"bike": 70})
    result = settle(ADVANCE, figures)
    assert dict(result.member_totals) == {"bus": 491, "ev": 346, "bike": 153}
    assert result.recoup == {"bike": 60}


def test_costs_that_are_paid_back_are_no_lines_to_pay_back_from():
    text = one_step("kind: recover_cost, costs: [c]")
    figures = inputs(revenue={"fares": 9}, costs={"c": {"bus": 9}}, recoup={"bus": 5})
    result = settle(text, figures)
    assert (result.member_totals["bus"], result.recoup) == (9, {"bus": 5})


# --- bounds ------------------------------------------------------------------------------------


def by_trips(more):
    return one_step("kind: allocate, key: {kind: proportional, input: trips}, " + more)


@pytest.mark.parametrize(
    ("more", "expected", "left"),
    [
        ("bounds: {cap: 40%}", (400, 400, 200), 0),
        ("bounds: {cap: {bus: 100}}", (100, 612, 288), 0),
        ("bounds: {floor: 30%}", (400, 300, 300), 0),
        ("bounds: {floor: {bike: 500}}", (293, 207, 500), 0),
        ("bounds: {floor: 10%, cap: {bus: 30%, ev: 350}}", (300, 350, 350), 0),
        ("bounds: {cap: 30%}, overflow: carry", (300, 300, 300), 100),
        ("bounds: {cap: 300}, overflow: {to: fund.r}", (300, 300, 300), 0),
        ("bounds: {cap: 30%}, overflow: redistribute", (349, 335, 316), 0),
        ("bounds: {floor: 400}, short_rule: cea", (334, 333, 333), 0),
        ("bounds: {floor: {bus: 900, bike: 300}}, short_rule: proportional", (750, 0, 250), 0),
        ("bounds: {floor: {bus: 900, bike: 300}}, short_rule: random_arrival", (800, 0, 200), 0),
    ],
)
def test_bounds(more, expected, left):
    text = by_trips(more).replace("pools:", "rounding: {tie_break: [declared]}\npools:")
    for fares, sign in ((1000, 1), (-1000, -1)):
        result = settle(text, inputs(totals=TRIPS, revenue={"fares": fares}))
        got = tuple(sign * amount for amount in result.member_totals.values())
        if "random_arrival" not in more:
            assert got == expected
        assert sum(got) == sum(expected)
        assert result.pools_left == {"pot": sign * left}


def test_overflow_is_told_by_name_and_goes_where_it_is_sent():
    figures = inputs(totals=TRIPS, revenue={"fares": 1000})
    carried = settle(by_trips("bounds: {cap: 30%}, overflow: carry"), figures)
    assert (carried.carry, carried.pools_left) == ({"s": 100}, {"pot": 100})
    again = inputs(totals=TRIPS, revenue={"fares": 0}, opening={"pot": 100}, carry={"s": 100})
    assert settle(by_trips("bounds: {cap: 30%}, overflow: carry"), again).total_in == 100
    sent = settle(by_trips("bounds: {cap: 30%}, overflow: {to: fund.r}"), figures)
    assert (sent.funds, sent.pools_left) == ({"fund.r": 100}, {"pot": 0})
    assert sent.steps[0].taken == 1000
    enough = settle(by_trips("bounds: {cap: 90%}, overflow: {to: fund.r}"), figures)
    assert enough.funds == {}


@pytest.mark.parametrize("takes", [30, 100, 130])
def test_what_later_steps_take_of_an_overflow_is_carried_no_longer(takes):
    text = steps(
        "id: a, kind: allocate, source: pot, key: {kind: equal}, bounds: {cap: 30%}, "
        "overflow: carry",
        f"id: b, kind: reserve, source: pot, to: fund.r, amount: {takes}",
    )
    result = settle(text, inputs(revenue={"fares": 1000}))
    left = max(0, 100 - takes)
    assert result.carry == ({"a": left} if left else {})


def test_bounds_that_cannot_be_kept_are_infeasible():
    figures = inputs(totals=TRIPS, revenue={"fares": 1000})
    for more, error in (
        ("bounds: {cap: 30%}", CapsBelowPool),
        ("bounds: {cap: 30%}, overflow: error", CapsBelowPool),
        ("bounds: {floor: 400}", FloorsExceedPool),
        ("bounds: {floor: {bus: 200}, cap: 10%}", Infeasible),
        ("bounds: {floor: {tram: 200}}", UnknownField),
    ):
        with pytest.raises(error, match="step 's'"):
            run(parse_rules(by_trips(more)), parse_inputs(figures))


def test_a_cap_that_only_rounding_puts_below_its_floor_is_raised_to_it():
    text = by_trips("bounds: {floor: {bike: 30%}, cap: {bike: 30%}}")
    assert members(text, totals=TRIPS, revenue={"fares": 5}) == {"bus": 2, "ev": 1, "bike": 2}


def test_a_floor_for_everybody_is_for_heads():
    figures = inputs(
        members=["bus", "ev", "suspense", "old"],
        totals={"trips": {"bus": 9, "suspense": 1}},
        revenue={"fares": 100},
        beside=["old"],
    )
    result = settle(by_trips("bounds: {floor: 20%, cap: 60%}"), figures)
    assert dict(result.member_totals) == {"bus": 60, "ev": 20, "suspense": 20, "old": 0}


def test_bounds_hold_for_the_parts_together():
    text = one_step(
        "kind: allocate, bounds: {cap: 50%}, parts: ["
        "{id: a, weight: 3, key: {kind: fixed, weights: {bus: 1}}},"
        "{id: b, weight: 1, key: {kind: equal}}]"
    )
    lines = result_document(settle(text, inputs(revenue={"fares": 1200})))["lines"]
    combined = [line for line in lines if line["part"] is None]
    assert [line["amount_minor"] for line in combined] == [600, 300, 300]
    assert [line["weight"] for line in combined] == ["1000", "100", "100"]
    assert [line["share"] for line in combined] == ["1/2", "1/4", "1/4"]


def test_an_empty_pool_with_nobody_to_weigh_has_no_floors():
    text = by_trips("bounds: {floor: 5}, if_no_weight: carry")
    assert members(text, revenue={"fares": 9}) == {"bus": 0, "ev": 0, "bike": 0}


# --- split and pools ---------------------------------------------------------------------------

NESTED = steps(
    "id: cut, kind: allocate, source: pot, "
    "split: {pool.rest: remaining, pool.fees: 15%, fund.x: 5%}",
    "id: fees, kind: allocate, source: fees, limit: {percent: 50%, of: opening}, "
    "key: {kind: fixed, weights: {ev: 1}}",
    "id: rest, kind: allocate, source: rest, key: {kind: proportional, input: trips}",
    pools="pot: {from: [revenue.fares]}, fees: {from: []}, rest: {from: []}",
)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_split_feeds_pools_of_its_own(sign):
    result = settle(NESTED, inputs(totals=TRIPS, revenue={"fares": sign * 1001}))
    assert {n: sign * a for n, a in result.steps[0].payees.items()} == {
        "fund.x": 50,
        "pool.fees": 150,
        "pool.rest": 801,
    }
    assert result.funds == {"fund.x": sign * 50}
    assert result.pools_left == {"pot": 0, "fees": 75 if sign > 0 else 0, "rest": 0}
    lines = result_document(result)["lines"]
    assert lines[1] == {
        "step": "cut",
        "part": None,
        "member": "pool.fees",
        "weight": "3/20",
        "share": "3/20",
        "exact": str(Fraction(sign * 3003, 20)),
        "amount_minor": sign * 150,
    }


def test_a_pool_of_wh_is_beside_the_money():
    text = steps(
        "id: e, kind: allocate, source: sun, key: {kind: proportional, input: trips}, limit: 700",
        "id: g, kind: allocate, source: sun, split: {pool.grid: remaining}",
        "id: m, kind: allocate, source: pot, key: {kind: equal}",
        pools="pot: {from: [revenue.fares]}, sun: {from: [total.wh], unit: Wh},"
        " grid: {from: [], unit: Wh}",
    )
    totals = {**TRIPS, "wh": {"bus": 600, "ev": 400}}
    result = settle(text, inputs(totals=totals, revenue={"fares": 30}, recoup={"bus": 3}))
    assert dict(result.member_totals) == {"bus": 7, "ev": 10, "bike": 10}
    assert (result.total_in, result.total_out) == (30, 30)
    document = result_document(result)["totals"]
    assert document["units"] == {"Wh": {"in": 1000, "members": 700, "left": 300, "out": 1000}}
    assert document["pools_left"] == {"pot": 3, "sun": 0, "grid": 300}


# --- charges -----------------------------------------------------------------------------------


def test_members_are_charged_for_a_cost():
    text = steps(
        "id: c, kind: allocate, source: cost.runway, as: charge, limit: 50%, "
        "key: {kind: fixed, weights: {bike: 1, ev: 2, bus: 3}}",
        "id: d, kind: allocate, source: cost.runway, as: charge, tax: taxable_sale, "
        "key: {kind: equal}, bounds: {cap: 4000}, overflow: carry",
    )
    figures = inputs(costs={"runway": {"bus": 30000}}, revenue={"fares": 7})
    result = settle(text, figures)
    assert [step.taken for step in result.steps] == [15000, 12000]
    assert dict(result.member_totals) == {"bus": -11500, "ev": -9000, "bike": -6500}
    document = result_document(result)
    assert document["totals"]["costs"] == {"cost.runway": 27000}
    assert document["totals"]["in"] == document["totals"]["out"] == 7
    assert [(row["as"], row.get("tax")) for row in document["steps"]] == [
        ("charge", None),
        ("charge", "taxable_sale"),
    ]
    line = next(line for line in document["lines"] if line["member"] == "bike")
    assert (line["share"], line["exact"], line["amount_minor"]) == ("1/6", "-2500", -2500)


# --- conditions and keys that allocate a part -----------------------------------------------------


@pytest.mark.parametrize(
    ("readings", "taken", "note"),
    [
        ({"_": {"value": 9}}, 10, None),
        ({"_": {"value": "9.5"}}, 10, None),
        ({"_": {"value": 8}}, 0, "'uptime' is 8, less than 9; the step takes nothing"),
    ],
)
def test_a_step_waits_for_its_condition(readings, taken, note):
    text = one_step(
        "kind: allocate, key: {kind: equal}, bounds: {floor: 2}, when: {kpi: up, at_least: 9}",
        more="inputs: {up: {kpi: uptime}}\n",
    )
    step = settle(text, inputs(revenue={"fares": 10}, kpis={"uptime": readings})).steps[0]
    assert (step.taken, step.left) == (taken, 10 - taken)
    assert step.notes == () if note is None else note in step.notes[-1]


@pytest.mark.parametrize("default", [9, 8, None])
def test_a_goal_without_a_reading_is_its_default_or_an_error(default):
    stated = "" if default is None else f", default: {default}"
    text = one_step(
        "kind: allocate, key: {kind: equal}, when: {kpi: up, at_least: 9}",
        more=f"inputs: {{up: {{kpi: uptime{stated}}}}}\n",
    )
    given = inputs(revenue={"fares": 10}, kpis={"uptime": {"bus": {"value": 10}}})
    if default is None:
        with pytest.raises(Infeasible, match="no reading of 'uptime' for the whole town"):
            settle(text, given)
    else:
        assert settle(text, given).steps[0].taken == (10 if default == 9 else 0)


ENERGY = "key: {kind: energy, mode: dynamic, demand: need}"
NEED = {"need": {"bus": 30, "ev": 10}}


@pytest.mark.parametrize(
    ("overflow", "left", "funds"),
    [("", 60, {}), (", overflow: carry", 60, {}), (", overflow: {to: fund.x}", 0, {"fund.x": 60})],
)
def test_what_a_key_does_not_allocate_stays_or_overflows(overflow, left, funds):
    text = one_step(f"kind: allocate, {ENERGY}{overflow}")
    result = settle(text, inputs(totals=NEED, revenue={"fares": 100}))
    assert dict(result.member_totals) == {"bus": 30, "ev": 10, "bike": 0}
    assert (result.pools_left, result.funds) == ({"pot": left}, funds)
    assert result.carry == ({"s": 60} if "carry" in overflow else {})


def test_a_part_whose_key_leaves_some_over_leaves_it_in_the_source():
    text = one_step(
        f"kind: allocate, parts: [{{id: e, weight: 1, {ENERGY}}},"
        " {id: h, weight: 1, key: {kind: equal}}]"
    )
    result = settle(text, inputs(totals=NEED, revenue={"fares": 101}))
    assert result.pools_left == {"pot": 11}
    assert sum(result.member_totals.values()) == 90
    nobody = settle(text, inputs(totals={"need": {}}, revenue={"fares": 100}))
    assert dict(nobody.member_totals) == {"bus": 17, "ev": 16, "bike": 17}
    assert nobody.pools_left == {"pot": 50}


def test_what_is_left_over_is_an_error_where_the_rules_say_so():
    text = one_step(f"kind: allocate, {ENERGY}, overflow: error")
    with pytest.raises(Infeasible, match="leave 60 of 100 over"):
        settle(text, inputs(totals=NEED, revenue={"fares": 100}))


# --- limits, rounding --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "taken"),
    [
        ("{of: step.a, times: 2}", 20),
        ("{of: step.a}", 10),
        ("{of: pool.aid, times: 1/3}", 16),
        ("{of: cost.c, times: 50%}", 15),
        ("{of: cost.nothing}", 0),
        ("{of: total.trips, times: '0.05'}", 42),
        ("{of: balance.r, times: 1/5}", 8),
        ("{of: balance.nothing}", 0),
    ],
)
def test_a_limit_may_be_a_multiple_of_something_else(limit, taken):
    text = steps(
        "id: a, kind: reserve, source: pot, to: fund.r, amount: 10",
        f"id: b, kind: allocate, source: pot, key: {{kind: equal}}, limit: {limit}",
        "id: c, kind: recover_cost, source: pot, costs: [c], limit: 0",
        pools="pot: {from: [revenue.fares]}, aid: {from: [revenue.aid]}",
    )
    figures = inputs(
        totals=TRIPS,
        revenue={"fares": 1000, "aid": 50},
        costs={"c": {"bus": 30}},
        balances={"fund.r": 30},
    )
    assert settle(text, figures).steps[1].taken == taken


@pytest.mark.parametrize(
    ("to", "fares", "expected", "fund"),
    [
        ("fund.x", 10, (2, 2, 5), 1),
        ("fund.x", 14, (4, 4, 7), -1),
        ("ev", 10, (2, 3, 5), None),
        ("ev", -14, (-4, -3, -7), None),
        ("bike", 8, (2, 2, 4), None),
    ],
)
def test_half_even_rounding_leaves_its_residual_to_one_account(to, fares, expected, fund):
    text = one_step(
        "kind: allocate, key: {kind: fixed, weights: {bus: 1, ev: 1, bike: 2}}",
        more=f"rounding: {{half_even_residual_to: {to}}}\n",
    )
    result = settle(text, inputs(revenue={"fares": fares}))
    assert tuple(result.member_totals.values()) == expected
    assert result.funds == ({} if fund is None else {"fund.x": fund})


def test_a_residual_may_have_the_other_sign():
    text = one_step(
        "kind: allocate, key: {kind: equal, members: [bus, ev]}",
        more="rounding: {half_even_residual_to: bike}\n",
    )
    assert members(text, revenue={"fares": 3}) == {"bus": 2, "ev": 2, "bike": -1}


def test_half_even_rounding_that_names_nobody_is_refused_and_claims_do_without_it():
    more = "rounding: {half_even_residual_to: tram}\n"
    with pytest.raises(UnknownField, match="rounding leaves 0 to 'tram'"):
        members(one_step("kind: allocate, key: {kind: equal}", more=more), revenue={"fares": 3})
    claims = one_step("kind: guarantee, claims: {bus: 1, ev: 1}", more=more)
    assert members(claims, revenue={"fares": 1}) == {"bus": 1, "ev": 0, "bike": 0}


def test_what_cannot_be_is_noticed():
    text = NESTED.replace("fees: {from: []}", "fees: {from: []}, sun: {from: [total.wh], unit: Wh}")
    result = settle(text, inputs(totals={**TRIPS, "wh": {"ev": 5}}, revenue={"fares": 100}))
    cut = result.steps[0]
    mixed = replace(
        cut, payees={**cut.payees, "pool.sun": 1, "pool.rest": cut.payees["pool.rest"] - 1}
    )
    for broken in (
        replace(result, units={"fees": "Wh"}),
        replace(result, steps=(mixed, *result.steps[1:])),
        replace(result, steps=(replace(cut, payees={}), *result.steps[1:])),
    ):
        with pytest.raises(InvariantViolated):
            check_conservation(broken)
    scope = Scope(parse_inputs(inputs()), {}, (0, 1, 2))
    view = StepView(scope, 5, 5, Rounding(), {})
    with pytest.raises(InvariantViolated, match="do not add up to 5"):
        divide_exactly(5, Weights((1, 1, 1)), Basis("cea", (1, 1, 1)), view)


def test_a_unit_that_vanishes_is_noticed():
    text = one_step("kind: allocate, key: {kind: equal}", pools="pot: {from: [total.wh], unit: Wh}")
    result = settle(text, inputs(totals={"wh": {"ev": 6}}))
    step = result.steps[0]
    assert result.unit_totals()["Wh"]["members"] == 6
    lost = replace(step, available=7, left=1)
    with pytest.raises(InvariantViolated):
        check_conservation(replace(result, pools={"pot": 7}, steps=(lost,), pools_left={"pot": 0}))
