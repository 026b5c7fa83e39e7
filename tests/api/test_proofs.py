"""Proofs over HTTP: an entry's for all, a record's for its sender and the charter's readers."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from ledger.audit.proofs import verify_proof_file
from ledger.audit.trust import Trust
from ledger.service.export import trust_of
from ledger.store.reading import Filter
from ledger.store.tables import batches
from tests.api.conftest import Open, World, check_problem
from tests.installation import MONTH

EVERYBODY = ("bus", "ev", "town", "office", "audit")


@pytest.fixture
def settled(open_world: Open) -> World:
    return open_world("settled")


def batch_of(world: World, who: str) -> int:
    with world.coop.reading() as (_, log):
        return log.search(Filter(kind="usage-batch", member=who, period=MONTH))[0].index


def trust(world: World) -> Trust:
    return trust_of(world.coop)


def test_an_entrys_proof_is_open_to_all_and_verifies(settled: World) -> None:
    answer = settled.get("/entries/2/tlog-proof")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    with settled.coop.reading() as (_, log):
        entry = log.entry(2)
    report = verify_proof_file(answer.content, trust(settled), entry=entry)
    assert report.verdict == "verified"


def test_a_record_is_disclosed_to_its_sender_and_the_charters_readers(settled: World) -> None:
    path = f"/entries/{batch_of(settled, 'bus')}/records/0/proof"
    got = {who for who in EVERYBODY if settled.get(path, who).is_success}
    assert got == {"bus", "audit"}
    for who in ("ev", "office", None):
        check_problem(settled.get(path, who), 403, "not-permitted")
    answer = settled.get(path, "bus")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in answer.headers
    report = verify_proof_file(answer.content, trust(settled), entry=None)
    assert report.verdict == "verified"
    assert '"trips":413' in report.entries[0].records[0].line


def test_records_that_are_not_there(settled: World) -> None:
    batch = batch_of(settled, "bus")
    for path in (f"{batch}/records/1", f"{batch}/records/-1", f"{batch}/records/{10**30}"):
        check_problem(settled.get(f"/entries/{path}/proof", "audit"), 404, "not-found")
    problem = check_problem(settled.get("/entries/0/records/0/proof", "audit"), 404, "not-found")
    assert "charter" in problem["detail"]
    check_problem(settled.get(f"/entries/{batch}/records/x/proof", "audit"), 422, "invalid-input")


def test_an_erased_record_is_not_disclosed_any_more(settled: World) -> None:
    batch = batch_of(settled, "bus")
    with settled.coop.database.write(settled.coop.log.id) as connection:
        connection.execute(update(batches).where(batches.c.index == batch).values(lines=b""))
    problem = check_problem(
        settled.get(f"/entries/{batch}/records/0/proof", "audit"), 404, "not-found"
    )
    assert "erased" in problem["detail"]
    assert settled.get(f"/entries/{batch}/tlog-proof").is_success
