"""Short rules: published divisions, and the properties by which the rules are known."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Infeasible, OutOfRange
from ledger.rules.short import SHORT_RULES, ShortRule, divide_short

RULES = st.sampled_from(sorted(SHORT_RULES))
CONSISTENT = st.sampled_from(["proportional", "cea", "cel", "talmud", "priority"])


@st.composite
def problems(draw, count_min=1, count_max=5):
    claims = draw(st.lists(st.integers(0, 40), min_size=count_min, max_size=count_max))
    return draw(st.integers(0, sum(claims))), tuple(claims)


def divided(rule, estate, claims, order=()):
    shares = divide_short(rule, estate, claims, order)
    return [Fraction(numerator, shares.denominator) for numerator in shares.numerators]


def fractions(*texts):
    return [Fraction(text) for text in texts]


@pytest.mark.parametrize(
    ("estate", "expected"),
    [
        (100, fractions("100/3", "100/3", "100/3")),
        (200, fractions(50, 75, 75)),
        (300, fractions(50, 100, 150)),
    ],
)
def test_the_estates_of_the_talmud(estate, expected):
    """Ketubot 93a: a man with three wives dies; in Aumann and Maschler (1985), table I."""
    assert divided("talmud", estate, (100, 200, 300)) == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [((100, 50), fractions(75, 25)), ((100, 100), fractions(50, 50))],
)
@pytest.mark.parametrize("rule", ["talmud", "random_arrival", "minimal_overlap"])
def test_the_contested_garment(rule, claims, expected):
    """Bava Metzia 2a: one says "all of it is mine", the other "half of it": three quarters to one.

    For two claims the three rules agree with it (Aumann and Maschler 1985, section 3).
    """
    assert divided(rule, 100, claims) == expected


def test_the_will_of_ibn_ezra():
    """O'Neill (1982), after Ibn Ezra: 120 left to four sons as all, a half, a third, a quarter."""
    found = divided("minimal_overlap", 120, (120, 60, 40, 30))
    assert found == fractions("485/6", "125/6", "65/6", "15/2")


def test_minimal_overlap_beyond_the_largest_claim():
    """Level 5: up to it the claims 2, 4, 7, 8 lie inside each other, above it side by side."""
    found = divided("minimal_overlap", 10, (2, 4, 7, 8))
    assert found == fractions("1/2", "7/6", "11/3", "14/3")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("proportional", fractions(26000, 39000, 65000)),
        ("cea", fractions("130000/3", "130000/3", "130000/3")),
        ("cel", fractions("10000/3", "100000/3", "280000/3")),
        ("talmud", fractions(30000, 45000, 55000)),
        ("random_arrival", fractions("80000/3", "125000/3", "185000/3")),
        ("priority", fractions(60000, 70000, 0)),
    ],
)
def test_the_shortage_of_example_b(rule, expected):
    """RULES.md section 6B: bike, ev and bus claim 60,000, 90,000 and 150,000 of 130,000."""
    assert divided(rule, 130000, (60000, 90000, 150000)) == expected


def test_priority_follows_the_declared_order():
    assert divided("priority", 10, (4, 5, 6), (2, 0, 1)) == [4, 0, 6]


@given(RULES, problems(count_min=0))
def test_1_awards_add_up_and_lie_between_nothing_and_the_claim(rule, problem):
    estate, claims = problem
    awards = divided(rule, estate, claims)
    assert sum(awards) == estate
    assert all(0 <= award <= claim for award, claim in zip(awards, claims, strict=True))


@given(RULES.filter(lambda rule: rule != "priority"), problems(), st.randoms())
def test_3_order_of_claims_is_irrelevant_but_to_priority(rule, problem, random):
    estate, claims = problem
    rows = list(zip(claims, divided(rule, estate, claims), strict=True))
    random.shuffle(rows)
    assert divided(rule, estate, [claim for claim, _ in rows]) == [award for _, award in rows]


@given(RULES, problems(), st.integers(1, 1000))
def test_4_the_unit_of_money_does_not_matter(rule, problem, k):
    estate, claims = problem
    scaled = divided(rule, estate * k, [claim * k for claim in claims])
    assert scaled == [award * k for award in divided(rule, estate, claims)]


@given(RULES, problems())
def test_5_a_claim_of_nothing_receives_nothing_and_changes_nothing(rule, problem):
    estate, claims = problem
    assert divided(rule, estate, (*claims, 0)) == [*divided(rule, estate, claims), 0]


@given(RULES.filter(lambda rule: rule != "priority"), problems())
def test_7_equal_claims_receive_the_same(rule, problem):
    estate, claims = problem
    found = zip(claims, divided(rule, estate, claims), strict=True)
    assert len(set(found)) == len(set(claims))


@given(problems(), st.sampled_from([("talmud", "talmud"), ("cea", "cel"), ("cel", "cea")]))
def test_11_talmud_is_self_dual_and_equal_awards_and_losses_are_duals(problem, pair):
    """What a rule gives of E, its dual takes away when C − E is missing."""
    estate, claims = problem
    given_awards = divided(pair[0], estate, claims)
    losses = divided(pair[1], sum(claims) - estate, claims)
    assert given_awards == [claim - loss for claim, loss in zip(claims, losses, strict=True)]


@given(CONSISTENT, problems(count_min=2))
def test_11_any_two_divide_what_they_have_together_in_the_same_way(rule, problem):
    """Consistency on pairs; figures are multiplied out, since a pair's estate may be a fraction."""
    estate, claims = problem
    shares = divide_short(rule, estate, claims)
    for j in range(len(claims)):
        for i in range(j):
            together = shares.numerators[i] + shares.numerators[j]
            pair = [claims[k] * shares.denominator for k in (i, j)]
            assert divided(rule, together, pair) == [shares.numerators[k] for k in (i, j)]


@given(problems(count_min=2, count_max=2))
def test_11_talmud_gives_any_two_the_contested_garment(problem):
    """Each concedes what it does not claim; the rest is halved (Aumann and Maschler 1985)."""
    estate, claims = problem
    conceded = [max(0, estate - claim) for claim in reversed(claims)]
    rest = Fraction(estate - sum(conceded), 2)
    assert divided("talmud", estate, claims) == [c + rest for c in conceded]


@settings(max_examples=30)
@given(problems())
def test_random_arrival_is_the_mean_over_all_orders(problem):
    estate, claims = problem
    orders = list(permutations(range(len(claims))))
    rows = [divided("priority", estate, claims, order) for order in orders]
    mean = [sum(column) / len(orders) for column in zip(*rows, strict=True)]
    assert divided("random_arrival", estate, claims) == mean


def test_random_arrival_counts_claims_above_zero_only():
    twenty = divided("random_arrival", 10, [1] * 20 + [0] * 30)
    assert twenty == [Fraction(1, 2)] * 20 + [0] * 30
    with pytest.raises(Infeasible, match="at most 20 claims, there are 21"):
        divide_short("random_arrival", 10, [1] * 21)


def test_the_table_has_every_rule_of_the_language():
    assert set(SHORT_RULES) == set(get_args(ShortRule))


@pytest.mark.parametrize(("estate", "claims"), [(-1, (1,)), (1, (2, -1)), (4, (1, 2)), (1, ())])
def test_what_is_no_short_pool_is_refused(estate, claims):
    with pytest.raises(OutOfRange):
        divide_short("proportional", estate, claims)
