"""Inputs: every fault at its JSON pointer, all of them at once."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import pytest

from ledger.canonical import encode
from ledger.errors import MalformedRules
from ledger.rules.inputs import Revenue, inputs_bytes, inputs_hash, parse_inputs
from tests.settlement.cases import inputs, kaga_inputs


def faults_of(source):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(source)
    return [(fault.where, fault.code) for fault in caught.value.faults]


def test_text_bytes_and_mapping_read_alike():
    document = kaga_inputs()
    text = json.dumps(document)
    assert parse_inputs(text) == parse_inputs(text.encode()) == parse_inputs(document)
    read = parse_inputs(text)
    assert inputs_bytes(read) == encode(document)
    assert inputs_hash(read) == hashlib.sha256(encode(document)).digest()


def test_quantities_are_exact_and_revenue_has_an_origin():
    read = parse_inputs(
        inputs(
            totals={"km": {"bus": "2.50", "ev": "4/2"}, "charge.a": {"bus": "-3"}},
            revenue={"x": "7", "y": {"amount_minor": 5, "origin": "public"}},
        )
    )
    assert read.totals["km"] == {"bus": Fraction(5, 2), "ev": 2}
    assert type(read.totals["km"]["ev"]) is int
    assert read.revenue == {"x": Revenue(7, "member"), "y": Revenue(5, "public")}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kyojo_inputs": 2}, ("/kyojo_inputs", "version")),
        ({"kyojo_inputs": True}, ("/kyojo_inputs", "version")),
        ({"extra": 1}, ("/extra", "unknown-field")),
        ({"invoice": {"up": {}}}, ("/invoice", "shape")),
        ({"period": "2026-10"}, ("/period", "period")),
        ({"period": {"start": "2026-10-01", "end": "2026-10-01"}}, ("/period", "period")),
        ({"period": {"start": "2026-10-01", "end": "2026-13-01"}}, ("/period/end", "date")),
        ({"period": {"start": 5, "end": "2026-11-01"}}, ("/period/start", "date")),
        ({"members": []}, ("/members", "members")),
        ({"members": ["bus", "a+b"]}, ("/members/1", "member")),
        ({"members": ["bus", "fund.x"]}, ("/members/1", "member")),
        ({"members": ["bus", "\ud800"]}, ("/members/1", "member")),
        ({"members": ["bus", 5]}, ("/members/1", "member")),
        ({"members": ["bus", "bus"]}, ("/members/1", "duplicate")),
        ({"totals": []}, ("/totals", "shape")),
        ({"totals": {"a/b": {"tram": 1}}}, ("/totals/a~1b/tram", "unknown-member")),
        ({"totals": {"a": {"bus": 0.5}}}, ("/totals/a/bus", "number")),
        ({"totals": {"a": {"bus": 2**53}}}, ("/totals/a/bus", "number")),
        ({"totals": {"charge.a": {"bus": "1/2"}}}, ("/totals/charge.a/bus", "integer")),
        ({"revenue": {"x": "0.5"}}, ("/revenue/x", "integer")),
        ({"revenue": {"x": {"amount_minor": 1}}}, ("/revenue/x", "shape")),
        ({"revenue": {"x": {"amount_minor": 1, "origin": "?"}}}, ("/revenue/x/origin", "origin")),
        ({"costs": {"c": {"bus": -1}}}, ("/costs/c/bus", "negative")),
        ({"funding": {"a": {"bus": "x"}}}, ("/funding/a/bus", "number")),
        ({"carry": {"s": -1}}, ("/carry/s", "negative")),
        ({"owed": {"s": {"bus": 1}}}, ("/owed/s", "sum")),
        ({"beside": "bus"}, ("/beside", "members")),
        ({"beside": ["bus", "tram"]}, ("/beside/1", "unknown-member")),
    ],
)
def test_each_fault_has_its_place(fields, fault):
    assert faults_of({**inputs(), **fields}) == [fault]


def test_money_metered_is_never_also_reported():
    document = inputs(totals={"charge.energy": {"bus": 1}}, revenue={"energy": 1})
    assert faults_of(document) == [("/revenue/energy", "twice")]


def test_all_faults_are_named_at_once():
    document = inputs(totals={"a": {"x": 1, "y": 1.5}}, costs={"c": 5})
    assert faults_of(document) == [
        ("/totals/a/y", "number"),
        ("/totals/a/x", "unknown-member"),
        ("/totals/a/y", "unknown-member"),
        ("/costs/c", "shape"),
    ]
    with pytest.raises(MalformedRules, match=r"/totals/a/y: .* \(and 3 more\)"):
        parse_inputs(document)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"a":1.5}', b'{"a":1,"a":2}', "\ud800"])
def test_what_is_not_strict_json_is_refused(text):
    assert faults_of(text) == [("/", "malformed-rules")]
