"""Where a member's own records of a person stand: page by page, its own only, never in a URL."""

from __future__ import annotations

from ledger.service import erase
from ledger.service.submit import submit_usage
from tests.api.conftest import World, check_problem
from tests.installation import SLUG, line, usage_body

PAYER = "resident-4711"


def ask(world: World, who: str | None, **document):
    headers = {"Authorization": f"Bearer {world.token(who)}"} if who else {}
    return world.http.post(f"/v1/{SLUG}/usage/places", json=document, headers=headers)


def submit(world: World, who: str, *lines: bytes) -> int:
    return submit_usage(world.coop, usage_body(world.coop, who, *lines)).index


def test_only_ones_own_records_are_found(world):
    mine = submit(world, "bus", line("a", payer=PAYER), line("b"), line("c", payer=PAYER))
    submit(world, "ev", line("a", payer=PAYER))
    submit(world, "bus", line("d", payer=PAYER + "0"))
    found = ask(world, "bus", payer=PAYER).json()
    assert found["found"] == [{"batch": mine, "records": [0, 2]}]
    assert (found["next"], found["size"]) == (None, world.coop.state().size)
    assert ask(world, "bike", payer=PAYER).json()["found"] == []


def test_an_id_is_found_however_its_line_spells_it(world):
    spelled = line("a", payer=PAYER).replace(PAYER.encode(), b"\\u0072esident-4711")
    quoted = line("b", payer='resident-"4711"')
    batch = submit(world, "bus", spelled, quoted, line(PAYER))
    assert ask(world, "bus", payer=PAYER).json()["found"] == [{"batch": batch, "records": [0]}]
    found = ask(world, "bus", payer='resident-"4711"').json()["found"]
    assert found == [{"batch": batch, "records": [1]}]


def test_a_long_log_is_searched_page_by_page(world):
    count = erase.PAGE_BATCHES + 1
    batches = [submit(world, "bus", line(f"r{n}", payer=PAYER)) for n in range(count)]
    first = ask(world, "bus", payer=PAYER).json()
    assert [one["batch"] for one in first["found"]] == batches[:-1]
    assert first["next"] == batches[-2] + 1
    second = ask(world, "bus", payer=PAYER, start=first["next"]).json()
    assert [one["batch"] for one in second["found"]] == batches[-1:]
    assert second["next"] is None


def test_a_stranger_and_a_bad_question_are_refused(world):
    check_problem(ask(world, None, payer=PAYER), 403, "not-permitted")
    for bad in ({}, {"payer": ""}, {"payer": "x" * 129}, {"payer": "x", "start": -1}):
        assert ask(world, "bus", **bad).status_code in (400, 422)
