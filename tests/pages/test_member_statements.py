"""Statements from the real store: who may read them, and that they hold down to the log."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import canonical
from ledger.coop.grounds import verify_member_statement
from ledger.errors import BadSignature, NotFound, NotIncluded, NotPermitted, VerificationError
from ledger.log.note import Ed25519Verifier
from ledger.period import month_bounds
from ledger.service.coop import Coop
from ledger.service.read import settlement
from ledger.service.settle import propose_settlement
from ledger.service.sign_in import Reader
from ledger.service.statements import statement, statements
from ledger.service.submit import submit
from ledger.settlement.verify import verify_statement
from tests.builder import ORIGIN, log_key, record
from tests.pages.month import (
    AUDITOR,
    MONTH,
    VERIFIER,
    Recording,
    closed_month,
    reader,
    vote,
)

ACCOUNTS = ("bike", "bus", "ev", "suspense")


def verify(document: dict[str, Any]) -> None:
    verify_member_statement(document, origin=ORIGIN, verifiers=[VERIFIER])


@pytest.fixture
def bus(settled: Coop) -> dict[str, Any]:
    return copy.deepcopy(statement(settled, reader("bus"), MONTH, "bus"))


@pytest.mark.parametrize("member", ACCOUNTS)
def test_every_statement_verifies_against_the_published_settlement(
    settled: Coop, member: str
) -> None:
    document = statement(settled, AUDITOR, MONTH, member)
    verify_statement(document["statement"], settlement(settled, Reader(), MONTH))
    verify(document)


def test_the_statements_add_up_to_the_settlement(settled: Coop) -> None:
    found = statements(settled, AUDITOR, MONTH)
    public = settlement(settled, Reader(), MONTH)
    assert tuple(found) == ACCOUNTS
    paid = sum(document["statement"]["net_minor"] for document in found.values())
    totals = public["totals"]
    assert paid == totals["paid_to_members"] + totals["paid_to_suspense"]
    assert totals["paid_to_suspense"] == found["suspense"]["statement"]["net_minor"]
    assert paid + public["totals"]["funds"]["fund.reserve"] == public["totals"]["in"]


def test_all_at_once_and_one_by_one_are_the_same(settled: Coop) -> None:
    found = statements(settled, AUDITOR, MONTH)
    for member in ACCOUNTS:
        assert found[member] == statement(settled, AUDITOR, MONTH, member)


def test_a_metered_figure_traces_to_facilities_and_batches(bus: dict[str, Any]) -> None:
    share = bus["statement"]["steps"][1]
    use = next(part for part in share["parts"] if part["part"] == "use")
    assert use["sources"] == [{"where": "inputs:/totals/trips/bus", "value": "413"}]
    assert bus["usage"]["totals"] == [
        ["hub-1", "charge.fare", "JPY", 2800],
        ["hub-1", "trips", "", 410],
        ["hub-2", "trips", "", 3],
    ]
    assert [(batch["count"], len(batch["totals"])) for batch in bus["usage"]["batches"]] == [
        (2, 3),
        (1, 1),
    ]


def test_costs_and_funding_name_the_entries_that_reported_them(
    settled: Coop, bus: dict[str, Any]
) -> None:
    rows = {row["where"]: row["entries"] for row in bus["reports"]}
    assert rows.keys() == {"inputs:/costs/platform/bus", "inputs:/funding/network/bus"}
    with settled.reading() as (_, log):
        for where, amount in (("costs/platform", 30_000), ("funding/network", 5_000_000)):
            (index,) = rows[f"inputs:/{where}/bus"]
            body = canonical.parse(log.entry(index))["body"]
            assert (body["member"], body["amount_minor"]) == ("bus", amount)


def test_lost_usage_is_on_the_statement_of_suspense_only(settled: Coop) -> None:
    found = statements(settled, AUDITOR, MONTH)
    assert [row[3] for row in found["suspense"]["usage"]["totals"]] == [5]
    assert sum(row[3] for row in found["ev"]["usage"]["totals"] if row[1] == "trips") == 294


def test_no_statement_holds_the_seed_or_another_members_row(settled: Coop) -> None:
    text = canonical.encode(statement(settled, reader("bike"), MONTH, "bike")).decode()
    with settled.reading() as (state, log):
        proposed = next(
            canonical.parse(data)["body"]
            for data in log.entry_data(0, state.size)
            if canonical.parse(data)["kind"] == "settlement-proposed"
        )
        seed = log.blob(proposed["seed"]["sha256"])
    assert seed.hex() not in text
    assert "5000000" not in text
    assert '"member":"bus"' not in text


@pytest.mark.parametrize(
    ("who", "whose"),
    [
        (reader("bus"), "ev"),
        (reader("bus"), "suspense"),
        (reader("bus"), "nobody"),
        (reader("town", "municipality"), "bus"),
        (Reader(), "bus"),
        (Reader(), "suspense"),
    ],
    ids=["rival", "suspense", "unknown", "municipality", "public", "public suspense"],
)
def test_others_statements_are_not_for(settled: Coop, who: Reader, whose: str) -> None:
    with pytest.raises(NotPermitted):
        statement(settled, who, MONTH, whose)


@pytest.mark.parametrize("who", [Reader(), reader("bus")], ids=["public", "member"])
def test_all_statements_are_for_the_charters_readers_only(settled: Coop, who: Reader) -> None:
    with pytest.raises(NotPermitted):
        statements(settled, who, MONTH)


def test_somebody_without_a_part_has_no_statement(settled: Coop) -> None:
    with pytest.raises(NotFound):
        statement(settled, reader("town", "municipality"), MONTH, "town")


def test_there_is_no_statement_before_the_proposal_and_one_from_then_on(closed: Coop) -> None:
    with pytest.raises(NotFound):
        statement(closed, reader("bus"), MONTH, "bus")
    propose_settlement(closed, MONTH)
    early = statement(closed, reader("bus"), MONTH, "bus")
    verify(early)
    vote(closed, "bus", "ev")
    late = statement(closed, reader("bus"), MONTH, "bus")
    verify(late)
    assert early["statement"] == late["statement"]
    assert [doc["names"]["period"]["status"] for doc in (early, late)] == ["proposed", "approved"]


def test_a_rejected_settlement_has_no_statement(closed: Coop) -> None:
    propose_settlement(closed, MONTH)
    vote(closed, "bus", "ev", action="reject")
    with pytest.raises(NotFound):
        statement(closed, reader("bus"), MONTH, "bus")


class Untidy(Recording):
    """A month with a rejected report, and a batch that spans two months."""

    def prepare(self, *, with_usage: bool = True) -> None:
        super().prepare(with_usage=with_usage)
        cost = {"period": MONTH, "id": "platform", "member": "ev", "currency": "JPY"}
        self.write("office", "cost-reported", {**cost, "amount_minor": 999})
        rejected = max(self.state.proposals, key=lambda name: self.state.proposals[name].index)
        for voter in ("bus", "ev"):
            self.vote(voter, rejected, "reject")
        self.write("office", "cost-reported", {**cost, "amount_minor": 1000})
        self.carry("bus", "ev")
        start, end = month_bounds("2026-09", zone="Asia/Tokyo")
        self.write("office", "period-opened", {"period": "2026-09", "start": start, "end": end})
        september = {"started_at": "2026-09-05T08:00:00+09:00"}
        september["ended_at"] = "2026-09-05T08:30:00+09:00"
        self.submit("ev", record("ev-9", **september), record("ev-10", measures={"trips": 2}))


@pytest.fixture
def untidy(tmp_path: Path) -> Coop:
    coop = closed_month(tmp_path, Untidy())
    propose_settlement(coop, MONTH)
    return coop


def test_an_entry_is_named_only_if_the_reports_add_up(untidy: Coop) -> None:
    document = statement(untidy, reader("ev"), MONTH, "ev")
    (source,) = document["statement"]["steps"][0]["sources"]
    assert source == {"where": "inputs:/costs/platform/ev", "value": "1000"}
    assert [row["where"] for row in document["reports"]] == ["inputs:/funding/network/ev"]


def test_a_batch_of_two_months_counts_for_each_with_its_own_rows(untidy: Coop) -> None:
    document = statement(untidy, reader("ev"), MONTH, "ev")
    verify(document)
    both = document["usage"]["batches"][0]
    assert [row[0] for row in both["totals"]] == ["2026-09", MONTH]
    trips = {row[0]: row[3] for row in document["usage"]["totals"] if row[1] == "trips"}
    assert trips == {"hub-1": 293, "hub-2": 3}
    assert document["statement"]["steps"][1]["parts"][0]["sources"][0]["value"] == "296"


def test_late_usage_is_not_on_the_statement(tmp_path: Path) -> None:
    world = Recording()
    coop = closed_month(tmp_path, world)
    world.submit("bus", record("bus-late", measures={"trips": 1000}), n=9)
    submit(coop, world.sent[-1])
    propose_settlement(coop, MONTH)
    document = statement(coop, reader("bus"), MONTH, "bus")
    verify(document)
    assert len(document["usage"]["batches"]) == 2


Change = Callable[[dict[str, Any]], None]


def put(*path: Any, value: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        place: Any = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return change


def drop_batch(document: dict[str, Any]) -> None:
    del document["usage"]["batches"][1]


def repeat_batch(document: dict[str, Any]) -> None:
    document["usage"]["batches"].append(document["usage"]["batches"][1])


def drop_usage(document: dict[str, Any]) -> None:
    document["usage"] = {"batches": [], "totals": []}


def other_entry(document: dict[str, Any]) -> None:
    document["usage"]["batches"][0] |= {
        name: document["proof"][name] for name in ("index", "entry", "hashes")
    }


@pytest.mark.parametrize(
    "change",
    [
        put("member", value="ev"),
        put("statement", "net_minor", value=463_664),
        put("statement", "settlement", "totals", "in", value=1),
        put("statement", "steps", 1, "parts", 0, "sources", 0, "value", value="412"),
        put("usage", "totals", 1, 3, value=411),
        put("usage", "batches", 0, "count", value=3),
        put("usage", "batches", 0, "root", value="00" * 32),
        put("usage", "batches", 0, "salt", value="00" * 32),
        put("usage", "batches", 0, "totals", 1, 4, value=401),
        put("usage", "batches", 0, "index", value=26),
        put("usage", "batches", 0, "hashes", value=[]),
        put("proof", "index", value=31),
        put("proof", "hashes", 0, value="00" * 32),
        put("proof", "entry", value="{}"),
        put("proof", "checkpoint", value="no note"),
        put("kyojo_member_statement", value=2),
        put("surprise", value=1),
        drop_batch,
        repeat_batch,
        drop_usage,
        other_entry,
    ],
)
def test_a_changed_statement_is_refused(bus: dict[str, Any], change: Change) -> None:
    verify(bus)
    change(bus)
    with pytest.raises(VerificationError):
        verify(bus)


def test_a_statement_under_another_logs_key_is_refused(bus: dict[str, Any]) -> None:
    stranger = Ed25519Verifier(log_key("ledger.example.jp/other").verifier_key)
    with pytest.raises(BadSignature):
        verify_member_statement(bus, origin=ORIGIN, verifiers=[stranger])


def test_an_entry_of_another_size_is_not_included(bus: dict[str, Any], closed: Coop) -> None:
    with closed.reading() as (_, log):
        bus["proof"]["checkpoint"] = log.head().note.decode()
    with pytest.raises(NotIncluded):
        verify(bus)
