"""What is given back of earlier supplies: the facts of a return invoice, tax once per rate."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

from ledger import canonical
from ledger.errors import MalformedDocument, NotPermitted, OutOfRange
from ledger.paper.invoice_files import invoice_file
from ledger.payout.invoice import build_invoice, parse_invoice
from ledger.payout.parties import Words, parse_party, party_document
from ledger.payout.returns import Original, Return
from tests.payout.outcomes import outcome
from tests.payout.test_invoice import BUS, DRAFT, SMALL, TERMS, leaves, plain

ORIGINAL = Original(number="202609-x", issued_on="2026-10-31")


def given_back(number, amount, rate="10%", *, reduced=False, original=ORIGINAL):
    label = Words(ja=f"返還{number}", en=f"return {number}")
    return Return(id=f"r{number}", day="2026-09-30", returned_on="2026-10-31", label=label,
                  rate=rate, is_reduced=reduced, amount_minor=amount, correction="ab" * 32,
                  original=original)  # fmt: skip


RETURNS = (given_back(1, 1_005), given_back(2, 7), given_back(3, 108, "8%", reduced=True),
           given_back(4, 50, None, original=None))  # fmt: skip
RETURNING = replace(DRAFT, returns=RETURNS)


def test_what_is_given_back_has_its_tax_once_a_rate_and_names_the_original():
    """The facts of a return invoice: Consumption Tax Act, article 57-4 (3)."""
    before, document = build_invoice(DRAFT), build_invoice(RETURNING)
    assert document["return_rates"] == [
        {"rate": "10%", "is_reduced": False, "returned_minor": 1_012, "tax_minor": 92},
        {"rate": "8%", "is_reduced": True, "returned_minor": 108, "tax_minor": 8},
    ]
    assert 1_005 * 10 // 110 + 7 * 10 // 110 == 91  # rounded line by line it would be one less
    assert document["returned_minor"] == 1_170
    assert document["payable_minor"] == before["payable_minor"] - 1_170
    # The month's own supplies stand whole: nothing is netted silently.
    for name in ("items", "rates", "tax_minor", "total_minor", "adjustments"):
        assert document[name] == before[name]
    row = document["returns"][0]
    assert (row["day"], row["returned_on"]) == ("2026-09-30", "2026-10-31")
    assert row["original"] == {"number": "202609-x", "issued_on": "2026-10-31"}
    assert before.keys() & {"returns", "return_rates", "returned_minor"} == set()


def test_tax_on_top_is_given_back_on_top():
    document = build_invoice(replace(RETURNING, terms=replace(TERMS, basis="net")))
    assert [row["tax_minor"] for row in document["return_rates"]] == [101, 8]
    assert document["returned_minor"] == 1_170 + 109


def test_a_document_with_returns_is_read_and_computed_again():
    document = build_invoice(RETURNING)
    assert parse_invoice(json.loads(canonical.encode(document))) == RETURNING
    assert build_invoice(parse_invoice(document)) == document
    figures = [path for path, value in leaves(document) if type(value) is int]
    for path in figures:
        changed = copy.deepcopy(document)
        place = changed
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] += 1
        assert isinstance(outcome(parse_invoice, changed), MalformedDocument), path
    for extra in ({"returns": None}, {"returned_minor": 0}, {"return_rates": []}):
        if "returns" in extra:
            assert isinstance(outcome(parse_invoice, {**document, **extra}), MalformedDocument)
        else:
            assert isinstance(
                outcome(parse_invoice, {**build_invoice(DRAFT), **extra}), MalformedDocument
            )


def test_a_notice_gives_back_without_tax():
    notice = build_invoice(replace(RETURNING, kind="payment-notice", seller=SMALL))
    assert notice["return_rates"] == []
    assert notice["returned_minor"] == 1_170
    assert not any("適格返還請求書" in note["ja"] for note in notice["notes"])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "1"}, "/items"),
        ({"is_reduced": True}, "/returns/0/is_reduced"),
        ({"rate": None, "is_reduced": True}, "/returns/0/is_reduced"),
        ({"day": "2026-02-30"}, "/returns/0/day"),
        ({"returned_on": "2026-13-01"}, "/returns/0/returned_on"),
        ({"returned_on": "2026-09-29"}, "/returns/0/returned_on"),
        ({"original": Original(number="x", issued_on="2026-02-30")},
         "/returns/0/original/issued_on"),
        ({"amount_minor": 2**52}, "/items"),
    ],
)  # fmt: skip
def test_what_no_return_may_say_is_refused(change, where):
    wrong = (given_back(1, 5).model_copy(update=change),)
    with pytest.raises(OutOfRange) as caught:
        build_invoice(replace(DRAFT, returns=wrong))
    assert where in [fault.where for fault in caught.value.faults]


def test_a_return_of_a_day_without_registration_states_no_tax():
    document = party_document(BUS) | {
        "registration": {"number": "T5020001072478", "since": "2026-10-01", "until": None}
    }
    later = parse_party(document)
    with pytest.raises(NotPermitted, match="2026-09-30"):
        build_invoice(replace(RETURNING, seller=later))
    untaxed = (given_back(1, 5, None),)
    assert build_invoice(replace(RETURNING, seller=later, returns=untaxed))["return_rates"] == []


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("form", ["text", "html", "pdf"])
def test_what_is_given_back_is_on_paper(form, language):
    text = plain(invoice_file(build_invoice(RETURNING), form, language), form)
    days = {"ja": ("2026年9月30日", "2026年10月31日"), "en": ("2026-09-30", "2026-10-31")}
    amounts = ("1,012JPY", "92JPY", "108JPY", "8JPY", "1,170JPY", "100,130JPY")
    for fact in (*days[language], *amounts, ORIGINAL.number, "T5020001072478", "8%※"):
        assert fact in text, fact
    words = {"ja": "適格返還請求書の記載事項を兼ねます", "en": "allthatareturninvoicehastosay"}
    assert words[language] in text
