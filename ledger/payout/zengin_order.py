"""An order of payments as a Zengin file: who is paid by which record, and what was lost on the way.

``zengin_order`` takes the originator, (payment, account) pairs in the order in which they are to
stand, and the day (``TransferDay``). It checks the day against the banks' calendar, cuts names that
are too long for their field (never between a kana and its mark), writes each payment's reference
into the customer codes, and returns the file's bytes with a report. The same arguments give the
same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from ledger.errors import Fault, HolidaysUnknown, MalformedDocument, OutOfRange
from ledger.payout.account import Account, JapaneseAccount, parse_account
from ledger.payout.bank_calendar import BankCalendar
from ledger.payout.kana import Loss, cut
from ledger.payout.line import PayoutLine
from ledger.payout.netting import check_ids
from ledger.payout.reference import CODE_DIGITS, check_references, reference_of
from ledger.payout.zengin import Layout, Originator, Transfer, ZenginFile, write_zengin

CURRENCY: Final = "JPY"
PAYEE_LETTERS: Final = 30
ORIGINATOR_LETTERS: Final = 40
# A date without a year must not be taken for that of another year.
DAYS_AHEAD_MAX: Final = 180


@dataclass(frozen=True, slots=True)
class TransferDay:
    """When the bank shall pay, when that was ordered (both by the bank's clocks), and its days."""

    pay_on: date
    ordered_on: date
    calendar: BankCalendar


@dataclass(frozen=True, slots=True)
class ZenginOrder:
    """The file, the payment that each reference names, and what names lost, by payment.

    ``losses`` has the payment's id, or ``originator``, and each loss.
    """

    data: bytes
    references: dict[str, str]
    losses: tuple[tuple[str, Loss], ...]
    count: int
    total_minor: int

    def report(self) -> dict[str, Any]:
        """What to print beside the file: its control totals and the losses of names."""
        return {
            "format": "zengin-21",
            "control_totals": {"count": self.count, "amount_minor": self.total_minor},
            "losses": [{"line": line, **loss.as_dict()} for line, loss in self.losses],
        }


@dataclass(slots=True)
class _Losses:
    found: list[tuple[str, Loss]] = field(default_factory=list)

    def cut(self, whose: str, name: str, size: int) -> str:
        """The name as its field takes it."""
        short = cut(name, size)
        if short != name:
            self.found.append((whose, Loss(name, short, "cut")))
        return short


def parse_originator(document: Any) -> Originator:
    """Read ``{"code": "9900000001", "account": {"type": "jp", …}}``: who pays.

    Raises MalformedDocument with every fault.
    """
    if not isinstance(document, dict) or document.keys() != {"code", "account"}:
        raise MalformedDocument("an originator is {code, account}")
    faults: list[Fault] = []
    code = document["code"]
    if not (isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == 10):
        text = "the code that the bank gave the originator has 10 digits"
        faults.append(Fault("/code", MalformedDocument.code, text))
    try:
        account: Account | None = parse_account(document["account"])
    except MalformedDocument as error:
        account = None
        inner = error.faults or (error.as_fault(""),)
        faults += [replace(fault, where=f"/account{fault.where}") for fault in inner]
    if account is not None and (not isinstance(account, JapaneseAccount) or account.kind == "4"):
        text = "the account debited is one in Japan, of kind 1, 2 or 9"
        faults.append(Fault("/account", MalformedDocument.code, text))
    if faults or not isinstance(account, JapaneseAccount):
        raise MalformedDocument(f"the originator: {faults[0].message}", faults=tuple(faults))
    return Originator(code, account)


def check_transfer_day(day: TransferDay) -> None:
    """Raises OutOfRange unless banks are open on the day and it is soon enough to have no year.

    Whether a bank still takes the file that day depends on its closing hours, which differ.
    """
    pay_on, ordered_on, calendar = day.pay_on, day.ordered_on, day.calendar
    if not ordered_on <= pay_on <= ordered_on + timedelta(days=DAYS_AHEAD_MAX):
        text = f"{pay_on} is not within {DAYS_AHEAD_MAX} days after the order of {ordered_on}"
        raise OutOfRange(text, day=pay_on.isoformat())
    if closed := calendar.closure(pay_on):
        text = f"banks are closed on {pay_on} ({closed})"
        try:
            following = calendar.next_open(pay_on)
        except HolidaysUnknown as error:  # the list ends between the two
            raise OutOfRange(f"{text}; {error.message}", day=pay_on.isoformat()) from error
        text += f"; the next business day is {following}"
        raise OutOfRange(text, day=pay_on.isoformat(), next=following.isoformat())


def zengin_order(
    originator: Originator,
    payments: Sequence[tuple[PayoutLine, Account]],
    day: TransferDay,
    *,
    edi: bool = False,
    layout: Layout | None = None,
) -> ZenginOrder:
    """The file of an order. With ``edi`` the 20 digits are an EDI text, else two customer codes.

    Raises OutOfRange with every fault: a currency other than JPY, an account elsewhere, an amount
    out of bounds, a day on which banks are closed; DuplicateId for ids or references that repeat.
    """
    check_transfer_day(day)
    check_ids([line for line, _ in payments])
    check_references(line.id for line, _ in payments)
    faults = [
        Fault(line.id, OutOfRange.code, text) for line, account in payments
        for text in _unfit(line, account)
    ]  # fmt: skip
    if faults:
        raise OutOfRange(f"no transfer file: {faults[0].message}", faults=tuple(faults))
    losses = _Losses()
    payer = originator.account
    name = losses.cut("originator", payer.holder, ORIGINATOR_LETTERS)
    file = ZenginFile(
        originator=replace(originator, account=replace(payer, holder=name)),
        month=day.pay_on.month,
        day=day.pay_on.day,
        transfers=tuple(
            _transfer(line, account, losses, edi=edi)
            for line, account in payments
            if isinstance(account, JapaneseAccount)
        ),
        layout=layout or Layout(),
    )
    return ZenginOrder(
        data=write_zengin(file),
        references={reference_of(line.id): line.id for line, _ in payments},
        losses=tuple(losses.found),
        count=len(file.transfers),
        total_minor=file.total_minor,
    )


def _unfit(line: PayoutLine, account: Account) -> list[str]:
    found = []
    if line.currency != CURRENCY:
        found.append(f"payment {line.id} is in {line.currency}; a transfer file holds JPY only")
    if not isinstance(account, JapaneseAccount):
        found.append(f"payment {line.id} goes to no account in Japan")
    return found


def _transfer(
    line: PayoutLine, account: JapaneseAccount, losses: _Losses, *, edi: bool
) -> Transfer:
    digits = reference_of(line.id)
    codes = {} if edi else {"code1": digits[:CODE_DIGITS], "code2": digits[CODE_DIGITS:]}
    return Transfer(
        account=replace(account, holder=losses.cut(line.id, account.holder, PAYEE_LETTERS)),
        amount_minor=line.amount_minor,
        edi=digits if edi else None,
        **codes,
    )
