"""Who may read what: every GET of the OpenAPI document, by everybody there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.documents import RecordProofDocument, ResultDocument, SettlementDocument, StatementDocument
from ledger.service.found import found
from ledger.store.reading import Filter
from tests.api.conftest import Open, World, check_problem
from tests.builder import signing_key
from tests.installation import MEMBERS as FOUNDERS
from tests.installation import MONTH, NEXT, SLUG, Place, charter_of

STRANGER, OWN, OTHER, TOWN, OFFICE, AUDIT = "", "bus", "ev", "town", "office", "audit"
ALL = {STRANGER, OWN, OTHER, TOWN, OFFICE, AUDIT}
MEMBERS = ALL - {STRANGER}

DOCUMENT = "/v1/{coop}/payouts/{number}/document"
PART_OF_A_CORRECTION = "/v1/{coop}/corrections/{correction_id}/statements/{member}"

# Path of the OpenAPI document → what is asked for, and who gets it.
RIGHTS: dict[str, tuple[str, set[str]]] = {
    "/v1/health": ("/v1/health", ALL),
    "/v1": ("/v1", ALL),
    "/v1/{coop}": ("/v1/kaga", ALL),
    "/v1/{coop}/charter": ("/v1/kaga/charter", MEMBERS),
    "/v1/{coop}/members": ("/v1/kaga/members", MEMBERS),
    "/v1/{coop}/keys/{address}": (f"/v1/kaga/keys/{signing_key('bus').address}", ALL),
    "/v1/{coop}/proposals": ("/v1/kaga/proposals", MEMBERS),
    "/v1/{coop}/rules/{rule_hash}": ("/v1/kaga/rules/{rule}", ALL),
    "/v1/{coop}/entries": ("/v1/kaga/entries", MEMBERS),
    "/v1/{coop}/entries/{index}": ("/v1/kaga/entries/1", MEMBERS),
    "/v1/{coop}/entries/{index}/proof": ("/v1/kaga/entries/1/proof", ALL),
    "/v1/{coop}/entries/{index}/tlog-proof": ("/v1/kaga/entries/1/tlog-proof", ALL),
    "/v1/{coop}/entries/{index}/records/{number}/proof": (
        "/v1/kaga/entries/{own_batch}/records/0/proof", {OWN, AUDIT},
    ),
    "/v1/{coop}/blobs/{sha256}": ("/v1/kaga/blobs/{own_totals}", {OWN, OFFICE, AUDIT}),
    "/v1/{coop}/periods": ("/v1/kaga/periods", ALL),
    "/v1/{coop}/periods/{month}": (f"/v1/kaga/periods/{MONTH}", ALL),
    "/v1/{coop}/periods/{month}/totals": (f"/v1/kaga/periods/{MONTH}/totals", MEMBERS),
    "/v1/{coop}/periods/{month}/usage": (f"/v1/kaga/periods/{MONTH}/usage", MEMBERS),
    "/v1/{coop}/witnesses": ("/v1/kaga/witnesses", ALL),
    "/v1/{coop}/shown": ("/v1/kaga/shown?index=0", ALL),
    "/v1/{coop}/log-keys": ("/v1/kaga/log-keys", ALL),
    "/v1/{coop}/periods/{month}/settlement": (f"/v1/kaga/periods/{MONTH}/settlement", ALL),
    "/v1/{coop}/periods/{month}/lines": (f"/v1/kaga/periods/{MONTH}/lines", {OFFICE, AUDIT}),
    "/v1/{coop}/periods/{month}/statements/{member}": (
        f"/v1/kaga/periods/{MONTH}/statements/bus", {OWN, OFFICE, AUDIT},
    ),
    "/v1/{coop}/corrections": ("/v1/kaga/corrections", ALL),
    PART_OF_A_CORRECTION: (
        f"/v1/kaga/corrections/{'ab' * 32}/statements/bus", set(),
    ),
    "/v1/{coop}/disputes": ("/v1/kaga/disputes", MEMBERS),
    "/v1/{coop}/payouts": ("/v1/kaga/payouts", MEMBERS),
    DOCUMENT: ("/v1/kaga/payouts/202610-0/document", set()),
    "/v1/{coop}/books": ("/v1/kaga/books?amount_from=1", MEMBERS),
    "/v1/{coop}/anchor": ("/v1/kaga/anchor", set()),
    "/log/{coop}/checkpoint": ("/log/kaga/checkpoint", ALL),
    "/log/{coop}/tile/entries/{path}": ("/log/kaga/tile/entries/000.p/1", MEMBERS),
    "/log/{coop}/tile/{path}": ("/log/kaga/tile/0/000.p/1", ALL),
    "/v1/{coop}/consistency": ("/v1/kaga/consistency?old=1&new=2", ALL),
}  # fmt: skip


def ask(world: World, who: str, path: str):
    headers = {"Authorization": f"Bearer {world.token(who)}"} if who else {}
    return world.http.get(path, headers=headers)


def filled(world: World, path: str) -> str:
    """The path with the hashes of this log in it."""
    with world.coop.reading() as (state, log):
        index = log.search(Filter(kind="usage-batch", member="bus"), limit=1)[0].index
        totals = json.loads(log.entry(index))["body"]["totals"]["sha256"]
        return path.format(rule=state.rule_sets[0].rule_hash, own_totals=totals, own_batch=index)


@pytest.mark.parametrize("path", RIGHTS)
def test_a_route_opens_to_its_readers_only(settled: World, path: str) -> None:
    wanted, readers = RIGHTS[path]
    answers = {who: ask(settled, who, filled(settled, wanted)) for who in sorted(ALL)}
    assert {who for who, answer in answers.items() if answer.is_success} == readers
    refusals = {answer.status_code for answer in answers.values() if not answer.is_success}
    # There is no anchor, correction or order yet; who may not even ask for another's is told that.
    nothing = {"/v1/{coop}/anchor": {404}, PART_OF_A_CORRECTION: {403, 404},
               DOCUMENT: {403, 404}}  # fmt: skip
    assert refusals <= nothing.get(path, {403})


def test_every_route_that_is_read_stands_in_the_table(settled: World) -> None:
    paths = settled.http.get("/openapi.json").json()["paths"]
    assert {path for path, item in paths.items() if "get" in item} == set(RIGHTS)


def test_a_token_is_asked_for_where_a_stranger_is_refused(settled: World) -> None:
    """The security that the document states is what the routes do."""
    for path, item in settled.http.get("/openapi.json").json()["paths"].items():
        if "get" in item and path in RIGHTS:
            security = item["get"].get("security", [{}])
            open_to_all = STRANGER in RIGHTS[path][1] or path.endswith("/anchor")
            assert ({} in security) >= open_to_all, path
            if {"HTTPBearer": []} not in security:
                assert open_to_all, path


def test_totals_show_a_member_its_own_and_the_charters_readers_all(settled: World) -> None:
    def accounts(who: str) -> set[str]:
        rows = settled.get(f"/periods/{MONTH}/totals", who).json()
        return {row["account"] for row in rows}

    assert [accounts(who) for who in (OWN, OTHER)] == [{OWN}, {OTHER}]
    assert accounts(TOWN) == set()
    assert accounts(OFFICE) == accounts(AUDIT) == {"bike", "bus", "ev"}


def test_payouts_show_a_member_its_own_and_the_charters_readers_all(settled: World) -> None:
    def members(who: str) -> set[str]:
        return {row["member"] for row in settled.get("/payouts", who).json()["members"]}

    assert [members(who) for who in (OWN, OTHER, TOWN)] == [{OWN}, {OTHER}, set()]
    assert members(OFFICE) == members(AUDIT) == {"bike", "bus", "ev"}


def test_books_show_a_member_its_own_lines_and_the_charters_readers_all(settled: World) -> None:
    def accounts(who: str) -> set[str]:
        page = settled.get("/books", who, kind="settlement-proposed").json()
        return {hit["counterparty"] for hit in page["hits"]}

    assert [accounts(who) for who in (OWN, OTHER, TOWN)] == [{OWN}, {OTHER}, set()]
    assert accounts(OFFICE) == accounts(AUDIT) == {"bike", "bus", "ev", "fund.reserve"}
    for query in ({"date_from": "2024-02-30"}, {"amount_from": 2, "amount_to": 1}):
        check_problem(settled.get("/books", OWN, **query), 400, "out-of-range")
    check_problem(settled.get("/books", OWN, kind="usage-batch"), 400, "invalid-input")
    assert settled.get("/books", OWN, after="1").status_code == 422


def test_a_month_before_its_settlement(settled: World) -> None:
    path = f"/periods/{NEXT}"
    assert settled.get(path).json()["status"] == "open"
    check_problem(settled.get(f"{path}/settlement"), 403, "not-permitted")
    check_problem(settled.get(f"{path}/settlement", OWN), 404, "not-found")
    check_problem(settled.get(f"{path}/lines", OFFICE), 404, "not-found")
    check_problem(settled.get(f"{path}/statements/bus", OWN), 404, "not-found")


def test_documents_hold_what_the_openapi_says_and_nothing_else(settled: World) -> None:
    path = f"/periods/{MONTH}"
    SettlementDocument.model_validate(settled.get(f"{path}/settlement").json(), strict=True)
    ResultDocument.model_validate(settled.get(f"{path}/lines", AUDIT).json(), strict=True)
    proof = filled(settled, RIGHTS["/v1/{coop}/entries/{index}/records/{number}/proof"][0])
    RecordProofDocument.model_validate(ask(settled, OWN, proof).json(), strict=True)
    for who in ("bus", "ev", "bike"):
        own = settled.get(f"{path}/statements/{who}", who).json()
        assert StatementDocument.model_validate(own, strict=True).member == who


def test_a_stranger_reads_no_name_of_a_member_and_no_amount_of_one(settled: World) -> None:
    """What is open to all holds no personal data: no member's id, name, address or amount."""
    secrets = [f'"{name}"' for name in ("bike", "bus", "ev", "Bike", "Bus", "Ev")]
    for path, (wanted, readers) in RIGHTS.items():
        if STRANGER in readers and path != "/v1/{coop}/keys/{address}":
            text = ask(settled, STRANGER, filled(settled, wanted)).text
            assert [secret for secret in secrets if secret in text] == [], path


def test_entries_are_open_where_the_charter_says_so(open_world: Open, tmp_path: Path) -> None:
    world = open_world("empty")
    place = Place(tmp_path / "empty")
    readers = {"entries": "everyone", "totals": [], "records": [], "settlements": []}
    found(world.coop, charter_of(place, readers=readers), [signing_key(who) for who in FOUNDERS])
    for path in (f"/v1/{SLUG}/entries", f"/v1/{SLUG}/entries/0"):
        assert ask(world, STRANGER, path).status_code == 200
    bundle = ask(world, STRANGER, f"/log/{SLUG}/tile/entries/000.p/1")
    assert bundle.headers["cache-control"].startswith("public")
    assert ask(world, OWN, f"/log/{SLUG}/tile/entries/000.p/1").is_success
    check_problem(ask(world, STRANGER, f"/v1/{SLUG}/members"), 403, "not-permitted")
