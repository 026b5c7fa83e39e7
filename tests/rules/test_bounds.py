"""Floors and caps: the level is exact, and every share is λ·w or one of its bounds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import CapsBelowPool, FloorsExceedPool, NoWeights, OutOfRange
from ledger.rules.bounds import clamp, most_of

SMALL = st.integers(0, 30)


@st.composite
def worlds(draw):
    """A total that some level gives: between the floors and the most that can be received."""
    count = draw(st.integers(1, 7))
    weights = draw(st.lists(SMALL, min_size=count, max_size=count).filter(any))
    low = draw(st.lists(SMALL, min_size=count, max_size=count))
    room = draw(st.lists(st.none() | SMALL, min_size=count, max_size=count))
    high = [None if r is None else least + r for least, r in zip(low, room, strict=True)]
    most = most_of(weights, low, high)
    most = [least + 60 if m is None else m for least, m in zip(low, most, strict=True)]
    return draw(st.integers(sum(low), sum(most))), weights, low, high


def amounts_of(found):
    return [Fraction(numerator, found.denominator) for numerator in found.numerators]


def clamped(value, least, most):
    raised = max(value, least)
    return raised if most is None else min(raised, most)


@given(worlds())
def test_every_amount_is_the_clamped_level_and_they_add_up(world):
    total, weights, low, high = world
    found = clamp(total, weights, low, high)
    assert found.denominator == found.scale.denominator
    expected = [
        clamped(found.scale * weight, least, most)
        for weight, least, most in zip(weights, low, high, strict=True)
    ]
    assert amounts_of(found) == expected
    assert sum(expected) == total


@given(worlds())
def test_who_is_bound_is_told(world):
    total, weights, low, high = world
    found = clamp(total, weights, low, high)
    levels = [found.scale * weight for weight in weights]
    assert found.at_floor == {i for i, level in enumerate(levels) if level < low[i]}
    assert found.at_cap == {
        i for i, level in enumerate(levels) if high[i] is not None and level > high[i]
    }


@given(worlds(), st.randoms(use_true_random=False))
def test_3_order_of_members_is_irrelevant(world, random):
    total, *columns = world
    rows = list(zip(*columns, strict=True))
    before = sorted(zip(rows, amounts_of(clamp(total, *columns)), strict=True), key=str)
    random.shuffle(rows)
    moved = clamp(total, *zip(*rows, strict=True))
    assert sorted(zip(rows, amounts_of(moved), strict=True), key=str) == before


@given(worlds(), st.integers(1, 10**40))
def test_4_weights_times_k_change_nothing(world, k):
    total, weights, low, high = world
    scaled = clamp(total, [weight * k for weight in weights], low, high)
    before = clamp(total, weights, low, high)
    assert amounts_of(scaled) == amounts_of(before)
    assert scaled.scale * k == before.scale


@given(st.integers(0, 500), st.lists(SMALL, min_size=1, max_size=6).filter(any))
def test_5_without_bounds_shares_are_proportional_and_weight_zero_gets_nothing(total, weights):
    found = clamp(total, weights, [0] * len(weights), [None] * len(weights))
    assert amounts_of(found) == [Fraction(total * w, sum(weights)) for w in weights]
    assert not found.at_floor | found.at_cap


@given(worlds())
def test_9_bounds_hold(world):
    total, weights, low, high = world
    amounts = amounts_of(clamp(total, weights, low, high))
    for amount, least, most in zip(amounts, low, high, strict=True):
        assert amount >= least
        assert most is None or amount <= most


def test_the_rule_set_of_example_c():
    """RULES.md section 6C: the cap of 45 % binds bus, the others share the rest."""
    scores = (Fraction(49, 50) * 413, Fraction(1, 2) * 291)
    quality = [score / sum(scores) for score in scores]
    use, funds = (413, 291, 137), (5, 3, 2)
    exact = [
        Fraction(7, 10) * Fraction(use[i], 841)
        + Fraction(2, 10) * Fraction(funds[i], 10)
        + Fraction(1, 10) * (quality[i] if i < 2 else 0)
        for i in range(3)
    ]
    common = exact[0].denominator * exact[1].denominator * exact[2].denominator
    weights = [int(share * common) for share in exact]
    assert 824641 * exact[0] == Fraction(98704663142741, 231375920)
    found = clamp(824641, weights, (0, 0, 0), (371088, 371088, 371088))
    assert amounts_of(found) == [
        371088,
        Fraction(57482380611221, 186136365),
        Fraction(26940326143624, 186136365),
    ]
    assert (found.at_floor, found.at_cap) == (frozenset(), {0})


def test_a_floor_lifts_somebody_without_weight():
    found = clamp(100, (0, 1, 3), (10, 0, 0), (10, None, None))
    assert amounts_of(found) == [10, Fraction(45, 2), Fraction(135, 2)]
    assert found.at_floor == {0}


def test_floors_that_take_everything_leave_level_zero():
    found = clamp(30, (5, 0), (10, 20), (None, 20))
    assert (amounts_of(found), found.scale, found.at_floor) == ([10, 20], 0, {0, 1})


def test_caps_that_are_all_needed_are_all_reached():
    found = clamp(30, (1, 1), (0, 0), (10, 20))
    assert (amounts_of(found), found.scale, found.at_cap) == ([10, 20], 20, {0})


def test_levels_closer_than_any_float_are_told_apart():
    big = 10**30
    found = clamp(3, (big, big + 1), (0, 0), (1, 2))
    assert amounts_of(found) == [1, 2]
    found = clamp(2 * big, (big, big + 1), (big, 0), (None, big + 1))
    assert sum(amounts_of(found)) == 2 * big
    assert found.at_floor == {0}


def test_nothing_among_nobody():
    assert clamp(0, (), (), ()).numerators == ()
    assert clamp(0, (0, 0), (0, 0), (None, 5)).numerators == (0, 0)


def test_floors_beyond_the_pool_are_refused_with_the_figures():
    with pytest.raises(FloorsExceedPool, match="the floors add up to 7, but only 6") as caught:
        clamp(6, (1, 1), (3, 4), (None, None))
    assert caught.value.details == {"floors": 7, "total": 6}


def test_caps_below_the_pool_are_refused_with_the_figures():
    with pytest.raises(CapsBelowPool, match="at most 9 can be given") as caught:
        clamp(10, (1, 0, 1), (0, 2, 0), (3, 90, 4))
    assert caught.value.details == {"caps": 9, "total": 10}
    assert most_of((1, 0, 1), (0, 2, 0), (3, 90, None)) == (3, 2, None)


def test_money_above_the_floors_needs_a_weight():
    assert amounts_of(clamp(5, (0, 0), (2, 3), (None, None))) == [2, 3]
    with pytest.raises(NoWeights, match="1 is left above the floors"):
        clamp(6, (0, 0), (2, 3), (None, None))


@pytest.mark.parametrize(
    "arguments",
    [(1, (-1,), (0,), (None,)), (1, (1,), (-1,), (None,)), (1, (1,), (3,), (2,)), (-1, (), (), ())],
)
def test_senseless_figures_are_refused(arguments):
    with pytest.raises(OutOfRange):
        clamp(*arguments)
