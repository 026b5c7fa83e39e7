"""``kyojo payout`` where the bank is elsewhere, wants another format, or is the vault; notices."""

from __future__ import annotations

import csv
import io
import json
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import pytest

from ledger import canonical
from ledger.cli.destination import show_payouts
from ledger.coop.payouts import Expired, vault_orders, vault_totals
from ledger.coop.submission import Submission
from ledger.payout.account import hint_of, parse_account, seal_account
from ledger.payout.bank_calendar import bundled_calendar
from ledger.payout.invoice import parse_invoice
from ledger.period import parse_instant
from ledger.service.coop import Coop
from ledger.service.payout_result import report_claims
from ledger.service.submit import submit
from tests.builder import SALT, blob_ref
from tests.cli.conftest import Kyojo, check_error
from tests.installation import FIRMS, MONTH, SLUG, Place, ballot, draft

IBANS = {"bus": "DE89370400440532013000", "ev": "CH9300762011623852957"}
DEBTOR = {"type": "iban", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX", "holder": "Coop"}
KIND = {"jp": "bank", "iban": "iban"}
NUMBER = "T1180301018771"


def in_two_weeks(weekday: int) -> str:
    """A day after the week that comes; Monday is 1."""
    day = datetime.now(UTC).date() + timedelta(days=14)
    return (day + timedelta(days=weekday - day.isoweekday())).isoformat()


@contextmanager
def opened(place: Place) -> Iterator[Coop]:
    with closing(place.open()) as installation:
        yield installation.coop(SLUG)


def vote(coop: Coop, *voters: str) -> None:
    for id_ in list(coop.state().proposals):
        for who in voters:
            proposal = coop.state().proposals.get(id_)
            if proposal is not None and who in proposal.electorate:
                submit(coop, Submission(ballot(coop, who, id_)))


def name_account(coop: Coop, firm: str, account: Mapping[str, Any]) -> None:
    """The firm names an account, and the office confirms it."""
    blobs: dict[str, bytes] = {}
    where = dict(account)
    if account["type"] != "evm":
        found = parse_account(dict(account))
        sealed = seal_account(found, SALT)
        blobs[sha256(sealed).hexdigest()] = sealed
        where = {"type": KIND[account["type"]], "details": blob_ref(sealed), "hint": hint_of(found)}
    body = {"member": firm, "currency": "JPY", "destination": where}
    submit(coop, Submission(draft(coop, firm, "payout-destination-set", body), blobs))
    vote(coop, "office")


def ordered(place: Place, kyojo: Kyojo, accounts: Mapping[str, Mapping[str, Any]]) -> str:
    """What is due to these is ordered; answers with the order's hash."""
    with opened(place) as coop:
        for firm, account in accounts.items():
            name_account(coop, firm, account)
    assert kyojo("payout", "propose").code == 0
    with opened(place) as coop:
        vote(coop, *FIRMS)
        return next(reversed(coop.state().orders))


def evm(digit: str) -> dict[str, str]:
    return {"type": "evm", "address": "0x" + digit * 40}


def test_claims_in_the_vault_are_paid_when_they_are_claimed_whole(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    id_ = ordered(place, kyojo, {"bus": evm("5"), "ev": evm("5"), "bike": evm("6")})
    refused = kyojo("payout", "export", id_, "--format", "csv", "--out", tmp_path / "x.csv")
    check_error(refused, 2, "vault")
    with opened(place) as coop:
        totals = vault_totals(coop.state(), "JPY", through=MONTH)
        lines = {one.member: one for one in coop.state().orders[id_].lines.values()}
        one = {evm("5")["address"]: lines["bus"].amount_minor + lines["ev"].amount_minor - 1}
        day = parse_instant(coop.clock()).date()
        orders = vault_orders(coop.state(), "JPY", None)
        shown = {"day": day, "references": dict.fromkeys(coop.state().orders[id_].lines, "vault")}
        (receipt,) = report_claims(coop, orders, one, {}, evidence=b"a proof", **shown)
        assert report_claims(coop, orders, one, {}, evidence=b"a proof", **shown) == ()
        vote(coop, "audit")
        assert receipt.index < coop.state().size
        states = {one.member: one.state for one in coop.state().orders[id_].lines.values()}
        assert states == {"bus": "paid", "ev": "ordered", "bike": "ordered"}
        gone = {evm("6")["address"]: [Expired(0, lines["bike"].amount_minor, evm("7")["address"])]}
        orders = vault_orders(coop.state(), "JPY", None)
        report_claims(coop, orders, totals, gone, evidence=b"another proof", **shown)
        vote(coop, "audit")
        states = {one.member: one.state for one in coop.state().orders[id_].lines.values()}
        assert states == {"bus": "paid", "ev": "paid", "bike": "expired"}
    shown = kyojo("payout", "show")
    assert "expired" in next(row for row in shown.out.splitlines() if row.startswith("bike "))
    (one,) = json.loads(kyojo("payout", "vaults", "--json").out)
    assert (one["vault"], one["expired_minor"]) == (None, lines["bike"].amount_minor)
    assert "the log names no vault" in kyojo("payout", "vaults").out


class Client:
    """A member's client that is told of one vault in force and one before it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sign_in(self) -> None:
        pass

    def get(self, path: str) -> dict[str, Any]:
        assert path == "payouts"
        rows = [{"currency": "JPY", "contract": contract, "chain_id": 1, "entry": entry,
                 "is_current": entry == 12}
                for contract, entry in (("0xa", 3), ("0xb", 12))]  # fmt: skip
        return {"members": [], "orders": [], "vaults": rows}


def test_a_member_is_told_which_vault_pays(capsys: pytest.CaptureFixture[str]) -> None:
    show_payouts(Namespace(client_of=lambda _: Client(), json=False))
    assert capsys.readouterr().out == "JPY is paid through the vault 0xb on chain 1 (entry 12)\n"


def test_of_two_orders_the_one_that_was_approved_first_is_claimed_first(
    kyojo: Kyojo, place_of: Callable[[str], Place]
) -> None:
    """It was in the vault's tree before the other, although that one was proposed first."""
    place = place_of("settled")
    found = []
    for firms in (("bike",), ("bus", "ev")):
        with opened(place) as coop:
            for firm in firms:
                name_account(coop, firm, evm("5"))
        assert kyojo("payout", "propose").code == 0
        with opened(place) as coop:
            (new,) = coop.state().proposals.keys() - set(found)
            found.append(new)
    with opened(place) as coop:
        for id_ in reversed(found):
            for who in ("bus", "ev"):
                submit(coop, Submission(ballot(coop, who, id_)))
        orders = vault_orders(coop.state(), "JPY", None)
        assert list(orders) == found
        (bike,) = orders[found[0]].lines.values()
        bus = next(one for one in orders[found[1]].lines.values() if one.member == "bus")
        assert bike.amount_minor < bus.amount_minor  # it would fit into what was claimed
        claimed, day = {evm("5")["address"]: bus.amount_minor}, parse_instant(coop.clock()).date()
        named = dict.fromkeys((line for one in orders.values() for line in one.lines), "vault")
        report_claims(coop, orders, claimed, {}, references=named, day=day, evidence=b"a proof")
        vote(coop, "audit")
        states = {
            line.member: line.state
            for order in coop.state().orders.values()
            for line in order.lines.values()
        }
        assert states == {"bike": "ordered", "bus": "paid", "ev": "ordered"}


def test_an_order_by_iban_is_a_pain_message_on_a_working_day(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    accounts = {firm: {**DEBTOR, "iban": iban, "holder": firm} for firm, iban in IBANS.items()}
    id_ = ordered(place, kyojo, accounts)
    payer, out = tmp_path / "payer.json", tmp_path / "order.xml"
    payer.write_text(json.dumps(DEBTOR))
    export = ("payout", "export", id_, "--format", "pain.001.001.09", "--out", out)
    day, saturday = in_two_weeks(2), in_two_weeks(6)
    check_error(kyojo(*export, "--pay-on", day), 2, "--payer")
    check_error(kyojo(*export), 2, "--pay-on")
    check_error(kyojo(*export, "--pay-on", saturday, "--payer", payer), 2, "土曜日")
    made = kyojo(*export, "--pay-on", day, "--payer", payer, "--json")
    assert made.code == 0, made
    # JPY by IBAN is no euro: that kyojo cannot judge the day beyond weekends is told.
    assert "weekends only" in made.document["notes"][0]["en"]
    data = out.read_bytes()
    assert all(iban.encode() in data for iban in IBANS.values())
    assert b"<NbOfTxs>2</NbOfTxs>" in data
    again = kyojo(*export, "--pay-on", day)
    assert "the same bytes" in again.out
    assert out.read_bytes() == data
    check_error(kyojo(*export, "--pay-on", in_two_weeks(3)), 6, "already-exported")


def test_a_table_for_a_bank_in_japan_names_a_business_day(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    account = {"type": "jp", "bank": "0001", "bank_name": "ﾐｽﾞﾎ", "branch": "001",
               "branch_name": "ﾄｳｷﾖｳ", "kind": "1", "number": "1001", "holder": "ﾊﾞｽ"}  # fmt: skip
    id_ = ordered(place, kyojo, {"bus": account})
    export = ("payout", "export", id_, "--format", "csv", "--out", tmp_path / "order.csv")
    calendar, today = bundled_calendar(), datetime.now(UTC).date()
    days = (today + timedelta(days=ahead) for ahead in range(2, 180))
    holiday = next(day for day in days if day.isoweekday() < 6 and calendar.closure(day))
    check_error(kyojo(*export, "--pay-on", holiday.isoformat()), 2, "banks are closed")
    open_day = calendar.next_open(today + timedelta(days=2))
    # A list of the co-op's own takes the place of the bundled years.
    rows = [f"{open_day.year}/{month}/{day},x" for month, day in ((1, 1), (11, 23))]
    rows.append(f"{open_day.year}/{open_day.month}/{open_day.day},臨時")
    file = tmp_path / "syukujitsu.csv"
    file.write_text("\n".join(["day,name", *rows]), "cp932")
    closed = (*export, "--pay-on", open_day.isoformat(), "--holidays", file)
    check_error(kyojo(*closed), 2, "臨時")
    check_error(kyojo(*closed[:-1], tmp_path / "none.csv"), 8, "none.csv")
    file.write_text("day,name")
    check_error(kyojo(*closed), 2, "names no holiday")
    assert kyojo(*export, "--pay-on", open_day.isoformat()).code == 0


def test_a_table_names_every_payment(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    account = {**DEBTOR, "holder": "=HYPERLINK(1)"}
    id_ = ordered(place, kyojo, {"bus": account})
    out, day = tmp_path / "order.csv", in_two_weeks(2)
    made = kyojo("payout", "export", id_, "--format", "csv", "--out", out, "--pay-on", day)
    assert made.code == 0, made
    (row,) = csv.DictReader(io.StringIO(out.read_bytes().decode("utf-8-sig")))
    with opened(place) as coop:
        ((line_id, line),) = coop.state().orders[id_].lines.items()
    assert (row["id"], row["amount_minor"]) == (line_id, str(line.amount_minor))
    assert (row["iban"], row["holder"]) == (DEBTOR["iban"], "'=HYPERLINK(1)")
    shown = kyojo("payout", "show")
    assert line_id in shown.out
    assert f"csv to be paid on {day}" in shown.out


def test_an_order_carries_its_documents_and_the_search_finds_them(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    with opened(place) as coop:
        for firm, digit in zip(FIRMS, "567", strict=True):
            name_account(coop, firm, evm(digit))
    buyer = {"id": "kaga", "name": "加賀モビリティ共助", "form": "corporation"}
    party = {"id": "bus", "name": "バス株式会社", "form": "corporation",
             "registration": {"number": NUMBER, "since": "2023-10-01"}}  # fmt: skip
    terms = {"kyojo_notice_terms": 1, "sellers": {"bus": party}, "buyer": buyer,
             "rates": {"none": {"rate": "10%"}}}  # fmt: skip
    file, out = tmp_path / "terms.json", tmp_path / "out"
    file.write_bytes(canonical.encode(terms))
    assert kyojo("payout", "propose", "--terms", file).code == 0
    with opened(place) as coop:
        vote(coop, *FIRMS)
        (id_,) = coop.state().orders
        lines = coop.state().orders[id_].lines
    # The terms are in the log: nothing has to be given any more.
    made = kyojo("payout", "notice", id_, "--out", out, "--again", "--json")
    assert made.code == 0, made
    assert {(row["is_in_log"], row["is_same_again"]) for row in made.document} == {(True, True)}
    for row in made.document:
        document = json.loads(Path(row["file"]).read_text("utf-8"))
        assert row["sha256"] == sha256(canonical.encode(document)).hexdigest()
        assert document["payable_minor"] == lines[document["number"]].amount_minor
    assert "the same to the byte" in kyojo("payout", "notice", id_, "--out", out, "--again").out
    file.write_bytes(canonical.encode({**terms, "rounding": "ceil"}))
    words = ("payout", "notice", id_, "--out", out)
    check_error(kyojo(*words, "--terms", file), 6, "leave --terms out")
    digests = {row["member"]: row["sha256"] for row in made.document}
    search = ("books", "search", "--counterparty", NUMBER)
    (hit,) = kyojo(*search, "--json").document["hits"]
    assert (hit["kind"], hit["counterparty"], hit["document"]) == (
        "self-billed", "bus", digests["bus"],
    )  # fmt: skip
    shown = kyojo(*search, "--csv", "--language", "ja")
    (row,) = csv.DictReader(io.StringIO(shown.out))
    assert (row["種類"], row["状態"], row["書類ハッシュ"]) == (
        "仕入明細書",
        "発行済み",
        digests["bus"],
    )
    others = kyojo("books", "search", "--kind", "payment-notice", "--json").document["hits"]
    assert {one["document"] for one in others} == set(digests.values()) - {digests["bus"]}


def test_the_configuration_names_the_terms(kyojo: Kyojo, place_of: Callable[[str], Place]) -> None:
    place = place_of("settled")
    with opened(place) as coop:
        name_account(coop, "bus", evm("5"))
    config = place.root / "kyojo.toml"
    text = config.read_text("utf-8")
    config.write_text(f'{text}\n[coops.{SLUG}.payouts]\nnotice_terms = "terms.json"\n', "utf-8")
    check_error(kyojo("payout", "propose"), 8, "terms.json")
    buyer = {"id": "kaga", "name": "加賀モビリティ共助", "form": "corporation"}
    terms = {"kyojo_notice_terms": 1, "buyer": buyer}
    (place.root / "terms.json").write_bytes(canonical.encode(terms))
    assert kyojo("payout", "propose").code == 0
    with opened(place) as coop:
        vote(coop, *FIRMS)
    (hit,) = kyojo("books", "search", "--kind", "payment-notice", "--json").document["hits"]
    assert (hit["counterparty"], hit["status"]) == ("bus", "issued")


def test_notices_come_to_the_payments(
    kyojo: Kyojo, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("settled")
    id_ = ordered(place, kyojo, {firm: evm(d) for firm, d in zip(FIRMS, "567", strict=True)})
    party = {"id": "bus", "name": "バス株式会社", "form": "corporation",
             "registration": {"number": NUMBER, "since": "2023-10-01"}}  # fmt: skip
    buyer = {"id": "kaga", "name": "加賀モビリティ共助", "form": "corporation"}
    rates = {"none": {"rate": "10%"}}
    terms = {"kyojo_notice_terms": 1, "sellers": {"bus": party}, "rates": rates, "buyer": buyer}
    file = tmp_path / "terms.json"
    file.write_bytes(canonical.encode(terms))
    words = ("payout", "notice", id_[:10], "--terms", file, "--out", tmp_path / "out")
    made = kyojo(*words, "--format", "json", "--format", "text", "--json")
    assert made.code == 0, made
    assert len(made.document) == 6
    with opened(place) as coop:
        lines = dict(coop.state().orders[id_].lines)
    for row in made.document:
        if not row["file"].endswith(".json"):
            continue
        document = json.loads(Path(row["file"]).read_text("utf-8"))
        found = parse_invoice(document)
        line = lines[document["number"]]
        assert document["payable_minor"] == line.amount_minor
        assert document["kind"] == ("self-billed" if line.member == "bus" else "payment-notice")
        assert sum(item.amount_minor for item in found.items) == line.amount_minor
        assert {item.id.split("/")[0] for item in found.items} == {MONTH}
        assert {item.rate for item in found.items} == {"10%"}
    file.write_bytes(canonical.encode({**terms, "basis": "net"}))
    check_error(kyojo(*words), 2, "/basis")
    since = {"number": NUMBER, "since": "2026-11-01"}
    file.write_bytes(
        canonical.encode({**terms, "sellers": {"bus": {**party, "registration": since}}})
    )
    late = kyojo(*words, "--format", "json", "--json")
    kinds = {json.loads(Path(row["file"]).read_text("utf-8"))["kind"] for row in late.document}
    assert kinds == {"payment-notice"}
    file.write_text('{"kyojo_notice_terms": 2}')
    check_error(kyojo(*words), 2, "/buyer")
