"""Export: the one file that the bank is given for an approved order.

The file is kept as a blob that an entry names before anybody gets it, so making it again gives the
same bytes, and no second file of an order can come to be. The day of payment is checked against
the banks' calendar when the file is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from ledger.coop.ages import lines_by_member
from ledger.coop.destinations import destination_hash
from ledger.coop.dues import ORDER
from ledger.coop.envelope import parse_envelope
from ledger.coop.payouts import FORMATS, order_of
from ledger.coop.state import ExportedFile, PayoutOrder, State
from ledger.errors import (
    AlreadyExported,
    InvalidInput,
    NotFound,
    QuorumMissing,
)
from ledger.payout.account import Account, IbanAccount, open_account, parse_account
from ledger.payout.bank_calendar import BankCalendar, bundled_calendar
from ledger.payout.iban_days import check_day, notes_on_day
from ledger.payout.line import PayoutLine
from ledger.payout.order_csv import CsvTerms, order_csv
from ledger.payout.pain001 import IbanTerms, MessageHead, Scheme, iban_order, japan_order
from ledger.payout.zengin_order import (
    TransferDay,
    check_transfer_day,
    parse_originator,
    zengin_order,
)
from ledger.period import parse_instant
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, write
from ledger.service.payout import DESTINATION
from ledger.service.read import search_all
from ledger.store.reading import Filter, LogReader
from ledger.usage.totals import SALT_BYTES

Payments = list[tuple[PayoutLine, Account]]
SEPA = "EUR"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export is asked for: the format, the day of payment, and who pays.

    ``payer`` is ``{"code", "account"}`` for files of banks in Japan, the document of an account
    with an IBAN for others, and not needed for CSV. ``calendar`` knows the days of banks in Japan.
    """

    format: str
    pay_on: date | None
    payer: Any
    calendar: BankCalendar = field(default_factory=bundled_calendar)


@dataclass(frozen=True, slots=True)
class Exported:
    """The file, and what to tell about it; ``is_new`` is False if it had been made before."""

    order_id: str
    data: bytes
    report: Mapping[str, Any]
    is_new: bool


def find_order(state: State, wanted: str) -> str:
    """The hash of an approved order of which the first digits are given; raises NotFound.

    Raises QuorumMissing if the order still waits for decisions.
    """
    found = [id_ for id_ in state.orders if id_.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    waiting = [
        p for id_, p in state.proposals.items() if p.kind == ORDER and id_.startswith(wanted)
    ]
    if not found and waiting:
        one = waiting[0]
        raise QuorumMissing(
            f"{one.subject!r} is not approved: {len(one.approvals)} of {one.needed} approvals"
        )
    raise NotFound(f"{len(found)} approved orders begin with {wanted!r}; `kyojo payout show`")


def export_order(coop: Coop, order_id: str, wanted: Wanted) -> Exported:
    """The file of an order, made now or read again.

    Raises AlreadyExported if another file of it was asked for before, OutOfRange for a day on
    which banks are closed.
    """
    with coop.reading() as (state, log):
        id_ = find_order(state, order_id)
        order = order_of(state, id_)
        if order.file is not None:
            return _again(id_, order.file, order, log.blob(order.file.sha256), wanted)
        payments = _payments(order, log)
        today = _today(state, coop.clock())
        digits = state.terms().digits(order.currency)
    if wanted.format not in FORMATS[order.method]:
        taken = ", ".join(FORMATS[order.method]) or "no file: its claims are in the vault"
        raise InvalidInput(f"an order by {order.method} takes {taken}, not {wanted.format}")
    if wanted.pay_on is None:
        raise InvalidInput("say when the bank shall pay: --pay-on YYYY-MM-DD")
    if wanted.payer is None and wanted.format != "csv":
        raise InvalidInput("say who pays: --payer FILE")
    day = TransferDay(wanted.pay_on, today, wanted.calendar)
    head = MessageHead(f"{order.period.replace('-', '')}-{id_[:28]}", coop.clock())
    data, report = _file(wanted, payments, day, (head, digits, order))
    blob = coop.random(SALT_BYTES) + data
    body = {
        "order": id_,
        "format": wanted.format,
        "pay_on": wanted.pay_on.isoformat(),
        "file": blob_reference(blob),
    }
    write(coop, kind="payout-exported", body=body, blobs={sha256(blob).hexdigest(): blob})
    return Exported(id_, data, {"pay_on": body["pay_on"], **report}, True)


def _again(
    id_: str, file: ExportedFile, order: PayoutOrder, blob: bytes, wanted: Wanted
) -> Exported:
    asked = (wanted.format, file.pay_on if wanted.pay_on is None else wanted.pay_on.isoformat())
    if asked != (file.format, file.pay_on):
        raise AlreadyExported(
            f"the order was exported as {file.format} to be paid on {file.pay_on}; what the bank "
            "did not take is reported as returned (`kyojo payout result`) and ordered again"
        )
    totals = [line.amount_minor for line in order.lines.values()]
    control = {"count": len(totals), "amount_minor": sum(totals)}
    report = {"pay_on": file.pay_on, "format": file.format, "control_totals": control}
    return Exported(id_, blob[SALT_BYTES:], report, False)


def _file(
    wanted: Wanted,
    payments: Payments,
    day: TransferDay,
    about: tuple[MessageHead, int, PayoutOrder],
) -> tuple[bytes, Mapping[str, Any]]:
    head, digits, order = about
    if wanted.format == "csv":
        # A bank in Japan is paid on its business days, whatever the form of the order.
        if order.method == "bank":
            check_transfer_day(day)
        else:
            check_day(order.currency, day.pay_on, day.ordered_on)
        data = order_csv(payments, CsvTerms(day.pay_on, digits))
        total = sum(line.amount_minor for line, _ in payments)
        control = {"count": len(payments), "amount_minor": total}
        report = {"format": "csv", "control_totals": control, "losses": []}
        return data, report | _notes(order, day)
    if wanted.format == "zengin":
        made = zengin_order(parse_originator(wanted.payer), payments, day)
        return made.data, made.report()
    if wanted.format == "pain.001.001.03":
        message = japan_order(parse_originator(wanted.payer), payments, day, head)
    else:
        payer = parse_account(wanted.payer)
        if not isinstance(payer, IbanAccount):
            raise InvalidInput("the payer of an order by IBAN is an account with an IBAN")
        check_day(order.currency, day.pay_on, day.ordered_on)
        scheme: Scheme = "sepa" if order.currency == SEPA else "international"
        terms = IbanTerms(day.pay_on, scheme, order.currency, digits)
        message = iban_order(payer, payments, terms, head)
    return message.data, message.report() | _notes(order, day)


def _notes(order: PayoutOrder, day: TransferDay) -> dict[str, Any]:
    """What could not be judged of the day, for orders that Japan's calendar does not judge."""
    notes = [] if order.method == "bank" else notes_on_day(order.currency, day.pay_on)
    return {"notes": notes} if notes else {}


def _today(state: State, now: str) -> date:
    return parse_instant(now).astimezone(ZoneInfo(state.terms().time_zone)).date()


def _payments(order: PayoutOrder, log: LogReader) -> Payments:
    found: Payments = []
    for id_, line in lines_by_member(order):
        payment = PayoutLine(id_, line.member, order.currency, line.amount_minor, order.period)
        account = find_account(log, line.member, order.currency, line.destination)
        found.append((payment, account))
    return found


def find_account(log: LogReader, member: str, currency: str, destination: str) -> Account:
    """The account with which a member was to be paid, by the destination's hash."""
    for row in reversed(list(search_all(log, Filter(kind=DESTINATION, member=member)))):
        body = parse_envelope(log.entry(row.index)).draft.body
        named = body["destination"]
        if body["currency"] == currency and destination_hash(named) == destination:
            if named["type"] == "evm":
                return parse_account(named)
            return open_account(log.blob(named["details"]["sha256"]))
    raise NotFound(f"no entry of {member} names the destination {destination}")
