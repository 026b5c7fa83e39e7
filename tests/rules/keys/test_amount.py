"""What a key is told about the money, and what it may say about it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ledger.errors import Infeasible
from ledger.rules.inputs import parse_inputs
from ledger.rules.keys.base import Weights, amount_of
from ledger.rules.scope import Scope
from tests.settlement.cases import inputs


def test_a_key_allocates_everything_unless_it_says_otherwise():
    assert (Weights((1, 2)).allocated, Weights((1, 2)).notes) == (None, ())


def test_the_amount_is_a_size_and_must_be_known_where_a_part_may_be_left():
    scope = Scope(parse_inputs(inputs()), {}, ())
    assert amount_of(scope.dividing(Fraction(-7, 2)), "energy") == Fraction(7, 2)
    assert amount_of(scope.dividing(0), "energy") == 0
    with pytest.raises(Infeasible, match="'energy' may leave a part over"):
        amount_of(scope, "energy")
