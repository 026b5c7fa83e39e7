"""What is given back of an earlier supply: the part of a document that is a return invoice.

Consumption Tax Act, article 57-4 (3) (適格返還請求書): beside the issuer and its number it names
the day of the return and that of the supply which it takes back, what was supplied (with the mark
of the reduced rate), the amounts by rate, and their tax or the rate. Here each return also names
the document on which the supply stood, where there is one. A self-billed invoice may bear these
facts itself; the seller then owes no return invoice of its own.

Tax is rounded once per rate over all returns of a document, by the document's own rounding, and
mirrors that of the supply. What had no tax (rate None) is given back without any. Amounts are
positive: how much less is paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field

from ledger.money import AMOUNT_MAX
from ledger.payout.parties import Day, Shape, Text, Words
from ledger.rules.inputs.invoice import TaxRounding
from ledger.rules.number import parse_number
from ledger.settlement.tax import round_tax

Rate = Annotated[str, Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?%$")]
Basis = Literal["net", "gross"]


class Original(Shape):
    """The document on which a supply stood: its number, and the day on which it was issued."""

    number: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
    issued_on: Day


class Return(Shape):
    """An amount of an earlier supply that is given back.

    ``day`` is that of the supply (or the last of its month), ``returned_on`` that of the return.
    ``correction`` names why: the id of the entry's correction. ``original`` is None where the
    supply stands on the same document.
    """

    id: Text
    day: Day
    returned_on: Day
    label: Words
    rate: Rate | None
    is_reduced: bool = False
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    correction: Text = ""
    original: Original | None = None


def return_rates(
    returns: Sequence[Return], basis: Basis, rounding: TaxRounding
) -> list[dict[str, Any]]:
    """What is given back and its tax by rate, in the order of the returns; untaxed is left out.

    With ``gross`` the amounts contain the tax, with ``net`` it comes on top.
    """
    found: dict[str, tuple[bool, int]] = {}
    for one in returns:
        if one.rate is not None:
            found[one.rate] = one.is_reduced, found.get(one.rate, (False, 0))[1] + one.amount_minor
    return [
        {
            "rate": rate,
            "is_reduced": is_reduced,
            "returned_minor": amount,
            "tax_minor": round_tax(amount * tax_part(rate, basis), rounding),
        }
        for rate, (is_reduced, amount) in found.items()
    ]


def tax_part(rate: str, basis: Basis) -> Fraction:
    """How much of an amount is tax (gross), or comes on top of it (net)."""
    exact = parse_number(rate)
    return exact if basis == "net" else exact / (1 + exact)


def returned_minor(returns: Sequence[Return], rates: Sequence[dict[str, Any]], basis: Basis) -> int:
    """By how much less is paid: the amounts, and with ``net`` their tax."""
    tax = sum(int(row["tax_minor"]) for row in rates) if basis == "net" else 0
    return sum(one.amount_minor for one in returns) + tax


def faults_of_returns(returns: Sequence[Return]) -> Iterator[tuple[str, str]]:
    """What no return may say beside what no item may, by its place."""
    for at, one in enumerate(returns):
        if one.returned_on < one.day:
            yield f"/returns/{at}/returned_on", "nothing is given back before it was supplied"
