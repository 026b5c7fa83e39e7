"""Statements as files: what a stranger's program reads in them is what the statement says."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import reportlab
from pypdf import PdfReader

from ledger.errors import InvalidInput, MalformedDocument
from ledger.money import format_minor
from ledger.paper.files import FORMATS, statement_file
from ledger.paper.pdf import statement_pdf
from ledger.paper.table import BOM, COLUMNS
from ledger.service.coop import Coop
from ledger.service.statements import statement
from tests.pages.month import AUDITOR, MONTH

VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
HASHES = re.compile(rb"[0-9A-Za-z+/]{40,}=*")
MEMBERS = ("bike", "bus", "ev", "suspense")


@pytest.fixture
def bus(settled: Coop) -> dict[str, Any]:
    return copy.deepcopy(statement(settled, AUDITOR, MONTH, "bus"))


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def text_of(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def test_a_month_that_is_its_lines_keeps_the_bytes_from_before_there_was_more_to_say(
    bus: dict[str, Any],
) -> None:
    """The hashes are from before statements had a part on what is payable.

    Hashes and signatures within are left out: they change with every kind that charters name.
    """
    found = {
        form: sha256(HASHES.sub(b"~", statement_file(bus, form, "en"))).hexdigest()
        for form in ("json", "csv")
    }
    assert found == {
        "json": "458796fcd694ac09ca581080f41aa5cf156c494964f76274d81b492e8d6a0e6f",
        "csv": "4ef3186f0d501e102b0f33322c2b2d2f3f31e0b1e82928ea382937bb06a22e1f",
    }
    assert "Payable" not in text_of(statement_file(bus, "pdf", "en"))
    assert b"Payable" not in statement_file(bus, "html", "en")


@pytest.mark.parametrize("member", MEMBERS)
def test_the_table_adds_up_to_the_statement(settled: Coop, member: str) -> None:
    document = statement(settled, AUDITOR, MONTH, member)
    *rows, total = rows_of(statement_file(document, "csv", "ja"))
    own, public = document["statement"], document["statement"]["settlement"]
    assert list(total) == list(COLUMNS)
    assert total["step"] == "total"
    amounts = [int(row["amount_minor"]) for row in rows if row["amount_minor"]]
    assert sum(amounts) == int(total["amount_minor"]) == own["net_minor"]
    assert len(rows) == len(own["lines"])
    for row in rows:
        assert row["rule_hash"] == public["rule_hash"]
        assert row["settlement_id"] == own["settlement_id"]
        assert (row["odd_unit"] != "") is (row["part"] == "")


def test_the_table_leads_to_the_inputs(bus: dict[str, Any]) -> None:
    rows = {(row["step"], row["part"]): row for row in rows_of(statement_file(bus, "csv", "en"))}
    use = rows["share", "use"]
    assert use["sources"] == "inputs:/totals/trips/bus = 413"
    assert (use["weight"], use["weight_total"]) == ("413", "852")


def test_a_name_that_a_spreadsheet_would_run_is_made_a_text(bus: dict[str, Any]) -> None:
    bus["origin"] = "=HYPERLINK(evil)"
    data = statement_file(bus, "csv", "en")
    assert data.startswith(BOM.encode())
    assert {row["origin"] for row in rows_of(data)} == {"'=HYPERLINK(evil)"}


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("member", MEMBERS)
def test_the_pdf_says_every_amount(settled: Coop, member: str, language: Any) -> None:
    document = statement(settled, AUDITOR, MONTH, member)
    text = re.sub(r"\s+", "", text_of(statement_file(document, "pdf", language)))
    own, public = document["statement"], document["statement"]["settlement"]
    amounts = [step["amount_minor"] for step in own["steps"] if step["takes_part"]]
    for amount in (*amounts, own["net_minor"]):
        written = format_minor(int(amount), digits=public["minor_digits"], grouped=True)
        assert f"{written}{public['currency']}" in text
    for wanted in (own["settlement_id"], public["rule_hash"], document["genesis"]):
        assert wanted in text
    for limit in own["limits"]:
        assert re.sub(r"\s+", "", limit[language]) in text


def test_what_others_wrote_is_no_markup(bus: dict[str, Any]) -> None:
    bus["names"]["member"] = {"en": "<b>Bus & <font color=red>Co", "ja": "<para>バス"}
    assert "<b>Bus & <font color=red>Co" in text_of(statement_file(bus, "pdf", "en"))
    assert "<para>バス" in text_of(statement_file(bus, "pdf", "ja"))


def test_the_same_statement_gives_the_same_bytes_in_another_process(
    bus: dict[str, Any], tmp_path: Path
) -> None:
    source = tmp_path / "own.json"
    source.write_bytes(statement_file(bus, "json", "en"))
    program = (
        "import json, sys; from hashlib import sha256; from pathlib import Path; "
        "from ledger.paper.files import FORMATS, statement_file; "
        "document = json.loads(Path(sys.argv[1]).read_bytes()); "
        "print([sha256(statement_file(document, f, 'ja')).hexdigest() for f in FORMATS])"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", program, str(source)],
            check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert found[0] == found[1]
    assert len(json.loads(found[0].decode().replace("'", '"'))) == len(FORMATS)


def test_a_font_file_is_embedded_and_only_then(bus: dict[str, Any]) -> None:
    settlement = bus["statement"]["settlement"]

    def unembedded(font: Path | None) -> set[str]:
        reader = PdfReader(io.BytesIO(statement_pdf(bus, settlement, "ja", font)))
        fonts = [
            one.get_object()
            for page in reader.pages
            for one in page["/Resources"]["/Font"].values()
        ]
        used = [font for font in fonts if "Helvetica" not in font["/BaseFont"]]
        return {str(font["/BaseFont"]) for font in used if "/FontDescriptor" not in font}

    assert {name.split("-U")[0] for name in unembedded(None)} == {"/HeiseiKakuGo-W5"}
    assert unembedded(VERA) == set()


def test_an_unusable_font_is_named(bus: dict[str, Any], tmp_path: Path) -> None:
    settlement = bus["statement"]["settlement"]
    for path in (tmp_path / "missing.ttf", Path(__file__)):
        with pytest.raises(InvalidInput, match=path.name):
            statement_pdf(bus, settlement, "ja", path)


@pytest.mark.parametrize("form", ["csv", "html", "pdf"])
def test_what_is_no_statement_is_refused(bus: dict[str, Any], form: Any) -> None:
    del bus["statement"]["lines"]
    with pytest.raises(MalformedDocument, match="lines"):
        statement_file(bus, form, "en")
