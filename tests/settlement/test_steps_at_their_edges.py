"""Steps where rounding meets bounds, charges and advances, and where figures are missing."""

from __future__ import annotations

import pytest

from ledger.errors import Infeasible
from tests.settlement.cases import inputs, one_step
from tests.settlement.test_steps import members, settle

TO_BUS = "rounding: {half_even_residual_to: bus}"
IN_TURN = "rounding: {method: sequential}"


@pytest.mark.parametrize(
    ("fares", "bounds", "rounding", "expected"),
    [
        (5, "{cap: {bus: 20%}}", IN_TURN, (1, 2, 2)),
        (6, "{cap: {bus: 1}}", IN_TURN, (1, 3, 2)),
        (7, "{cap: {bus: 2}}", TO_BUS, (2, 2, 3)),
        (7, "{cap: {bike: 2}}", TO_BUS, (3, 2, 2)),
        (9, "{floor: {bus: 2}}", TO_BUS, (2, 3, 4)),
        (9, "{floor: {bike: 6}}", TO_BUS, (1, 2, 6)),
    ],
)
def test_9_no_rounding_breaks_a_bound(fares, bounds, rounding, expected):
    key = "key: {kind: fixed, weights: {bus: 1, ev: 1, bike: 1}}"
    if "floor" in bounds:
        key = "key: {kind: fixed, weights: {bus: 1, ev: 3, bike: 4}}"
    text = one_step(f"kind: allocate, {key}, bounds: {bounds}, {rounding}")
    assert tuple(members(text, revenue={"fares": fares}).values()) == expected


def test_units_in_turn_give_nobody_more_than_it_claims():
    """cea of 4 among 1, 3 and 3: exactly 1, 3/2 and 3/2."""
    rule = f"claims: {{bus: 1, ev: 3, bike: 3}}, short_rule: cea, {IN_TURN}"
    text = one_step(f"kind: guarantee, {rule}")
    assert members(text, revenue={"fares": 4}) == {"bus": 1, "ev": 2, "bike": 1}


def test_nothing_is_kept_back_of_what_evens_out_a_charge():
    """3 charged to two: 2 each to the even unit, so that 1 comes back to whom the rules name."""
    text = one_step(
        "kind: allocate, key: {kind: equal, members: [ev, bike]}, as: charge, "
        "rounding: {half_even_residual_to: bus}"
    ).replace("source: pot", "source: cost.wires")
    given = inputs(costs={"wires": {"ev": 3}}, recoup={"bus": 5})
    result = settle(text, given)
    assert result.member_totals == {"bus": 1, "ev": -2, "bike": -2}
    assert result.recoup == {"bus": 5}


def test_a_fund_may_be_called_like_a_pool_of_another_unit():
    pools = "pot: {from: [revenue.fares]}, sun: {from: [total.wh], unit: Wh}"
    text = one_step("kind: reserve, to: fund.sun, rate: 10%", pools=pools)
    given = inputs(revenue={"fares": 70}, totals={"wh": {"bus": 2}})
    assert settle(text, given).funds == {"fund.sun": 7}


def test_what_nobody_metered_is_not_taken_for_0_unless_the_rules_say_so():
    limited = one_step("kind: allocate, key: {kind: equal}, limit: {of: total.km}")
    sun = "pot: {from: [revenue.fares]}, sun: {from: [total.wh], unit: Wh}"
    pool = one_step("kind: allocate, key: {kind: equal}", pools=sun)
    for text, name in ((limited, "km"), (pool, "wh")):
        with pytest.raises(Infeasible, match=f"nobody metered (or reported )?'{name}'"):
            members(text, revenue={"fares": 3})
    stated = limited.replace("pools:", "inputs: {km: {metric: km, default: 0}}\npools:")
    assert sum(members(stated, revenue={"fares": 3}).values()) == 0
    asked = pool.replace("unit: Wh", "unit: Wh, if_missing: zero")
    assert sum(members(asked, revenue={"fares": 3}).values()) == 3
