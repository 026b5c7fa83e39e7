"""What strangers can cause: nothing; and what a late sender can see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.conftest import World, check_problem
from tests.builder import signing_key
from tests.installation import MONTH, SLUG, line, packed, usage_body, usage_head


def test_a_strangers_lines_are_not_even_read(world: World):
    head = usage_head(world.coop, "bus", line("a"), key="stranger", sequence=0)
    problem = check_problem(world.usage(packed(head, b"{", b"not json")), 403, "wrong-signer")
    assert problem["errors"] == []


def test_a_forged_signature_is_seen_before_the_lines(world: World):
    head = usage_head(world.coop, "bus", line("a"))
    head["entry"]["body"]["count"] = 2
    check_problem(world.usage(packed(head, b"{", b"not json")), 403, "wrong-signer")


def test_asking_for_nonces_stores_nothing(world: World):
    before = world.counts()
    nonces = {world.http.post(f"/v1/{SLUG}/sign-in/nonce").json()["nonce"] for _ in range(20)}
    assert len(nonces) == 20
    stranger = world.sign_in_text("stranger", address=signing_key("stranger").address)
    check_problem(world.sign_in(stranger, "stranger"), 403, "not-permitted")
    assert world.counts() == before


def test_a_nonce_is_used_once(world: World):
    text = world.sign_in_text("bus")
    assert world.sign_in(text, "bus").status_code == 200
    check_problem(world.sign_in(text, "bus"), 403, "not-permitted")
    check_problem(world.sign_in(world.sign_in_text("bus"), "ev"), 400, "bad-signature")


def test_a_nonce_of_another_server_is_none(world: World):
    check_problem(
        world.sign_in(world.sign_in_text("bus", nonce="ab" * 32), "bus"), 403, "not-permitted"
    )


@pytest.mark.parametrize("who", ["bus", "office"])
def test_late_usage_is_shown_apart(open_world, who):
    world = open_world("settled")
    late = line("late-1", measures={"trips": 5})
    receipt = world.usage(usage_body(world.coop, "bus", late)).json()
    assert receipt["late"] == [MONTH]
    rows = world.get(f"/periods/{MONTH}/totals", who).json()
    (row,) = [row for row in rows if (row["account"], row["name"]) == ("bus", "trips")]
    assert (row["amount"], row["late"]) == (413, 5)


@pytest.mark.parametrize("path", ["usage", "entries"])
def test_a_body_of_nothing_but_parts_is_not_even_parsed(world: World, path: str):
    body = b'{"entry":[' + b"[]," * 400_000 + b'[]],"x":1}\n{}\n'
    response = world.http.post(f"/v1/{SLUG}/{path}", content=body)
    problem = check_problem(response, 413, "too-large")
    assert "parts" in problem["detail"]


def test_strangers_do_not_see_usage_come_in(world: World):
    world.usage(usage_body(world.coop, "bus", line("a")))
    for path in (f"/periods/{MONTH}", "/periods"):
        seen = world.get(path).json()
        seen = seen[0] if isinstance(seen, list) else seen
        assert (seen["batches"], seen["records"]) == (None, None)
    own = world.get(f"/periods/{MONTH}", "ev").json()
    assert (own["batches"], own["records"]) == (1, 1)


def test_the_database_is_its_owners_alone(world: World):
    path = Path(world.installation.database.url.database)
    assert path.stat().st_mode & 0o077 == 0
    assert [one for one in path.parent.glob("kyojo.db*") if one.stat().st_mode & 0o077] == []
