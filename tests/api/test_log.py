"""Who reads the log's files, in which packing; and what is no path of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.routes.log import accepts_gzip
from tests.api.conftest import Open, World, check_problem
from tests.installation import SLUG

ANY_PAGE = "access-control-allow-origin"


def test_entry_bundles_are_for_members_unless_the_charter_says_everyone(open_world: Open) -> None:
    world = open_world("settled")
    size = world.coop.state().size
    path = f"/log/{SLUG}/tile/entries/000.p/{size}"
    refused = world.http.get(path)
    check_problem(refused, 403, "not-permitted")
    assert refused.headers["cache-control"] == "no-store"
    token = {"Authorization": f"Bearer {world.token('town')}"}
    answer = world.http.get(path, headers={**token, "Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding, Authorization"
    assert ANY_PAGE not in answer.headers
    packed = world.http.get(path, headers={**token, "Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == answer.content  # the client has unpacked it
    wrong = world.http.get(path, headers={"Authorization": "Bearer 00"})
    check_problem(wrong, 403, "not-permitted")
    assert world.http.get(f"/log/{SLUG}/tile/0/000.p/{size}").headers[ANY_PAGE] == "*"


def test_an_empty_log_has_no_checkpoint_and_no_tiles(open_world: Open) -> None:
    world = open_world("empty")
    for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        check_problem(world.http.get(f"/log/{SLUG}/{path}"), 404, "not-found")
    check_problem(world.http.get("/log/nobody/checkpoint"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    [
        "0/0", "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/-01", "0/000.p/0",
        "0/000.p/256", "0/000.p/01", "0/000.p/", "0/000.p/-1", "0/000/", "0//000", "0/x000/000",
        "0/001/000", "0/000.p/1.p/1", "0/000?p=1#", "0/０００", "0", "",
        "data/000",
        "0/x009/x223/x372/x036/x854/x775/808", "0/" + "x999/" * 20 + "999",
        "entries/0", "entries/000.p/256", "entries/x000/000", "entries/", "entries",
        "entries/x009/x223/x372/x036/x854/x775/808", "entries/" + "9" * 5000,
    ],
)  # fmt: skip
def test_no_path_of_a_tile_is_a_problem_document_and_never_a_failure(
    world: World, path: str
) -> None:
    path = path.replace("?", "%3F").replace("#", "%23")
    answer = world.http.get(f"/log/{SLUG}/tile/{path}")
    problem = check_problem(answer, 400, "malformed-proof")
    assert len(problem["detail"]) < 200
    assert answer.headers[ANY_PAGE] == "*"


@pytest.mark.parametrize("index", [2**62, 2**63 - 1, 2**63, 2**64, 10**40, -1])
def test_numbers_beyond_every_log_are_not_there(world: World, index: int) -> None:
    for path in ("", "/proof", "/tlog-proof", "/records/0/proof"):
        answer = world.get(f"/entries/{index}{path}", "audit")
        check_problem(answer, 404, "not-found")


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("", False), ("gzip", True), ("GZIP", True), ("identity", False), ("br, gzip", True),
        ("gzip;q=0", False), ("gzip; q=0.000", False), ("gzip;q=0.001", True),
        ("gzip;q=1.0, identity;q=0.5", True), ("*", True), ("*;q=0", False),
        ("gzip;q=0, *", False), ("gzip;q=x", False), ("gzip;q=", False), ("gzip;", False),
        ("gzip;q=" + "9" * 10_000, True), ("deflate", False), (",,;;==", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_to_those_who_take_it(header: str, taken: bool) -> None:
    assert accepts_gzip(header) is taken


@given(st.text())
def test_any_header_is_read(header: str) -> None:
    assert accepts_gzip(header) in (True, False)
