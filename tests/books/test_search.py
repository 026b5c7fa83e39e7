"""The search of the books: by day, amount and counterparty, and what became of each amount."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import InvalidInput, KyojoError, NotPermitted, OutOfRange
from ledger.service import books_search
from ledger.service.books import Span, export_books, read_journal
from ledger.service.books_rows import KINDS
from ledger.service.books_search import (
    Hit,
    Place,
    Wanted,
    office_search,
    page_document,
    search_books,
)
from ledger.service.coop import Coop
from ledger.service.sign_in import Reader, reader_of
from tests.builder import signing_key


def found(coop: Coop, **wanted: Any) -> list[Hit]:
    return list(office_search(coop, Wanted(**wanted), Place(limit=500)).hits)


def events(hit: Hit) -> list[tuple[str, int | None, int | None]]:
    return [(one.what, one.index, one.amount_minor) for one in hit.history.events]


def as_member(coop: Coop, who: str) -> Reader:
    return reader_of(coop.state(), signing_key(who).address)


def test_every_kind_that_bears_money_is_found(coop: Coop):
    hits = found(coop)
    assert {hit.row.kind for hit in hits} == set(KINDS)
    assert [hit.row.index for hit in hits] == sorted(hit.row.index for hit in hits)
    assert all(hit.row.amount_minor for hit in hits)


def test_each_condition_alone_and_all_together(coop: Coop):
    """Compared with the plain reading of the conditions over all amounts."""
    every = found(coop)
    days = sorted({hit.row.date for hit in every})
    amounts = sorted({hit.row.amount_minor for hit in every})
    low, high = amounts[len(amounts) // 4], amounts[3 * len(amounts) // 4]
    for first in (None, days[1]):
        for last in (None, days[-2]):
            for least, most in ((None, None), (low, None), (low, high)):
                for who in (None, "bus", "fares"):
                    wanted = [
                        (hit.row.index, hit.row.subject)
                        for hit in every
                        if (first is None or hit.row.date >= first)
                        and (last is None or hit.row.date <= last)
                        and (least is None or hit.row.amount_minor >= least)
                        and (most is None or hit.row.amount_minor <= most)
                        and (who is None or who in names(hit))
                    ]
                    got = found(coop, date_from=first, date_to=last, amount_from=least,
                                amount_to=most, counterparty=who)  # fmt: skip
                    assert [(hit.row.index, hit.row.subject) for hit in got] == wanted


def names(hit: Hit) -> tuple[str, ...]:
    row = hit.row
    return (
        (row.counterparty, row.subject) if row.kind == "revenue-reported" else (row.counterparty,)
    )


def test_pages_lead_through_all_of_it(coop: Coop, monkeypatch: pytest.MonkeyPatch):
    every = [(hit.row.index, hit.row.subject, hit.row.counterparty) for hit in found(coop)]
    for limit, entries in ((1, 5_000), (3, 5_000), (4, 2), (500, 1)):
        monkeypatch.setattr(books_search, "ENTRIES_MAX", entries)
        got, cursor = [], None
        for _ in range(200):
            page = office_search(coop, Wanted(), Place(cursor, limit))
            assert len(page.hits) <= limit
            got += [(hit.row.index, hit.row.subject, hit.row.counterparty) for hit in page.hits]
            cursor = page.following
            if cursor is None:
                break
        assert got == every


def test_a_replaced_figure_shows_what_replaced_it(coop: Coop):
    old, new = found(coop, kind="revenue-reported", date_from="2026-11-02")
    assert (old.row.amount_minor, old.history.status) == (250_000, "replaced")
    assert (new.row.amount_minor, new.history.status) == (240_000, "confirmed")
    assert events(old) == [("replaced-by", new.row.index, 240_000)]
    assert events(new) == [("replaces", old.row.index, 250_000)]


def test_a_settled_line_shows_its_dispute_and_its_correction(coop: Coop):
    lines = found(coop, kind="settlement-proposed", counterparty="ev", date_to="2026-11-01")
    (correction,) = found(coop, kind="correction-proposed", counterparty="ev")
    assert correction.row.amount_minor > 0
    for line in lines:
        assert line.history.status == "corrected"
        assert [what for what, _, _ in events(line)] == ["disputed", "corrected-by"]
        assert events(line)[-1][1:] == (correction.row.index, correction.row.amount_minor)
    assert correction.history.status == "posted"
    assert events(correction) == [("corrects", lines[0].row.index, None)]
    assert correction.row.period == "2026-10"


def test_a_payment_shows_its_results_and_what_was_ordered_again(coop: Coop):
    orders = found(coop, kind="payout-ordered", counterparty="ev")
    assert orders[0].history.status == "returned"
    assert [what for what, _, _ in events(orders[0])] == ["exported", "result"]
    bus = found(coop, kind="payout-ordered", counterparty="bus")[0]
    exported, *results = [one.note for one in bus.history.events]
    assert exported.startswith("zengin, 2026-11-10, ")
    assert results == ["paid 2026-11-10", "returned 2026-11-10"]
    results = found(coop, kind="payout-resulted", counterparty="bus")
    assert [one.history.status for one in results] == ["paid", "returned"]
    assert {one.row.date for one in results} == {"2026-11-10"}
    assert events(results[0])[0][:2] == ("result", results[1].row.index)


def test_a_banks_day_is_found_by_its_own_day(coop: Coop):
    assert {one.row.kind for one in found(coop, date_from="2026-11-10", date_to="2026-11-10")} == {
        "payout-resulted"
    }


def test_a_member_sees_its_own_lines_and_all_reports(coop: Coop):
    def lines(who: str) -> set[tuple[str, str]]:
        page = search_books(coop, as_member(coop, who), Wanted(), Place(limit=500))
        return {(hit.row.kind, hit.row.counterparty) for hit in page.hits}

    every = {(hit.row.kind, hit.row.counterparty) for hit in found(coop)}
    assert lines("audit") == every
    reported = {pair for pair in every if pair[0].endswith("-reported")}
    assert lines("town") == reported
    assert lines("bus") == reported | {pair for pair in every if pair[1] == "bus"}
    with pytest.raises(NotPermitted):
        search_books(coop, Reader(), Wanted(), Place())


def test_documents_and_inclusion(coop: Coop):
    with coop.reading() as (_, log):
        for hit in found(coop):
            assert hit.inclusion["signed"] is True
            assert hit.inclusion["index"] == hit.row.index
            if hit.row.document != hit.row.leaf:
                assert log.blob(hit.row.document)
    document = page_document(office_search(coop, Wanted(), Place(limit=1)))
    assert "not a certified time stamp" in document["note"]["en"]
    assert "認定タイムスタンプではなく" in document["note"]["ja"]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"date_from": "2026-11-31"}, OutOfRange),
        ({"date_from": "20261101"}, OutOfRange),
        ({"date_to": "9999-12-31"}, OutOfRange),
        ({"date_from": "2026-11-02", "date_to": "2026-11-01"}, OutOfRange),
        ({"amount_from": 5, "amount_to": 4}, OutOfRange),
        ({"kind": "usage-batch"}, InvalidInput),
    ],
)
def test_what_cannot_be_searched_is_refused(coop: Coop, wanted: dict, error: type[KyojoError]):
    with pytest.raises(error):
        found(coop, **wanted)


@pytest.mark.parametrize("cursor", ["", "5", "5.", "-1.0", "x.y", "1.0.0"])
def test_a_place_that_no_page_ended_at_is_refused(coop: Coop, cursor: str):
    with pytest.raises(OutOfRange):
        office_search(coop, Wanted(), Place(cursor))


def test_the_books_are_read_from_the_store_as_from_memory(coop: Coop):
    journal = read_journal(coop)
    assert journal.size == coop.state().size
    whole = export_books(coop, "hledger", Span())
    assert whole.transactions == len(journal.transactions)
    assert export_books(coop, "hledger", Span(through="2026-12")).data == whole.data
    assert export_books(coop, "beancount", Span(period="2026-11")).data != whole.data
    with pytest.raises(OutOfRange):
        export_books(coop, "hledger", Span(period="2026-13"))
    with pytest.raises(InvalidInput):
        export_books(coop, "abacus", Span())
