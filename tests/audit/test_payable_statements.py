"""Statements that say what is payable: as files, alone, and against an audit bundle's state."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pypdf import PdfReader

from ledger.audit.payable import by_id, lookup_of
from ledger.audit.statement import (
    BUNDLE_IS_SILENT,
    CORRECTED,
    PAYABLE,
    PAYABLE_IS_THE_STATES,
    PAYABLE_UNSAID,
    StatementReport,
    verify_statement_file,
    with_bundle,
)
from ledger.audit.trust import Trust, parse_trust
from ledger.cli.main import main
from ledger.coop.state import state_hash
from ledger.errors import NotConsistent, SumMismatch, VerificationError
from ledger.money import format_minor
from ledger.paper.files import FORMATS, statement_file
from ledger.paper.payable_view import payable_view
from ledger.paper.speech import Speech
from ledger.service.audit import verify_file
from ledger.service.coop import Coop
from ledger.service.export import export_bundle, export_period, export_trust
from ledger.service.statements import statement
from tests.audit.test_export_period import Dated, real
from tests.coop.payable_months import (
    LAST,
    LATER,
    charged_world,
    settle_december,
    settle_november,
    until_november,
)
from tests.coop.stages import MONTH
from tests.pages.month import AUDITOR

Document = dict[str, Any]


class Months(NamedTuple):
    """Three months in a store, their bundle, one that ends in the first, and the trust file."""

    coop: Coop
    folder: Path
    trust: Trust

    def statement(self, month: str, member: str) -> Document:
        return copy.deepcopy(statement(self.coop, AUDITOR, month, member))


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Months:
    folder = tmp_path_factory.mktemp("payable")
    world = charged_world(Dated)
    until_november(world)
    (folder / "early").mkdir()
    early = real(world, folder / "early")
    export_bundle(early, folder / "early.zip")
    settle_november(world)
    settle_december(world)
    coop = real(world, folder)
    export_trust(coop, folder / "trust.toml")
    export_bundle(coop, folder / "whole.zip")
    return Months(coop, folder, parse_trust((folder / "trust.toml").read_bytes()))


def encoded(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def compared(months: Months, document: Document, bundle: str = "whole.zip") -> StatementReport:
    report = verify_statement_file(encoded(document), months.trust)
    lookup = lookup_of(report.document)
    found = verify_file(months.folder / bundle, months.trust, see=lookup.see)
    return with_bundle(report, found, lookup)


def test_the_state_is_named_and_what_was_not_looked_at_is_said(months: Months) -> None:
    document = months.statement(MONTH, "bus")
    part, state = document["payable"], months.coop.state()
    assert (part["size"], part["state_hash"]) == (state.size, state_hash(state).hex())
    report = verify_statement_file(encoded(document), months.trust)
    assert PAYABLE in report.checked
    assert any(part["state_hash"] in one.en and part["state_hash"] in one.ja
               for one in report.not_checked)  # fmt: skip


@pytest.mark.parametrize(("month", "member"), [(MONTH, "bus"), (LATER, "ev"), (LAST, "ev")])
def test_a_bundle_shows_that_it_is_what_the_state_says(
    months: Months, month: str, member: str
) -> None:
    report = compared(months, months.statement(month, member))
    assert PAYABLE_IS_THE_STATES in report.checked
    assert not any("--bundle" in remark.en for remark in report.not_checked)
    assert report.exit_code == 0


def test_in_which_order_a_part_lists_what_is_posted_is_no_matter() -> None:
    """Statements were given out in the order of posting, or of ids after a restart."""
    rows = [{"id": digit * 64, "amount_minor": 5} for digit in "ba"]
    held = [{"dispute": digit * 64, "amount_minor": 7} for digit in "dc"]
    one = {"size": 9, "posted": rows, "held": held}
    other = {"size": 9, "posted": rows[::-1], "held": held[::-1]}
    assert by_id(one) == by_id(other) == other
    assert by_id({**one, "posted": [*rows, rows[0]]}) != by_id(one)
    assert by_id(None) is None


def more_posted(document: Document) -> None:
    """One yen more, in words that add up."""
    document["payable"]["posted"][0]["amount_minor"] += 1
    document["payable"]["owing_minor"] -= 1


def no_part(document: Document) -> None:
    del document["payable"]


def other_state(document: Document) -> None:
    document["payable"]["state_hash"] = "00" * 32


@pytest.mark.parametrize("forge", [more_posted, no_part, other_state])
def test_what_adds_up_and_is_untrue_fails_against_the_bundle(
    months: Months, forge: Callable[[Document], None]
) -> None:
    document = months.statement(LATER, "ev")
    forge(document)
    assert verify_statement_file(encoded(document), months.trust).is_trusted
    with pytest.raises(SumMismatch, match="what the state in the bundle says"):
        compared(months, document)


def test_a_month_that_was_corrected_says_which_corrections_followed(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    (one,) = document["corrections"]
    posted = months.coop.state().period(LATER).posted
    own = one["statement"]
    assert own["correction"]["posted_in"] == LATER
    assert posted[own["correction_id"]]["ev"] < 0
    assert own["net_minor"] == sum(row["amount_minor"] for row in own["rows"]) < 0
    assert CORRECTED in verify_statement_file(encoded(document), months.trust).checked
    assert PAYABLE_IS_THE_STATES in compared(months, document).checked
    for month in (LATER, LAST):
        later = months.statement(month, "ev")
        assert "corrections" not in later
        assert CORRECTED not in verify_statement_file(encoded(later), months.trust).checked


def test_the_corrections_that_followed_are_in_every_format(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    own = document["corrections"][0]["statement"]
    id_, amount = own["correction_id"], own["net_minor"]
    table = statement_file(document, "csv", "en").decode("utf-8-sig")
    row = list(csv.DictReader(io.StringIO(table)))[-1]
    assert (row["step"], row["label"]) == ("corrected", f"{LATER}: {id_}")
    assert row["amount_minor"] == str(amount)
    page = statement_file(document, "html", "ja").decode()
    pdf = PdfReader(io.BytesIO(statement_file(document, "pdf", "en")))
    text = re.sub(r"\s+", "", "".join(sheet.extract_text() for sheet in pdf.pages))
    shown = format_minor(amount, digits=0, grouped=True).replace("-", "−")
    for where in (page, text):
        assert id_ in where
        assert shown in where
    assert "Corrected later" in page
    assert "後から行われた訂正" in page
    assert "Correctedlater" in text


def no_corrections(document: Document) -> None:
    del document["corrections"]


def twice(document: Document) -> None:
    document["corrections"] *= 2


def another_members(document: Document) -> None:
    document["corrections"][0]["statement"]["member"] = "bus"


def other_months(document: Document) -> None:
    document["corrections"][0]["statement"]["rows"][0]["period"] = LAST


def other_net(document: Document) -> None:
    document["corrections"][0]["statement"]["net_minor"] += 1


def another_entry(document: Document) -> None:
    document["corrections"][0]["proof"] = {
        name: document["proof"][name] for name in ("index", "entry", "hashes")
    }


@pytest.mark.parametrize("forge", [twice, another_members, other_months, other_net, another_entry])
def test_a_correction_that_was_changed_is_found(
    months: Months, forge: Callable[[Document], None]
) -> None:
    document = months.statement(MONTH, "ev")
    forge(document)
    with pytest.raises(VerificationError):
        verify_statement_file(encoded(document), months.trust)


def test_a_correction_that_was_left_out_fails_against_the_bundle(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    no_corrections(document)
    assert verify_statement_file(encoded(document), months.trust).is_trusted
    with pytest.raises(SumMismatch, match="not those that the state has"):
        compared(months, document)


def test_a_statement_without_the_part_says_that_more_may_be_settled(months: Months) -> None:
    document = months.statement(LAST, "bus")
    assert "payable" not in document
    report = verify_statement_file(encoded(document), months.trust)
    assert PAYABLE_UNSAID in report.not_checked
    assert PAYABLE_IS_THE_STATES in compared(months, document).checked


def test_a_bundle_that_ends_before_says_nothing(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    report = compared(months, document, "early.zip")
    assert BUNDLE_IS_SILENT in report.not_checked
    assert PAYABLE_IS_THE_STATES not in report.checked


def test_a_months_bundle_tells_of_its_own_month_and_not_of_earlier_ones(months: Months) -> None:
    export_period(months.coop, LAST, months.folder / "last.zip")
    report = compared(months, months.statement(LAST, "ev"), "last.zip")
    assert PAYABLE_IS_THE_STATES in report.checked
    report = compared(months, months.statement(MONTH, "ev"), "last.zip")
    assert BUNDLE_IS_SILENT in report.not_checked


def test_a_bundle_that_is_refused_or_of_another_log_shows_nothing(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    report = verify_statement_file(encoded(document), months.trust)
    broken = months.folder / "broken.zip"
    broken.write_bytes((months.folder / "whole.zip").read_bytes()[:-1])
    lookup = lookup_of(report.document)
    found = verify_file(broken, months.trust, see=lookup.see)
    with pytest.raises(VerificationError, match="audit it by itself"):
        with_bundle(report, found, lookup)
    lookup = lookup_of(report.document)
    found = verify_file(months.folder / "whole.zip", months.trust, see=lookup.see)
    lookup.root = bytes(32)
    with pytest.raises(NotConsistent, match="another log"):
        with_bundle(report, found, lookup)


def test_another_size_than_the_checkpoints_is_refused(months: Months) -> None:
    document = months.statement(MONTH, "ev")
    document["payable"]["size"] -= 1
    with pytest.raises(SumMismatch, match="the checkpoint of"):
        verify_statement_file(encoded(document), months.trust)


def test_every_figure_of_the_part_is_tied_to_the_others(months: Months) -> None:
    """What is told and stands in no sum: which correction or dispute, and the state's hash."""
    told = {"kind", "id", "dispute", "posted_in", "state_hash", "limits"}
    document = months.statement(LATER, "ev")
    for name, value in document["payable"].items():
        if name in told or not isinstance(value, int):
            continue
        forged = copy.deepcopy(document)
        forged["payable"][name] = value + 1
        with pytest.raises(VerificationError):
            verify_statement_file(encoded(forged), months.trust)


def test_the_command_compares_with_a_bundle(months: Months, tmp_path: Path, capsys) -> None:
    file = tmp_path / "ev.json"
    file.write_bytes(statement_file(months.statement(LAST, "ev"), "json", "en"))
    trust, bundle = months.folder / "trust.toml", months.folder / "whole.zip"
    options = ["verify-statement", str(file), "--trust", str(trust), "--bundle", str(bundle)]
    assert main(options) == 0
    told = capsys.readouterr().out
    assert "Offset against what you owed: −" in told
    assert PAYABLE_IS_THE_STATES.en in told
    assert main([*options[:-1], str(tmp_path / "none.zip")]) == 2


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("month", "member"), [(MONTH, "bus"), (LATER, "ev"), (LAST, "ev")])
def test_every_term_stands_in_every_file(
    months: Months, month: str, member: str, language: Any
) -> None:
    document = months.statement(month, member)
    part, public = document["payable"], document["statement"]["settlement"]
    view = payable_view(Speech(language, public["currency"], 0), part)
    assert view is not None
    html = statement_file(document, "html", language).decode()
    reader = PdfReader(io.BytesIO(statement_file(document, "pdf", language)))
    text = re.sub(r"\s+", "", "".join(page.extract_text() for page in reader.pages))
    for wanted in (*view.rows, view):
        shown = wanted.total if wanted is view else wanted.amount
        for found in (wanted.label, shown, getattr(wanted, "source", "")):
            assert found in html
            assert re.sub(r"\s+", "", found) in text
    assert part["state_hash"] in text
    table = csv.DictReader(io.StringIO(statement_file(document, "csv", language).decode()))
    rows = [row for row in table if row["step"].startswith("payable")]
    *terms, last = rows
    assert sum(int(row["amount_minor"]) for row in terms) == int(last["amount_minor"])
    assert last["amount"] == format_minor(part["payable_minor"], digits=0)
    assert [row["sources"] for row in terms] == [row.source for row in view.rows]


def test_without_the_part_files_are_what_they_were(months: Months) -> None:
    document = months.statement(LAST, "bus")
    for form in FORMATS:
        data = statement_file(document, form, "en")
        assert b"payable" not in data.lower()
        assert data == statement_file(document | {"payable": None}, form, "en") or form == "json"
