"""What the bank did (paid, returned), set against what was ordered.

``camt053`` and ``bank_csv`` read a bank's file into ``BankRow``s; ``reconcile`` compares them with
the payments known, row by row in the file's order, and says what follows:

* ``changes``: payments that are paid, or came back;
* ``duplicates``: rows that were known before the file, so that the same file again changes nothing;
* ``findings``: rows that need a person, each with its place and a code of ``FINDINGS``. A row with
  a finding changes nothing, except a return after a payment and a payment after a return, which
  are real and are told as well.

Bookings of others on the same account are counted, not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
        "The payment was made after it had come back, or had been reported so by mistake.",
    ),
    "returned-twice": ("同じ支払が二度返却されています。", "The payment came back a second time."),
    "return-after-paid": (
        "実行済みの支払が返却されました。",
        "The payment was made, and came back later.",
    ),
    "ordered-again": (
        "返却後に再度指図された支払です。二重払いの可能性があります。",
        "The money came back and was ordered again: it may be paid twice.",
    ),
    "no-file": (
        "銀行に渡していない支払指図です。",
        "The order of this payment was never given to a bank.",
    ),
    "report-waits": (
        "この支払の報告が確認待ちです。確認後にファイルを再度読み込んでください。",
        "A report on this payment waits; read the file again when it has been decided on.",
    ),
    "unmarked-credit": (
        "返却の表示のない入金です。組戻しか確認してください。",
        "A credit names this payment but is not marked as a return; ask the bank.",
    ),
}

# Findings of rows that change something all the same.
REAL: Final = ("return-after-paid", "paid-after-return")


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
    payments = {each.id: _Payment(each, Counter(each.bookings)) for each in known}
    references = References(payments)
    found = Reconciliation()
    for row in rows:
        line_id = references.resolve(row.reference)
        if line_id is None:
            found.findings.append(Finding(row.place, "unknown-line", row.reference))
        else:
            _take(row, payments[line_id], found)
    return found


@dataclass(slots=True)
class _Payment:
    """A payment while a file is read: what was known before it, and what the file adds.

    A row is a duplicate only of a booking from before, and each booking of one row only: two equal
    rows of one file are two bookings.
    """

    known: Known
    unseen: Counter[Booking]
    added: list[Booking] = field(default_factory=list)

    def bookings(self) -> list[Booking]:
        """All of them, the last one last."""
        return [*self.known.bookings, *self.added]


def _take(row: BankRow, one: _Payment, found: Reconciliation) -> None:
    """Say what a row that names a payment means."""
    payment = one.known
    if row.status == "pending":
        found.pending.append(row)
        return
    if (row.currency, row.amount_minor) != (payment.currency, payment.amount_minor):
        ordered = f"{payment.amount_minor} {payment.currency} ordered"
        detail = f"{ordered}, {row.amount_minor} {row.currency} booked (minor units)"
        found.findings.append(Finding(row.place, "amount-differs", row.reference, detail))
        return
    if row.status == "credited":
        found.findings.append(Finding(row.place, "unmarked-credit", row.reference))
        return
    booking = Booking(row.status, row.day, row.bank_reference)
    if one.unseen[booking]:
        one.unseen[booking] -= 1
        found.duplicates.append(row)
        return
    before = one.bookings()
    if before:
        code = _finding(row.status, before[-1].status)
        dates = ", ".join(f"{each.status} {each.day}" for each in before)
        found.findings.append(Finding(row.place, code, row.reference, dates))
        if code not in REAL or booking in before:
            return
    found.changes.append(Change(payment.id, row.place, booking, row.amount_minor, row.reason))
    one.added.append(booking)


def _finding(status: Outcome, last: Outcome) -> str:
    """What it means that a payment of which something is known is booked once more."""
    if status == last:
        return f"{status}-twice"
    return "return-after-paid" if status == "returned" else "paid-after-return"
