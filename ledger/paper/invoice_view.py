"""An invoice or payment notice as texts of one language, for its page, its print and plain text.

What the law wants on a qualified invoice is here by name: issuer and T number, the day, the items
with the mark of the reduced rate, totals and tax by rate, the recipient. Of a self-billed invoice
the T number is the seller's, who is its recipient.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger import canonical
from ledger.paper.speech import Language, Speech
from ledger.payout.invoice import parse_invoice
from ledger.payout.parties import Party

_TITLES: Final = {
    "qualified-invoice": ("適格請求書", "Qualified invoice"),
    "self-billed": ("仕入明細書", "Self-billed invoice"),
    "payment-notice": ("支払通知書", "Payment notice"),
}
_ROUNDING: Final = {
    "floor": ("切捨て", "rounded down"),
    "half_up": ("四捨五入", "rounded half up"),
    "ceil": ("切上げ", "rounded up"),
}
REDUCED: Final = "※"


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as it is printed."""

    day: str
    label: str
    rate: str
    amount: str


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """What is given back of an earlier supply as it is printed; ``original`` may be empty."""

    day: str
    returned_on: str
    label: str
    original: str
    rate: str
    amount: str


@dataclass(frozen=True, slots=True)
class RateRow:
    """What was sold at a rate, and its tax."""

    rate: str
    taxable: str
    tax: str


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """What a page prints; texts are in its language, ``totals`` are (title, amount) in order."""

    title: str
    number: str
    issued_on: str
    month: str
    issuer: tuple[str, ...]
    recipient: tuple[str, ...]
    registration: str
    basis: str
    items: tuple[ItemRow, ...]
    rates: tuple[RateRow, ...]
    returns: tuple[ReturnRow, ...]
    return_rates: tuple[RateRow, ...]
    totals: tuple[tuple[str, str], ...]
    payable_title: str
    payable: str
    payment: str
    notes: tuple[str, ...]
    digest: str


def invoice_view(document: Mapping[str, Any], language: Language) -> InvoiceView:
    """Prepare a document; MalformedDocument if its figures are not those of its items."""
    draft = parse_invoice(document)
    say = Speech(language, document["currency"], document["minor_digits"])
    seller, buyer = _party(draft.seller), _party(draft.buyer)
    is_sellers = draft.kind == "qualified-invoice"
    registration = document["registration"]
    return InvoiceView(
        title=say(*_TITLES[draft.kind]),
        number=document["number"],
        issued_on=_day(say, document["issued_on"]),
        month=say.month(document["period"]),
        issuer=seller if is_sellers else buyer,
        recipient=buyer if is_sellers else seller,
        registration="" if registration is None else _registration(say, document),
        basis=_basis(say, document),
        items=tuple(_item(say, item) for item in document["items"]),
        rates=tuple(_rate(say, row, document["basis"]) for row in document["rates"]),
        returns=tuple(_return(say, row) for row in document.get("returns", ())),
        return_rates=tuple(
            _rate(say, {**row, "taxable_minor": row["returned_minor"]}, document["basis"])
            for row in document.get("return_rates", ())
        ),
        totals=tuple(_totals(say, document)),
        payable_title=say("ご請求額", "Amount due") if is_sellers else say("お支払額", "Payable"),
        payable=say.money(document["payable_minor"]),
        payment="" if document["payment"] is None else document["payment"]["id"],
        notes=tuple(say(note["ja"], note["en"]) for note in document["notes"]),
        digest=canonical.digest(dict(document)).hex(),
    )


def invoice_text(view: InvoiceView, language: Language) -> str:
    """The document as plain text, for a mail or a terminal."""
    say = Speech(language)
    lines = [view.title, f"{say('番号', 'Number')}: {view.number}"]
    lines.append(f"{say('発行日', 'Date')}: {view.issued_on}")
    lines += [f"{say('発行者', 'Issuer')}: {' / '.join(view.issuer)}"]
    lines += [f"{say('宛先', 'Recipient')}: {' / '.join(view.recipient)}"]
    lines += [view.registration] if view.registration else []
    lines += ["", f"{view.month}  {view.basis}"]
    lines += [f"{row.day}  {row.label}  {row.rate}  {row.amount}" for row in view.items]
    lines.append("")
    lines += [f"{row.rate}: {row.taxable}  {say('消費税', 'tax')} {row.tax}" for row in view.rates]
    if view.returns:
        lines += ["", returns_title(say)]
        lines += [
            f"{row.day}  {row.label}  {row.rate}  {row.amount}  {returned_on(say, row)}"
            for row in view.returns
        ]
        tax = say("消費税", "tax")
        lines += [f"{row.rate}: {row.taxable}  {tax} {row.tax}" for row in view.return_rates]
        lines.append("")
    lines += [f"{title}: {amount}" for title, amount in view.totals]
    lines.append(f"{view.payable_title}: {view.payable}")
    lines += [f"{say('支払番号', 'Payment')}: {view.payment}"] if view.payment else []
    lines += ["", *view.notes, f"SHA-256 {view.digest}"]
    return "\n".join(lines) + "\n"


def returns_title(say: Speech) -> str:
    """What the part with the returns is called."""
    return say("対価の返還等（訂正による減額）", "Given back of earlier supplies")


def returned_on(say: Speech, row: ReturnRow) -> str:
    """When it is given back, and on which document it stood."""
    return say(f"返還日 {row.returned_on}", f"given back {row.returned_on}") + row.original


def _party(party: Party) -> tuple[str, ...]:
    return (party.name, party.address) if party.address else (party.name,)


def _registration(say: Speech, document: Mapping[str, Any]) -> str:
    registration, seller = document["registration"], document["seller"]
    whose = "" if registration["holder"] == seller["name"] else registration["holder"]
    holder = f" ({whose})" if whose else ""
    if document["kind"] == "self-billed":
        title = say("売り手の登録番号", "The seller’s registration number")
    else:
        title = say("登録番号", "Registration number")
    return f"{title} {registration['number']}{holder}"


def _basis(say: Speech, document: Mapping[str, Any]) -> str:
    if not document["rates"]:
        return say("金額は支払う額です。", "Amounts are what is paid.")
    ja, en = _ROUNDING[document["rounding"]]
    if document["basis"] == "net":
        return say(
            f"税抜金額・税率ごとに{ja}", f"Amounts are before tax, which is {en} once a rate."
        )
    return say(f"税込金額・税率ごとに{ja}", f"Amounts contain tax, which is {en} once a rate.")


def _item(say: Speech, item: Mapping[str, Any]) -> ItemRow:
    mark = f" {REDUCED}" if item["is_reduced"] else ""
    rate = say("対象外", "outside") if item["rate"] is None else item["rate"]
    label = f"{item['label'][say.language]}{mark}"
    return ItemRow(_day(say, item["day"]), label, rate, say.money(item["amount_minor"]))


def _return(say: Speech, row: Mapping[str, Any]) -> ReturnRow:
    item = _item(say, row)
    original = row["original"]
    named = ""
    if original is not None:
        number, issued = original["number"], _day(say, original["issued_on"])
        named = say(f"／元の書類 {number}（{issued}発行）", f"; stood on {number} of {issued}")
    returned = _day(say, row["returned_on"])
    return ReturnRow(item.day, returned, item.label, named, item.rate, item.amount)


def _rate(say: Speech, row: Mapping[str, Any], basis: str) -> RateRow:
    mark = f" {REDUCED}" if row["is_reduced"] else ""
    words = (
        say("対象（税込）", " incl. tax")
        if basis == "gross"
        else say("対象（税抜）", " before tax")
    )
    taxable, tax = say.money(row["taxable_minor"]), say.money(row["tax_minor"])
    return RateRow(f"{row['rate']}{mark}{words}", taxable, tax)


def _totals(say: Speech, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if document["outside_minor"] and document["rates"]:
        found.append((say("対象外", "Outside the tax"), say.money(document["outside_minor"])))
    if document["rates"]:
        is_within = document["basis"] == "gross"
        title = say("うち消費税額", "Of which tax") if is_within else say("消費税額計", "Tax")
        found.append((title, say.money(document["tax_minor"])))
    found.append((say("合計", "Total"), say.money(document["total_minor"])))
    if "returns" in document:
        if document["return_rates"]:
            tax = sum(row["tax_minor"] for row in document["return_rates"])
            title = say("返還に係る消費税額", "Tax on what is given back")
            found.append((title, say.money(tax)))
        title = say("対価の返還等の合計", "Given back")
        found.append((title, say.money(-document["returned_minor"])))
    return found + [
        (each["label"][say.language], say.money(each["amount_minor"]))
        for each in document["adjustments"]
    ]


def _day(say: Speech, day: str) -> str:
    year, month, number = (int(part) for part in day.split("-"))
    return say(f"{year}年{month}月{number}日", day)
