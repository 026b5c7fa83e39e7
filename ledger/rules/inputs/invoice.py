"""The invoice of a period: taxable amounts by rate, and how its consumption tax is rounded.

``invoice: {rounding: floor|half_up|ceil, lines: [{id, rate, net_minor}]}``; a rate is spelt as on
the invoice, such as ``10%``, and is told again in that spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal, get_args

from ledger.errors import OutOfRange
from ledger.rules.inputs.reader import Reader
from ledger.rules.number import parse_number

TaxRounding = Literal["floor", "half_up", "ceil"]
LINES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice, in minor units before tax."""

    id: str
    rate: str
    net_minor: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """The lines, and how the tax of each rate is rounded, once."""

    rounding: TaxRounding
    lines: tuple[InvoiceLine, ...]


def read_invoice(reader: Reader) -> Invoice | None:
    """The field ``invoice`` of the inputs; None where there is none, or it is empty."""
    given = reader.document.get("invoice")
    if given in (None, {}):
        return None
    if not isinstance(given, dict) or given.keys() != {"rounding", "lines"}:
        reader.refuse("/invoice", "shape", "an invoice is {rounding, lines}")
        return None
    rounding, lines = given["rounding"], given["lines"]
    if rounding not in get_args(TaxRounding):
        reader.refuse("/invoice/rounding", "rounding", "rounding is floor, half_up or ceil")
        rounding = "floor"
    if not isinstance(lines, list) or len(lines) > LINES_MAX:
        reader.refuse("/invoice/lines", "shape", f"a list of at most {LINES_MAX} lines is expected")
        lines = []
    seen: set[str] = set()
    found = [_line(reader, line, f"/invoice/lines/{at}", seen) for at, line in enumerate(lines)]
    return Invoice(rounding, tuple(line for line in found if line is not None))


def _line(reader: Reader, given: Any, pointer: str, seen: set[str]) -> InvoiceLine | None:
    if not isinstance(given, dict) or given.keys() != {"id", "rate", "net_minor"}:
        reader.refuse(pointer, "shape", "a line of an invoice is {id, rate, net_minor}")
        return None
    name = given["id"]
    if not isinstance(name, str) or name in seen:
        reader.refuse(f"{pointer}/id", "id", f"{name!r:.60} is no text, or stands twice")
        return None
    seen.add(name)
    net = reader.integer(given["net_minor"], f"{pointer}/net_minor")
    return InvoiceLine(name, _rate(reader, given["rate"], f"{pointer}/rate"), net)


def _rate(reader: Reader, given: Any, pointer: str) -> str:
    """A rate of tax from 0 to 1, as text."""
    try:
        rate = parse_number(given) if isinstance(given, str) else Fraction(-1)
    except OutOfRange:
        rate = Fraction(-1)
    if 0 <= rate <= 1:
        return str(given)
    reader.refuse(pointer, "rate", f"{given!r:.40} is no rate in quotes, such as '10%'")
    return "0%"
