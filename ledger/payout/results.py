"""What the bank did (paid, returned), set against what was ordered.

``camt053`` and ``bank_csv`` read a bank's file into ``BankRow``s; ``reconcile`` compares them with
the payments known, row by row in the file's order, and says what follows:

* ``changes``: payments that are paid, or came back;
* ``duplicates``: rows that are already known, so that the same file again changes nothing;
* ``findings``: rows that need a person, each with its place and a code of ``FINDINGS``. A row with
  a finding changes nothing, except a return after a payment, which is real and is told as well.

Bookings of others on the same account are counted, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal

from ledger.errors import Fault
from ledger.payout.reference import References

RowStatus = Literal["paid", "returned", "credited", "pending"]
Outcome = Literal["paid", "returned"]

# code -> (Japanese, English); the codes are stable, the texts may be improved.
FINDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "unknown-line": (
        "該当する支払指図がありません。",
        "No payment that was ordered has this reference.",
    ),
    "amount-differs": (
        "金額または通貨が指図と異なります。",
        "Amount or currency is not what was ordered.",
    ),
    "paid-twice": ("同じ支払が二度実行されています。", "The payment was made a second time."),
    "paid-after-return": (
        "返却済みの支払が再び実行されています。",
        "The payment was made although it had come back; a new attempt has a new id.",
    ),
    "returned-twice": ("同じ支払が二度返却されています。", "The payment came back a second time."),
    "return-after-paid": (
        "実行済みの支払が返却されました。",
        "The payment was made, and came back later.",
    ),
    "unmarked-credit": (
        "返却の表示のない入金です。組戻しか確認してください。",
        "A credit names this payment but is not marked as a return; ask the bank.",
    ),
}


@dataclass(frozen=True, slots=True)
class BankRow:
    """One booking. ``reference`` is how the bank names the payment, ``bank_reference`` the booking.

    ``credited`` is money that came in without being marked as a return; ``pending`` is not booked.
    """

    place: str
    reference: str
    status: RowStatus
    day: date
    currency: str
    amount_minor: int
    bank_reference: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BankFile:
    """A bank's file as rows, and what is odd about it as a whole.

    ``others`` counts bookings that name no payment at all.
    """

    format: str
    rows: tuple[BankRow, ...]
    others: int = 0
    notes: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Booking:
    """A result that was taken before: two of the same payment that are equal are one."""

    status: Outcome
    day: date
    bank_reference: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """A payment that was ordered, and the bookings of it that were taken."""

    id: str
    currency: str
    amount_minor: int
    bookings: tuple[Booking, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A payment was made, or came back."""

    line: str
    place: str
    booking: Booking
    amount_minor: int
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The change as a JSON object."""
        booking = self.booking
        what = {"line": self.line, "status": booking.status, "date": booking.day.isoformat()}
        more = {"amount_minor": self.amount_minor, "bank_reference": booking.bank_reference}
        return {**what, **more, "reason": self.reason, "place": self.place}


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that a person should look at."""

    place: str
    code: str
    reference: str
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        """The finding as a JSON object, with its texts in Japanese and English."""
        japanese, english = FINDINGS[self.code]
        found = {"place": self.place, "code": self.code, "reference": self.reference}
        return {**found, "detail": self.detail, "ja": japanese, "en": english}


@dataclass(slots=True)
class Reconciliation:
    """What a bank's file says about the payments known."""

    changes: list[Change] = field(default_factory=list)
    duplicates: list[BankRow] = field(default_factory=list)
    pending: list[BankRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def report(self, file: BankFile) -> dict[str, Any]:
        """Everything about the file as a JSON object; every row is counted once."""
        return {
            "format": file.format,
            "rows": len(file.rows),
            "others": file.others,
            "changes": [change.as_dict() for change in self.changes],
            "duplicates": [{"place": row.place, "reference": row.reference}
                           for row in self.duplicates],
            "pending": [{"place": row.place, "reference": row.reference} for row in self.pending],
            "findings": [finding.as_dict() for finding in self.findings],
            "notes": [note.as_dict() for note in file.notes],
        }  # fmt: skip


def reconcile(rows: Iterable[BankRow], known: Iterable[Known]) -> Reconciliation:
    """Set a bank's rows against the payments, in the order of the rows. Nothing is raised."""
    payments = {each.id: each for each in known}
    references = References(payments)
    found = Reconciliation()
    for row in rows:
        line_id = references.resolve(row.reference)
        if line_id is None:
            found.findings.append(Finding(row.place, "unknown-line", row.reference))
        else:
            payments[line_id] = _take(row, payments[line_id], found)
    return found


def _take(row: BankRow, payment: Known, found: Reconciliation) -> Known:
    """The payment after a row that names it."""
    if row.status == "pending":
        found.pending.append(row)
        return payment
    if (row.currency, row.amount_minor) != (payment.currency, payment.amount_minor):
        ordered = f"{payment.amount_minor} {payment.currency} ordered"
        detail = f"{ordered}, {row.amount_minor} {row.currency} booked (minor units)"
        found.findings.append(Finding(row.place, "amount-differs", row.reference, detail))
        return payment
    if row.status == "credited":
        found.findings.append(Finding(row.place, "unmarked-credit", row.reference))
        return payment
    booking = Booking(row.status, row.day, row.bank_reference)
    if booking in payment.bookings:
        found.duplicates.append(row)
        return payment
    before = {each.status for each in payment.bookings}
    if code := _finding(row.status, before):
        dates = ", ".join(f"{each.status} {each.day}" for each in payment.bookings)
        found.findings.append(Finding(row.place, code, row.reference, dates))
        if code != "return-after-paid":
            return payment
    found.changes.append(Change(payment.id, row.place, booking, row.amount_minor, row.reason))
    return replace(payment, bookings=(*payment.bookings, booking))


def _finding(status: Outcome, before: set[Outcome]) -> str | None:
    if status == "returned":
        if "returned" in before:
            return "returned-twice"
        return "return-after-paid" if "paid" in before else None
    if "returned" in before:
        return "paid-after-return"
    return "paid-twice" if "paid" in before else None
