"""An order of payments as a CSV table (RFC 4180), for banks and people that take neither format.

One row a payment, in the order of the lines. Amounts stand in minor units and in the currency's
own form. Texts that a spreadsheet would take for a formula get an apostrophe before them; the file
begins with a byte order mark, without which such programs misread Japanese.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.money import format_minor
from ledger.payout.account import Account, IbanAccount, JapaneseAccount
from ledger.payout.line import PayoutLine

COLUMNS: Final = (
    *("id", "period", "member", "holder", "pay_on", "amount", "amount_minor", "currency"),
    *("bank", "branch", "kind", "number", "iban", "bic"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class CsvTerms:
    """When the payments are to be made, and the decimal digits of their currency."""

    pay_on: date
    digits: int


def order_csv(payments: Sequence[tuple[PayoutLine, Account]], terms: CsvTerms) -> bytes:
    """The table; the same payments give the same bytes."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for line, account in payments:
        row = {
            "id": line.id,
            "period": line.period,
            "member": line.member,
            "pay_on": terms.pay_on.isoformat(),
            "amount": format_minor(line.amount_minor, digits=terms.digits),
            "amount_minor": str(line.amount_minor),
            "currency": line.currency,
            **_columns(account),
        }
        writer.writerow({name: _text(value) for name, value in row.items()})
    return out.getvalue().encode()


def _columns(account: Account) -> dict[str, str]:
    match account:
        case JapaneseAccount():
            names = ("bank", "branch", "kind", "number", "holder")
            return {name: getattr(account, name) for name in names}
        case IbanAccount():
            return {"iban": account.iban, "bic": account.bic, "holder": account.holder}
        case _:
            return {}


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value
