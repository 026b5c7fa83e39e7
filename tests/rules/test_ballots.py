"""Participatory budgeting: published elections, and the definitions spelt out."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Infeasible
from ledger.rules.ballots.candidates import Candidate, candidates_of
from ledger.rules.ballots.equal_shares import equal_shares
from ledger.rules.ballots.greedy import greedy
from ledger.rules.ballots.quadratic import PAIRS_MAX, ideal_match, ideal_matches, match
from ledger.rules.inputs import Ballots


def election(costs, *votes):
    """Candidates, and voters by the set that they approve, each vote a text of ids."""
    approvals = Counter(tuple(sorted(vote.split())) for vote in votes)
    ballots = Ballots(dict(sorted(costs.items())), approvals, {})
    return candidates_of("town", ballots), approvals


def funded_greedily(budget, costs, *votes):
    candidates, _ = election(costs, *votes)
    return [candidate.id for candidate in greedy(budget, candidates)]


def funded_equally(budget, costs, *votes, utility="cost"):
    candidates, approvals = election(costs, *votes)
    return [found.id for found in equal_shares(budget, candidates, approvals, utility)]


# --- the town of equalshares.net ---------------------------------------------------------------

TOWN = {"bike": 700, "gym": 400, "park": 250, "playground": 200, "library": 100}
SPORTS = ["bike gym", "bike gym park", "bike gym", "bike gym park", "bike gym park", "bike gym"]
KIDS = ["park playground library", "playground", "playground library", "park playground library"]


def test_most_approved_first_spends_all_on_sports():
    """equalshares.net, "Explanation", example 1: bike path and gym take everything."""
    assert funded_greedily(1100, TOWN, *SPORTS, *KIDS, "bike") == ["bike", "gym"]


def test_equal_shares_example_1():
    """equalshares.net, "Explanation", example 1: bike path, playground, library."""
    found = funded_equally(1100, TOWN, *SPORTS, *KIDS, "bike")
    assert found == ["bike", "playground", "library"]


def test_equal_shares_example_2():
    """Example 2: the last voter approves the gym; park (4.1 effective votes), then playground."""
    found = funded_equally(1100, TOWN, *SPORTS, *KIDS, "gym")
    assert found == ["gym", "park", "playground"]


def test_the_running_example_of_lackner_and_skowron():
    """Multi-Winner Voting with Approval Preferences (2023): 12 voters, four seats; a is elected.

    Everybody else is approved by too few who still have 1/3 each; completion is another step.
    """
    votes = ["a b"] * 3 + ["a c"] * 3 + ["a d"] * 2 + ["b c f", "e", "f", "g"]
    costs = dict.fromkeys("abcdefg", 1)
    assert funded_equally(4, costs, *votes) == ["a"]
    assert funded_equally(4, costs, *votes, utility="cardinality") == ["a"]


def test_utilities_of_cost_and_of_cardinality_differ():
    """pabutools, approval example 2, costs in hundredths: which of them depends on the utility."""
    costs = {"p0": 100, "p1": 90, "p2": 200, "p3": 109}
    votes = ["p0", "p1 p2 p3", "p1 p2 p3", "p2"]
    assert sorted(funded_equally(400, costs, *votes)) == ["p0", "p2"]
    by_number = funded_equally(400, costs, *votes, utility="cardinality")
    assert sorted(by_number) == ["p0", "p1", "p3"]


def test_ties_go_by_approvals_then_cost_then_id():
    """Purses of 10; every project has ρ = 1/2 and two voters; a is cheaper, c and d are alike."""
    candidates = [Candidate("d", 9, 2), Candidate("c", 9, 2), Candidate("a", 8, 2)]
    assert [one.id for one in sorted(candidates, key=lambda one: one.rank)] == ["a", "c", "d"]
    assert funded_equally(40, {"d": 8, "c": 8, "a": 4}, "a", "a", "c d", "c d") == ["a", "c", "d"]
    assert funded_greedily(20, {"d": 8, "c": 8, "a": 4}, "a", "a", "c d", "c d") == ["a", "c", "d"]


def test_a_smaller_project_still_fits():
    assert funded_greedily(10, {"big": 11, "mid": 7, "low": 4, "tiny": 3}, "big mid low tiny") == [
        "tiny",
        "low",
    ]


def test_nobody_votes_and_nobody_approves():
    assert funded_equally(10, {"a": 1}) == []
    assert funded_equally(10, {"a": 1}, "") == []
    assert funded_greedily(10, {"a": 1}, "") == []
    assert funded_equally(0, {"a": 1}, "a") == []


def test_an_approved_project_needs_a_cost():
    ballots = Ballots({"a": None, "b": 5}, {("b",): 1}, {})
    assert candidates_of("town", ballots) == [Candidate("b", 5, 1)]
    with pytest.raises(Infeasible, match="project 'a' of the ballots 'town' has no cost"):
        candidates_of("town", Ballots({"a": None}, {("a",): 1}, {}))


# --- the definition, spelt out -----------------------------------------------------------------


@st.composite
def elections(draw):
    names = "abcde"[: draw(st.integers(1, 5))]
    costs = {name: draw(st.integers(1, 30)) for name in names}
    vote = st.sets(st.sampled_from(names)).map(lambda found: " ".join(sorted(found)))
    votes = draw(st.lists(vote, min_size=1, max_size=6))
    return draw(st.integers(0, 60)), costs, votes


def slowly(budget, costs, votes, utility):
    """The method voter by voter, every ρ computed anew, purses as fractions."""
    purses = [Fraction(budget, len(votes)) for _ in votes]
    backers = {p: [i for i, vote in enumerate(votes) if p in vote.split()] for p in costs}
    funded = []
    while True:
        offers = []
        for project in costs.keys() - set(funded):
            worth = costs[project] if utility == "cost" else 1
            if sum(purses[i] for i in backers[project]) < costs[project]:
                continue
            rho = lowest_price(costs[project], [purses[i] for i in backers[project]], worth)
            offers.append((rho, -len(backers[project]), costs[project], project, worth))
        if not offers:
            return funded, sum(purses)
        rho, _, _, project, worth = min(offers)
        for i in backers[project]:
            purses[i] -= min(purses[i], rho * worth)
        funded.append(project)


def lowest_price(cost, purses, worth):
    """The smallest ρ with Σ min(purse, ρ·worth) ≥ cost: tried at every number of full purses."""
    ordered = sorted(purses)
    for spent in range(len(ordered)):
        level = (cost - sum(ordered[:spent])) / Fraction(len(ordered) - spent)
        if level <= ordered[spent]:
            return level / worth
    raise AssertionError


@pytest.mark.parametrize("utility", ["cost", "cardinality"])
@given(case=elections())
def test_equal_shares_is_what_its_definition_says(utility, case):
    budget, costs, votes = case
    funded, left = slowly(budget, costs, votes, utility)
    assert funded_equally(budget, costs, *votes, utility=utility) == funded
    assert sum(costs[project] for project in funded) + left == budget


@given(elections())
def test_9_neither_method_spends_more_than_there_is(case):
    budget, costs, votes = case
    for found in (funded_greedily(budget, costs, *votes), funded_equally(budget, costs, *votes)):
        assert len(found) == len(set(found))
        assert sum(costs[project] for project in found) <= budget


@given(elections(), st.randoms(use_true_random=False))
def test_3_order_of_voters_and_projects_is_irrelevant(case, random):
    budget, costs, votes = case
    before = funded_equally(budget, costs, *votes), funded_greedily(budget, costs, *votes)
    names = list(costs)
    random.shuffle(names)
    random.shuffle(votes)
    moved = {name: costs[name] for name in names}
    assert (funded_equally(budget, moved, *votes), funded_greedily(budget, moved, *votes)) == before


@given(elections(), st.integers(2, 50))
def test_4_the_unit_of_money_does_not_matter(case, k):
    budget, costs, votes = case
    scaled = {project: cost * k for project, cost in costs.items()}
    assert funded_equally(budget * k, scaled, *votes) == funded_equally(budget, costs, *votes)


# --- quadratic funding -------------------------------------------------------------------------

CONTRIBUTIONS = st.lists(st.integers(1, 500), max_size=8)


@pytest.mark.parametrize(
    ("given_amounts", "expected"),
    [
        ((), 0),
        ((1000,), 0),
        ((100,) * 10, 9000),
        ((200,) * 5, 4000),
        ((500, 500), 1000),
        ((9, 4, 1), 22),
        ((1, 4, 9, 16), 70),
    ],
)
def test_the_same_sum_from_more_people_draws_more(given_amounts, expected):
    """1,000 from one, two, five or ten citizens (Buterin, Hitzig and Weyl 2019: (Σ√c)² − Σc).

    Alice gives 9, Bob 4, Carol 1: (3 + 2 + 1)² = 36, of which 22 are matched (MUQA, "Quadratic
    funding explained").
    """
    assert ideal_match(given_amounts) == expected


def test_a_root_is_rounded_down_to_nine_decimals():
    """2·√2 = 2.828427124 74… from contributions 1 and 2."""
    assert ideal_match((1, 2)) == Fraction(2828427124, 10**9)


@given(CONTRIBUTIONS)
def test_the_match_is_the_square_of_the_roots_less_the_sum(amounts):
    exact = sum(map(sqrt, amounts)) ** 2 - sum(amounts)
    assert abs(float(ideal_match(tuple(amounts))) - exact) < 1e-5


@given(CONTRIBUTIONS, st.randoms(use_true_random=False))
def test_3_order_of_contributions_is_irrelevant(amounts, random):
    before = ideal_match(tuple(amounts))
    random.shuffle(amounts)
    assert ideal_match(tuple(amounts)) == before


@st.composite
def rounds(draw):
    count = draw(st.integers(1, 5))
    ideal = [Fraction(draw(st.integers(0, 200)), draw(st.integers(1, 3))) for _ in range(count)]
    caps = draw(st.lists(st.none() | st.integers(1, 80), min_size=count, max_size=count))
    return draw(st.integers(0, 500)), ideal, caps, draw(st.booleans())


def matched(pool, ideal, caps=None, *, scale_up=False):
    shares = match(pool, ideal, caps or [None] * len(ideal), scale_up=scale_up)
    return [Fraction(numerator, shares.denominator) for numerator in shares.numerators]


@given(rounds())
def test_9_a_pool_and_all_caps_hold(case):
    pool, ideal, caps, scale_up = case
    found = matched(pool, ideal, caps, scale_up=scale_up)
    assert sum(found) <= pool
    for amount, wanted, cap in zip(found, ideal, caps, strict=True):
        assert amount >= 0
        assert cap is None or amount <= cap
        assert scale_up or amount <= wanted
        assert wanted or not amount


@given(rounds())
def test_a_pool_is_used_up_unless_everybody_has_all_it_may_have(case):
    pool, ideal, caps, scale_up = case
    found = matched(pool, ideal, caps, scale_up=scale_up)
    for amount, wanted, cap in zip(found, ideal, caps, strict=True):
        limits = [cap] if scale_up else [cap, wanted]
        full = min((limit for limit in limits if limit is not None), default=None)
        if wanted and sum(found) < pool:
            assert amount == full


@given(st.integers(0, 500), st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_a_short_pool_is_in_proportion_to_the_ideal_matches(pool, ideal):
    wanted = [Fraction(value) for value in ideal]
    total = sum(wanted)
    expected = [pool * value / total for value in wanted] if pool < total else wanted
    assert matched(pool, wanted) == expected
    assert matched(pool, wanted, scale_up=True) == [pool * value / total for value in wanted]


def test_what_a_cap_frees_goes_to_the_others():
    ideal = [Fraction(100), Fraction(50), Fraction(50)]
    assert matched(100, ideal, [20, None, None]) == [20, 40, 40]
    assert matched(200, ideal, [20, None, None]) == [20, 50, 50]
    assert matched(200, ideal, [20, None, None], scale_up=True) == [20, 90, 90]
    assert matched(200, ideal, [20, 30, 40], scale_up=True) == [20, 30, 40]
    assert matched(200, [Fraction(0)], [None], scale_up=True) == [0]
    assert matched(200, []) == []


def test_too_many_different_contributions_are_refused():
    many = range(1, 2 + int((2 * PAIRS_MAX) ** 0.5) + 1)
    with pytest.raises(Infeasible, match="at most 4000000 are matched"):
        ideal_matches({"lamp": tuple(many)})
    assert ideal_matches({"lamp": (5,) * 5000, "bench": ()}) == {
        "lamp": 5 * 5000 * 4999,
        "bench": 0,
    }
