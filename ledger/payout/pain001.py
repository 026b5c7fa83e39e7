"""pain.001: credit transfers as the ISO 20022 message that banks take.

FORMATS.md section 3. Two profiles:

* ``japan_order`` writes pain.001.001.03: accounts by number with their kind (``Tp/Prtry``), banks
  by their Zengin number (``ClrSysId/Cd`` JPZGN), whole yen. ``BrnchId`` is a sibling of
  ``FinInstnId``, as in the ISO schema.
* ``iban_order`` writes pain.001.001.09: IBAN and BICFI; as SEPA (EUR, service level SEPA, charges
  SLEV) or international (any currency, shared charges, BICs required).

EndToEndId is the payment's id, so that the bank's statement (camt.053) leads back to it. The time
of creation is an argument: the same arguments give the same bytes. Elements stand in the order of
the schema, against which the tests validate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any, Final, Literal, TypeVar

from ledger.errors import Fault, OutOfRange
from ledger.money import CURRENCY, format_minor
from ledger.payout.account import Account, IbanAccount, JapaneseAccount
from ledger.payout.kana import Loss
from ledger.payout.latin import is_latin, to_latin
from ledger.payout.line import PayoutLine
from ledger.payout.netting import check_ids
from ledger.payout.xmltext import Element, node, write_xml
from ledger.payout.zengin import AMOUNT_MAX, Originator
from ledger.payout.zengin_order import TransferDay, check_transfer_day
from ledger.period import parse_instant

Scheme = Literal["sepa", "international"]

ID_MAX: Final = 35
NAME_MAX: Final = 70
NOTE_MAX: Final = 140
PAYMENTS_MAX: Final = 100_000
DIGITS_MAX: Final = 5
# A SEPA credit transfer is of at most 999,999,999.99 EUR; an ISO amount has at most 18 digits.
SEPA_MAX: Final = 99_999_999_999
OTHER_MAX: Final = 10**15

_JAPAN: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"
_IBAN: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,34}")
AccountT = TypeVar("AccountT", JapaneseAccount, IbanAccount)


@dataclass(frozen=True, slots=True)
class MessageHead:
    """What names the message: ``message_id`` (up to 35 of A-Z a-z 0-9 -) and ``created``.

    ``created`` is an instant, such as that of the order's entry in the log; seconds are written.
    ``note`` goes to every payee as remittance information, if it is not empty.
    """

    message_id: str
    created: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class IbanTerms:
    """How an IBAN order is paid: the day, the scheme, the currency and its decimal digits.

    SEPA is EUR with 2 digits. Whether banks work on the day (TARGET, or the currency's own
    calendar) is not checked.
    """

    requested: date
    scheme: Scheme = "sepa"
    currency: str = "EUR"
    digits: int = 2
    with_uetr: bool = False


@dataclass(frozen=True, slots=True)
class Pain001:
    """The message, and what names lost in it, by payment (``debtor`` for the payer's)."""

    data: bytes
    version: str
    currency: str
    count: int
    total_minor: int
    losses: tuple[tuple[str, Loss], ...]

    def report(self) -> dict[str, Any]:
        """What to print beside the file: its control totals and the losses of names."""
        return {
            "format": self.version,
            "control_totals": {"count": self.count, "amount_minor": self.total_minor},
            "losses": [{"line": line, **loss.as_dict()} for line, loss in self.losses],
        }


def japan_order(
    originator: Originator,
    payments: Sequence[tuple[PayoutLine, Account]],
    day: TransferDay,
    head: MessageHead,
) -> Pain001:
    """The message of yen transfers within Japan; the day is checked as for a Zengin file.

    Raises OutOfRange with every fault, DuplicateId for an id that repeats.
    """
    check_transfer_day(day)
    faults = _faults_of(head)
    pairs = _pairs(payments, JapaneseAccount, _Bound("JPY", AMOUNT_MAX), faults)
    _check(faults)
    payer = originator.account
    identity = node("Id", node("OrgId", node("Othr", node("Id", originator.code))))
    transfers = [
        node(
            "CdtTrfTxInf",
            node("PmtId", node("EndToEndId", line.id)),
            node("Amt", node("InstdAmt", str(line.amount_minor), Ccy="JPY")),
            _japanese_bank("CdtrAgt", account),
            node("Cdtr", node("Nm", account.holder)),
            _japanese_account("CdtrAcct", account),
            _note(head),
        )
        for line, account in pairs
    ]
    about = (
        node("ReqdExctnDt", day.pay_on.isoformat()),
        node("Dbtr", node("Nm", payer.holder)),
        _japanese_account("DbtrAcct", payer),
        _japanese_bank("DbtrAgt", payer),
    )
    initiator = node("InitgPty", node("Nm", payer.holder), identity)
    totals = _Totals("JPY", 0, len(pairs), sum(line.amount_minor for line, _ in pairs))
    data = _message(_JAPAN, head, totals, [initiator, *about, *transfers])
    return Pain001(data, "pain.001.001.03", "JPY", totals.count, totals.sum_minor, ())


def iban_order(
    debtor: IbanAccount,
    payments: Sequence[tuple[PayoutLine, Account]],
    terms: IbanTerms,
    head: MessageHead,
) -> Pain001:
    """The message of transfers between accounts with an IBAN.

    Raises OutOfRange with every fault, DuplicateId for an id that repeats.
    """
    is_sepa = terms.scheme == "sepa"
    faults = _faults_of(head) + _faults_of_terms(terms, debtor)
    bound = _Bound(terms.currency, SEPA_MAX if is_sepa else OTHER_MAX)
    pairs = _pairs(payments, IbanAccount, bound, faults)
    losses: list[tuple[str, Loss]] = []
    payer = _latin("debtor", debtor, losses, faults)
    payees = [_latin(line.id, account, losses, faults) for line, account in pairs]
    if not is_sepa:
        faults += [
            _fault(line.id, f"payment {line.id} goes to an account without a BIC")
            for line, account in pairs
            if not account.bic
        ]
    _check(faults)
    transfers = [
        _iban_transfer(line, account, payee, terms, head)
        for (line, account), payee in zip(pairs, payees, strict=True)
    ]
    sepa = [node("PmtTpInf", node("SvcLvl", node("Cd", "SEPA")))] if is_sepa else []
    about = (
        *sepa,
        node("ReqdExctnDt", node("Dt", terms.requested.isoformat())),
        node("Dbtr", node("Nm", payer)),
        node("DbtrAcct", node("Id", node("IBAN", debtor.iban))),
        _bank("DbtrAgt", debtor),
        node("ChrgBr", "SLEV" if is_sepa else "SHAR"),
    )
    initiator = node("InitgPty", node("Nm", payer))
    total = sum(line.amount_minor for line, _ in pairs)
    totals = _Totals(terms.currency, terms.digits, len(pairs), total)
    data = _message(_IBAN, head, totals, [initiator, *about, *transfers])
    found = tuple(losses)
    return Pain001(data, "pain.001.001.09", terms.currency, totals.count, total, found)


@dataclass(frozen=True, slots=True)
class _Bound:
    currency: str
    amount_max: int


@dataclass(frozen=True, slots=True)
class _Totals:
    currency: str
    digits: int
    count: int
    sum_minor: int

    def nodes(self) -> tuple[Element, Element]:
        """NbOfTxs and CtrlSum, which stand in the message's head and in its one PmtInf."""
        total = format_minor(self.sum_minor, digits=self.digits)
        return node("NbOfTxs", str(self.count)), node("CtrlSum", total)


def _message(namespace: str, head: MessageHead, totals: _Totals, parts: Sequence[Element]) -> bytes:
    """The whole document; ``parts`` are InitgPty and what follows CtrlSum in PmtInf."""
    initiator, *about = parts
    created = f"{parse_instant(head.created):%Y-%m-%dT%H:%M:%SZ}"
    identity = node("MsgId", head.message_id)
    group = node("GrpHdr", identity, node("CreDtTm", created), *totals.nodes(), initiator)
    method = node("PmtMtd", "TRF")
    payment = node("PmtInf", node("PmtInfId", head.message_id), method, *totals.nodes(), *about)
    return write_xml(node("Document", node("CstmrCdtTrfInitn", group, payment)), namespace)


def _iban_transfer(
    line: PayoutLine, account: IbanAccount, payee: str, terms: IbanTerms, head: MessageHead
) -> Element:
    amount = format_minor(line.amount_minor, digits=terms.digits)
    return node(
        "CdtTrfTxInf",
        node("PmtId", node("EndToEndId", line.id), _uetr(line) if terms.with_uetr else None),
        node("Amt", node("InstdAmt", amount, Ccy=terms.currency)),
        _bank("CdtrAgt", account) if account.bic else None,
        node("Cdtr", node("Nm", payee)),
        node("CdtrAcct", node("Id", node("IBAN", account.iban))),
        _note(head),
    )


def _pairs(
    payments: Sequence[tuple[PayoutLine, Account]],
    kind: type[AccountT],
    bound: _Bound,
    faults: list[Fault],
) -> list[tuple[PayoutLine, AccountT]]:
    """The payments that the message can hold; the others become faults."""
    check_ids([line for line, _ in payments])
    if not 1 <= len(payments) <= PAYMENTS_MAX:
        text = f"a message has 1 to {PAYMENTS_MAX} payments, not {len(payments)}"
        faults.append(_fault("payments", text))
    found = []
    for line, account in payments:
        if line.currency != bound.currency:
            text = f"payment {line.id} is in {line.currency}, the message in {bound.currency}"
            faults.append(_fault(line.id, text))
        if not 1 <= line.amount_minor <= bound.amount_max:
            text = f"payment {line.id}: the amount is 1 to {bound.amount_max} minor units"
            faults.append(_fault(line.id, f"{text}, not {line.amount_minor}"))
        if _ID.fullmatch(line.id) is None:
            faults.append(_fault(line.id, f"{line.id[:50]!r} is no EndToEndId"))
        if isinstance(account, kind):
            found.append((line, account))
        else:
            faults.append(_fault(line.id, f"payment {line.id} goes to another kind of account"))
    return found


def _faults_of(head: MessageHead) -> list[Fault]:
    found = []
    if _ID.fullmatch(head.message_id) is None:
        text = f"{head.message_id[:50]!r} is no message id: up to {ID_MAX} of A-Z a-z 0-9 and -"
        found.append(_fault("message_id", text))
    if len(head.note) > NOTE_MAX or not is_latin(head.note):
        text = f"the note has up to {NOTE_MAX} Latin letters that every bank takes"
        found.append(_fault("note", text))
    try:
        parse_instant(head.created)
    except OutOfRange as error:
        found.append(error.as_fault("created"))
    return found


def _faults_of_terms(terms: IbanTerms, debtor: IbanAccount) -> list[Fault]:
    found = []
    if terms.scheme == "sepa" and (terms.currency, terms.digits) != ("EUR", 2):
        found.append(_fault("terms", "SEPA is in EUR with 2 digits"))
    if CURRENCY.fullmatch(terms.currency) is None or not 0 <= terms.digits <= DIGITS_MAX:
        text = f"a currency of three capitals with 0 to {DIGITS_MAX} digits is expected"
        found.append(_fault("terms", text))
    if terms.scheme != "sepa" and not debtor.bic:
        found.append(_fault("debtor", "the debtor's account has no BIC"))
    return found


def _latin(
    whose: str, account: IbanAccount, losses: list[tuple[str, Loss]], faults: list[Fault]
) -> str:
    """The holder's name in the letters and length that every bank takes."""
    try:
        written = to_latin(account.holder)
    except OutOfRange as error:
        faults += [_fault(whose, f"{fault.message} ({fault.where})") for fault in error.faults]
        return ""
    losses += [(whose, loss) for loss in written.losses]
    if not written.text:
        faults.append(_fault(whose, "the account has no holder's name"))
    short = written.text[:NAME_MAX].rstrip(" /")
    if short != written.text:
        losses.append((whose, Loss(written.text, short, "cut")))
    return short


def _japanese_bank(name: str, account: JapaneseAccount) -> Element:
    system = node("ClrSysId", node("Cd", "JPZGN"))
    member = node("ClrSysMmbId", system, node("MmbId", account.bank))
    bank = node("FinInstnId", member, node("Nm", account.bank_name))
    branch = node("BrnchId", node("Id", account.branch), node("Nm", account.branch_name))
    return node(name, bank, branch)


def _japanese_account(name: str, account: JapaneseAccount) -> Element:
    number = node("Id", node("Othr", node("Id", account.number)))
    return node(name, number, node("Tp", node("Prtry", account.kind)), node("Ccy", "JPY"))


def _bank(name: str, account: IbanAccount) -> Element:
    """The bank by its BIC; without one, the schema's mandatory field says so."""
    if account.bic:
        return node(name, node("FinInstnId", node("BICFI", account.bic)))
    return node(name, node("FinInstnId", node("Othr", node("Id", "NOTPROVIDED"))))


def _note(head: MessageHead) -> Element | None:
    return node("RmtInf", node("Ustrd", head.note)) if head.note else None


def _uetr(line: PayoutLine) -> Element:
    """A version 4 UUID that depends on the payment's id alone, so that it never changes."""
    digest = sha256(b"kyojo/uetr/v1\n" + line.id.encode()).hexdigest()
    variant = "89ab"[int(digest[15], 16) % 4]
    parts = (digest[:8], digest[8:12], f"4{digest[12:15]}", f"{variant}{digest[16:19]}")
    return node("UETR", "-".join((*parts, digest[20:32])))


def _fault(where: str, message: str) -> Fault:
    return Fault(where, OutOfRange.code, message)


def _check(faults: list[Fault]) -> None:
    if faults:
        raise OutOfRange(f"no payment message: {faults[0].message}", faults=tuple(faults))
