"""The log over HTTP from a real server, read by a client that knows the specification only."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ledger.service.coop import Coop
from ledger.service.found import found
from ledger.service.office import write
from tests.builder import ORIGIN, signing_key
from tests.e2e import tlog_client
from tests.e2e.tlog_client import Checkpoint
from tests.go_checker import build_checker
from tests.installation import MEMBERS, SLUG, charter_of, lay_out
from tests.serving import serving

# Sizes around the first full tile, and two that lie well beyond it.
SIZES = (1, 2, 255, 256, 257, 258, 300)


class Served:
    """A log that grows under a running server, and what was published of it."""

    def __init__(self, coop: Coop, http: httpx.Client, vkey: str) -> None:
        self.coop, self.http, self.vkey = coop, http, vkey
        self.heads: list[Checkpoint] = []

    def grow_to(self, size: int) -> None:
        while (number := self.coop.state().size) < size:
            name = {"ja": f"設備{number}", "en": f"Facility {number}"}
            body = {"id": f"f-{number}", "name": name, "owner": "bus"}
            write(self.coop, kind="facility-registered", body=body)

    def fetch(self, path: str) -> bytes:
        answer = self.http.get(path)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.content

    def head(self) -> Checkpoint:
        return tlog_client.open_checkpoint(self.fetch("checkpoint"), self.vkey)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    place = lay_out(tmp_path_factory.mktemp("tiles") / "open")
    readers = {"entries": "everyone", "totals": [], "records": [], "settlements": []}
    charter = charter_of(place, readers=readers)
    installation = place.open()
    coop = installation.coop(SLUG)
    found(coop, charter, [signing_key(who) for who in MEMBERS])
    with serving(place) as url, httpx.Client(base_url=f"{url}/log/{SLUG}/") as http:
        log = Served(coop, http, charter.log_keys[0])
        for size in SIZES:
            log.grow_to(size)
            log.heads.append(log.head())
        yield log
    installation.close()


def test_a_strangers_client_recomputes_every_published_size(served: Served) -> None:
    """Partial tiles stay to be had after the log has outgrown them."""
    assert [head.size for head in served.heads] == list(SIZES)
    assert {head.origin for head in served.heads} == {ORIGIN}
    previous: list[bytes] = []
    for head in served.heads:
        leaves = tlog_client.check_tree(served.fetch, head)
        assert leaves[: len(previous)] == previous
        previous = leaves
        entries = tlog_client.check_entries(served.fetch, head, leaves)
        assert len(entries) == head.size
        with served.coop.reading() as (_, log):
            assert entries == list(log.entry_data(0, head.size))


def test_every_width_of_a_tile_that_was_published_is_a_prefix_of_the_full_one(
    served: Served,
) -> None:
    full = served.fetch("tile/0/000")
    for width in (1, 2, 100, 255):
        assert served.fetch(f"tile/0/000.p/{width}") == full[: 32 * width]
    assert served.fetch("tile/1/000.p/1") == tlog_client.tree_hash(
        [full[at : at + 32] for at in range(0, len(full), 32)]
    )


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001.p/45", "tile/0/001", "tile/0/002", "tile/1/000", "tile/1/000.p/2",
        "tile/2/000.p/1", "tile/63/000.p/1", "tile/0/x999/x999/x999/999",
        "tile/0/x009/x223/x372/x036/x854/x775/807",
        "tile/entries/001", "tile/entries/001.p/45", "tile/entries/x999/999",
        "tile/entries/x009/x223/x372/x036/x854/x775/807", "tile/entries/002.p/1",
    ],
)  # fmt: skip
def test_what_is_beyond_the_log_is_not_there_and_not_to_be_cached(
    served: Served, path: str
) -> None:
    answer = served.http.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("path", "media_type", "cache"),
    [
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=5"),
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/0/001.p/44", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
    ],
)
def test_get_and_head_have_the_same_headers(
    served: Served, path: str, media_type: str, cache: str
) -> None:
    got, asked = served.http.get(path), served.http.head(path)
    assert (got.status_code, asked.status_code) == (200, 200)
    assert asked.content == b""
    for answer in (got, asked):
        assert answer.headers["content-type"] == media_type
        assert answer.headers["cache-control"] == cache
        assert answer.headers["access-control-allow-origin"] == "*"
    assert asked.headers["content-length"] == got.headers["content-length"]
    assert served.http.head("tile/0/009").status_code == 404


def test_entry_bundles_are_packed_for_those_who_take_it(served: Served) -> None:
    def ask(accept: str) -> tuple[httpx.Headers, bytes]:
        headers = {"Accept-Encoding": accept}
        with served.http.stream("GET", "tile/entries/000", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["vary"] == "Accept-Encoding"
            return answer.headers, b"".join(answer.iter_raw())

    plain_headers, plain = ask("identity")
    assert "content-encoding" not in plain_headers
    packed_headers, packed = ask("gzip")
    assert packed_headers["content-encoding"] == "gzip"
    assert len(packed) < len(plain)
    assert gzip.decompress(packed) == plain
    assert ask("gzip")[1] == packed


def test_the_log_unpacked_from_a_bundle_is_the_log_that_is_served(
    served: Served, tmp_path: Path
) -> None:
    import zipfile

    from ledger.service.export import export_bundle

    export_bundle(served.coop, tmp_path / "audit.zip")
    with zipfile.ZipFile(tmp_path / "audit.zip") as archive:
        names = [name for name in archive.namelist() if name.startswith(("tile/", "checkpoint"))]
        assert len(names) == 6
        for name in names:
            assert served.fetch(name) == archive.read(name), name


def test_the_go_projects_own_packages_authenticate_the_served_log(
    served: Served, tmp_path: Path
) -> None:
    checker = build_checker(tmp_path)
    found = checker.read_served(str(served.http.base_url).rstrip("/"), served.vkey)
    assert found["size"] == found["entries"] == SIZES[-1]
    assert found["root"] == base64.b64encode(served.heads[-1].root).decode()
