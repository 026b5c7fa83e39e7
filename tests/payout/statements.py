"""Bank statements written by somebody else's code: pyiso20022's classes, made from ISO's schemas.

``statement(version, entries)`` gives the bytes of a camt.053 with these bookings; xsdata writes the
XML, in its own spelling.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyiso20022.camt.camt_053_001_02 import camt_053_001_02 as v02
from pyiso20022.camt.camt_053_001_08 import camt_053_001_08 as v08
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.models.datatype import XmlDate, XmlDateTime

VERSIONS = ("camt.053.001.02", "camt.053.001.08")


@dataclass(frozen=True)
class Detail:
    """One transaction of an entry."""

    reference: str
    amount: str | None = None
    reason: str | None = None
    words: tuple[str, ...] = ()
    side: str | None = None


@dataclass(frozen=True)
class Entry:
    """One booking."""

    amount: str
    details: tuple[Detail, ...] = ()
    side: str = "DBIT"
    currency: str = "JPY"
    status: str = "BOOK"
    day: str = "2026-11-30"
    bank_reference: str | None = "B1"
    reversal: bool | None = None
    timed: bool = False


@dataclass(frozen=True)
class Balances:
    """Opening and closing."""

    opening: str
    closing: str
    currency: str = "JPY"
    sides: tuple[str, str] = field(default=("CRDT", "CRDT"))


def statement(version: str, entries: list[Entry], balances: Balances | None = None) -> bytes:
    """The bytes of a statement with these bookings."""
    new = version == "camt.053.001.08"
    names = (
        (v08, "BankToCustomerStatementV08", "AccountStatement9", "GroupHeader81", "CashAccount39")
        if new
        else (v02, "BankToCustomerStatementV02", "AccountStatement2", "GroupHeader42",
              "CashAccount20")
    )  # fmt: skip
    kinds, message, account_statement, head, account = names
    created = XmlDateTime.from_string("2026-12-01T06:00:00+09:00")
    number = kinds.AccountIdentification4Choice(
        othr=kinds.GenericAccountIdentification1(id="9000001")
    )
    document = kinds.Document(
        bk_to_cstmr_stmt=getattr(kinds, message)(
            grp_hdr=getattr(kinds, head)(msg_id="M1", cre_dt_tm=created),
            stmt=[
                getattr(kinds, account_statement)(
                    id="S1",
                    cre_dt_tm=created,
                    acct=getattr(kinds, account)(id=number),
                    bal=_balances(kinds, new, balances),
                    ntry=[_entry(kinds, new, entry) for entry in entries],
                )
            ],
        )
    )
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{version}"
    return XmlSerializer().render(document, ns_map={"c": namespace}).encode()


def _amount(kinds: Any, value: str, currency: str) -> Any:
    return kinds.ActiveOrHistoricCurrencyAndAmount(value=Decimal(value), ccy=currency)


def _day(kinds: Any, new: bool, entry: Entry) -> Any:
    kind = kinds.DateAndDateTime2Choice if new else kinds.DateAndDateTimeChoice
    if entry.timed:
        return kind(dt_tm=XmlDateTime.from_string(f"{entry.day}T10:00:00+09:00"))
    return kind(dt=XmlDate.from_string(entry.day))


def _entry(kinds: Any, new: bool, entry: Entry) -> Any:
    status = (
        kinds.EntryStatus1Choice(cd=entry.status) if new else kinds.EntryStatus2Code(entry.status)
    )
    details = [_detail(kinds, new, detail, entry.currency) for detail in entry.details]
    return (kinds.ReportEntry10 if new else kinds.ReportEntry2)(
        amt=_amount(kinds, entry.amount, entry.currency),
        cdt_dbt_ind=kinds.CreditDebitCode(entry.side),
        rvsl_ind=entry.reversal,
        sts=status,
        bookg_dt=_day(kinds, new, entry),
        acct_svcr_ref=entry.bank_reference,
        bk_tx_cd=kinds.BankTransactionCodeStructure4(),
        ntry_dtls=[(kinds.EntryDetails9 if new else kinds.EntryDetails1)(tx_dtls=details)]
        if details
        else [],
    )


def _detail(kinds: Any, new: bool, detail: Detail, currency: str) -> Any:
    references = (kinds.TransactionReferences6 if new else kinds.TransactionReferences2)(
        end_to_end_id=detail.reference
    )
    more: dict[str, Any] = {}
    if detail.amount is not None:
        amount = _amount(kinds, detail.amount, currency)
        if new:
            side = detail.side or "DBIT"
            more = {"amt": amount, "cdt_dbt_ind": kinds.CreditDebitCode(side)}
        else:
            inner = kinds.AmountAndCurrencyExchangeDetails3(amt=amount)
            more = {"amt_dtls": kinds.AmountAndCurrencyExchange3(tx_amt=inner)}
    if detail.reason is not None:
        reason = kinds.ReturnReason5Choice(cd=detail.reason)
        kind = kinds.PaymentReturnReason5 if new else kinds.ReturnReasonInformation10
        more["rtr_inf"] = kind(rsn=reason, addtl_inf=list(detail.words))
    return (kinds.EntryTransaction10 if new else kinds.EntryTransaction2)(refs=references, **more)


def _balances(kinds: Any, new: bool, balances: Balances | None) -> list[Any]:
    pairs = [] if balances is None else [("OPBD", balances.opening), ("CLBD", balances.closing)]
    found = []
    for at, (code, value) in enumerate(pairs):
        choice = (
            kinds.BalanceType10Choice(cd=code)
            if new
            else kinds.BalanceType5Choice(cd=kinds.BalanceType12Code(code))
        )
        day = Entry("1", day="2026-11-30")
        found.append(
            (kinds.CashBalance8 if new else kinds.CashBalance3)(
                tp=(kinds.BalanceType13 if new else kinds.BalanceType12)(cd_or_prtry=choice),
                amt=_amount(kinds, value, balances.currency),
                cdt_dbt_ind=kinds.CreditDebitCode(balances.sides[at]),
                dt=_day(kinds, new, day),
            )
        )
    return found
