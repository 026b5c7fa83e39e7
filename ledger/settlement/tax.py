"""Consumption tax of an invoice (RULES.md section 11): rounded once per rate, never line by line.

tax = round(Σ taxable net × rate). Rates are told apart by their spelling, so that ``10%`` and
``0.1`` on one invoice stay two rates, as they stand on it.

>>> lines = (InvoiceLine("a", "10%", 5), InvoiceLine("b", "10%", 5), InvoiceLine("c", "8%", 13))
>>> tax_of(Invoice("floor", lines))
{'10%': {'taxable_minor': 10, 'tax_minor': 1}, '8%': {'taxable_minor': 13, 'tax_minor': 1}}
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from ledger.rules.inputs.invoice import Invoice, InvoiceLine, TaxRounding
from ledger.rules.number import parse_number

__all__ = ["Invoice", "InvoiceLine", "round_tax", "tax_of"]


def tax_of(invoice: Invoice) -> dict[str, dict[str, int]]:
    """Taxable amount and tax by rate, in minor units, in the order in which rates appear."""
    taxable: dict[str, int] = {}
    for line in invoice.lines:
        taxable[line.rate] = taxable.get(line.rate, 0) + line.net_minor
    return {
        rate: {
            "taxable_minor": amount,
            "tax_minor": round_tax(amount * parse_number(rate), invoice.rounding),
        }
        for rate, amount in taxable.items()
    }


def round_tax(exact: Fraction, rounding: TaxRounding) -> int:
    """A tax in whole minor units; that of a credit note mirrors that of an invoice."""
    if exact < 0:
        return -round_tax(-exact, rounding)
    if rounding == "ceil":
        return ceil(exact)
    return floor(exact if rounding == "floor" else exact + Fraction(1, 2))
