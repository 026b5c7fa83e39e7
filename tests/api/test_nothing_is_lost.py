"""After a refusal the log is as it was: no id used, no number spent, and other writers unharmed."""

from __future__ import annotations

import asyncio
import gzip
import json

from httpx import ASGITransport, AsyncClient, Response

from ledger.coop.state import state_hash
from ledger.store.rebuild import rebuild
from tests.api.conftest import World, check_problem
from tests.builder import signing_key
from tests.installation import MONTH, SLUG, entry_body, line, packed, usage_body, usage_head

COST = {"period": MONTH, "member": "bus", "amount_minor": 1, "currency": "JPY"}


def standing(world: World) -> tuple[str, str, dict[str, int]]:
    """Everything that a refused request could have touched."""
    with world.coop.reading() as (state, log):
        return state_hash(state).hex(), log.head().root.hex(), world.counts()


def bad_batches(world: World) -> list[bytes]:
    """Batches of one member that use the ids that it will want later."""
    good = usage_head(world.coop, "bus", line("a"), line("b"))
    forged = {**good, "entry": {**good["entry"], "signature": "0x" + "11" * 65}}
    return [
        packed(forged, line("a"), line("b")),
        packed(good, line("a")),
        packed(good, line("a"), line("b", facility="nowhere")),
        packed({**good, "totals": "AAAA"}, line("a"), line("b")),
        packed({**good, "salt_seed": "00" * 32}, line("a"), line("b")),
        usage_body(world.coop, "bus", line("a"), sequence=99),
        usage_body(world.coop, "bus", line("a"), key="stranger"),
        packed(good, line("a"), line("b"))[:-40],
    ]


def test_a_refused_batch_uses_up_neither_ids_nor_numbers(world: World) -> None:
    before = standing(world)
    for body in bad_batches(world):
        for packing in ({}, {"Content-Encoding": "gzip"}):
            sent = gzip.compress(body) if packing else body
            assert not world.usage(sent, **packing).is_success
    assert standing(world) == before
    asked = {"ids": {MONTH: ["a", "b"]}}
    token = {"Authorization": f"Bearer {world.token('bus')}"}
    known = world.http.post(f"/v1/{SLUG}/usage/known", json=asked, headers=token)
    assert known.json() == {"known": {}}
    sequence = world.coop.state().keys[signing_key("bus").address].sequence
    receipt = world.usage(usage_body(world.coop, "bus", line("a"), line("b")))
    assert receipt.status_code == 201
    entry = world.get(f"/entries/{receipt.json()['index']}", "bus").json()
    assert entry["document"]["sequence"] == sequence


def test_the_same_bytes_again_get_the_first_receipt(world: World) -> None:
    body = usage_body(world.coop, "bus", line("a"))
    first = world.usage(body).json()
    before = standing(world)
    again = world.usage(gzip.compress(body), **{"Content-Encoding": "gzip"}).json()
    assert standing(world) == before
    assert (first["is_new"], again["is_new"]) == (True, False)
    same = ("index", "leaf", "entry", "late")
    assert {name: again[name] for name in same} == {name: first[name] for name in same}


def test_one_number_for_two_things_is_refused(world: World) -> None:
    one, two = (usage_body(world.coop, "bus", line(name)) for name in "ab")
    assert world.usage(one).is_success
    before = standing(world)
    check_problem(world.usage(two), 409, "duplicate-id")
    assert standing(world) == before


async def all_at_once(world: World, requests: list[tuple[str, bytes]]) -> list[Response]:
    transport = ASGITransport(world.http.app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        sent = (client.post(f"/v1/{SLUG}/{path}", content=body) for path, body in requests)
        return list(await asyncio.gather(*sent))


def test_good_and_bad_requests_at_once_do_not_touch_each_other(world: World) -> None:
    accepted = 0
    for turn in range(6):
        good = [
            ("usage", usage_body(world.coop, "ev", line(f"ev-{turn}"))),
            ("usage", usage_body(world.coop, "bike", line(f"bike-{turn}"))),
            ("entries", entry_body(world.coop, "office", "cost-reported",
                                   {**COST, "id": f"platform_{turn}"})),
        ]  # fmt: skip
        bad = [("usage", body) for body in bad_batches(world)]
        bad.append(
            ("entries", entry_body(world.coop, "town", "cost-reported", {**COST, "id": "x"}))
        )
        mixed = [request for pair in zip(bad, good * 3, strict=True) for request in pair]
        size = world.coop.state().size
        answers = asyncio.run(all_at_once(world, mixed))
        assert [answer.is_success for answer in answers] == [False, True] * len(bad)
        assert world.coop.state().size == size + len(good)
        accepted += sum(answer.json().get("is_new", False) for answer in answers)
    assert accepted == 18
    period = world.get(f"/periods/{MONTH}", "bus").json()
    assert (period["batches"], period["records"]) == (12, 12)
    again = rebuild(world.coop.database, world.coop.log, lambda _done, _all: None)
    assert again.state_hash == state_hash(world.coop.state())


def test_answers_hold_the_proof_of_what_was_taken(world: World) -> None:
    receipts = [
        world.usage(usage_body(world.coop, who, line("a"))).json() for who in ("bus", "ev", "bike")
    ]
    for receipt in receipts:
        assert receipt["status"] == "signed"
        shown = world.get(f"/entries/{receipt['index']}", "bus").json()
        assert (shown["leaf"], shown["entry"]) == (receipt["leaf"], receipt["entry"])
        proof = world.http.get(f"/v1/{SLUG}/entries/{receipt['index']}/proof").json()
        assert proof["size"] > receipt["index"]
        assert json.loads(json.dumps(proof["proof"]))
