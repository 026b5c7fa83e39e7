"""The settlement as a FOCUS table, read again by somebody else's hands: csv, json, Decimal."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import datetime
from decimal import Decimal

import pytest

from ledger.errors import InvariantViolated, NotFound
from ledger.payout.books.focus import (
    COLUMNS,
    Charge,
    Invoice,
    Issuer,
    charges_of,
    check_sums,
    focus_table,
)
from ledger.payout.books.focus import Span as Month
from ledger.rules.document import parse_rules
from ledger.rules.inputs import parse_inputs
from ledger.service.books import Span
from ledger.service.books_focus import export_focus
from ledger.service.coop import Coop
from ledger.settlement.run import run
from tests.coop.bookkept import CHARGING
from tests.coop.months import new_world, settle

# FOCUS 1.2: columns that every dataset has.
MANDATORY = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName",
}  # fmt: skip
NULLABLE = {"ChargeClass", "ConsumedQuantity", "ConsumedUnit", "PricingQuantity", "PricingUnit"}
Rows = list[dict[str, str]]


def rows_of(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def sums(rows: Rows, correction: bool) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in rows:
        if (row["ChargeClass"] == "Correction") is correction:
            found[row["SubAccountId"]] -= int(Decimal(row["BilledCost"]))
    return found


def check_columns(rows: Rows) -> None:
    """The column rules of FOCUS 1.2 that apply to this table."""
    assert MANDATORY <= set(COLUMNS) == set(rows[0])
    for row in rows:
        assert all(row[name] for name in set(COLUMNS) - NULLABLE), row
        for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
            assert Decimal(row[name]).is_finite()
        assert len(row["BillingCurrency"]) == 3
        for kind in ("Billing", "Charge"):
            bounds = [row[f"{kind}Period{end}"] for end in ("Start", "End")]
            start, end = (datetime.strptime(one, "%Y-%m-%dT%H:%M:%S%z") for one in bounds)
            assert start < end
            assert all(one.endswith("Z") for one in bounds)
        assert row["ChargeCategory"] in {"Usage", "Purchase", "Tax", "Credit", "Adjustment"}
        assert row["ChargeClass"] in {"", "Correction"}
        assert row["ChargeFrequency"] in {"One-Time", "Recurring", "Usage-Based"}
        is_usage = row["ChargeCategory"] == "Usage" and not row["ChargeClass"]
        for name in ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit"):
            assert bool(row[name]) is is_usage
        assert row["ServiceCategory"] == "Other"
        tags = json.loads(row["Tags"])
        assert tags["coop:member"] == row["SubAccountId"]
        assert all(isinstance(value, str) for value in tags.values())


def test_sums_are_those_of_the_settlements_and_corrections(coop: Coop):
    made = export_focus(coop, Span())
    rows = rows_of(made.data)
    check_columns(rows)
    assert (len(rows), made.assertions) == (made.transactions, 2)
    for period in coop.state().periods.values():
        own = [row for row in rows if row["InvoiceId"] == period.settlement]
        assert {row["BillingPeriodStart"][:10] for row in own} == {period.start[:10]}
        posted: Counter[str] = Counter()
        dispute_ids = coop.state().disputes.keys()
        for id_, net in period.posted.items():
            if id_ not in dispute_ids:
                posted.update(net)
        assert sums(own, correction=True) == posted
    october = sums(rows_of(export_focus(coop, Span(period="2026-10")).data), correction=False)
    assert dict(october) == dict(coop.state().period("2026-10").paid)


def test_a_correction_bears_its_class_and_the_month_that_it_corrects(coop: Coop):
    rows = rows_of(export_focus(coop, Span(period="2026-11")).data)
    corrected = [row for row in rows if row["ChargeClass"]]
    assert corrected
    for row in corrected:
        assert row["ChargeCategory"] == "Adjustment"
        assert row["ChargePeriodStart"] == "2026-09-30T15:00:00Z"
        assert row["BillingPeriodStart"] == "2026-10-31T15:00:00Z"
        assert json.loads(row["Tags"])["coop:correction_of"]


def test_months_are_chosen(coop: Coop):
    whole = export_focus(coop, Span())
    assert export_focus(coop, Span(through="2026-12")).data == whole.data
    assert (
        export_focus(coop, Span(through="2026-10")).data
        == export_focus(coop, Span(period="2026-10")).data
    )
    with pytest.raises(NotFound):
        export_focus(coop, Span(period="2027-01"))


def test_who_is_charged_has_a_cost_and_who_bore_it_a_credit():
    world = new_world(CHARGING)
    world.prepare()
    settle(world, "2026-10")
    blobs = [data for data in world.blobs.values() if b'"kyojo_inputs"' in data]
    result = run(parse_rules(CHARGING.encode()), parse_inputs(blobs[-1][32:]))
    month = Month("2026-10", "2026-09-30T15:00:00.000Z", "2026-10-31T15:00:00.000Z")
    charges = tuple(charges_of(result, month))
    check_sums(charges, result.nets, "the settlement")
    invoice = Invoice("ab" * 32, "r", "JPY", 2, month, charges)
    rows = rows_of(focus_table(Issuer("o", "n", {}), [invoice]))
    check_columns(rows)
    keys = ("x_Step", "SubAccountId", "ChargeCategory", "BilledCost")
    assert {tuple(row[key] for key in keys) for row in rows} == {
        ("use", "ev", "Usage", "400.00"), ("use", "bike", "Credit", "-100.00"),
        ("use", "bus", "Credit", "-300.00"), ("share", "bus", "Credit", "-10000.01"),
    }  # fmt: skip
    assert sum(Decimal(row["BilledCost"]) for row in rows) == -Decimal("10000.01")


def test_sums_that_differ_are_told():
    month = Month("2026-10", "a", "b")
    charge = Charge("bus", "share", "Credit", 5, month, "x")
    with pytest.raises(InvariantViolated, match="bus"):
        check_sums([charge], {"bus": 6}, "the settlement")
