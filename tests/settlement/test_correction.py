"""Corrections: both styles come to the same, and lead from the old result to a fresh run."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InvalidInput, MalformedDocument
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.correction import (
    Origin,
    account_totals,
    correct,
    parse_previous,
    require_own_rules,
)
from ledger.settlement.result import result_document
from ledger.settlement.run import run
from tests.settlement.cases import KAGA, kaga_inputs

ORIGIN = Origin("2026-10", "ab" * 32)
ACCOUNTS = st.dictionaries(
    st.sampled_from(["bus", "ev", "bike", "suspense", "fund.reserve"]),
    st.integers(-(10**20), 10**20),
)


def summed(rows):
    found = Counter()
    for row in rows:
        found[row.member] += row.amount_minor
    return {name: amount for name, amount in found.items() if amount}


@settings(deadline=None)
@given(ACCOUNTS, ACCOUNTS)
def test_delta_total_is_ledger_total(previous, new):
    delta = correct(previous, new, ORIGIN)
    ledger = correct(previous, new, ORIGIN, "ledger")
    assert summed(delta) == summed(ledger)
    assert sum(row.amount_minor for row in delta) == sum(new.values()) - sum(previous.values())
    assert all(row.amount_minor for row in delta + ledger)
    assert {row.role for row in delta} <= {"delta"}
    assert {row.role for row in ledger} <= {"negate", "restate"}
    assert {row.member for row in delta} == {row.member for row in ledger}


@settings(deadline=None)
@given(ACCOUNTS, ACCOUNTS, ACCOUNTS)
def test_corrections_of_corrections_add_up(first, second, third):
    path = summed(correct(first, second, ORIGIN) + correct(second, third, ORIGIN))
    assert path == summed(correct(first, third, ORIGIN))


def settled(trips, fares):
    figures = kaga_inputs()
    figures["totals"] = {"validated_trips": dict(zip(("bus", "ev", "bike"), trips, strict=True))}
    figures["revenue"] = {"fares": fares}
    return result_document(run(parse_rules(KAGA), parse_inputs(figures)))


TRIPS = st.tuples(*[st.integers(0, 500)] * 3).filter(any)
FARES = st.integers(0, 10**7)


@settings(max_examples=40, deadline=None)
@given(TRIPS, TRIPS, FARES, FARES, st.sampled_from(["delta", "ledger"]))
def test_the_original_with_its_corrections_is_a_fresh_run(old, new, before, after, style):
    original, fresh = settled(old, before), settled(new, after)
    previous = parse_previous(json.dumps(original, indent=2).encode())
    rows = correct(previous.accounts, account_totals(fresh["totals"]), ORIGIN, style)
    corrected = Counter(previous.accounts)
    for row in rows:
        corrected[row.member] += row.amount_minor
    assert dict(corrected) == account_totals(fresh["totals"])
    left = fresh["totals"]["pools_left"]["gross"] - original["totals"]["pools_left"]["gross"]
    assert sum(row.amount_minor for row in rows) + left == after - before


def test_a_row_in_a_document():
    rows = correct({"bus": 5, "ev": 1, "old": 3}, {"bus": 7, "ev": 1, "new": 4}, ORIGIN)
    assert [row.as_dict() for row in rows] == [
        {
            "member": member,
            "period": "2026-10",
            "charge_class": "Correction",
            "role": "delta",
            "amount_minor": amount,
            "correction_of": "ab" * 32,
        }
        for member, amount in (("bus", 2), ("new", 4), ("old", -3))
    ]
    both = correct({"bus": 5, "gone": 1}, {"bus": 7}, ORIGIN, "ledger")
    assert [(row.member, row.role, row.amount_minor) for row in both] == [
        ("bus", "negate", -5),
        ("bus", "restate", 7),
        ("gone", "negate", -1),
    ]
    assert correct({"bus": 5}, {"bus": 5}, ORIGIN) == ()
    huge = correct({}, {"bus": 2**60}, ORIGIN)
    assert huge[0].as_dict()["amount_minor"] == str(2**60)


def test_only_the_rules_that_made_a_result_correct_it():
    previous = parse_previous(json.dumps(settled((1, 1, 1), 100)).encode())
    require_own_rules(previous, parse_rules(KAGA))
    with pytest.raises(InvalidInput, match="under its own rules"):
        require_own_rules(previous, parse_rules(KAGA.replace("70%", "60%")))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"kyojo_result": 2}, "/kyojo_result"),
        ({"rule_hash": "x"}, "/rule_hash"),
        ({"version": "1"}, "/version"),
        ({"totals": {"members": {"bus": "1.5"}, "funds": {}}}, "/totals/members/bus"),
        ({"totals": {}}, "/totals/members"),
    ],
)
def test_what_is_no_result(change, where):
    with pytest.raises(MalformedDocument) as caught:
        parse_previous(json.dumps(settled((1, 1, 1), 100) | change).encode())
    assert where in {fault.where for fault in caught.value.faults}


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b'{"a": 0.5}', b"\xff"])
def test_what_is_no_document(data):
    with pytest.raises(MalformedDocument):
        parse_previous(data)
