"""Caps and floors after rounding: every small pool, with all small bounds, under every policy."""

from __future__ import annotations

from itertools import product

import pytest

from ledger.errors import CapsBelowPool, FloorsExceedPool, NoWeights
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys import Weights
from ledger.rules.models import Ceiling
from ledger.rules.rounding import HALF_EVEN, Rounding
from ledger.rules.scope import Scope
from ledger.rules.short import SHORT_RULES
from ledger.rules.steps.base import StepView
from ledger.rules.steps.bounding import BoundsModel, Policy, divide_within
from ledger.rules.steps.claims import divide_claims
from tests.settlement.cases import inputs

MEMBERS = ("bus", "ev", "bike")
SCOPE = Scope(parse_inputs(inputs()), {}, (2, 0, 1))
POLICIES = (
    Rounding(),
    Rounding("sequential"),
    Rounding(HALF_EVEN, residual_to="fund.x"),
    Rounding(HALF_EVEN, residual_to="bus"),
)
BOUNDS = [
    (low, high)
    for low in product((0, 2), (0, 1), (0,))
    for high in product((None, 1, 2), (None, 2), (None, 1))
    if all(most is None or least <= most for least, most in zip(low, high, strict=True))
]


def policy_of(low, high, overflow, rule):
    cap = {m: Ceiling(most) for m, most in zip(MEMBERS, high, strict=True) if most is not None}
    floor = {m: Ceiling(least) for m, least in zip(MEMBERS, low, strict=True) if least}
    if not cap and not floor:
        return Policy(None, None, None)
    return Policy(BoundsModel.model_construct(cap=cap or None, floor=floor or None), overflow, rule)


def view_of(rounding):
    return StepView(scope=SCOPE, available=0, opening=0, rounding=rounding, funds={})


def given_by(total, weights, policy, rounding):
    """What each member gets, what stays over, and what a fund evens out; None: no answer."""
    try:
        found = divide_within(total, Weights(weights), (), policy, view_of(rounding))
    except (CapsBelowPool, FloorsExceedPool, NoWeights):
        return None
    rounded = found.division.rounded
    beside = rounded.residual if rounding.residual_to == "fund.x" else 0
    return rounded.amounts, found.rest, beside, found.division.basis


@pytest.mark.parametrize("rounding", POLICIES, ids=lambda one: f"{one.method}-{one.residual_to}")
def test_9_bounds_and_sums_hold_under_every_policy(rounding):
    found = 0
    for low, high in BOUNDS:
        policy = policy_of(low, high, "carry", "cea")
        for total, weights in product((-3, *range(7)), product(range(3), repeat=3)):
            given = given_by(total, weights, policy, rounding)
            if given is None:
                continue
            amounts, rest, beside, basis = given
            assert abs(sum(amounts) + beside) + rest == abs(total)
            if basis is None:
                continue
            if basis.is_of_floors:
                high_here = [least if least or i else None for i, least in enumerate(low)]
                low_here = (0, 0, 0)
            else:
                low_here, high_here = low, high
            evens_out = rounding.residual_to == "bus" and not low[0] and high[0] is None
            for index, amount in enumerate(amounts):
                if evens_out and index == 0:
                    continue  # the account that is named, and has no bound
                size = -amount if total < 0 else amount
                assert size >= low_here[index], (total, weights, low, high)
                most = high_here[index]
                assert most is None or size <= most, (total, weights, low, high)
                assert weights[index] or size in (0, low[index]) or basis.is_of_floors
            found += 1
    assert found > 2_000


@pytest.mark.parametrize("rule", sorted(SHORT_RULES))
def test_9_nobody_gets_more_than_it_claims_under_any_policy(rule):
    for claims in product(range(4), repeat=3):
        for total, rounding in product(range(sum(claims) + 1), POLICIES):
            amounts = divide_claims(total, claims, rule, view_of(rounding)).rounded.amounts
            assert sum(amounts) == total
            for amount, claim in zip(amounts, claims, strict=True):
                assert 0 <= amount <= claim, (claims, total, rounding)
