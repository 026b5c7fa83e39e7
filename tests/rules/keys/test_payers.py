"""``pro_rata`` and ``user_centric``: what payers used, and what they paid."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Infeasible, MalformedRules
from ledger.rules.inputs import parse_inputs
from ledger.rules.inputs.payers import CELLS_MAX, PAYERS_MAX
from ledger.rules.keys.user_centric import DENOMINATOR_BITS_MAX
from tests.rules.keys.cases import (
    by_member,
    faults,
    key_and_scope,
    sources,
    weighed,
    weights,
)
from tests.settlement.cases import inputs

PRO_RATA = "kind: pro_rata, matrix: plays"
CENTRIC = "kind: user_centric, matrix: plays"
CARRY = f"{CENTRIC}, idle: carry"
PLAYS = {
    "matrices": {"plays": {"u1": {"bus": 90, "ev": 10}, "u2": {"bike": 1}, "u3": {"ev": 0}}},
    "payments": {"u1": 1000, "u2": 1000, "u3": 500},
}


def test_every_use_weighs_the_same_pro_rata():
    assert weights(PRO_RATA, PLAYS) == {"bus": 90, "ev": 10, "bike": 1}
    assert sources(PRO_RATA, PLAYS, "ev") == [("inputs:/matrices/plays", 10)]


def test_a_customers_fee_goes_to_those_it_used():
    """The payout models that Ampled's documentation compares (docs.ampled.com, “Payout models”).

    A customer who listens to one artist 10 % of the time and to another 90 % splits the fee so;
    a heavy user does not take a light user's fee along, as it does pro rata.
    """
    figures = {**PLAYS, "payments": {"u1": 1000, "u2": 1000}}
    found = weighed(CENTRIC, figures)
    assert by_member(found, figures) == {"bus": 900, "ev": 100, "bike": 1000}
    assert (found.allocated, found.notes) == (None, ())


def test_idle_payments_are_divided_by_all_uses():
    found = weighed(CENTRIC, PLAYS)
    expected = {
        "bus": 900 + Fraction(500 * 90, 101),
        "ev": 100 + Fraction(500 * 10, 101),
        "bike": 1000 + Fraction(500, 101),
    }
    assert by_member(found, PLAYS) == expected
    assert found.notes == ("500 minor units, paid by payers without use, are divided by all uses",)


def test_idle_payments_are_carried():
    found = weighed(CARRY, PLAYS, amount=5000)
    assert by_member(found, PLAYS) == {"bus": 900, "ev": 100, "bike": 1000}
    assert found.allocated == 4000
    assert found.notes == ("500 minor units, paid by payers without use, are not allocated",)
    everybody = {**PLAYS, "payments": {"u1": 7}}
    assert weighed(CARRY, everybody, amount=5000).allocated is None


def test_carry_needs_a_step_that_can_leave_a_part():
    with pytest.raises(Infeasible, match="'user_centric' may leave a part over"):
        weights(CARRY, PLAYS)
    assert key_and_scope(CARRY, PLAYS)[0].partial()
    assert not key_and_scope(CENTRIC, PLAYS)[0].partial()


def test_only_idle_payers_leave_no_weights_or_nothing_allocated():
    idle = {"matrices": {"plays": {}}, "payments": {"u1": 10}}
    assert weighed(CENTRIC, idle).numerators == (0, 0, 0)
    found = weighed(CARRY, idle, amount=70)
    assert (found.numerators, found.allocated) == ((0, 0, 0), 0)
    nobody_paid = {"matrices": PLAYS["matrices"]}
    found = weighed(CARRY, nobody_paid, amount=70)
    assert (found.numerators, found.allocated) == ((0, 0, 0), None)
    assert found.notes == ("payers with uses who paid nothing: 2",)


def test_uses_of_those_left_out_do_not_count():
    restricted = f"{CENTRIC}, members: [ev, bike]"
    found = weights(restricted, {**PLAYS, "payments": {"u1": 1000, "u2": 50}})
    assert found == {"ev": 1000, "bike": 50}
    only_bus = {"matrices": {"plays": {"u1": {"bus": 3}}}, "payments": {"u1": 8}}
    assert weighed(restricted, only_bus).numerators == (0, 0, 0)
    assert weights(f"{PRO_RATA}, members: [ev]", PLAYS) == {"ev": 10}


def test_a_matrix_that_is_not_there_is_an_error():
    for key in (PRO_RATA, CENTRIC):
        with pytest.raises(Infeasible, match="no matrix 'plays'"):
            weights(key, {})


ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.integers(0, 6), min_size=3, max_size=3)), max_size=6
)


@given(ROWS)
def test_the_formula(rows):
    members = ("bus", "ev", "bike")
    figures = {
        "matrices": {
            "plays": {
                f"u{i}": dict(zip(members, row, strict=True)) for i, (_, row) in enumerate(rows)
            }
        },
        "payments": {f"u{i}": pay for i, (pay, _) in enumerate(rows)},
    }
    expected = [
        sum(Fraction(pay * row[i], sum(row)) for pay, row in rows if sum(row)) for i in range(3)
    ]
    found = weighed(CARRY, figures, amount=120)
    assert list(by_member(found, figures).values()) == expected
    idle = sum(pay for pay, row in rows if not sum(row))
    if idle:
        assert found.allocated == Fraction(120 * sum(expected), sum(expected) + idle)
    pooled = weighed(CENTRIC, figures)
    uses = [sum(row[i] for _, row in rows) for i in range(3)]
    if sum(uses):
        parts = [Fraction(idle * use, sum(uses)) for use in uses]
        assert list(by_member(pooled, figures).values()) == [
            a + b for a, b in zip(expected, parts, strict=True)
        ]


def rows_with_totals(totals):
    return {
        "matrices": {"plays": {f"u{n}": {"bus": 1, "ev": n - 1} for n in totals}},
        "payments": {f"u{n}": 1 for n in totals},
    }


def test_any_totals_up_to_2800_have_an_answer():
    assert lcm(*range(1, 2801)).bit_length() <= DENOMINATOR_BITS_MAX
    found = weighed(CENTRIC, rows_with_totals(range(1, 400)))
    assert Fraction(sum(found.numerators), found.denominator) == 399


def test_totals_without_a_common_multiple_of_reasonable_size_are_refused():
    primes = [n for n in range(2, 6000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    with pytest.raises(Infeasible, match="783 different totals of uses is beyond 4096 bits"):
        weighed(CENTRIC, rows_with_totals(primes))


def test_totals_cancel_against_what_was_paid():
    figures = rows_with_totals([7, 11])
    figures["payments"] = {"u7": 70, "u11": 110}
    assert weighed(CENTRIC, figures).denominator == 1


@pytest.mark.parametrize(
    ("key", "pointer", "message"),
    [
        ("kind: pro_rata", "/matrix", "required"),
        (f"{PRO_RATA}, payments: x", "/payments", "unknown field"),
        (f"{CENTRIC}, idle: error", "/idle", "'pro_rata' or 'carry'"),
    ],
)
def test_keys_that_cannot_be_are_refused_at_their_place(key, pointer, message):
    (fault,) = faults(key)
    assert fault[0] == pointer
    assert message in fault[1]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"matrices": {"m": {"u1": {"tram": 1}}}}, ("/matrices/m/u1/tram", "unknown-member")),
        ({"matrices": {"m": {"u1": {"bus": -1}}}}, ("/matrices/m/u1/bus", "negative")),
        ({"matrices": {"m": {"u1": {"bus": "1/2"}}}}, ("/matrices/m/u1/bus", "integer")),
        ({"matrices": {"m": {"u 1": {"bus": 1}}}}, ("/matrices/m/u 1", "payer")),
        ({"matrices": {"m": []}}, ("/matrices/m", "shape")),
        ({"payments": {"u1": -1}}, ("/payments/u1", "negative")),
        ({"payments": {"u1": "1.5"}}, ("/payments/u1", "integer")),
        ({"payments": {"a+b": 1}}, ("/payments/a+b", "payer")),
    ],
)
def test_figures_of_payers_that_cannot_be_are_refused_at_their_place(fields, fault):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(**fields))
    assert [(one.where, one.code) for one in caught.value.faults] == [fault]


def test_matrices_and_payers_have_a_limit():
    row = dict.fromkeys(map(str, range(CELLS_MAX // 10)), 1)
    wide = {"m": {f"u{number}": row for number in range(11)}}
    many = dict.fromkeys(map(str, range(PAYERS_MAX + 1)), 1)
    for fields, where in (({"matrices": wide}, "/matrices/m"), ({"payments": many}, "/payments")):
        with pytest.raises(MalformedRules) as caught:
            parse_inputs(inputs(**fields))
        assert [(one.where, one.code) for one in caught.value.faults] == [(where, "size")]
