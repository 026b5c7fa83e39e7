"""Costs that nobody would pay and public money that would be divided unseen are refused."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedRules
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.run import run
from tests.settlement.cases import HEAD, by_trips, inputs, one_step


def outcome(rules, figures):
    return run(parse_rules(rules), parse_inputs(figures))


def test_a_cost_of_nothing_needs_no_place_but_a_limit_is_none():
    assert outcome(by_trips(), inputs(costs={"rent": {"bus": 0}, "x": {}})).total_in == 0
    rules = one_step("kind: reserve, to: fund.r, rate: 1, limit: {of: cost.rent}")
    with pytest.raises(MalformedRules, match="no step of this rule set recovers or charges"):
        outcome(rules, inputs(costs={"rent": {"bus": 3}}, revenue={"fares": 5}))


GRANT = {"grant": {"amount_minor": 5, "origin": "public"}, "fares": 7}
MIXED = "pot: {from: [revenue.fares, revenue.grant]%s}"
AFTER = (
    f"{HEAD}pools: {{pot: {{from: [revenue.fares, revenue.grant]}}, rest: {{from: []%s}}}}\n"
    "steps:\n  - {id: cut, kind: allocate, source: pot, split: {fund.x: 1/2, pool.rest: 1/2}}\n"
    "  - {id: share, kind: allocate, source: rest, key: {kind: equal}}\n"
)


@pytest.mark.parametrize(
    ("rules", "step"),
    [
        (one_step("kind: allocate, key: {kind: equal}", pools=MIXED % ""), "'s'"),
        (one_step("kind: guarantee, claims: {bus: 1}", pools=MIXED % ""), "'s'"),
        (AFTER % "", "'share'"),
        (AFTER % ", origin: member", "'share'"),
    ],
)
def test_public_money_is_not_divided_unless_its_pool_says_so(rules, step):
    with pytest.raises(
        MalformedRules, match=f"'grant' is public money.* the step {step}"
    ) as caught:
        outcome(rules, inputs(revenue=GRANT))
    assert [(one.where, one.code) for one in caught.value.faults] == [
        ("/revenue/grant", "public-money")
    ]
    assert outcome(rules, inputs(revenue={"grant": 5})).total_in == 5


@pytest.mark.parametrize(
    "rules",
    [
        one_step("kind: allocate, key: {kind: equal}",
                 pools="pot: {from: [revenue.grant], origin: public},"
                 " own: {from: [revenue.fares], origin: member}"),
        AFTER % ", origin: public",
        one_step("kind: reserve, to: fund.r, rate: 1", pools=MIXED % ""),
        one_step("kind: recover_cost, costs: [c]", pools=MIXED % ""),
        one_step("kind: allocate, split: {fund.r: 1}", pools=MIXED % ""),
        one_step("kind: citizens_fund, ballots: town, method: greedy, limit: 0",
                 pools=MIXED % ""),
    ],
)  # fmt: skip
def test_public_money_that_says_so_pays_costs_or_fills_funds_is_in_its_place(rules):
    ballots = {"town": {"projects": {"bench": {"cost": 5}}, "votes": []}}
    more = {"ballots": ballots} if "citizens_fund" in rules else {}
    assert outcome(rules, inputs(revenue=GRANT, **more)).total_in == 12
