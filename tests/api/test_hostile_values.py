"""Whatever stands in a path, a query or a header gets an answer, and never an internal error.

The places are those of the OpenAPI document, so that a new route is tried without a new test.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from api.errors import PROBLEM_TYPE
from tests.api.conftest import World
from tests.builder import signing_key
from tests.in_thread import serving
from tests.installation import MONTH

GOOD: dict[str, str] = {
    "coop": "kaga", "address": signing_key("bus").address, "rule_hash": "ab" * 32, "index": "1",
    "number": "0",
    "sha256": "ab" * 32, "month": MONTH, "member": "bus", "path": "0/000.p/1", "old": "1",
    "new": "2", "correction_id": "ab" * 32,
}  # fmt: skip
NUMBERS = (
    "99999999999999999999999", "9223372036854775808", "9223372036854775807", "9007199254740992",
    "-1", "-9223372036854775809", "0", "00", "+1", "1.5", "1e3", "1_0", "0x10", "NaN", "Infinity",
    "1" * 5000, "٣",
)  # fmt: skip
TEXTS = (
    "", " ", ".", "..", "../../etc/passwd", "/", "//", "\0", "a\0b", "\n", "\r\nX: y", "%", "%00",
    "?", "#", "'", '"', "';--", "<script>", "{{7*7}}", "null", "true", "[]", "ü", "日本", "\u202e",
    "\ud800".encode("utf-8", "surrogatepass"), b"\xff\xfe", "x" * 3000, "9999-12", "0000-01",
    "2024-13", "9999-99", "suspense", "a" * 64, "0x" + "f" * 40, "0X" + "A" * 40,
    "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z",
)  # fmt: skip
VALUES: tuple[str | bytes, ...] = (*NUMBERS, *TEXTS)


@pytest.fixture(scope="module")
def http(settled: World) -> Iterator[httpx.Client]:
    with serving(settled.http.app) as url, httpx.Client(base_url=url) as client:
        client.headers["Authorization"] = f"Bearer {settled.token('audit')}"
        yield client


@pytest.fixture(scope="module")
def operations(settled: World) -> list[tuple[str, str, list[dict[str, Any]]]]:
    paths = settled.http.get("/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation.get("parameters", []))
        for path, item in paths.items()
        for method, operation in item.items()
    ]


def targets(path: str, parameters: list[dict[str, Any]]) -> Iterator[str]:
    """Addresses with one hostile value each, at every place of a path and its query."""
    required = {p["name"]: GOOD[p["name"]] for p in parameters if p["required"]}
    for place in parameters:
        for value in VALUES:
            filled = {name: quote(good, safe="") for name, good in required.items()}
            filled[place["name"]] = quote(value, safe="")
            target, names = path, {p["name"] for p in parameters if p["in"] == "path"}
            for name in names:
                target = target.replace("{%s}" % name, filled.pop(name))  # noqa: UP031
            query = "&".join(f"{name}={text}" for name, text in filled.items())
            yield f"{target}?{query}" if query else target


def check(answer: httpx.Response, where: str) -> None:
    assert answer.status_code < 500, f"{where}: {answer.text}"
    if answer.is_redirect:  # from the root, and a stranger's way to a statement: to a page of ours
        assert answer.headers["location"].startswith("/pages/kaga"), where
    elif not answer.is_success:
        assert answer.headers["content-type"] == PROBLEM_TYPE, where
        problem = answer.json()
        assert problem["status"] == answer.status_code, where
        assert problem["code"], where
        assert problem["remedy"].keys() == {"en", "ja"}, where
        assert len(answer.content) < 10_000, where


def test_every_parameter_with_every_hostile_value(
    http: httpx.Client, operations: list[tuple[str, str, list[dict[str, Any]]]]
) -> None:
    tried = 0
    for method, path, parameters in operations:
        for target in targets(path, parameters):
            check(http.request(method, target), f"{method} {target[:200]}")
            tried += 1
    assert tried > 1000


PAGES = ("/pages/{}", "/pages/{}/enter", "/pages/kaga/{}", "/pages/kaga/2024-05/{}",
         "/pages/kaga?lang={}", "/pages/kaga/2024-05?lang={}", "/{}")  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_page_with_every_hostile_value(http: httpx.Client, page: str) -> None:
    for value in VALUES:
        check(http.get(page.format(quote(value, safe=""))), page)


BODIES: dict[str, bytes] = {
    "nothing": b"",
    "brackets": b"[" * 200_000,
    "braces": b'{"a":' * 30_000,
    "closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "a huge number": b'{"ids":' + b"9" * 100_000 + b"}",
    "a number too large for a double": b'{"ids":1e999}',
    "not a number": b'{"ids":NaN}',
    "a text": b'"x"',
    "null": b"null",
    "a name twice": b'{"ids":{},"ids":{}}',
    "zero bytes": bytes(1000),
    "not UTF-8": b'{"ids":{"\xff":[]}}',
    "UTF-16": '{"ids":{}}'.encode("utf-16"),
    "a lone surrogate": b'{"ids":{"2024-05":["\\ud800"]}}',
    "a lone surrogate for a name": b'{"ids":{"\\ud800":["a"]}}',
    "a zero byte in a text": b'{"ids":{"2024-05":["\\u0000"]}}',
    "numbers for texts": b'{"ids":{"2024-05":[1,2]}}',
    "a list for an object": b'{"ids":[["2024-05","a"]]}',
    "very many ids": json.dumps({"ids": {"2024-05": ["x"] * 30_000}}).encode(),
    "very long ids": json.dumps({"ids": {"2024-05": ["x" * 1_000_000]}}).encode(),
    "gzip unasked for": bytes.fromhex("1f8b0800000000000003"),
}
TYPES = (
    "application/json", "text/plain", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/json; charset=utf-16", "nonsense", "",
)  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_every_writing_route_with_every_hostile_body(
    http: httpx.Client, operations: list[tuple[str, str, list[dict[str, Any]]]], name: str
) -> None:
    for method, path, _ in operations:
        if method == "POST":
            for content_type in TYPES:
                answer = http.post(
                    path.format(coop="kaga"),
                    content=BODIES[name],
                    headers={"Content-Type": content_type},
                )
                check(answer, f"{path} {content_type}")
                if not path.endswith(("/nonce", "/known")):
                    assert not answer.is_success, path


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/xml"},
        {"Accept-Encoding": "br;q=nonsense"},
        {"Host": "evil.example"},
        {"Host": ""},
        {"X-Forwarded-For": "'; drop table logs;--"},
        {"X-Forwarded-Proto": "gopher"},
        {"Range": "bytes=0-0"},
        {"If-None-Match": "*"},
        {"Cookie": "kyojo_token=\x01; =; ;;"},
        {"Content-Encoding": "gzip"},
        {"Expect": "the unexpected"},
        {"Authorization": "Bearer " + "a" * 30_000},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_hostile_headers(http: httpx.Client, headers: dict[str, str]) -> None:
    for path in ("/v1/kaga", "/v1/kaga/members", "/pages/kaga", "/pages/kaga/2024-05/bus"):
        answer = http.get(path, headers=headers)
        assert answer.status_code < 500, answer.text
        assert "evil.example" not in answer.headers.get("location", "")


RAW = {
    "no version": b"GET /v1\r\n\r\n",
    "spaces in the path": b"GET /v1/ka ga HTTP/1.1\r\nHost: x\r\n\r\n",
    "bytes in the path": b"GET /v1/\xff\xfe\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a length that lies": b"POST /v1/kaga/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Content-Type: application/json\r\n\r\n{}{}{}{}",
    "a length of minus one": b"POST /v1/kaga/usage HTTP/1.1\r\nHost: x\r\n"
    b"Content-Length: -1\r\n\r\n",
    "a chunk without end": b"POST /v1/kaga/usage HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an absolute address": b"GET http://evil.example/v1 HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", RAW)
def test_bytes_that_are_hardly_http_leave_the_server_up(http: httpx.Client, name: str) -> None:
    at = urlsplit(str(http.base_url))
    with socket.create_connection((at.hostname, at.port), timeout=5) as line:
        line.sendall(RAW[name])
        line.shutdown(socket.SHUT_WR)
        answer = line.recv(65_536)
    assert not answer.startswith(b"HTTP/1.1 5"), answer
    assert http.get("/v1/health").json()["status"] == "ok"
