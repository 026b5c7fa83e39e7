"""A settlement as a FOCUS 1.2 table (FinOps Open Cost and Usage Specification), CSV.

One row for each member and step, for each member that is repaid a charged cost, and for each row of
a correction that is posted in the month. The sub-account is the member, the billing account the
co-op, the invoice the settlement.

FOCUS counts what a consumer is charged. So a share that a member *gets* is a negative cost of
category ``Credit``, and a cost that it is charged a positive one of category ``Usage``; the signed
amount of the settlement, positive for the member, stands beside it as ``x_AmountMinor``. A
correction bears ``ChargeClass`` ``Correction``, the billing period in which it is posted and the
charge period that it corrects, in the style of its rules: one row with the difference, or two.
Times are UTC, ends exclusive; costs are decimals with all digits of the currency.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ledger.errors import InvariantViolated
from ledger.money import format_minor
from ledger.settlement.result import Result

Category = Literal["Usage", "Credit", "Adjustment"]
CORRECTION: Final = "Correction"
COLUMNS: Final = (
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_AmountMinor",
    "x_Step",
)
_DESCRIPTION_MAX: Final = 240


@dataclass(frozen=True, slots=True)
class Span:
    """A month and its two instants (UTC with milliseconds), the end excluded."""

    month: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Charge:
    """What a member gets (positive) or pays (negative) by a step, in minor units.

    ``of`` is the month that it belongs to; ``correction_of`` is the id of what a correction
    corrects, empty for a line of the settlement itself.
    """

    member: str
    step: str
    category: Category
    amount_minor: int
    of: Span
    description: str
    correction_of: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The co-op: its origin, its name, and the names of its members by id."""

    origin: str
    name: str
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Invoice:
    """A settled month: its settlement's id, rule set, currency and charges."""

    id: str
    ruleset: str
    currency: str
    digits: int
    billed_in: Span
    charges: tuple[Charge, ...]


def charges_of(result: Result, of: Span) -> Iterator[Charge]:
    """A run's lines in money by step and member, then what charged costs repay; none of 0."""
    for step in result.steps:
        if step.unit is not None or step.division is None:
            continue
        category: Category = "Usage" if step.is_charge else "Credit"
        what = "charged" if step.is_charge else "share"
        for member, amount in zip(result.members, step.division.amounts, strict=True):
            if amount:
                text = f"{of.month} {step.step} ({step.kind}): {what} of {member}"
                yield Charge(member, step.step, category, amount, of, text)
        for member, amount in result.repaid.get(step.step, {}).items():
            text = f"{of.month} {step.step}: {member} is repaid what it bore of {step.source}"
            yield Charge(member, step.step, "Credit", amount, of, text)


def check_sums(charges: Iterable[Charge], wanted: Mapping[str, int], what: str) -> None:
    """Raise InvariantViolated unless charges come to what each member gets by ``wanted``."""
    sums: dict[str, int] = {}
    for charge in charges:
        sums[charge.member] = sums.get(charge.member, 0) + charge.amount_minor
    for member in sorted(sums.keys() | wanted.keys()):
        if sums.get(member, 0) != wanted.get(member, 0):
            raise InvariantViolated(
                f"the rows of {member} come to {sums.get(member, 0)}, {what} to "
                f"{wanted.get(member, 0)} in minor units"
            )


def focus_table(issuer: Issuer, invoices: Sequence[Invoice]) -> bytes:
    """The table as RFC 4180 CSV in UTF-8, a header first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for invoice in invoices:
        for charge in invoice.charges:
            row = _row(issuer, invoice, charge)
            writer.writerow([row[name] for name in COLUMNS])
    return out.getvalue().encode()


def _row(issuer: Issuer, invoice: Invoice, charge: Charge) -> dict[str, str]:
    cost = format_minor(-charge.amount_minor, digits=invoice.digits)
    # Only usage has a quantity in FOCUS; a charge is one share of a cost.
    quantity, unit = ("1", "Shares") if charge.category == "Usage" else ("", "")
    tags = {"coop:member": charge.member, "coop:period": charge.of.month, "coop:step": charge.step}
    if charge.correction_of:
        tags["coop:correction_of"] = charge.correction_of
    return {
        "BilledCost": cost,
        "BillingAccountId": issuer.origin,
        "BillingAccountName": issuer.name,
        "BillingAccountType": "Co-op",
        "BillingCurrency": invoice.currency,
        "BillingPeriodEnd": _instant(invoice.billed_in.end),
        "BillingPeriodStart": _instant(invoice.billed_in.start),
        "ChargeCategory": charge.category,
        "ChargeClass": CORRECTION if charge.correction_of else "",
        "ChargeDescription": charge.description[:_DESCRIPTION_MAX],
        "ChargeFrequency": "One-Time" if charge.correction_of else "Recurring",
        "ChargePeriodEnd": _instant(charge.of.end),
        "ChargePeriodStart": _instant(charge.of.start),
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceId": invoice.id,
        "InvoiceIssuerName": issuer.name,
        "ListCost": cost,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ProviderName": issuer.name,
        "PublisherName": issuer.name,
        "ServiceCategory": "Other",
        "ServiceName": invoice.ruleset,
        "ServiceSubcategory": "Other (Other)",
        "SubAccountId": charge.member,
        "SubAccountName": issuer.members.get(charge.member, charge.member),
        "SubAccountType": "Member",
        "Tags": json.dumps(tags, ensure_ascii=False, separators=(",", ":"), sort_keys=True),
        "x_AmountMinor": str(charge.amount_minor),
        "x_Step": charge.step,
    }


def _instant(text: str) -> str:
    """FOCUS knows no fractions of a second; the bounds of a month have none."""
    return text[:19] + "Z"
