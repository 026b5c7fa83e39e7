"""camt.053: a bank's statement of an account, read for what became of our payments.

Versions 001.02 and 001.08 of ISO 20022. A booked debit whose details bear an EndToEndId is a
payment made; a booked credit with return information, or one that is marked as a reversal, is a
payment that came back; a credit without either is told as ``credited`` and left to a person. What
is not booked yet is ``pending``. Bookings without an EndToEndId are the account's other business
and are counted.

Total and safe: no document type, entity or remote schema is followed (``xmltext``). Anything that
cannot be understood is MalformedPaymentFile with every fault; nothing is skipped in silence.

Where a statement gives its opening and closing balance, they are checked against its entries, and
an entry's amount against its details: a missing page or line shows as a note of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledger.errors import Fault, MalformedPaymentFile, OutOfRange
from ledger.money import parse_minor
from ledger.payout.results import BankFile, BankRow, RowStatus
from ledger.payout.xmltext import Element, read_xml

VERSIONS: Final = ("camt.053.001.02", "camt.053.001.08")
FAULTS_MAX: Final = 1_000
TEXT_MAX: Final = 140

_NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
_NO_REFERENCE: Final = ("", "NOTPROVIDED")
_DECIMAL = re.compile(r"\+?([0-9]*)\.?([0-9]*)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SIDES: Final = ("CRDT", "DBIT")


def parse_camt053(data: bytes, digits: Mapping[str, int]) -> BankFile:
    """Read a statement. ``digits`` has the decimal digits of each currency of the co-op.

    Bookings in other currencies are not ours and are counted among the others. Raises
    MalformedPaymentFile with every fault, TooLarge for a file beyond the limits of ``xmltext``.
    """
    root = read_xml(data)
    version = root.namespace.removeprefix(_NAMESPACE)
    if root.name != "Document" or version not in VERSIONS:
        text = f"a camt.053 of {' or '.join(VERSIONS)} is expected, not {root.namespace[:80]!r}"
        raise _malformed([Fault("line 1", MalformedPaymentFile.code, text)])
    reader = _Reader(digits, root.namespace)
    statements = list(root.all("BkToCstmrStmt", "Stmt"))
    if not statements:
        reader.refuse(root, "there is no statement (BkToCstmrStmt/Stmt)")
    for number, statement in enumerate(statements, 1):
        reader.read(statement, number)
    if reader.faults:
        raise _malformed(reader.faults)
    return BankFile(version, tuple(reader.rows), reader.others, tuple(reader.notes))


@dataclass(slots=True)
class _Entry:
    """An entry of a statement, as far as all of its details share it."""

    element: Element
    place: str
    side: str
    is_reversal: bool
    is_booked: bool
    day: date
    reference: str


@dataclass(slots=True)
class _Reader:
    digits: Mapping[str, int]
    namespace: str
    rows: list[BankRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    others: int = 0

    def refuse(self, element: Element, message: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            fault = Fault(f"line {element.line}", MalformedPaymentFile.code, message)
            self.faults.append(fault)

    def note(self, place: str, code: str, message: str) -> None:
        self.notes.append(Fault(place, code, message))

    def read(self, statement: Element, number: int) -> None:
        booked: list[tuple[str, int]] = []
        for at, element in enumerate(statement.all("Ntry"), 1):
            entry = self._entry(element, f"statement {number}, entry {at} (line {element.line})")
            if entry is None:
                continue
            amount = self._amount(element, "Amt")
            if amount is not None and entry.is_booked:
                booked.append((amount[0], amount[1] if entry.side == "CRDT" else -amount[1]))
            self._details(entry, amount)
        self._balance(statement, number, booked)

    def _entry(self, element: Element, place: str) -> _Entry | None:
        side = element.value("CdtDbtInd")
        if side not in _SIDES:
            self.refuse(element, f"the entry is neither CRDT nor DBIT but {side[:20]!r}")
            return None
        status = element.value("Sts", "Cd") or element.value("Sts", "Prtry") or element.value("Sts")
        if not status:
            self.refuse(element, "the entry has no status")
            return None
        reversal = element.value("RvslInd")
        if reversal not in ("", "true", "false", "1", "0"):
            self.refuse(element, f"RvslInd is {reversal[:20]!r}")
            return None
        is_booked = status == "BOOK"
        day = self._day(element, is_booked=is_booked)
        if day is None:
            return None
        reference = element.value("AcctSvcrRef")[:TEXT_MAX]
        return _Entry(element, place, side, reversal in ("true", "1"), is_booked, day, reference)

    def _day(self, element: Element, *, is_booked: bool) -> date | None:
        """The booking day; of what is not booked, the value day or none at all."""
        for name in ("BookgDt", "ValDt"):
            text = element.value(name, "Dt") or element.value(name, "DtTm")
            if text:
                try:
                    return date.fromisoformat(text[:10] if _DAY.match(text) else "")
                except ValueError:
                    self.refuse(element, f"{name} {text[:40]!r} is no day")
                    return None
        if is_booked:
            self.refuse(element, "the entry has no booking day")
            return None
        return date.min

    def _details(self, entry: _Entry, amount: tuple[str, int] | None) -> None:
        details = list(entry.element.all("NtryDtls", "TxDtls"))
        if not details:
            self.others += 1
            return
        total, is_whole = 0, amount is not None
        for number, detail in enumerate(details, 1):
            own = self._detail_amount(detail)
            if own is None and len(details) == 1:
                own = amount
            self._row(entry, detail, number, (own, amount))
            if own is None or amount is None or own[0] != amount[0]:
                is_whole = False
            else:
                side = detail.value("CdtDbtInd") or entry.side
                total += own[1] if side == entry.side else -own[1]
        if is_whole and amount is not None and total != amount[1]:
            text = f"the details add up to {total}, the entry is of {amount[1]} (minor units)"
            self.note(entry.place, "details-differ", text)

    def _row(
        self,
        entry: _Entry,
        detail: Element,
        number: int,
        amounts: tuple[tuple[str, int] | None, tuple[str, int] | None],
    ) -> None:
        """The row of a detail; ``amounts`` are its own and that of its entry."""
        amount, entry_amount = amounts
        reference = detail.value("Refs", "EndToEndId")
        status = _status(entry, detail)
        if reference in _NO_REFERENCE or status is None:
            self.others += 1
            return
        if amount is None:
            self._without_amount(detail, reference, is_ours=entry_amount is not None)
            return
        self.rows.append(
            BankRow(
                place=f"{entry.place}, detail {number}",
                reference=reference[:TEXT_MAX],
                status=status,
                day=entry.day,
                currency=amount[0],
                amount_minor=amount[1],
                bank_reference=detail.value("Refs", "AcctSvcrRef")[:TEXT_MAX] or entry.reference,
                reason=_reason(detail)[:TEXT_MAX],
            )
        )

    def _detail_amount(self, detail: Element) -> tuple[str, int] | None:
        for path in (("Amt",), ("AmtDtls", "TxAmt", "Amt")):
            if detail.first(*path) is not None:
                return self._amount(detail, *path)
        return None

    def _amount(self, element: Element, *path: str) -> tuple[str, int] | None:
        """Currency and minor units; None for a currency that is not ours, and for a fault."""
        found = element.first(*path)
        if found is None:
            self.refuse(element, f"{'/'.join(path)} is missing")
            return None
        currency = found.attributes.get("Ccy", "")
        if currency not in self.digits:
            return None
        try:
            return currency, parse_minor(_plain(found.text), digits=self.digits[currency])
        except OutOfRange as error:
            self.refuse(found, error.message)
            return None

    def _without_amount(self, detail: Element, reference: str, *, is_ours: bool) -> None:
        """A detail whose amount is not known; ``is_ours``: its entry is in a currency of ours.

        Its own currency decides; without one, that of its entry. What cannot be read is a fault.
        """
        found = detail.first("Amt") or detail.first("AmtDtls", "TxAmt", "Amt")
        if found is None and is_ours:
            self.refuse(detail, f"the detail of {reference[:40]!r} has no amount")
        elif found is None or found.attributes.get("Ccy", "") not in self.digits:
            self.others += 1

    def _balance(self, statement: Element, number: int, booked: list[tuple[str, int]]) -> None:
        """Opening and closing balance against the entries, where the statement gives both."""
        balances: dict[str, tuple[str, int]] = {}
        for element in statement.all("Bal"):
            kind = element.value("Tp", "CdOrPrtry", "Cd")
            amount = self._amount(element, "Amt") if kind in ("OPBD", "PRCD", "CLBD") else None
            if amount is not None:
                sign = -1 if element.value("CdtDbtInd") == "DBIT" else 1
                balances[kind] = (amount[0], sign * amount[1])
        opening, closing = balances.get("OPBD") or balances.get("PRCD"), balances.get("CLBD")
        if opening is None or closing is None or opening[0] != closing[0]:
            return
        moved = sum(amount for currency, amount in booked if currency == opening[0])
        if opening[1] + moved != closing[1]:
            text = f"opening {opening[1]} and entries {moved} do not give closing {closing[1]}"
            self.note(f"statement {number}", "balance-differs", f"{text} (minor units)")


def _plain(text: str) -> str:
    """An xs:decimal in the one spelling of amounts: no plus, digits on both sides of the point."""
    text = text.strip()
    match = _DECIMAL.fullmatch(text)
    if match is None or not match.group(1) + match.group(2):
        return text
    return f"{match.group(1) or '0'}.{match.group(2) or '0'}"


def _status(entry: _Entry, detail: Element) -> RowStatus | None:
    """What a detail says of a payment of ours; None if it is none of our payments."""
    side = detail.value("CdtDbtInd") or entry.side
    is_return = entry.is_reversal or detail.first("RtrInf") is not None
    if side == "DBIT" and is_return:
        return None  # somebody else's payment to us went back
    if not entry.is_booked:
        return "pending"
    if side == "DBIT":
        return "paid"
    return "returned" if is_return else "credited"


def _reason(detail: Element) -> str:
    """The reason of a return: its code, then the bank's words."""
    code = detail.value("RtrInf", "Rsn", "Cd") or detail.value("RtrInf", "Rsn", "Prtry")
    words = [found.text.strip() for found in detail.all("RtrInf", "AddtlInf")]
    return " ".join(part for part in (code, *words) if part)


def _malformed(faults: list[Fault]) -> MalformedPaymentFile:
    first = faults[0]
    return MalformedPaymentFile(
        f"the statement has {len(faults)} fault(s): {first.message} ({first.where})",
        faults=tuple(faults),
    )
