"""Formulas of cooperative games on whole numbers: published games, and Shapley's axioms."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Infeasible
from ledger.rules.games.airport import LEVELS_MAX, airport
from ledger.rules.games.scrb import scrb
from ledger.rules.games.table import shapley
from ledger.rules.games.tree import COUNTS_MAX, tree

WORTHS = st.integers(-100, 100)


@st.composite
def games(draw, players=None):
    count = draw(st.integers(1, 4)) if players is None else players
    size = 2**count - 1
    return (0, *draw(st.lists(WORTHS, min_size=size, max_size=size)))


def values(shares):
    return [Fraction(numerator, shares.denominator) for numerator in shares.numerators]


def members(coalition, players):
    return [player for player in range(players) if coalition >> player & 1]


def test_the_glove_game():
    """Two right gloves and one left make one pair: the owner of the left one has 2/3 of it."""
    pair = [int(bool(s & 1) and bool(s & 6)) for s in range(8)]
    assert values(shapley(pair)) == [Fraction(2, 3), Fraction(1, 6), Fraction(1, 6)]


def test_a_weighted_majority():
    """[4; 3, 2, 1, 1]: powers 1/2, 1/6, 1/6, 1/6 (Shapley and Shubik 1954, the index)."""
    weights = (3, 2, 1, 1)
    wins = [int(sum(weights[i] for i in members(s, 4)) >= 4) for s in range(16)]
    assert values(shapley(wins)) == [Fraction(1, 2)] + [Fraction(1, 6)] * 3


def test_the_airport_of_example_b():
    assert values(airport((9000, 16000, 30000))) == [3000, 6500, 20500]


def test_a_tree_without_branches_is_an_airport():
    assert tree((9000, 7000, 14000), (None, 0, 1), (0, 1, 2)) == airport((9000, 16000, 30000))


def test_too_many_different_numbers_of_users_are_refused():
    line = [None, *range(COUNTS_MAX)]
    at = range(COUNTS_MAX)
    assert tree([1] * COUNTS_MAX, line[:-1], at).total == COUNTS_MAX
    with pytest.raises(Infeasible, match="1025 different numbers of players, at most 1024"):
        tree([1] * len(line), line, range(len(line)))


def test_separable_costs_and_remaining_benefits():
    """Savings of 5 and 3 share what is not separable, 4."""
    assert values(scrb((9, 6), (4, 3), 11)) == [Fraction(13, 2), Fraction(9, 2)]


@given(st.lists(st.tuples(WORTHS, WORTHS), min_size=1, max_size=5), WORTHS)
def test_scrb_gives_out_exactly_the_total(costs, total):
    alone, separable = zip(*costs, strict=True)
    found = scrb(alone, separable, total)
    assert found.total == total
    assert found.denominator > 0


def test_equal_needs_share_equally_and_no_need_pays_nothing():
    assert values(airport((5, 0, 5, 10))) == [Fraction(5, 3), 0, Fraction(5, 3), Fraction(20, 3)]
    assert values(airport(())) == []


def test_too_many_different_needs_are_refused():
    assert sum(values(airport(range(LEVELS_MAX)))) == LEVELS_MAX - 1
    with pytest.raises(Infeasible, match="at most 1024 different needs, not 1025"):
        airport(range(LEVELS_MAX + 1))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_10_airport_is_the_shapley_value_of_its_table(needs):
    costs = [
        max((needs[i] for i in members(s, len(needs))), default=0) for s in range(1 << len(needs))
    ]
    assert values(airport(needs)) == values(shapley(costs))


@given(games())
def test_10_shapley_gives_out_exactly_what_all_are_worth(game):
    assert sum(values(shapley(game))) == game[-1]


@settings(max_examples=30)
@given(games())
def test_shapley_is_the_mean_over_all_orders(game):
    players = len(game).bit_length() - 1
    found = [0] * players
    orders = list(permutations(range(players)))
    for order in orders:
        coalition = 0
        for player in order:
            joined = coalition | 1 << player
            found[player] += game[joined] - game[coalition]
            coalition = joined
    assert values(shapley(game)) == [Fraction(total, len(orders)) for total in found]


@given(games(players=3), games(players=3))
def test_10_shapley_of_a_sum_is_the_sum(one, other):
    both = [a + b for a, b in zip(one, other, strict=True)]
    apart = zip(values(shapley(one)), values(shapley(other)), strict=True)
    assert values(shapley(both)) == [a + b for a, b in apart]


@given(games(players=3), WORTHS)
def test_10_who_only_adds_its_own_worth_receives_it(game, alone):
    """A fourth player who adds the same to every coalition is a dummy."""
    wider = [*game, *(worth + alone for worth in game)]
    assert values(shapley(wider)) == [*values(shapley(game)), alone]


@given(games(players=3))
def test_10_players_who_add_the_same_receive_the_same(game):
    """Made symmetric in players 0 and 1: coalitions that differ only in which of them is in."""
    swapped = [game[s & 4 | (s & 1) << 1 | (s & 2) >> 1] for s in range(8)]
    first, second, _ = values(shapley([a + b for a, b in zip(game, swapped, strict=True)]))
    assert first == second


def test_a_game_of_nobody():
    assert values(shapley((0,))) == []
