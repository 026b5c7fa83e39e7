"""A firm that has left gets its part of a correction posted later, and what it comes to."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from ledger import canonical
from ledger.audit.correction import is_correction, verify_correction_file
from ledger.audit.statement import SIGNED
from ledger.cli.main import main
from ledger.coop.correction_grounds import verify_member_correction
from ledger.errors import (
    MalformedDocument,
    NotConsistent,
    NotPermitted,
    SumMismatch,
    VerificationError,
)
from ledger.log.note import Ed25519Verifier
from ledger.paper.correction_files import correction_file
from ledger.service.coop import Coop
from ledger.service.correct import correction_of_member, untold_parts
from ledger.service.read import entries
from ledger.service.sign_in import Reader, reader_of
from ledger.service.statements import office_statements, statement
from ledger.store.database import Database
from ledger.store.reading import Filter
from ledger.store.schema import upgrade
from tests.audit.world import trust_in
from tests.builder import ORIGIN, RULES, authority, charter, log_key, signing_key
from tests.coop.currencies import CHF, JPY, earn, settle_month, two_currencies
from tests.coop.months import BOUNDS, Row, correct, open_month, revenue, submit
from tests.coop.stages import MONTH, admit, settlement_body
from tests.pages.html_check import Walk
from tests.store.ledgers import Recording, coop_of

LATER, LAST = "2026-11", "2026-12"
VERIFIERS = [Ed25519Verifier(log_key(ORIGIN).verifier_key)]


def settle(world: Recording, month: str) -> None:
    world.now = max(world.now, BOUNDS[month][1])
    world.close(month)
    body, blobs = settlement_body(world, month)
    world.write("office", "settlement-proposed", body, *blobs)
    world.carry("bus", "ev", "bike")
    settlement = world.state.period(month).settlement
    world.write("office", "settlement-settled", {"period": month, "settlement_id": settlement})


def left_and_corrected() -> Recording:
    """A taxi drove in October and left in November; October is corrected in December."""
    world = Recording(charter=charter(authority=authority()), rules=RULES)
    world.prepare()
    admit(world, "taxi", "member")
    submit(world, Row(MONTH, "taxi", "taxi-1", 100))
    settle(world, MONTH)
    for month in (LATER, LAST):
        open_month(world, month)
        revenue(world, month, 200_000)
        submit(world, Row(month, "ev", f"ev-{month}", 10))
        if month == LATER:
            world.write("taxi", "member-left", {"member": "taxi", "reason": "sold"})
            settle(world, LATER)
    submit(world, Row(MONTH, "bus", "back", -413, reverses="bus-1"))
    correct(world, ("bus", "ev", "bike"))
    settle(world, LAST)
    return world


@pytest.fixture(scope="module")
def world() -> Recording:
    return left_and_corrected()


@pytest.fixture(scope="module")
def coop(world: Recording, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coop]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('left') / 'kyojo.db'}")
    upgrade(database)
    yield coop_of(database, world)
    database.close()


@pytest.fixture(scope="module")
def taxi(coop: Coop) -> Reader:
    return reader_of(coop.state(), signing_key("taxi").address)


@pytest.fixture(scope="module")
def part(coop: Coop, taxi: Reader, world: Recording) -> dict[str, Any]:
    (id_,) = world.state.period(LAST).posted
    return correction_of_member(coop, taxi, id_, "taxi")


def net_of(world: Recording) -> int:
    (net,) = world.state.period(LAST).posted.values()
    assert net["taxi"] > 0
    return net["taxi"]


def test_who_has_left_reads_its_own_and_nothing_else(coop: Coop, taxi: Reader, world) -> None:
    (id_,) = world.state.period(LAST).posted
    assert (taxi.member, taxi.roles, taxi.former) == (None, (), "taxi")
    assert statement(coop, taxi, MONTH, "taxi")["member"] == "taxi"
    for ask in (
        lambda: statement(coop, taxi, MONTH, "bus"),
        lambda: correction_of_member(coop, taxi, id_, "bus"),
        lambda: entries(coop, taxi, Filter(), start=0, limit=1),
    ):
        with pytest.raises(NotPermitted):
            ask()


def test_the_part_says_what_becomes_payable_to_who_has_left(part, world) -> None:
    verify_member_correction(part, origin=ORIGIN, verifiers=VERIFIERS)
    net = net_of(world)
    assert part["statement"]["net_minor"] == net
    assert part["payable"]["payable_minor"] == net
    (row,) = part["payable"]["posted"]
    assert row == {
        "kind": "correction", "id": part["statement"]["correction_id"], "amount_minor": net,
    }  # fmt: skip
    paid_before = world.state.period(MONTH).paid["taxi"] + world.state.period(LATER).paid["taxi"]
    assert world.state.dues["JPY"]["taxi"].due == paid_before + net


def test_the_office_has_it_among_what_no_statement_tells(coop: Coop, part, world) -> None:
    assert "taxi" not in office_statements(coop, LAST)
    (id_,) = world.state.period(LAST).posted
    assert untold_parts(coop, LAST) == {(id_, "taxi"): part}
    assert untold_parts(coop, LATER) == {}


def test_who_has_a_statement_of_the_month_is_told_there(coop: Coop, world) -> None:
    (id_,) = world.state.period(LAST).posted
    bus = reader_of(coop.state(), signing_key("bus").address)
    assert "payable" not in correction_of_member(coop, bus, id_, "bus")
    posted = statement(coop, bus, LAST, "bus")["payable"]["posted"]
    assert [row["id"] for row in posted] == [id_]


def test_the_part_as_files(part: dict[str, Any], world: Recording) -> None:
    net = net_of(world)
    assert json.loads(correction_file(part, "json", "en")) == part
    table = correction_file(part, "csv", "ja").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    kinds = [(row["kind"], row["amount_minor"]) for row in rows]
    assert ("total", str(net)) in kinds
    assert kinds[-1] == ("payable", str(net))
    months = [row for row in rows if row["kind"] in ("delta", "negate", "restate")]
    assert sum(int(row["amount_minor"]) for row in months) == net
    assert {row["period"] for row in months} >= {MONTH}
    page = correction_file(part, "html", "ja").decode()
    Walk(page)
    for language in ("ja", "en"):
        shown = f"{net:,} JPY"
        assert shown in page
        pdf = PdfReader(io.BytesIO(correction_file(part, "pdf", language)))
        text = re.sub(r"\s+", "", "".join(sheet.extract_text() for sheet in pdf.pages))
        assert shown.replace(" ", "") in text
        assert part["statement"]["correction_id"] in text


def test_the_file_is_verified_alone(part: dict[str, Any]) -> None:
    data = correction_file(part, "json", "en")
    assert is_correction(data)
    report = verify_correction_file(data, None)
    assert report.exit_code == 4
    assert report.document == canonical.parse(data)
    assert any("add up" in remark.en for remark in report.checked)


def test_with_a_trust_file_it_is_known_which_log_it_is_of(part, world: Recording) -> None:
    data, trust = correction_file(part, "json", "en"), trust_in(world)
    report = verify_correction_file(data, trust)
    assert (report.exit_code, SIGNED in report.checked) == (0, True)
    with pytest.raises(NotConsistent):
        verify_correction_file(data, trust_in(world, genesis="00" * 32))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_command_tells_it_in_words(
    part: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    file = tmp_path / "part.json"
    file.write_bytes(correction_file(part, "json", "en"))
    assert main(["verify-statement", str(file), "--language", language]) == 4
    said = capsys.readouterr().out
    net = f"{part['statement']['net_minor']:,} JPY"
    assert f"{'合計' if language == 'ja' else 'Sum'}: {net}" in said
    assert said.count(net) >= 3  # of the month, in all, and payable
    assert main(["verify-statement", str(file), "--json"]) == 4
    told = json.loads(capsys.readouterr().out)
    assert (told["member"], told["posted_in"]) == ("taxi", LAST)
    assert told["payable"] == part["payable"]


@pytest.mark.parametrize(
    ("path", "value", "error"),
    [
        (("payable", "payable_minor"), 1, SumMismatch),
        (("payable", "net_minor"), 5, SumMismatch),
        (("payable", "size"), 3, SumMismatch),
        (("payable", "posted", 0, "id"), "00" * 32, SumMismatch),
        (("payable", "more"), 1, VerificationError),
        (("statement", "net_minor"), 1, SumMismatch),
        (("origin",), "elsewhere.example/x", VerificationError),
        (("member",), "bus", SumMismatch),
    ],
    ids=lambda value: "/".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_what_was_changed_is_found(part, path, value, error) -> None:
    bent = json.loads(json.dumps(part))
    place = bent
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(error):
        verify_member_correction(bent, origin=ORIGIN, verifiers=VERIFIERS)


@pytest.mark.parametrize("data", [b"[]", b"x", b'{"kyojo_member_correction":1}'])
def test_what_is_no_part_of_a_correction(data: bytes) -> None:
    with pytest.raises(MalformedDocument):
        verify_correction_file(data, None)


def test_in_a_month_of_another_currency_everybody_gets_a_part(tmp_path) -> None:
    world = two_currencies([CHF, JPY], make=Recording)
    assert isinstance(world, Recording)
    submit(world, Row(MONTH, "ev", "ev-late", 200))
    id_ = correct(world)
    earn(world, LATER, 400_00, "CHF")
    settle_month(world, LATER)
    database = Database(f"sqlite:///{tmp_path / 'kyojo.db'}")
    upgrade(database)
    parts = untold_parts(coop_of(database, world), LATER)
    database.close()
    assert {key: "payable" in part for key, part in parts.items()} == {
        (id_, firm): False for firm in ("bus", "bike", "ev")
    }
