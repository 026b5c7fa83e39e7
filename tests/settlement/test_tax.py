"""Consumption tax: once per rate, and an invoice that cannot be read is refused at its place."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedRules
from ledger.rules.inputs import parse_inputs
from ledger.settlement.tax import Invoice, InvoiceLine, tax_of
from tests.settlement.cases import inputs


@pytest.mark.parametrize(
    ("rounding", "taxes"),
    [("floor", (20, 7, -20)), ("half_up", (21, 8, -21)), ("ceil", (21, 8, -21))],
)
def test_tax_is_rounded_once_per_rate(rounding, taxes):
    lines = [("a", "10%", 105), ("b", "10%", 100), ("c", "8%", 99), ("d", "0.1", -205)]
    found = tax_of(Invoice(rounding, tuple(InvoiceLine(*line) for line in lines)))
    assert {rate: row["taxable_minor"] for rate, row in found.items()} == {
        "10%": 205,
        "8%": 99,
        "0.1": -205,
    }
    assert tuple(row["tax_minor"] for row in found.values()) == taxes


def line(**fields):
    return {"rounding": "floor", "lines": [{"id": "a", "rate": "10%", "net_minor": 5, **fields}]}


@pytest.mark.parametrize(
    ("invoice", "where"),
    [
        ([], "/invoice"),
        ({"lines": []}, "/invoice"),
        ({"rounding": "up", "lines": []}, "/invoice/rounding"),
        ({"rounding": "floor", "lines": {}}, "/invoice/lines"),
        ({"rounding": "floor", "lines": [5]}, "/invoice/lines/0"),
        (line(id=5), "/invoice/lines/0/id"),
        (line(rate=10), "/invoice/lines/0/rate"),
        (line(rate="x"), "/invoice/lines/0/rate"),
        (line(rate="110%"), "/invoice/lines/0/rate"),
        (line(net_minor="1/2"), "/invoice/lines/0/net_minor"),
    ],
)
def test_an_invoice_is_refused_at_its_place(invoice, where):
    with pytest.raises(MalformedRules) as caught:
        parse_inputs(inputs(invoice=invoice))
    assert [fault.where for fault in caught.value.faults] == [where]


def test_a_line_stands_once_and_no_invoice_is_none():
    twice = {"rounding": "floor", "lines": line()["lines"] * 2}
    with pytest.raises(MalformedRules, match="stands twice"):
        parse_inputs(inputs(invoice=twice))
    assert parse_inputs(inputs(invoice={})).invoice is None
    assert parse_inputs(inputs()).invoice is None
