"""Invoices and payment notices: who may issue them, tax once per rate, and every figure again."""

from __future__ import annotations

import copy
import io
import json
import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from ledger import canonical
from ledger.errors import MalformedDocument, NotPermitted, OutOfRange
from ledger.paper.invoice_files import INVOICE_FORMATS, invoice_file
from ledger.payout.invoice import (
    Adjustment,
    Confirmation,
    Draft,
    Item,
    Terms,
    Words,
    build_invoice,
    choose_kind,
    parse_invoice,
)
from ledger.payout.line import PayoutLine
from ledger.payout.parties import parse_party, party_document, standing
from tests.payout.outcomes import outcome

DAY = date(2026, 11, 30)
SINCE = {"since": "2023-10-01", "until": None}
BUS = parse_party(
    {"id": "bus", "name": "丸の内交通株式会社", "form": "corporation", "address": "加賀市1-1",
     "registration": {"number": "T5020001072478", **SINCE}}
)  # fmt: skip
COOP = parse_party(
    {"id": "kaga", "name": "加賀モビリティ協同組合", "form": "corporation",
     "registration": {"number": "T7000012050002", **SINCE}}
)  # fmt: skip
SMALL = parse_party({"id": "taxi", "name": "山田タクシー", "form": "person", "registration": None})
LLP = {
    "id": "llp", "name": "かがやきLLP", "form": "partnership", "notice_filed": "2026-04-01",
    "partners": [
        {"name": "甲社", "form": "corporation",
         "registration": {"number": "T5020001072478", **SINCE}},
        {"name": "乙野", "form": "person",
         "registration": {"number": "T1234567890123", **SINCE}},
    ],
}  # fmt: skip


def item(number, amount, rate="10%", *, reduced=False):
    label = Words(ja=f"品目{number}", en=f"item {number}")
    return Item(id=str(number), day="2026-10-31", label=label, rate=rate, is_reduced=reduced,
                amount_minor=amount)  # fmt: skip


ITEMS = (item(1, 100_005), item(2, 5), item(3, 1_013, "8%", reduced=True), item(4, 300, None))
TERMS = Terms("2026-10-bus", DAY, "2026-10")
CARRY = Adjustment(label=Words(ja="前月繰越", en="carried"), amount_minor=-23)
DRAFT = Draft("self-billed", BUS, COOP, ITEMS, TERMS, adjustments=(CARRY,))


def test_tax_is_contained_once_a_rate():
    document = build_invoice(DRAFT)
    assert document["rates"] == [
        {"rate": "10%", "is_reduced": False, "taxable_minor": 100_010, "tax_minor": 9_091},
        {"rate": "8%", "is_reduced": True, "taxable_minor": 1_013, "tax_minor": 75},
    ]
    assert (document["tax_minor"], document["outside_minor"]) == (9_166, 300)
    assert (document["total_minor"], document["payable_minor"]) == (101_323, 101_300)


def test_tax_is_added_once_a_rate():
    document = build_invoice(replace(DRAFT, terms=replace(TERMS, basis="net")))
    assert [row["tax_minor"] for row in document["rates"]] == [10_001, 81]
    assert document["total_minor"] == 101_323 + 10_082
    text = invoice_file(document, "text", "en").decode()
    assert "Amounts are before tax" in text
    assert "Tax: 10,082 JPY" in text


def test_what_was_sold_before_the_registration_is_on_no_qualified_document():
    document = party_document(BUS) | {
        "registration": {"number": "T5020001072478", "since": "2026-11-01", "until": None}
    }
    later = parse_party(document)
    assert choose_kind(later, DAY)[0] == "self-billed"
    kind, reasons = choose_kind(later, DAY, ITEMS)
    assert kind == "payment-notice"
    assert "2026-10-31" in reasons[0].en
    for kind in ("self-billed", "qualified-invoice"):
        with pytest.raises(NotPermitted, match="2026-10-31"):
            build_invoice(replace(DRAFT, seller=later, kind=kind))
    notice = build_invoice(replace(DRAFT, seller=later, kind="payment-notice"))
    assert reasons[0].as_dict() in notice["notes"]
    untaxed = (item(1, 7, None),)
    assert choose_kind(later, DAY, untaxed)[0] == "self-billed"


@pytest.mark.parametrize(
    ("rounding", "tax"), [("floor", 9_091), ("half_up", 9_092), ("ceil", 9_092)]
)
def test_the_coop_chooses_how_tax_is_rounded(rounding, tax):
    document = build_invoice(replace(DRAFT, terms=replace(TERMS, rounding=rounding)))
    assert document["rates"][0]["tax_minor"] == tax
    # Rounded up line by line it would be one more.
    assert ceil(Fraction(100_005, 11)) + ceil(Fraction(5, 11)) == 9_093


AMOUNTS = st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["10%", "8%", None])),
                   min_size=1, max_size=8)  # fmt: skip


@settings(max_examples=60)
@given(AMOUNTS, st.sampled_from(["net", "gross"]), st.sampled_from(["floor", "half_up", "ceil"]))
def test_any_invoice_adds_up_and_is_read_again(amounts, basis, rounding):
    items = tuple(item(at, amount, rate) for at, (amount, rate) in enumerate(amounts))
    terms = replace(TERMS, basis=basis, rounding=rounding)
    draft = replace(DRAFT, items=items, terms=terms, adjustments=())
    document = build_invoice(draft)
    rates = {"10%": Fraction(1, 10), "8%": Fraction(2, 25)}
    for row in document["rates"]:
        total = sum(amount for amount, rate in amounts if rate == row["rate"])
        rate = rates[row["rate"]]
        exact = total * (rate if basis == "net" else rate / (1 + rate))
        bounds = {"floor": (0, 1), "ceil": (-1, 0), "half_up": (Fraction(-1, 2), Fraction(1, 2))}
        low, high = bounds[rounding]
        assert low <= exact - row["tax_minor"] <= high
        assert floor(exact) <= row["tax_minor"] <= ceil(exact)
    tax = sum(row["tax_minor"] for row in document["rates"])
    total = sum(amount for amount, _ in amounts)
    assert document["payable_minor"] == total + (tax if basis == "net" else 0)
    read = json.loads(canonical.encode(document))
    assert parse_invoice(read) == draft
    assert build_invoice(parse_invoice(read)) == document


def test_the_document_is_the_same_again(golden_bytes):
    golden_bytes("self-billed.json", canonical.encode(build_invoice(DRAFT)))


def test_every_changed_figure_or_word_is_refused():
    document = build_invoice(DRAFT)
    edits = 0
    for path, value in leaves(document):
        changed = copy.deepcopy(document)
        place = changed
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = other(value)
        found = outcome(parse_invoice, changed)
        if isinstance(found, MalformedDocument):
            edits += 1
            assert found.faults
        else:
            # What no other field repeats: names, labels, days. They change what is signed for.
            assert build_invoice(found) == changed != document
    figures = [p for p, v in leaves(document) if isinstance(v, int) and not isinstance(v, bool)]
    assert edits >= len(figures)
    for path in figures:
        changed = copy.deepcopy(document)
        place = changed
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] += 1
        assert isinstance(outcome(parse_invoice, changed), MalformedDocument), path


def leaves(value, path=()):
    if isinstance(value, dict):
        for name in value:
            yield from leaves(value[name], (*path, name))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from leaves(each, (*path, at))
    else:
        yield path, value


def other(value):
    if isinstance(value, bool) or value is None:
        return not value
    return value + 1 if isinstance(value, int) else f"{value}x"


@pytest.mark.parametrize("document", [None, [], {}, {"kyojo_invoice": 2}])
def test_what_is_no_invoice_is_refused(document):
    assert isinstance(outcome(parse_invoice, document), MalformedDocument)


def test_the_faults_of_a_party_are_told_by_their_place_in_the_document():
    document = build_invoice(DRAFT)
    document["seller"]["registration"]["number"] = "T1"
    assert outcome(parse_invoice, document).faults[0].where == "/seller/registration/number"
    document["buyer"]["form"] = "club"
    document["seller"] = party_document(BUS)
    assert outcome(parse_invoice, document).faults[0].where == "/buyer/form"


def test_a_day_that_the_calendar_lacks_is_refused():
    wrong = {**build_invoice(DRAFT), "issued_on": "2026-11-31"}
    assert "2026-11-31" in outcome(parse_invoice, wrong).message


# --- who may issue -------------------------------------------------------------------------------


def test_a_registered_seller_is_self_billed_and_another_gets_a_notice():
    assert choose_kind(BUS, DAY) == ("self-billed", ())
    kind, reasons = choose_kind(SMALL, DAY)
    assert kind == "payment-notice"
    notice = build_invoice(replace(DRAFT, kind=kind, seller=SMALL))
    assert (notice["registration"], notice["rates"], notice["tax_minor"]) == (None, [], 0)
    assert notice["payable_minor"] == build_invoice(DRAFT)["payable_minor"]
    assert "no input tax is deducted" in notice["notes"][0]["en"]
    assert reasons[0].as_dict() in notice["notes"]
    assert "10%" not in plain(invoice_file(notice, "pdf", "ja"), "pdf").split("合計")[1]


@pytest.mark.parametrize("kind", ["qualified-invoice", "self-billed"])
def test_who_is_not_registered_that_day_issues_nothing(kind):
    def registered(since, until):
        number = {"number": "T5020001072478", "since": since, "until": until}
        return parse_party({**party_document(BUS), "registration": number})

    ended = registered("2023-10-01", "2026-11-30")
    for seller in (SMALL, registered("2026-12-01", None), ended):
        with pytest.raises(NotPermitted) as caught:
            build_invoice(replace(DRAFT, kind=kind, seller=seller))
        assert caught.value.faults
    assert standing(ended, date(2026, 11, 29)).may_issue


def test_an_llp_issues_only_if_every_partner_is_registered_and_a_notice_was_filed():
    llp = parse_party(LLP)
    document = build_invoice(replace(DRAFT, kind="qualified-invoice", seller=llp, buyer=BUS))
    assert document["registration"] == {"number": "T5020001072478", "holder": "甲社"}
    assert "甲社" in document["notes"][-1]["ja"]
    unregistered = copy.deepcopy(LLP)
    unregistered["partners"][1]["registration"] = None
    ended = copy.deepcopy(LLP)
    ended["partners"][1]["registration"]["until"] = "2026-11-30"
    for wrong, says in (
        (unregistered, "乙野"),
        (ended, "乙野"),
        ({**LLP, "notice_filed": None}, "notice"),
        ({**LLP, "notice_filed": "2026-12-01"}, "notice"),
    ):
        found = standing(parse_party(wrong), DAY)
        assert not found.may_issue
        assert says in found.reasons[0].en
        with pytest.raises(NotPermitted):
            build_invoice(replace(DRAFT, kind="qualified-invoice", seller=parse_party(wrong)))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"registration": {"number": "T1020001072478", **SINCE}}, "/registration/number"),
        ({"registration": {"number": "T5-0200-0107-2478", **SINCE}}, "/registration/number"),
        ({"registration": {"number": "T5020001072478", "since": "2026-02-30"}},
         "/registration/since"),
        ({"partners": LLP["partners"]}, "/partners"),
        ({"name": ""}, "/name"), ({"form": "club"}, "/form"), ({"colour": 1}, "/colour"),
        ({"name": "a\u202eb"}, "/name"),
    ],
)  # fmt: skip
def test_a_party_out_of_form_is_refused(change, where):
    with pytest.raises(MalformedDocument) as caught:
        parse_party({**party_document(BUS), **change})
    assert where in [fault.where for fault in caught.value.faults]


def test_a_partnership_is_its_partners():
    assert parse_party(party_document(parse_party(LLP))) == parse_party(LLP)
    for change in ({"partners": []}, {"registration": {"number": "T5020001072478", **SINCE}}):
        with pytest.raises(MalformedDocument):
            parse_party({**LLP, **change})


# --- faults --------------------------------------------------------------------------------------

LINE = PayoutLine("202610-x", "bus", "JPY", 101_300, "2026-10")


def test_the_payment_must_be_what_the_document_says():
    document = build_invoice(replace(DRAFT, payment=LINE))
    assert document["payment"] == {"id": LINE.id, "amount_minor": 101_300}
    assert parse_invoice(document).payment == LINE
    for wrong in (replace(LINE, amount_minor=101_301), replace(LINE, currency="EUR")):
        with pytest.raises(OutOfRange) as caught:
            build_invoice(replace(DRAFT, payment=wrong))
        assert [fault.where for fault in caught.value.faults] == ["/payment"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"items": ()}, "/items"),
        ({"items": (item(1, 5), item(1, 6))}, "/items"),
        ({"items": (item(1, -5),)}, "/rates"),
        ({"items": (item(1, 2**52), item(2, 2**52))}, "/items"),
        ({"items": (item(1, 5), item(2, 5, reduced=True))}, "/items/1/is_reduced"),
        ({"items": (item(1, 5, None, reduced=True),)}, "/items/0/is_reduced"),
        ({"items": (item(1, 5).model_copy(update={"day": "2026-02-30"}),)}, "/items/0/day"),
        ({"terms": replace(TERMS, currency="EUR", minor_digits=2)}, "/currency"),
        ({"kind": "qualified-invoice", "confirmation": Confirmation(confirmed_on="2026-12-01")},
         "/confirmation"),
        ({"confirmation": Confirmation(confirmed_on="2026-13-01")}, "/confirmation/confirmed_on"),
    ],
)  # fmt: skip
def test_what_no_invoice_may_say_is_refused(change, where):
    with pytest.raises(OutOfRange) as caught:
        build_invoice(replace(DRAFT, **change))
    assert where in [fault.where for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("confirmation", "says"),
    [
        (Confirmation(), "Until the seller has confirmed"),
        (Confirmation(objection_until="2026-12-14"), "Without an objection by 2026-12-14"),
        (Confirmation(objection_until="2026-12-14", confirmed_on="2026-12-02"), "on 2026-12-02"),
    ],
)
def test_a_self_billed_invoice_says_how_far_it_is_confirmed(confirmation, says):
    document = build_invoice(replace(DRAFT, confirmation=confirmation))
    assert any(says in note["en"] for note in document["notes"])
    assert parse_invoice(document).confirmation == confirmation


def test_a_notice_may_be_in_another_currency():
    terms = replace(TERMS, currency="CHF", minor_digits=2)
    notice = build_invoice(replace(DRAFT, kind="payment-notice", terms=terms))
    assert notice["notes"][0]["ja"].startswith("この通知書は")
    assert "1,013.00 CHF" in invoice_file(notice, "text", "en").decode()


# --- on paper ------------------------------------------------------------------------------------


def plain(data, form):
    if form == "pdf":
        data = "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages).encode()
    return re.sub(r"\s+", "", data.decode())


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("form", ["text", "html", "pdf"])
def test_every_fact_that_the_law_asks_for_is_on_paper(form, language):
    document = build_invoice(replace(DRAFT, payment=LINE))
    text = plain(invoice_file(document, form, language), form)
    for fact in (
        BUS.name, COOP.name, "T5020001072478",
        {"ja": "2026年10月31日", "en": "2026-10-31"}[language],
        "100,010JPY", "9,091JPY", "1,013JPY", "75JPY", "※", "101,300JPY", LINE.id,
        canonical.digest(document).hex(), TERMS.number,
    ):  # fmt: skip
        assert re.sub(r"\s+", "", fact) in text, fact
    title = {"ja": "仕入明細書", "en": "Self-billedinvoice"}[language]
    assert title in text
    for note in document["notes"]:
        assert re.sub(r"\s+", "", note[language]) in text


@pytest.mark.parametrize("form", INVOICE_FORMATS)
def test_paper_is_the_same_again_and_shows_no_figure_that_is_not_computed(form):
    document = build_invoice(DRAFT)
    assert invoice_file(document, form, "ja") == invoice_file(copy.deepcopy(document), form, "ja")
    with pytest.raises(MalformedDocument):
        invoice_file({**document, "tax_minor": 1}, form, "ja")


def test_what_others_wrote_is_no_markup():
    evil = parse_party({**party_document(BUS), "name": "<script>x</script><b>"})
    document = build_invoice(replace(DRAFT, seller=evil))
    assert b"<script>x" not in invoice_file(document, "html", "en")
    assert "<script>x</script><b>" in plain(invoice_file(document, "pdf", "en"), "pdf")


def test_a_page_holds_both_languages_and_the_qualified_one_names_its_seller():
    document = build_invoice(replace(DRAFT, kind="qualified-invoice", seller=COOP, buyer=BUS))
    html = invoice_file(document, "html", "en").decode()
    assert "適格請求書" in html
    assert "Qualified invoice" in html
    text = invoice_file(document, "text", "en").decode()
    assert f"Issuer: {COOP.name}" in text
    assert f"Recipient: {BUS.name} / {BUS.address}" in text
