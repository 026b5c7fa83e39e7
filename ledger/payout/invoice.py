"""Invoices and payment notices: what a payment is for, with its consumption tax.

Three kinds of document:

* ``qualified-invoice`` (適格請求書): the seller issues it; only a registered one may.
* ``self-billed`` (仕入明細書): the buyer issues it and pays by it; it bears the *seller's* T number
  and counts once the seller has confirmed it, or has not objected by the day that both agreed.
* ``payment-notice`` (支払通知書): says what is paid and claims nothing. It is what a seller gets
  who may not issue qualified invoices: what of the tax the buyer may deduct for such purchases
  changes by transitional rules, and is not guessed here.

Consumption tax (RULES.md section 11) is rounded once per rate and document, by the co-op's own
policy, never per line: of net amounts ``Σ net × rate``, of amounts that contain the tax
``Σ gross × rate / (1 + rate)``. What is outside the tax (不課税・非課税) has the rate None. Offsets
and carries stand below the total, as they are no sale; ``payable`` is what the bank was ordered to
pay. What is given back of earlier sales is a part of its own (``ledger.payout.returns``), with its
own tax by rate; a document without any has no such fields.

``build_invoice`` makes the document, ``parse_invoice`` reads one and computes it again: a changed
figure, mark or word of it is refused. The RFC 8785 form of a document is the same on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from ledger.errors import Fault, MalformedDocument, NotPermitted, OutOfRange
from ledger.money import AMOUNT_MAX
from ledger.payout.line import PayoutLine
from ledger.payout.parties import (
    Day,
    Party,
    Reason,
    Shape,
    Standing,
    Text,
    Words,
    parse_party,
    standing,
)
from ledger.payout.returns import (
    Basis,
    Rate,
    Return,
    faults_of_returns,
    return_rates,
    returned_minor,
    tax_part,
)
from ledger.rules.inputs.invoice import TaxRounding
from ledger.settlement.tax import Invoice, InvoiceLine, round_tax, tax_of

Kind = Literal["qualified-invoice", "self-billed", "payment-notice"]

ITEMS_MAX: Final = 10_000
TAXED_CURRENCY: Final = "JPY"

Amount = Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]


class Item(Shape):
    """What was sold: on which day (or the last of a month), at which rate; None: outside the tax.

    ``is_reduced`` marks the reduced rate, as the law asks for item by item.
    """

    id: Text
    day: Day
    label: Words
    rate: Rate | None
    is_reduced: bool = False
    amount_minor: Amount


class Adjustment(Shape):
    """What is offset or carried, below the total: no sale, no tax."""

    label: Words
    amount_minor: Amount


class Confirmation(Shape):
    """How far a self-billed invoice is confirmed by the seller.

    ``objection_until`` is the last day on which it may object, where both agreed that silence
    confirms; ``confirmed_on`` the day on which it confirmed.
    """

    objection_until: Day | None = None
    confirmed_on: Day | None = None


UNCONFIRMED: Final = Confirmation()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a document says of itself, and how amounts and tax are meant.

    ``issued_on`` is its day, ``period`` the month it settles (YYYY-MM).
    """

    number: str
    issued_on: date
    period: str
    currency: str = TAXED_CURRENCY
    minor_digits: int = 0
    basis: Basis = "gross"
    rounding: TaxRounding = "floor"


@dataclass(frozen=True, slots=True)
class Draft:
    """A document to be built: who sells to whom, what, and what is paid for it."""

    kind: Kind
    seller: Party
    buyer: Party
    items: tuple[Item, ...]
    terms: Terms
    adjustments: tuple[Adjustment, ...] = ()
    payment: PayoutLine | None = None
    confirmation: Confirmation = UNCONFIRMED
    returns: tuple[Return, ...] = ()


def choose_kind(
    seller: Party, on: date, items: Sequence[Item] = ()
) -> tuple[Kind, tuple[Reason, ...]]:
    """What a buyer that pays by its own documents sends: self-billed, or a notice and why.

    The seller has to be registered on the document's day and on that of each taxed item: nothing
    that was sold before the registration is on a qualified document.
    """
    found = _standing_for(seller, on, items)
    return ("self-billed", ()) if found.may_issue else ("payment-notice", found.reasons)


def build_invoice(draft: Draft) -> dict[str, Any]:
    """The document. Raises NotPermitted, with the reasons, if the seller may not issue on that day.

    The same for a taxed item of a day on which the seller was not registered.

    Raises OutOfRange with every fault: no items, a total below zero at a rate (a return is carried
    into the next document, or needs one of its own), marks that differ within a rate, a currency
    other than JPY where tax is shown, a payable amount that is not the payment's.
    """
    found = _standing_for(draft.seller, draft.terms.issued_on, (*draft.items, *draft.returns))
    if draft.kind != "payment-notice" and not found.may_issue:
        _refuse_issuer(draft.seller, found)
    faults = [Fault(where, OutOfRange.code, text) for where, text in _faults_of(draft)]
    if faults:
        raise OutOfRange(f"no invoice: {faults[0].message}", faults=tuple(faults))
    return _document(draft, found)


def _standing_for(seller: Party, on: date, items: Sequence[Item | Return]) -> Standing:
    """The standing on a day, or of the first taxed item on whose day the seller had none."""
    found = standing(seller, on)
    # A day out of form is told as a fault of its item.
    days = (i.day for i in items if i.rate is not None and not [*_faults_of_day(i.day, "")])
    others = (standing(seller, date.fromisoformat(day)) for day in days)
    return next((one for one in (found, *others) if not one.may_issue), found)


def parse_invoice(document: Any) -> Draft:
    """Read a document and compute it again; MalformedDocument names every figure that differs."""
    try:
        shape = InvoiceShape.model_validate(document)
    except ValidationError as error:
        faults = tuple(
            Fault(
                "".join(f"/{part}" for part in found["loc"]), MalformedDocument.code, found["msg"]
            )
            for found in error.errors(include_url=False)
        )
        raise MalformedDocument(f"the invoice: {faults[0].message}", faults=faults) from error
    try:
        draft = _draft(shape)
        again = build_invoice(draft)
    except (OutOfRange, NotPermitted) as error:
        raise MalformedDocument(f"the invoice: {error.message}", faults=error.faults) from error
    wrong = [name for name in {**again, **document} if again.get(name) != document.get(name)]
    if wrong:
        text = f"computed again, these differ: {', '.join(wrong)}"
        faults = tuple(Fault(f"/{name}", MalformedDocument.code, "differs") for name in wrong)
        raise MalformedDocument(f"the invoice: {text}", faults=faults)
    return draft


class PaymentShape(Shape):
    """The payment that a document belongs to."""

    id: Text
    amount_minor: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]


class InvoiceShape(Shape):
    """The shape of a document; its figures are checked by computing it again."""

    kyojo_invoice: Literal[1]
    kind: Kind
    number: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\x21-\x7e]+$")]
    issued_on: Day
    period: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    minor_digits: Annotated[int, Field(ge=0, le=9)]
    basis: Basis
    rounding: TaxRounding
    seller: dict[str, Any]
    buyer: dict[str, Any]
    registration: dict[str, Any] | None
    items: Annotated[list[Item], Field(max_length=ITEMS_MAX)]
    rates: list[dict[str, Any]]
    outside_minor: int
    tax_minor: int
    total_minor: int
    adjustments: Annotated[list[Adjustment], Field(max_length=1_000)]
    payable_minor: int
    payment: PaymentShape | None
    confirmation: Confirmation | None
    notes: list[dict[str, str]]
    returns: Annotated[list[Return], Field(min_length=1, max_length=ITEMS_MAX)] | None = None
    return_rates: list[dict[str, Any]] | None = None
    returned_minor: int | None = None


def _draft(shape: InvoiceShape) -> Draft:
    terms = Terms(
        number=shape.number,
        issued_on=_day(shape.issued_on),
        period=shape.period,
        currency=shape.currency,
        minor_digits=shape.minor_digits,
        basis=shape.basis,
        rounding=shape.rounding,
    )
    payment = None
    seller, buyer = _party(shape.seller, "/seller"), _party(shape.buyer, "/buyer")
    if shape.payment is not None:
        amount = shape.payment.amount_minor
        payment = PayoutLine(shape.payment.id, seller.id, shape.currency, amount, shape.period)
    return Draft(
        kind=shape.kind,
        seller=seller,
        buyer=buyer,
        items=tuple(shape.items),
        terms=terms,
        adjustments=tuple(shape.adjustments),
        payment=payment,
        confirmation=shape.confirmation or UNCONFIRMED,
        returns=tuple(shape.returns or ()),
    )


def _party(document: Any, where: str) -> Party:
    """A side of the document; its faults are told by their place in the whole."""
    try:
        return parse_party(document)
    except MalformedDocument as error:
        faults = tuple(replace(fault, where=where + fault.where) for fault in error.faults)
        raise MalformedDocument(error.message, faults=faults) from error


def _document(draft: Draft, found: Standing) -> dict[str, Any]:
    terms = draft.terms
    rates = _rates(draft)
    items_minor = sum(item.amount_minor for item in draft.items)
    tax = sum(row["tax_minor"] for row in rates)
    total = items_minor + (tax if terms.basis == "net" else 0)
    adjusted = sum(each.amount_minor for each in draft.adjustments)
    returns = _returns(draft)
    is_notice = draft.kind == "payment-notice"
    registration = {"number": found.number, "holder": found.holder}
    payment = draft.payment
    return {
        "kyojo_invoice": 1,
        "kind": draft.kind,
        "number": terms.number,
        "issued_on": terms.issued_on.isoformat(),
        "period": terms.period,
        "currency": terms.currency,
        "minor_digits": terms.minor_digits,
        "basis": terms.basis,
        "rounding": terms.rounding,
        "seller": draft.seller.model_dump(mode="json"),
        "buyer": draft.buyer.model_dump(mode="json"),
        "registration": None if is_notice else registration,
        "items": [item.model_dump(mode="json") for item in draft.items],
        "rates": rates,
        "outside_minor": sum(item.amount_minor for item in draft.items if item.rate is None),
        "tax_minor": tax,
        "total_minor": total,
        "adjustments": [each.model_dump(mode="json") for each in draft.adjustments],
        "payable_minor": total + adjusted - returns.get("returned_minor", 0),
        "payment": None if payment is None else {
            "id": payment.id, "amount_minor": payment.amount_minor,
        },
        "confirmation": draft.confirmation.model_dump(mode="json")
        if draft.kind == "self-billed" else None,
        "notes": [note.as_dict() for note in _notes(draft, found)],
        **returns,
    }  # fmt: skip


def _returns(draft: Draft) -> dict[str, Any]:
    """What is given back, its tax by rate, and the sum; no field at all where there is nothing."""
    if not draft.returns:
        return {}
    terms = draft.terms
    is_notice = draft.kind == "payment-notice"
    rates = [] if is_notice else return_rates(draft.returns, terms.basis, terms.rounding)
    return {
        "returns": [one.model_dump(mode="json") for one in draft.returns],
        "return_rates": rates,
        "returned_minor": returned_minor(draft.returns, rates, terms.basis),
    }


def _rates(draft: Draft) -> list[dict[str, Any]]:
    """Taxable amount and tax by rate, in the order of the items; a notice shows none."""
    if draft.kind == "payment-notice":
        return []
    taxed = [item for item in draft.items if item.rate is not None]
    marks = {item.rate: item.is_reduced for item in taxed}
    if draft.terms.basis == "net":
        lines = tuple(InvoiceLine(i.id, i.rate or "", i.amount_minor) for i in taxed)
        table = tax_of(Invoice(draft.terms.rounding, lines))
    else:
        table = _contained(taxed, draft.terms.rounding)
    return [{"rate": rate, "is_reduced": marks[rate], **row} for rate, row in table.items()]


def _contained(items: Sequence[Item], rounding: TaxRounding) -> dict[str, dict[str, int]]:
    """The same where the amounts contain the tax; ``taxable_minor`` contains it too."""
    gross: dict[str, int] = {}
    for item in items:
        rate = item.rate or ""
        gross[rate] = gross.get(rate, 0) + item.amount_minor
    return {
        rate: {
            "taxable_minor": amount,
            "tax_minor": round_tax(amount * tax_part(rate, "gross"), rounding),
        }
        for rate, amount in gross.items()
    }


def _faults_of(draft: Draft) -> Iterator[tuple[str, str]]:
    if not 1 <= len(draft.items) <= ITEMS_MAX:
        yield "/items", f"a document has 1 to {ITEMS_MAX} items"
    ids = [item.id for item in draft.items] + [one.id for one in draft.returns]
    if len(set(ids)) < len(ids):
        yield "/items", "two items or returns have the same id"
    is_notice = draft.kind == "payment-notice"
    if not is_notice and (draft.terms.currency, draft.terms.minor_digits) != (TAXED_CURRENCY, 0):
        yield "/currency", "consumption tax is shown in whole yen"
    yield from _faults_of_items(draft.items, draft.returns)
    for row in _rates(draft):
        if row["taxable_minor"] < 0:
            text = f"the total at {row['rate']} is below 0: carry it, or make a return invoice"
            yield "/rates", text
    moved = sum(abs(item.amount_minor) for item in draft.items)
    moved += sum(abs(each.amount_minor) for each in draft.adjustments)
    moved += sum(one.amount_minor for one in draft.returns)
    if moved > AMOUNT_MAX // 2:
        yield "/items", "the amounts are beyond any sum of money"
    confirmation = draft.confirmation
    for name in ("objection_until", "confirmed_on"):
        yield from _faults_of_day(getattr(confirmation, name), f"/confirmation/{name}")
    if draft.kind != "self-billed" and confirmation != UNCONFIRMED:
        yield "/confirmation", "only a self-billed invoice is confirmed by the seller"
    yield from _faults_of_payment(draft)


def _faults_of_items(items: Sequence[Item], returns: Sequence[Return]) -> Iterator[tuple[str, str]]:
    marks: dict[str, bool] = {}
    named: list[tuple[str, int, Item | Return]] = [
        *(("items", at, one) for at, one in enumerate(items)),
        *(("returns", at, one) for at, one in enumerate(returns)),
    ]
    for where, at, item in named:
        yield from _faults_of_day(item.day, f"/{where}/{at}/day")
        if item.rate is None and item.is_reduced:
            yield f"/{where}/{at}/is_reduced", "what is outside the tax has no reduced rate"
        if (
            item.rate is not None
            and marks.setdefault(item.rate, item.is_reduced) != item.is_reduced
        ):
            yield f"/{where}/{at}/is_reduced", f"the rate {item.rate} is reduced or it is not"
    for at, one in enumerate(returns):
        yield from _faults_of_day(one.returned_on, f"/returns/{at}/returned_on")
        issued_on = None if one.original is None else one.original.issued_on
        yield from _faults_of_day(issued_on, f"/returns/{at}/original/issued_on")
    yield from faults_of_returns(returns)


def _faults_of_payment(draft: Draft) -> Iterator[tuple[str, str]]:
    payment = draft.payment
    if payment is None:
        return
    if payment.currency != draft.terms.currency:
        yield "/payment", f"the payment is in {payment.currency}"
    tax = sum(row["tax_minor"] for row in _rates(draft)) if draft.terms.basis == "net" else 0
    sold = sum(item.amount_minor for item in draft.items)
    payable = sold + tax + sum(each.amount_minor for each in draft.adjustments)
    payable -= _returns(draft).get("returned_minor", 0)
    if payable != payment.amount_minor:
        yield "/payment", f"the payment is of {payment.amount_minor}, the document of {payable}"


def _faults_of_day(day: str | None, where: str) -> Iterator[tuple[str, str]]:
    try:
        date.fromisoformat(day or "2000-01-01")
    except ValueError:
        yield where, f"{day!r} is no day"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise OutOfRange(f"{text!r} is no day") from error


def _refuse_issuer(seller: Party, found: Standing) -> None:
    faults = tuple(
        Fault("/seller", NotPermitted.code, f"{reason.en} {reason.ja}") for reason in found.reasons
    )
    text = f"{seller.name} may not issue a qualified invoice: {found.reasons[0].en}"
    raise NotPermitted(text, faults=faults)


def _notes(draft: Draft, found: Standing) -> Iterator[Reason]:
    """What must be said in words."""
    if any(item.is_reduced for item in draft.items) and draft.kind != "payment-notice":
        yield Reason("※は軽減税率の対象です。", "※ marks what has the reduced rate.")
    if draft.kind == "payment-notice":
        yield Reason(
            "この通知書は適格請求書でも仕入明細書でもなく、仕入税額控除の根拠になりません。",
            "This notice is no qualified and no self-billed invoice; no input tax is deducted "
            "by it.",
        )
        yield from found.reasons
    if draft.kind == "self-billed":
        yield from _confirmation_notes(draft.confirmation)
    if draft.returns and draft.kind != "payment-notice":
        yield Reason(
            "「対価の返還等」は、適格返還請求書の記載事項を兼ねます。",
            "What is given back stands here with all that a return invoice has to say.",
        )
    if draft.seller.form == "partnership" and draft.kind != "payment-notice":
        yield Reason(
            f"登録番号は組合員{found.holder}のものです。組合員の全てが適格請求書発行事業者です。",
            f"The number is that of the partner {found.holder}; every partner is registered.",
        )


def _confirmation_notes(confirmation: Confirmation) -> Iterator[Reason]:
    if confirmation.confirmed_on is not None:
        day = confirmation.confirmed_on
        yield Reason(f"{day}に売り手の確認を受けました。", f"The seller confirmed it on {day}.")
    elif confirmation.objection_until is not None:
        day = confirmation.objection_until
        yield Reason(
            f"{day}までに連絡がない場合、記載内容を売り手が確認したものとします（事前の合意による）。",
            f"Without an objection by {day} it counts as confirmed by the seller, as both agreed.",
        )
    else:
        yield Reason(
            "売り手の確認を受けるまで、仕入明細書としての効力はありません。",
            "Until the seller has confirmed it, it does not count as a self-billed invoice.",
        )
