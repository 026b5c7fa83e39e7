"""Rounding: the invariants of RULES.md section 12 (1 to 8), on weights as integers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import NoWeights
from ledger.rules.rounding import CutOff, Rounding, divide

TOKENS = ("weight_desc", "weight_asc", "member_asc", "member_desc", "declared")
METHODS = st.sampled_from(["largest_remainder", "sequential"])


@st.composite
def roundings(draw):
    last = draw(st.sampled_from(["member_asc", "member_desc", "declared"]))
    before = draw(st.lists(st.sampled_from(["weight_desc", "weight_asc"]), max_size=1))
    return Rounding(draw(METHODS), (*before, last))


@st.composite
def worlds(draw):
    weights = draw(st.lists(st.integers(0, 60), min_size=1, max_size=8).filter(any))
    members = draw(st.permutations([f"m{i}" for i in range(len(weights))]))
    return draw(st.integers(-500, 500)), tuple(weights), tuple(members), draw(roundings())


@given(worlds())
def test_1_amounts_add_up_and_have_one_sign(world):
    total, *rest = world
    amounts = divide(total, *rest).amounts
    assert sum(amounts) == total
    assert all(amount * total >= 0 for amount in amounts)


@given(worlds())
def test_2_quota(world):
    total, weights, _, rounding = world
    for weight, amount in zip(weights, divide(*world).amounts, strict=True):
        exact = Fraction(abs(total) * weight, sum(weights))
        assert exact.__floor__() <= abs(amount) <= exact.__floor__() + 1
        if rounding.method == "largest_remainder":
            assert abs(amount) <= exact.__ceil__()


@given(worlds(), st.randoms(use_true_random=False))
def test_3_order_of_members_is_irrelevant(world, random):
    total, weights, members, rounding = world
    if rounding.method == "sequential" or "declared" in rounding.tie_break:
        rounding = Rounding()
    rows = list(zip(members, weights, strict=True))
    before = dict(zip(members, divide(total, weights, members, rounding).amounts, strict=True))
    random.shuffle(rows)
    names, moved = zip(*rows, strict=True)
    assert dict(zip(names, divide(total, moved, names, rounding).amounts, strict=True)) == before


@given(worlds(), st.integers(1, 10**9))
def test_4_weights_times_k_change_nothing(world, k):
    total, weights, members, rounding = world
    scaled = tuple(weight * k for weight in weights)
    assert divide(total, scaled, members, rounding).amounts == divide(*world).amounts


@given(worlds())
def test_5_weight_zero_receives_nothing(world):
    amounts = divide(*world).amounts
    assert all(amount == 0 for weight, amount in zip(world[1], amounts, strict=True) if not weight)


@given(worlds())
def test_6_a_negative_total_is_the_mirror_image(world):
    total, *rest = world
    mirrored = tuple(-amount for amount in divide(-total, *rest).amounts)
    assert divide(total, *rest).amounts == mirrored


@given(worlds())
def test_7_equal_weights_differ_by_at_most_one(world):
    found = list(zip(world[1], divide(*world).amounts, strict=True))
    assert all(abs(x - y) <= 1 for w, x in found for v, y in found if w == v)


def test_8_house_monotonicity_does_not_hold():
    """The Alabama paradox: one unit more to divide, and somebody gets less."""
    weights, members = (6, 6, 2), ("a", "b", "c")
    assert divide(10, weights, members, Rounding()).amounts == (4, 4, 2)
    assert divide(11, weights, members, Rounding()).amounts == (5, 5, 1)


@pytest.mark.parametrize(
    ("tie_break", "winner"),
    [
        (("weight_desc", "member_asc"), "b"),
        (("weight_desc", "member_desc"), "c"),
        (("weight_asc", "member_asc"), "a"),
        (("member_asc",), "a"),
        (("member_desc",), "d"),
        (("declared",), "d"),
        (("weight_desc", "declared"), "c"),
    ],
)
def test_ties_follow_the_tokens_in_order(tie_break, winner):
    """Weights 1, 3, 3, 1 of 8 units over 4: every remainder is one half."""
    members = ("a", "b", "c", "d")
    rounded = divide(
        4, (1, 3, 3, 1), members, Rounding("largest_remainder", tie_break), (3, 2, 1, 0)
    )
    assert members[rounded.order[0]] == winner
    assert rounded.cut_off == CutOff(unserved_below=Fraction(1, 3), served_above=Fraction(2, 3))


def test_sequential_skips_zero_weights():
    rounding = Rounding("sequential", ("declared",))
    rounded = divide(5, (0, 1, 1), ("a", "b", "c"), rounding, (0, 2, 1))
    assert (rounded.amounts, rounded.order, rounded.cut_off) == ((0, 2, 3), (2, 1), None)


def test_nothing_can_be_divided_by_no_weights():
    assert divide(0, (0, 0), ("a", "b"), Rounding()).amounts == (0, 0)
    with pytest.raises(NoWeights):
        divide(-1, (0, 0), ("a", "b"), Rounding())
