"""Signing in with a wallet (EIP-4361), and what a bearer token is good for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ledger.coop.signing import show_possession, sign_charter
from ledger.coop.submission import Submission
from ledger.identity.signin import personal_digest
from ledger.log.key import format_signing_key
from ledger.period import add_days
from ledger.service.sign_in import keep_token
from ledger.service.submit import submit
from ledger.wiring import write_secret
from tests.api.conftest import Asked, World, check_problem, create_app
from tests.builder import ORIGIN, charter, log_key, signing_key
from tests.installation import MEMBERS, MONTH, SLUG, Place, carry, send

PRIVATE = (
    "/members", "/proposals", "/entries", "/entries/0", f"/periods/{MONTH}/totals",
    f"/periods/{MONTH}/lines", f"/periods/{MONTH}/statements/bus", "/blobs/" + "00" * 32,
)  # fmt: skip


def read(world: World, token: str, path: str = "/members", slug: str = SLUG, **headers: str):
    given = {"Authorization": f"Bearer {token}", **headers}
    return world.http.get(f"/v1/{slug}{path}", headers=given)


def signed_in(world: World, who: str) -> str:
    answer = world.sign_in(world.sign_in_text(who), who)
    assert answer.is_success, answer.text
    return str(answer.json()["token"])


def test_a_member_signs_in_and_reads(world: World) -> None:
    text = world.sign_in_text("bus")
    answer = world.sign_in(text, "bus").json()
    assert answer["member"] == "bus"
    assert world.coop.clock() < answer["expires_at"] < add_days(world.coop.clock(), 1)
    assert read(world, answer["token"]).is_success


def other_times(world: World, issued: int, expires: int) -> dict[str, str]:
    now = world.coop.clock()
    return {"issued_at": add_days(now, issued), "expiration_time": add_days(now, expires)}


REFUSED: dict[str, tuple[Any, int, str]] = {
    "another domain": (lambda _: {"domain": "evil.example"}, 403, "not-permitted"),
    "a text that has expired": (lambda world: other_times(world, -2, -1), 403, "not-permitted"),
    "a text of tomorrow": (lambda world: other_times(world, 1, 2), 403, "not-permitted"),
    "a nonce made up": (lambda _: {"nonce": "0123456789abcdef"}, 403, "not-permitted"),
    "an address of nobody": (
        lambda _: {"address": signing_key("stranger").address}, 400, "bad-signature",
    ),
    "an address of another member": (
        lambda _: {"address": signing_key("ev").address}, 400, "bad-signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_text_that_says_something_else(settled: World, name: str) -> None:
    changes, status, code = REFUSED[name]
    text = settled.sign_in_text("bus", **changes(settled))
    check_problem(settled.sign_in(text, "bus"), status, code)


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        ("", "0x" + "00" * 65),
        ("not a sign-in text", "0x" + "00" * 65),
        ("x" * 4097, "0x" + "00" * 65),
        ("text", "0x00"),
        ("text", "00" * 65),
        ("text", "0x" + "zz" * 65),
        ("\ud800", "0x" + "00" * 65),
        (7, "0x" + "00" * 65),
        (None, None),
    ],
)
def test_a_request_that_is_no_sign_in(settled: World, message: Any, signature: Any) -> None:
    body = {"message": message, "signature": signature}
    answer = settled.http.post(
        f"/v1/{SLUG}/sign-in",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    check_problem(answer, answer.status_code, answer.json()["code"])
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("byte", [0, 31, 32, 63, 64])
def test_a_signature_with_a_byte_changed(settled: World, byte: int) -> None:
    text = settled.sign_in_text("bus")
    signature = bytearray(signing_key("bus").sign(personal_digest(text)))
    signature[byte] ^= 0x40
    body = {"message": text, "signature": "0x" + bytes(signature).hex()}
    answer = settled.http.post(f"/v1/{SLUG}/sign-in", json=body)
    check_problem(answer, 400, "bad-signature")


def test_a_stranger_who_signs_well_is_no_member(settled: World) -> None:
    text = settled.sign_in_text("stranger")
    check_problem(settled.sign_in(text, "stranger"), 403, "not-permitted")


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("token", ["", "made up", "0" * 64, "ü", "a" * 8000])
def test_a_token_made_up_opens_nothing(settled: World, path: str, token: str) -> None:
    given = {"Authorization": f"Bearer {token}".encode()}
    answer = settled.http.get(f"/v1/{SLUG}{path}", headers=given)
    check_problem(answer, 403, "not-permitted")


@pytest.mark.parametrize("header", ["Basic YTpi", "bearer", "Token x", "Digest username=x"])
def test_another_way_to_say_who_one_is_is_nobodys(settled: World, header: str) -> None:
    answer = settled.http.get(f"/v1/{SLUG}/members", headers={"Authorization": header})
    check_problem(answer, 403, "not-permitted")


def test_a_token_ends(world: World) -> None:
    token, past = "ended", add_days(world.coop.clock(), -1)
    address = signing_key("bus").address
    keep_token(world.coop.database, world.coop.log.id, token, address=address, expires_at=past)
    assert "sign in again" in check_problem(read(world, token), 403, "not-permitted")["detail"]


def test_a_token_is_kept_as_a_hash_only(world: World) -> None:
    token = signed_in(world, "bus")
    files = list(Path(str(world.installation.config.database.url)[10:]).parent.glob("*.db*"))
    assert files
    assert [file for file in files if token.encode() in file.read_bytes()] == []


def test_a_revoked_key_reads_no_more(world: World) -> None:
    token = signed_in(world, "bus")
    genesis = bytes.fromhex(world.coop.state().genesis)
    key = show_possession(signing_key("bus-2"), origin=ORIGIN, genesis=genesis, member="bus")
    send(world.coop, "bus", "key-added", {"member": "bus", "key": key, "label": "second"})
    carry(world.coop)
    assert read(world, token).is_success
    send(world.coop, "bus", "key-revoked", {"key": signing_key("bus").address, "reason": "lost"})
    check_problem(read(world, token), 403, "not-permitted")
    check_problem(world.sign_in(world.sign_in_text("bus"), "bus"), 403, "not-permitted")
    assert read(world, signed_in(world, "bus-2")).is_success


def test_a_member_who_left_reads_nothing_for_members(world: World) -> None:
    """It still signs in, for its own statements: a correction can concern it later."""
    token = signed_in(world, "bike")
    send(world.coop, "bike", "member-left", {"member": "bike", "reason": "moved away"})
    carry(world.coop)
    for one in (token, signed_in(world, "bike")):
        check_problem(read(world, one), 403, "not-permitted")


def with_a_second_co_op(template: Path, root: Path) -> World:
    """The installation with another co-op in it, of the same members under the same keys."""
    shutil.copytree(template, root)
    place, origin = Place(root), "ledger.example.jp/noto"
    write_secret(place.key_file("noto"), format_signing_key(log_key(origin)))
    with place.config.open("a") as file:
        file.write(f'\n[coops.noto]\norigin = "{origin}"\nlog_key = "keys/noto.key"\n')
    installation = place.open()
    terms = charter(origin=origin, nonce="cd" * 32)
    keys = [signing_key(who) for who in MEMBERS]
    submit(installation.coop("noto"), Submission(sign_charter(terms, keys)))
    return World(installation, Asked(create_app(installation)))


def test_a_token_is_of_one_co_op(templates: dict[str, Path], tmp_path: Path) -> None:
    world = with_a_second_co_op(templates["open"], tmp_path / "two")
    token = signed_in(world, "bus")
    assert read(world, token).is_success
    check_problem(read(world, token, slug="noto"), 403, "not-permitted")
    text = world.sign_in_text("bus")
    signature = "0x" + signing_key("bus").sign(personal_digest(text)).hex()
    body = {"message": text, "signature": signature}
    check_problem(world.http.post("/v1/noto/sign-in", json=body), 403, "not-permitted")
    assert world.http.post(f"/v1/{SLUG}/sign-in", json=body).is_success
    world.installation.close()
