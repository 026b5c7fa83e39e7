"""Runs: RULES.md's worked examples, every step and key, and what must be refused."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest

from ledger.errors import (
    Infeasible,
    InvariantViolated,
    MalformedRules,
    NoWeights,
    UnknownField,
)
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.result import result_document
from ledger.settlement.run import check_conservation, run
from tests.settlement.cases import HEAD, KAGA, by_trips, inputs, kaga_inputs, one_step


def outcome(rules, figures):
    return run(parse_rules(rules), parse_inputs(figures))


def members(rules, **fields):
    return dict(outcome(rules, inputs(**fields)).member_totals)


TRIPS = {"trips": {"bus": 413, "ev": 291, "bike": 137}}


def test_worked_example_a_odd_unit():
    assert members(by_trips(), totals=TRIPS, revenue={"fares": 1000}) == {
        "bus": 491,
        "ev": 346,
        "bike": 163,
    }
    sequential = by_trips(", rounding: {method: sequential}")
    assert members(sequential, totals=TRIPS, revenue={"fares": 1000}) == {
        "bus": 492,
        "ev": 346,
        "bike": 162,
    }


def test_worked_example_a_negative_pool_is_the_mirror_image():
    got = members(by_trips(", limit: 10"), totals=TRIPS, revenue={"fares": -1000})
    assert got == {"bus": -491, "ev": -346, "bike": -163}


def test_worked_example_c_until_the_guarantee():
    steps = outcome(KAGA, kaga_inputs()).steps
    assert [(s.step, s.taken, s.left) for s in steps[:3]] == [
        ("opex", 40000, 960001),
        ("reserve", 48000, 912001),
        ("town", 27360, 884641),
    ]
    assert steps[0].division.rounded.amounts == (30000, 0, 10000)


def test_worked_example_c_whole():
    """RULES.md section 6, every figure of it."""
    text = KAGA.replace("3%}\n", "3%}\n  - {id: floor, kind: guarantee, source: gross,"
                        " claims: {bike: 60000}, short_rule: talmud, recoup: none}\n")  # fmt: skip
    quality = (
        "{kind: kpi_weighted, mode: multiply, base: {kind: proportional, input: trips},"
        " kpis: [{input: uptime, min: 900000, max: 1000000, weight: 1}]}}\n"
        "    bounds: {cap: 45%}\n    overflow: error\n"
    )
    text = text.replace("{kind: equal}}\n", quality).replace("id: heads", "id: quality")
    text = text.replace("agg: sum}\n", "agg: sum}\n  uptime: {kpi: uptime_ppm}\n")
    readings = {"bus": 998000, "ev": 950000, "bike": 900000}
    kpis = {"uptime_ppm": {m: {"value": v, "scale": 1000000} for m, v in readings.items()}}
    document = result_document(outcome(text, {**kaga_inputs(), "kpis": kpis}))
    assert [(row["taken"], row["left"]) for row in document["steps"]] == [
        (40000, 960001),
        (48000, 912001),
        (27360, 884641),
        (60000, 824641),
        (824641, 0),
    ]
    combined = [row for row in document["lines"] if row["step"] == "share" and not row["part"]]
    assert [(row["member"], row["exact"], row["amount_minor"]) for row in combined] == [
        ("bus", "371088", 371088),
        ("ev", "57482380611221/186136365", 308819),
        ("bike", "26940326143624/186136365", 144734),
    ]
    assert combined[0]["weight"] == "98704663142741/231375920"
    assert combined[0]["share"] == "371088/824641"
    totals = document["totals"]
    assert totals["members"] == {"bus": 401088, "ev": 308819, "bike": 214734}
    assert sum(totals["funds"].values()) == 75360
    assert totals["in"] == totals["out"] == 1000001


def test_worked_example_b_an_airport_charge():
    text = one_step(
        "kind: allocate, as: charge, source: cost.runway, key: {kind: airport, input: need}"
    ).replace("source: pot, ", "")
    needs = {"bike": 9000, "ev": 16000, "bus": 30000}
    result = outcome(text, inputs(totals={"need": needs}, costs={"runway": {"bus": 30000}}))
    assert dict(result.member_totals) == {"bus": -20500, "ev": -6500, "bike": -3000}


def test_worked_example_c_document():
    document = result_document(outcome(KAGA, kaga_inputs()))
    assert document["totals"]["in"] == document["totals"]["out"] == 1000001
    assert document["totals"]["funds"] == {"fund.reserve": 48000, "fund.community": 27360}
    assert document["totals"]["carry"] == {}
    assert "owed" not in document["totals"]
    assert document["steps"][-1] == {
        "step": "share",
        "kind": "allocate",
        "source": "gross",
        "available": 884641,
        "taken": 884641,
        "left": 0,
        "notes": [],
    }
    assert document["lines"][3] == {
        "step": "reserve",
        "part": None,
        "member": "fund.reserve",
        "weight": "1",
        "share": "1",
        "exact": "48000",
        "amount_minor": 48000,
    }
    ev = [line for line in document["lines"] if (line["step"], line["member"]) == ("share", "ev")]
    assert [line["part"] for line in ev] == ["use", "capital", "heads", None]
    share = Fraction(7, 10) * Fraction(291, 841) + Fraction(2, 10) * Fraction(3, 10)
    share += Fraction(1, 10) * Fraction(1, 3)
    assert ev[-1]["share"] == str(share)
    assert ev[-1]["exact"] == ev[-1]["weight"] == str(884641 * share)
    assert ev[0]["weight"] == "291"
    assert ev[0]["amount_minor"] is None
    assert sum(Fraction(line["exact"]) for line in ev[:3]) == Fraction(ev[-1]["exact"])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("{kind: equal}", {"bus": 34, "ev": 33, "bike": 33}),
        ("{kind: equal, members: [ev, bike]}", {"bus": 0, "ev": 50, "bike": 50}),
        ("{kind: fixed, weights: {bus: 1, ev: '2.5'}}", {"bus": 29, "ev": 71, "bike": 0}),
        (
            "{kind: fixed, strict: true, weights: {bus: 1/3, ev: 25%, bike: remaining}}",
            {"bus": 33, "ev": 25, "bike": 42},
        ),
        ("{kind: proportional, input: km}", {"bus": 33, "ev": 67, "bike": 0}),
        ("{kind: proportional, input: charge.energy}", {"bus": 0, "ev": 0, "bike": 100}),
        ("{kind: capital, asset: a}", {"bus": 100, "ev": 0, "bike": 0}),
        ("{kind: capital}", {"bus": 60, "ev": 40, "bike": 0}),
        ("{kind: capital, members: [bus]}", {"bus": 100, "ev": 0, "bike": 0}),
    ],
)
def test_keys(key, expected):
    rules = one_step(f"kind: allocate, key: {key}", more="rounding: {tie_break: [declared]}\n")
    got = members(
        rules,
        totals={"km": {"bus": "1/3", "ev": "2/3"}, "charge.energy": {"bike": 7}},
        revenue={"fares": 100},
        funding={"a": {"bus": 3}, "b": {"ev": 2}},
    )
    assert got == expected


def test_members_outside_a_key_get_no_line():
    rules = one_step("kind: allocate, key: {kind: equal, members: [ev, bike]}")
    lines = result_document(outcome(rules, inputs(revenue={"fares": 1})))["lines"]
    assert [line["member"] for line in lines] == ["ev", "bike"]


def test_a_member_in_one_part_only_has_that_part_and_the_combined_line():
    rules = one_step(
        "kind: allocate, parts: [{id: a, weight: 1, key: {kind: equal, members: [ev]}},"
        " {id: b, weight: 1, key: {kind: equal, members: [bus, ev]}}]"
    )
    lines = result_document(outcome(rules, inputs(revenue={"fares": 8})))["lines"]
    assert [(line["member"], line["part"], line["amount_minor"]) for line in lines] == [
        ("bus", "b", None),
        ("bus", None, 2),
        ("ev", "a", None),
        ("ev", "b", None),
        ("ev", None, 6),
    ]


def test_suspense_earns_by_figures_but_not_by_heads():
    listed = ["bus", "ev", "suspense"]
    totals = {"trips": {"bus": 1, "suspense": 3}}
    figures = inputs(members=listed, totals=totals, revenue={"fares": 8})
    assert outcome(by_trips(), figures).member_totals == {"bus": 2, "ev": 0, "suspense": 6}
    equal = one_step("kind: allocate, key: {kind: equal}")
    assert outcome(equal, figures).member_totals == {"bus": 4, "ev": 4, "suspense": 0}
    named = one_step("kind: allocate, key: {kind: equal, members: [ev, suspense]}")
    assert outcome(named, figures).member_totals == {"bus": 0, "ev": 4, "suspense": 4}


def test_pools_take_revenue_charges_and_what_was_left():
    rules = one_step(
        "kind: allocate, limit: 100, key: {kind: equal}",
        pools="pot: {from: [charge.energy, revenue.fares], origin: member},"
        " aid: {from: [revenue.grant, charge.other], origin: public}",
    )
    result = outcome(
        rules,
        inputs(
            totals={"charge.energy": {"bus": 50, "ev": "-7"}, "charge.other": {"ev": 1}},
            revenue={
                "fares": {"amount_minor": 20, "origin": "member"},
                "grant": {"amount_minor": 500, "origin": "public"},
            },
            opening={"pot": 60, "aid": 5},
        ),
    )
    assert result.pools == {"pot": 123, "aid": 505}
    assert result.pools_left == {"pot": 23, "aid": 505}
    assert result.total_in == result.total_out == 628


@pytest.mark.parametrize(
    ("step", "taken"),
    [
        ("rate: 5%", 4),
        ("rate: 1/3", 33),
        ("rate: {percent: 50%, of: opening}", 49),
        ("rate: 50%, of: opening", 49),
        ("amount: 90, limit: {percent: 20%, of: opening}", 19),
        ("amount: 30", 30),
        ("amount: 3000", 99),
        ("amount: 30, limit: 7", 7),
        ("amount: 30, limit: 0.019%", 0),
        ("amount: 30, until_balance: 105", 5),
        ("amount: 30, until_balance: 50", 0),
    ],
)
def test_reserve(step, taken):
    rules = one_step(f"kind: reserve, to: fund.r, {step}")
    result = outcome(rules, inputs(revenue={"fares": 99}, balances={"fund.r": 100}))
    assert result.funds == {"fund.r": taken}


def test_reserves_into_one_fund_see_each_other_and_missing_balances_are_noted():
    rules = (
        HEAD
        + "pools: {pot: {from: [revenue.fares]}}\nsteps:\n"
        + "  - {id: a, kind: reserve, source: pot, to: fund.r, rate: 50%, until_balance: 60}\n" * 1
        + "  - {id: b, kind: reserve, source: pot, to: fund.r, rate: 50%, of: opening,"
        " until_balance: 60}\n"
    )
    result = outcome(rules, inputs(revenue={"fares": 99}))
    assert [step.taken for step in result.steps] == [49, 11]
    assert result.steps[0].notes == ("no balance of fund.r was given; it counts as 0",)
    assert result.funds == {"fund.r": 60}


def test_nothing_is_reserved_or_recovered_from_a_negative_pool():
    costs = {"c": {"bus": 3}}
    for step, borne in (
        ("kind: reserve, to: fund.r, rate: 5%", {}),
        ("kind: recover_cost, costs: [c]", costs),
    ):
        figures = inputs(revenue={"fares": -10}, costs=borne)
        assert outcome(one_step(step), figures).pools_left == {"pot": -10}


COSTS = {"c": {"bus": 30, "ev": 20}, "d": {"ev": 1}}


def recover(extra="", **fields):
    rules = one_step(f"kind: recover_cost, costs: [c, d]{extra}")
    return outcome(rules, inputs(costs=COSTS, **fields))


def test_recover_cost_pays_payers_in_full():
    result = recover(revenue={"fares": 100})
    assert result.member_totals == {"bus": 30, "ev": 21, "bike": 0}
    assert (result.carry, result.owed, result.pools_left) == ({}, {}, {"pot": 49})


def test_recover_cost_pays_in_proportion_when_short_and_carries_the_rest():
    result = recover(", pay: payers, carry_forward: true", revenue={"fares": 17})
    assert result.member_totals == {"bus": 10, "ev": 7, "bike": 0}
    assert (result.carry, result.owed) == ({"s": 34}, {"s": {"bus": 20, "ev": 14}})
    assert result_document(result)["totals"]["owed"] == {"s": {"bus": 20, "ev": 14}}
    assert result.steps[0].notes == ("34 of the costs is carried forward",)


def test_recover_cost_says_what_stays_unpaid_and_what_was_not_reported():
    rules = one_step("kind: recover_cost, costs: [c, x], limit: 5")
    result = outcome(rules, inputs(costs={"c": COSTS["c"]}, revenue={"fares": 17}))
    assert result.steps[0].notes == (
        "no cost was reported as 'x'",
        "45 of the costs stays unpaid and is not carried",
    )
    assert result.carry == {}


def test_carry_is_paid_to_those_to_whom_it_is_owed():
    owed = {"s": {"bike": 9}}
    extra = ", carry_forward: true"
    result = recover(extra, revenue={"fares": 100}, carry={"s": 9}, owed=owed)
    assert result.member_totals == {"bus": 30, "ev": 21, "bike": 9}


def test_carry_without_names_follows_this_periods_costs():
    extra = ", carry_forward: true"
    result = recover(extra, revenue={"fares": 200}, carry={"s": 51})
    assert result.member_totals == {"bus": 60, "ev": 42, "bike": 0}
    rules = one_step("kind: recover_cost, costs: [c], carry_forward: true")
    with pytest.raises(NoWeights, match="step 's': 5 are carried"):
        outcome(rules, inputs(revenue={"fares": 9}, carry={"s": 5}))


def test_carry_without_names_is_owed_whole_whatever_the_rounding():
    rules = one_step(
        "kind: recover_cost, costs: [c], carry_forward: true, "
        "rounding: {half_even_residual_to: fund.x}"
    )
    given = inputs(costs={"c": {"bus": 1, "ev": 1}}, revenue={"fares": 0}, carry={"s": 1})
    result = outcome(rules, given)
    assert (result.carry, result.owed) == ({"s": 3}, {"s": {"bus": 2, "ev": 1}})


def test_recover_cost_by_a_key():
    extra = ", key: {kind: fixed, weights: {bike: 1}}, carry_forward: true"
    result = recover(extra, revenue={"fares": 50}, carry={"s": 4})
    assert (result.member_totals["bike"], result.carry, result.owed) == (50, {"s": 5}, {})


NOBODY = {"trips": {"bus": 0}}


@pytest.mark.parametrize(
    ("policy", "amounts", "left"),
    [("carry", (0, 0, 0), 100), ("equal", (34, 33, 33), 0)],
)
def test_if_no_weight_for_a_single_key(policy, amounts, left):
    rules = one_step(
        f"kind: allocate, key: {{kind: proportional, input: trips}}, if_no_weight: {policy}",
        more="rounding: {tie_break: [declared]}\n",
    )
    result = outcome(rules, inputs(totals=NOBODY, revenue={"fares": 100}))
    assert result.steps[0].division.rounded.amounts == amounts
    assert result.pools_left == {"pot": left}
    assert "every weight of the key is zero" in result.steps[0].notes[0]
    assert result_document(result)["totals"]["in"] == 100


@pytest.mark.parametrize(
    ("policy", "fares", "amounts", "left"),
    [
        ("carry", 101, (0, 0, 68), 33),
        ("carry", -101, (0, 0, -68), -33),
        ("equal", 99, (11, 11, 77), 0),
    ],
)
def test_if_no_weight_for_a_part(policy, fares, amounts, left):
    rules = one_step(
        "kind: allocate, parts: [{id: a, weight: 1, key: {kind: proportional, input: trips}},"
        " {id: b, weight: 2, key: {kind: fixed, weights: {bike: 1}}},"
        f" {{id: z, weight: 0, key: {{kind: capital}}}}], if_no_weight: {policy}"
    )
    result = outcome(rules, inputs(totals=NOBODY, revenue={"fares": fares}))
    assert result.steps[0].division.rounded.amounts == amounts
    assert result.pools_left == {"pot": left}
    assert len(result_document(result)["lines"]) == 12


def test_no_weight_is_an_error_by_default_but_not_for_nothing():
    with pytest.raises(NoWeights, match="step 's': 5 is to be divided, but every weight"):
        outcome(by_trips(), inputs(totals=NOBODY, revenue={"fares": 5}))
    result = outcome(by_trips(), inputs(totals=NOBODY))
    assert [line["share"] for line in result_document(result)["lines"]] == ["0", "0", "0"]
    empty = one_step(
        "kind: allocate, parts: [{id: a, weight: 1, key: {kind: proportional, input: trips}}]"
    )
    assert outcome(empty, inputs()).total_out == 0


def test_equal_among_nobody_is_still_an_error():
    rules = by_trips(", if_no_weight: equal")
    with pytest.raises(NoWeights):
        outcome(rules, inputs(members=["suspense"], revenue={"fares": 5}))


def test_declared_order_is_the_rule_sets_list_then_the_ids():
    rules = by_trips().replace("pools:", "members: [bike]\npools:")
    rules = rules.replace("trips}", "trips}, rounding: {method: sequential}")
    even = {"trips": {"bus": 1, "ev": 1, "bike": 1}}
    got = members(rules, totals=even, revenue={"fares": 2}, members=["ev", "bus", "bike"])
    assert got == {"ev": 0, "bus": 1, "bike": 1}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"revenue": {"fares": 1, "toll": 3}}, "/revenue/toll"),
        ({"opening": {"pit": 3}}, "/opening/pit"),
        ({"carry": {"s": 3}}, "/carry/s"),
        ({"carry": {"x": 3}}, "/carry/x"),
        ({"costs": {"rent": {"bus": 3}}}, "/costs/rent"),
    ],
)
def test_money_without_a_place_is_refused(fields, where):
    with pytest.raises(MalformedRules) as caught:
        outcome(by_trips(), inputs(**fields))
    assert [fault.where for fault in caught.value.faults] == [where]


def test_revenue_of_another_origin_is_refused_not_dropped():
    rules = one_step(
        "kind: reserve, to: fund.r, rate: 1%", pools="pot: {from: [revenue.x], origin: member}"
    )
    with pytest.raises(MalformedRules, match="no pool takes the revenue 'x' of origin public"):
        outcome(rules, inputs(revenue={"x": {"amount_minor": 5, "origin": "public"}}))


def test_owed_by_name_does_not_fit_a_step_that_pays_by_key():
    extra = ", key: {kind: equal}, carry_forward: true"
    with pytest.raises(MalformedRules, match="pays by a key"):
        recover(extra, carry={"s": 3}, owed={"s": {"bus": 3}})


@pytest.mark.parametrize(
    "key", ["{kind: fixed, weights: {tram: 1}}", "{kind: equal, members: [bus, tram]}"]
)
def test_a_rule_that_names_a_stranger_is_refused(key):
    with pytest.raises(UnknownField, match="step 's': the rule names tram"):
        members(one_step(f"kind: allocate, key: {key}"), revenue={"fares": 1})


def test_a_negative_weight_is_refused():
    with pytest.raises(Infeasible, match="the weight of member 'ev' is negative: -2") as caught:
        members(by_trips(), totals={"trips": {"bus": 5, "ev": -2}}, revenue={"fares": 1})
    assert caught.value.details == {"member": "ev", "weight": "-2"}


def test_conservation_is_checked_against_the_result():
    result = outcome(KAGA, kaga_inputs())
    step = result.steps[0]
    rounded = dataclasses.replace(step.division.rounded, amounts=(30001, 0, 10000))
    both_signs = dataclasses.replace(step.division.rounded, amounts=(50000, -10000, 0))
    broken = [
        dataclasses.replace(result, pools_left={"gross": 1}),
        dataclasses.replace(result, funds={}),
        dataclasses.replace(result, steps=result.steps[1:]),
    ]
    for bad in (rounded, both_signs):
        division = dataclasses.replace(step.division, rounded=bad)
        steps = (dataclasses.replace(step, division=division), *result.steps[1:])
        broken.append(dataclasses.replace(result, steps=steps))
    for bad in broken:
        with pytest.raises(InvariantViolated):
            check_conservation(bad)
