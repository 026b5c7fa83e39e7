"""The documents of payments: they follow from the log, to the byte, and give back what fell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import canonical
from ledger.errors import Conflict, InvalidInput, NotFound, NotPermitted
from ledger.payout.invoice import parse_invoice
from ledger.service.books_history import Histories
from ledger.service.books_rows import DOCUMENTS, SEARCHED, computed_again
from ledger.service.books_search import Hit, Place, Wanted, office_search, search_books
from ledger.service.notice_maker import Coverage
from ledger.service.notice_terms import notice_terms
from ledger.service.payout_notice import Notice, document_of, fault_of, notices
from ledger.service.sign_in import reader_of
from ledger.store.database import Database
from tests.books.noticed import (
    BUS,
    CHARGED,
    TERMS,
    Noticed,
    fill_charged,
    open_noticed,
)
from tests.builder import signing_key

STEPS = {"10%": "share", "8%": "opex"}


def of_order(noticed: Noticed, at: int) -> dict[str, Notice]:
    found = notices(noticed.coop, noticed.orders[at], fallback=notice_terms(TERMS)).found
    return {one.member: one for one in found}


def document(noticed: Noticed, at: int, member: str) -> dict[str, Any]:
    return dict(of_order(noticed, at)[member].document)


def test_every_document_comes_to_its_payment(noticed: Noticed):
    for at, order in enumerate(noticed.orders):
        lines = noticed.world.state.orders[order].lines
        for one in of_order(noticed, at).values():
            found = parse_invoice(dict(one.document))
            assert one.is_sealed == (at < 2)
            assert one.document["payable_minor"] == lines[one.line].amount_minor
            assert found.terms.number == one.line
            assert one.sha256 == canonical.digest(dict(one.document)).hex()


def test_what_a_correction_lowered_is_given_back_by_rate_with_the_original(noticed: Noticed):
    """Mixed rates: the correction is computed again, and each step's change has its own rate."""
    first, second = document(noticed, 0, "bus"), document(noticed, 1, "bus")
    changed = noticed.changed(0, "bus", "2026-10")
    assert set(changed) == {"share", "opex"}
    assert changed["share"] < 0
    fallen = {rate: -changed[step] for rate, step in STEPS.items() if changed[step] < 0}
    rates = {row["rate"]: row for row in second["return_rates"]}
    assert {rate: row["returned_minor"] for rate, row in rates.items()} == fallen
    gross = fallen["10%"]
    assert rates["10%"]["tax_minor"] == gross * 10 // 110
    for row in second["returns"]:
        assert row["original"] == {"number": first["number"], "issued_on": first["issued_on"]}
        assert (row["day"], row["returned_on"]) == ("2026-10-31", "2026-11-30")
        assert row["correction"] == noticed.computed[0].id.hex()
    # November's own supplies stand whole, and nothing of the correction is below the total.
    own = [item for item in second["items"] if item["id"].startswith("2026-11/")]
    assert own
    risen = {item["rate"]: item["amount_minor"] for item in second["items"] if item not in own}
    assert risen == {rate: changed[step] for rate, step in STEPS.items() if changed[step] > 0}
    assert second["adjustments"] == []


def test_what_a_correction_raised_is_an_item_of_its_month(noticed: Noticed):
    """The ev was not registered in October: whatever names that day states no tax."""
    changed = noticed.changed(0, "ev", "2026-10")
    assert changed["share"] > 0
    second = document(noticed, 1, "ev")
    raised = [item for item in second["items"] if item["day"] == "2026-10-31"]
    assert sum(item["amount_minor"] for item in raised) == sum(
        amount for amount in changed.values() if amount > 0
    )
    assert document(noticed, 0, "ev")["kind"] == second["kind"] == "payment-notice"


def test_a_second_correction_takes_its_own_difference_only(noticed: Noticed):
    for member in ("bus", "ev"):
        third = document(noticed, 2, member)
        expected: dict[tuple[str, str], int] = {}
        for month in ("2026-10", "2026-11"):
            for step, amount in noticed.changed(1, member, month).items():
                rate = next(rate for rate, of in STEPS.items() if of == step)
                expected[month, rate] = expected.get((month, rate), 0) + amount
        told: dict[tuple[str, str], int] = {}
        for row in third["returns"]:
            _, month, rate = row["id"].split("/")
            told[month, rate] = -row["amount_minor"]
        for item in third["items"]:
            if item["id"].count("/") == 2:
                _, month, rate = item["id"].split("/")
                told[month, rate] = item["amount_minor"]
        assert told == {key: amount for key, amount in expected.items() if amount}
        assert third["returns"]


def test_a_return_of_unregistered_days_has_no_tax_and_names_its_notice(noticed: Noticed):
    third = document(noticed, 2, "ev")
    originals = {"2026-10": document(noticed, 0, "ev"), "2026-11": document(noticed, 1, "ev")}
    for row in third["returns"]:
        month = row["day"][:7]
        assert row["original"]["number"] == originals[month]["number"]
        assert row["rate"] is None
    assert third["returns"]
    assert third["return_rates"] == []


def test_a_document_is_made_again_to_the_byte_from_the_log_as_it_was(noticed: Noticed):
    """Although its order's lines were paid, and October was corrected again, since."""
    found = notices(noticed.coop, noticed.orders[1], again=True).found
    assert {one.member for one in found} == {"bus", "ev", "bike"}
    assert all(one.is_again is True for one in found)


def test_a_line_that_came_back_has_no_document(noticed: Noticed):
    assert set(of_order(noticed, 0)) == {"bus", "ev"}
    # Its money is in the next order, and so are its months, with what was corrected of them since.
    second = document(noticed, 1, "bike")
    assert {"2026-10", "2026-11"} <= {item["id"].split("/")[0] for item in second["items"]}
    fallen = [-amount for amount in noticed.changed(0, "bike", "2026-10").values() if amount < 0]
    assert [row["amount_minor"] for row in second["returns"]] == fallen
    assert [row["original"] for row in second["returns"]] == [None] * len(fallen)
    assert second["adjustments"] == []


def test_other_terms_than_the_orders_are_refused(noticed: Noticed):
    same, other = notice_terms(TERMS), notice_terms({**TERMS, "rounding": "ceil"})
    assert notices(noticed.coop, noticed.orders[0], same).found
    with pytest.raises(Conflict, match="leave --terms out"):
        notices(noticed.coop, noticed.orders[0], other)


def test_no_tax_is_given_back_at_a_rate_that_the_earlier_document_did_not_state(noticed: Noticed):
    """The terms have another rate since; what was sent says what was stated."""
    said = notice_terms({**TERMS, "rates": {**TERMS["rates"], "taxable_sale": {"rate": "5%"}}})
    found = notices(noticed.coop, noticed.orders[2], said).found
    bus = next(dict(one.document) for one in found if one.member == "bus")
    assert noticed.changed(1, "bus", "2026-10")["share"] < 0
    assert "5%" not in {row["rate"] for row in bus.get("returns", [])}
    assert sum(row["amount_minor"] for row in bus["adjustments"]) < 0


def test_an_order_without_documents_needs_terms(noticed: Noticed):
    order, said = noticed.orders[2], notice_terms(TERMS)
    with pytest.raises(InvalidInput, match="give --terms"):
        notices(noticed.coop, order)
    for made in (notices(noticed.coop, order, said), notices(noticed.coop, order, fallback=said)):
        assert [(one.is_sealed, one.is_again) for one in made.found] == [(False, None)] * 3


def test_a_month_that_made_nothing_due_is_on_the_next_document(noticed: Noticed):
    """A correction or a debt took all of November from the bus."""
    state = noticed.world.state
    november = state.period("2026-11")
    state = state.with_period(replace(november, paid={**november.paid, "bus": 0}))
    first, third = (state.orders[noticed.orders[at]] for at in (0, 2))
    state = replace(state, orders={noticed.orders[0]: first})
    line = next(one for one in third.lines.values() if one.member == "bus")
    december = replace(line, amount_minor=state.period("2026-12").paid["bus"])
    own = next(one for one in first.lines.values() if one.member == "bus")
    with noticed.coop.reading() as (_, log):
        coverage = Coverage(state, log)
        assert [one.id for one in coverage.of(third, december)] == ["2026-11", "2026-12"]
        assert [one.id for one in coverage.of(first, own)] == ["2026-10"]


def charged_documents(folder: Path, fill: Callable[[Noticed], None]) -> dict[str, Any]:
    database = Database(f"sqlite:///{folder / 'kyojo.db'}")
    try:
        charged = open_noticed(database, CHARGED)
        fill(charged)
        said = notice_terms({**TERMS, "sellers": {"bus": BUS}})
        found = notices(charged.coop, charged.order(None), said).found
    finally:
        database.close()
    documents: dict[str, Any] = {one.member: one.document for one in found}
    ev, bus = documents["ev"], documents["bus"]
    assert [(row["label"]["en"], row["amount_minor"]) for row in ev["adjustments"]] == [
        ("2026-10 use", -40_000)
    ]
    # What it bore of the cost comes back, below the total.
    assert [row["amount_minor"] for row in bus["adjustments"]] == [30_000]
    return documents


def test_what_a_member_is_charged_is_no_supply_of_its_own(tmp_path: Path):
    documents = charged_documents(tmp_path, lambda _: None)
    assert [item["id"] for item in documents["ev"]["items"]] == ["2026-10/share"]


@pytest.mark.long
def test_of_a_month_with_a_charge_the_steps_are_compared(tmp_path: Path):
    """Only the share has changed, at its rate."""
    changed: dict[str, int] = {}

    def fill(charged: Noticed) -> None:
        fill_charged(charged)
        changed.update(charged.changed(0, "bus", "2026-10"))

    documents = charged_documents(tmp_path, fill)
    (row,) = documents["bus"]["returns"]
    assert (row["rate"], -row["amount_minor"]) == ("10%", changed["share"])
    ids = [item["id"].split("/") for item in documents["ev"]["items"]]
    assert [found[1] for found in ids] == ["share", "share", "2026-10"]


# --- found by the search of the books ------------------------------------------------------------


def found(noticed: Noticed, **wanted: Any) -> list[Hit]:
    return list(office_search(noticed.coop, Wanted(**wanted), Place(limit=500)).hits)


def hits_of(noticed: Noticed, at: int) -> dict[str, Hit]:
    numbers = noticed.world.state.orders[noticed.orders[at]].lines
    kinds = [hit for kind in DOCUMENTS for hit in found(noticed, kind=kind)]
    return {hit.row.counterparty: hit for hit in kinds if hit.row.subject in numbers}


def test_every_document_is_found_with_its_digest_and_its_order(noticed: Noticed):
    for at in (0, 1):
        hits = hits_of(noticed, at)
        for member, one in of_order(noticed, at).items():
            row = hits[member].row
            assert (row.kind, row.subject) == (one.document["kind"], one.line)
            assert (row.document, row.date) == (one.sha256, one.document["issued_on"])
            assert row.amount_minor == one.document["total_minor"]
            assert row.index == noticed.world.state.orders[noticed.orders[at]].index
            assert hits[member].inclusion["index"] == row.index
    assert set(hits_of(noticed, 0)) == {"bus", "ev", "bike"}
    assert hits_of(noticed, 2) == {}, "it was proposed without terms"


def test_documents_are_found_by_day_amount_and_who_it_is_combined(noticed: Noticed):
    bus = hits_of(noticed, 1)["bus"].row
    for who in ("bus", BUS["name"], "T5020001072478"):
        assert {hit.row.counterparty for hit in found(noticed, counterparty=who)} == {"bus"}
        same = found(noticed, kind="self-billed", counterparty=who, date_from=bus.date,
                     date_to=bus.date, amount_from=bus.amount_minor,
                     amount_to=bus.amount_minor)  # fmt: skip
        assert [hit.row.subject for hit in same] == [bus.subject]
        assert not found(noticed, counterparty=who, date_from=bus.date, date_to=bus.date,
                         amount_from=bus.amount_minor + 1, kind="self-billed")  # fmt: skip
    every = {(hit.row.index, hit.row.kind, hit.row.subject) for hit in found(noticed)}
    split = [{(hit.row.index, hit.row.kind, hit.row.subject) for hit in found(noticed, kind=kind)}
             for kind in SEARCHED]  # fmt: skip
    assert set().union(*split) == every
    assert sum(map(len, split)) == len(every)
    with pytest.raises(InvalidInput, match="self-billed"):
        found(noticed, kind="receipt")


def test_a_document_shows_what_corrected_it_and_what_gave_it_back(noticed: Noticed):
    first, second = (hits_of(noticed, at)["bus"] for at in (0, 1))
    assert first.history.status == second.history.status == "issued"
    events = {}
    for one in first.history.events:
        events.setdefault(one.what, []).append(one)
    corrected = events["corrected-by"]
    assert [one.amount_minor for one in corrected] == [
        sum(noticed.changed(at, "bus", "2026-10").values()) for at in (0, 1)
    ]
    returned = sum(-row["amount_minor"] for row in document(noticed, 1, "bus")["returns"])
    assert sum(one.amount_minor for one in events["given-back-by"]) == returned
    assert {one.note for one in events["given-back-by"]} == {second.row.subject}
    assert [one.note for one in events["result"]] == ["paid 2026-11-10"]
    back = [one for one in second.history.events if one.what == "gives-back"]
    assert {one.note for one in back} == {first.row.subject}
    bike = hits_of(noticed, 0)["bike"].history
    assert bike.status == "returned"


def test_a_member_finds_its_own_documents_only(noticed: Noticed):
    reader = reader_of(noticed.coop.state(), signing_key("ev").address)
    for kind in DOCUMENTS:
        page = search_books(noticed.coop, reader, Wanted(kind=kind), Place(limit=500))
        assert {hit.row.counterparty for hit in page.hits} <= {"ev"}
    assert page.hits


def test_a_document_is_read_by_its_member_and_the_charters_readers(noticed: Noticed):
    state = noticed.coop.state()
    bus = of_order(noticed, 1)["bus"]
    for who in ("bus", "office", "audit"):
        reader = reader_of(state, signing_key(who).address)
        assert document_of(noticed.coop, reader, bus.line) == bus.document
    with pytest.raises(NotPermitted):
        document_of(noticed.coop, reader_of(state, signing_key("ev").address), bus.line)
    office = reader_of(state, signing_key("office").address)
    for number in (of_order(noticed, 2)["bus"].line, "202610-0"):
        with pytest.raises(NotFound, match="no order carries a document"):
            document_of(noticed.coop, office, number)


def test_a_document_that_does_not_add_up_is_told_as_wrong(noticed: Noticed):
    row = hits_of(noticed, 0)["bus"].row
    bent = {**document(noticed, 0, "bus"), "tax_minor": 1}
    assert "tax_minor" in fault_of(bent)
    wrong = computed_again(replace(row, about={**row.about, "of": bent}))
    assert wrong.document == canonical.digest(bent).hex() != row.document
    with noticed.coop.reading() as (state, log):
        history = Histories(state, log).of(wrong)
    bare = {name: bent[name] for name in ("kind", "number", "currency", "payable_minor")}
    assert computed_again(replace(row, about={**row.about, "of": bare})).about["fault"]
    assert history.status == "wrong"
    assert history.events[-1].what == "wrong"
