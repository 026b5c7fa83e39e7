"""``kyojo books``: the files as an office writes them, the search as it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Kyojo, check_error
from tests.installation import Place

PlaceOf = Callable[[str], Place]


@pytest.fixture
def settled(place_of: PlaceOf) -> Place:
    return place_of("settled")


def test_books_are_written_and_written_again(kyojo: Kyojo, settled: Place, tmp_path: Path):
    for form, word in (("hledger", b"commodity 1000. JPY"), ("beancount", b"commodity JPY")):
        files = [tmp_path / f"{form}-{number}" for number in range(2)]
        for file in files:
            ran = kyojo("books", "export", "--format", form, "--out", file, "--json")
            assert ran.code == 0
            assert ran.document["transactions"] == 3
        assert files[0].read_bytes() == files[1].read_bytes()
        assert word in files[0].read_bytes()
    ran = kyojo("books", "export", "--format", "hledger", "--through", "2024-05", "--out", files[0])
    assert "0 transactions" in ran.out
    ran = kyojo("books", "export", "--format", "hledger", "--period", "2024-13", "--out", files[0])
    check_error(ran, 2, "out-of-range")


def test_a_settlement_is_written_for_focus(kyojo: Kyojo, settled: Place, tmp_path: Path):
    file = tmp_path / "focus.csv"
    words = ("books", "export", "--format", "focus", "--out", file)
    assert "3 rows of 1 settlement" in kyojo(*words, "--period", "2024-05").out
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    assert {row["SubAccountId"] for row in rows} == {"bike", "bus", "ev"}
    check_error(kyojo(*words, "--period", "2024-06"), 8, "not-found")


def test_a_search_is_read_in_both_languages(kyojo: Kyojo, settled: Place):
    ran = kyojo("books", "search", "--counterparty", "bus", "--min", "1")
    assert ran.code == 0
    assert "settlement-proposed share [2024-05]  settled" in ran.out
    assert "not a certified time stamp" in ran.out
    ran = kyojo("books", "search", "--counterparty", "bus", "--language", "ja")
    assert "精算 share [2024-05]  精算済み" in ran.out
    assert "認定タイムスタンプではなく" in ran.out
    assert "2 件" in ran.out


def test_a_search_as_a_table_and_as_json_has_the_same_hits(kyojo: Kyojo, settled: Place):
    words = ("books", "search", "--max", "2000000")
    document = kyojo(*words, "--json").document
    table = list(csv.DictReader(io.StringIO(kyojo(*words, "--csv").out)))
    assert [(row["entry"], row["amount"], row["document"]) for row in table] == [
        (str(hit["index"]), str(hit["amount_minor"]), hit["document"]) for hit in document["hits"]
    ]
    assert len(table) == 5
    ja = kyojo(*words, "--csv", "--language", "ja").out.splitlines()[0]
    assert ja.startswith("取引年月日,金額,通貨,取引先,種類")


def test_a_page_says_where_to_go_on(kyojo: Kyojo, settled: Place):
    first = kyojo("books", "search", "--limit", "2", "--json").document
    assert len(first["hits"]) == 2
    rest = kyojo("books", "search", "--after", first["next"], "--json").document
    whole = kyojo("books", "search", "--json").document["hits"]
    assert first["hits"] + rest["hits"] == whole
    assert f"--after {first['next']}" in kyojo("books", "search", "--limit", "2").out


def test_what_cannot_be_searched_is_told(kyojo: Kyojo, settled: Place):
    check_error(kyojo("books", "search", "--min", "1.5"), 2, "out-of-range")
    check_error(kyojo("books", "search", "--from", "2026-02-30"), 2, "out-of-range")
    check_error(kyojo("books", "search", "--currency", "CHF"), 2)
