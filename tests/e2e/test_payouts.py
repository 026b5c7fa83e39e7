"""A settled month is paid: accounts, order, bank file, result, a line that came back, all as typed.

Real files, a real server process; what the bank says is written by somebody else's code.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ledger import canonical
from ledger.payout.bank_calendar import bundled_calendar
from ledger.payout.zengin import parse_zengin
from tests.e2e.test_erasing import Typed
from tests.installation import FIRMS, SLUG, Place
from tests.payout.statements import Detail, Entry, statement
from tests.serving import serving

NAMES = {"bus": "ﾊﾞｽ", "ev": "ｲ-ﾌﾞｲ", "bike": "ｼﾞﾃﾝｼﾔ"}
JST = timezone(timedelta(hours=9))


def account(firm: str, number: int) -> dict[str, str]:
    return {"type": "jp", "bank": "0001", "bank_name": "ﾐｽﾞﾎ", "branch": "001",
            "branch_name": "ﾄｳｷﾖｳ", "kind": "1", "number": str(number),
            "holder": NAMES[firm]}  # fmt: skip


def pay_day() -> str:
    """A business day from tomorrow on."""
    tomorrow = datetime.now(UTC).astimezone(JST).date() + timedelta(days=1)
    calendar = bundled_calendar()
    if tomorrow.year > calendar.last_year:
        pytest.skip("SKIPPED FOR WANT OF HOLIDAYS: ledger/payout/data/holidays-jp.json has ended")
    return calendar.next_open(tomorrow).isoformat()


@pytest.fixture
def typed(
    templates: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Typed]:
    place = Place(shutil.copytree(templates["settled"], tmp_path / "place"))
    with serving(place) as url:
        found = Typed(place, capsys)
        found.url = url
        yield found


def name_accounts(typed: Typed, folder: Path) -> None:
    for number, firm in enumerate(FIRMS, 1001):
        file = folder / f"{firm}.json"
        file.write_text(json.dumps(account(firm, number)), "utf-8")
        verb = ("destination", "set")
        typed.run(
            "member", *verb, firm, str(file), "--currency", "JPY", "--url", typed.url,
            "--coop", SLUG, "--key", str(typed.place.key_file(firm)),
            "--journal", str(typed.place.root / "journal" / firm),
        )  # fmt: skip
    waiting = typed.office("payout", "show")["destinations"]
    assert [(one["status"], one["hint"]) for one in waiting] == [
        ("proposed", f"···{number}") for number in (1001, 1002, 1003)
    ]
    for one in waiting:
        typed.office("decide", one["subject_hash"][:16])
    assert typed.office("decide", waiting[0]["subject_hash"], code=8)["code"] == "not-found"


def confirm(typed: Typed, who: str) -> None:
    for one in typed.member(who, "proposals"):
        typed.member(who, "decide", one["subject_hash"])


def own(typed: Typed, firm: str) -> dict[str, Any]:
    (found,) = typed.member(firm, "payouts")["members"]
    return dict(found)


def propose(typed: Typed, due: dict[str, int], folder: Path) -> dict[str, Any]:
    """Order all that is payable, once; answers with the order as the office sees it."""
    terms = folder / "terms.json"
    buyer = {"id": "kaga", "name": "加賀モビリティ共助", "form": "corporation"}
    terms.write_text(json.dumps({"kyojo_notice_terms": 1, "buyer": buyer}), "utf-8")
    (drafted,) = typed.office("payout", "propose", "--dry-run")
    (order,) = typed.office("payout", "propose", "--terms", str(terms))
    assert drafted == {**order, "entry": None}
    assert order["total_minor"] == sum(due.values())
    assert typed.office("payout", "propose") == []
    (proposed,) = typed.office("payout", "show")["orders"]
    return dict(proposed)


def read_document(typed: Typed, order: dict[str, Any], folder: Path) -> None:
    """A member reads what it is told of its payment before it decides, and nobody else's."""
    numbers = {line["member"]: line["id"] for line in order["lines"]}
    document = typed.member("bus", "document", numbers["bus"])
    assert document["kind"] == "payment-notice"
    assert document["payment"]["id"] == numbers["bus"]
    out = folder / "notice.pdf"
    told = typed.member("bus", "document", numbers["bus"], "--out", str(out))
    assert told["sha256"] == canonical.digest(document).hex()
    assert out.read_bytes().startswith(b"%PDF")
    refused = typed.member("ev", "document", numbers["bus"], code=5)
    assert refused["code"] == "not-permitted"
    wrong = typed.member("bus", "document", numbers["bus"], "--out", "notice.doc", code=2)
    assert wrong["code"] == "invalid-input"


def export(typed: Typed, order: str, due: dict[str, int], folder: Path) -> None:
    """Not before the approval; the same bytes each time; nothing else afterwards."""
    payer, out, again = (folder / name for name in ("payer.json", "order.txt", "again.txt"))
    payer.write_text(json.dumps({"code": "9900000001", "account": account("bus", 7)}), "utf-8")
    words = ("payout", "export", order[:12], "--format", "zengin")
    first = ("--out", str(out), "--pay-on", pay_day(), "--payer", str(payer))
    assert typed.office(*words, *first, code=5)["code"] == "quorum-missing"
    for who in ("bus", "ev"):
        confirm(typed, who)
    made = typed.office(*words, *first)
    file = parse_zengin(out.read_bytes())
    assert made["control_totals"] == {"count": 3, "amount_minor": file.total_minor}
    assert file.total_minor == sum(due.values())
    typed.office(*words, "--out", str(again))
    assert again.read_bytes() == out.read_bytes()
    other = ("payout", "export", order, "--format", "csv", "--out", str(again))
    assert typed.office(*other, code=6)["code"] == "already-exported"


def bank_says(lines: dict[str, Any], back: str, folder: Path) -> Path:
    """A statement in which all lines are booked, and one comes back."""
    file = folder / "statement.xml"
    paid = [
        Entry(str(line["amount_minor"]), (Detail(line["id"]),), bank_reference=member)
        for member, line in lines.items()
    ]
    detail = Detail(lines[back]["id"], reason="AC04")
    amount = str(lines[back]["amount_minor"])
    entry = Entry(amount, (detail,), side="CRDT", bank_reference="R1")
    file.write_bytes(statement("camt.053.001.08", [*paid, entry]))
    return file


def reject(typed: Typed, order: str, folder: Path) -> None:
    """The bank did not take an order at all."""
    letter = folder / "letter.txt"
    letter.write_text("the file could not be read")
    words = ("payout", "result", str(letter), "--rejected", order)
    assert typed.office(*words, code=2)["code"] == "invalid-input"
    typed.office(*words, "--reason", "not readable")
    assert typed.office(*words, "--reason", "x", code=6)["code"] == "conflict"
    confirm(typed, "audit")


def test_a_month_is_paid_and_what_came_back_is_paid_again(typed: Typed, tmp_path: Path) -> None:
    name_accounts(typed, tmp_path)
    due = {one["member"]: one["due"] for one in typed.office("payout", "show")["members"]}
    assert own(typed, "bus")["payable"] == due["bus"] > 0
    order = propose(typed, due, tmp_path)
    read_document(typed, order, tmp_path)
    export(typed, order["id"], due, tmp_path)

    lines = {line["member"]: line for line in order["lines"]}
    file = bank_says(lines, "ev", tmp_path)
    report = typed.office("payout", "result", str(file))
    assert len(report["entries"]) == 1
    assert own(typed, "bus")["paid"] == 0
    confirm(typed, "audit")
    assert typed.office("payout", "result", str(file))["entries"] == []
    assert own(typed, "bus")["paid"] == due["bus"]
    came_back = own(typed, "ev")
    assert (came_back["returned"], came_back["payable"]) == (due["ev"], due["ev"])

    typed.office("payout", "propose")
    confirm(typed, "bus")
    confirm(typed, "bike")
    anew = typed.office("payout", "show")["orders"][-1]
    (line,) = anew["lines"]
    assert (line["member"], line["attempt"], line["state"]) == ("ev", 1, "ordered")
    assert line["id"] != lines["ev"]["id"]
    reject(typed, anew["id"], tmp_path)
    rest = {one["member"]: one["payable"] for one in typed.office("payout", "show")["members"]}
    assert rest == {"bus": 0, "bike": 0, "ev": due["ev"]}
