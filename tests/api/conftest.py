"""The API over a copy of a prepared installation, asked in-process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select

from api.app import create_app
from ledger.coop.signing import Seen
from ledger.identity.signin import SignIn, format_sign_in, personal_digest
from ledger.period import format_instant, parse_instant
from ledger.service.coop import Coop
from ledger.service.sign_in import keep_token
from ledger.store.tables import metadata
from ledger.wiring import Installation
from tests.builder import signing_key
from tests.installation import SLUG, Place

FAR = "2999-01-01T00:00:00.000Z"


class Asked:
    """The application, asked in this process."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def request(self, method: str, path: str, **parts: Any) -> Response:
        return asyncio.run(self._request(method, path, parts))

    def get(self, path: str, **parts: Any) -> Response:
        return self.request("GET", path, **parts)

    def post(self, path: str, **parts: Any) -> Response:
        return self.request("POST", path, **parts)

    async def _request(self, method: str, path: str, parts: dict[str, Any]) -> Response:
        transport = ASGITransport(self.app, raise_app_exceptions=False)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **parts)


@dataclass
class World:
    """An installation, its co-op and a client of its API."""

    installation: Installation
    http: Asked
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def coop(self) -> Coop:
        return self.installation.coop(SLUG)

    def counts(self) -> dict[str, int]:
        """The number of rows of every table."""
        with self.installation.database.read() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    def usage(self, body: bytes, **headers: str) -> Response:
        return self.http.post(f"/v1/{SLUG}/usage", content=body, headers=headers)

    def entries(self, body: bytes) -> Response:
        return self.http.post(f"/v1/{SLUG}/entries", content=body)

    def token(self, who: str) -> str:
        """A bearer token, put there without the ceremony of signing in."""
        if who not in self.tokens:
            coop = self.coop
            address = signing_key(who).address
            token = f"token of {who}".encode().hex()
            keep_token(coop.database, coop.log.id, token, address=address, expires_at=FAR)
            self.tokens[who] = token
        return self.tokens[who]

    def get(self, path: str, who: str | None = None, **params: Any) -> Response:
        """GET below the co-op as somebody; ``None`` is nobody in particular."""
        headers = {"Authorization": f"Bearer {self.token(who)}"} if who else {}
        return self.http.get(f"/v1/{SLUG}{path}", headers=headers, params=params)

    def sign_in_text(self, who: str, **changes: Any) -> str:
        asked = self.http.post(f"/v1/{SLUG}/sign-in/nonce").json()
        now = parse_instant(self.coop.clock())
        parts = {
            "domain": asked["domain"],
            "address": signing_key(who).address,
            "statement": asked["statement"],
            "uri": asked["uri"],
            "chain_id": 1,
            "nonce": asked["nonce"],
            "issued_at": format_instant(now),
            "expiration_time": FAR,
        }
        return format_sign_in(SignIn(**{**parts, **changes}))

    def sign_in(self, text: str, key: str) -> Response:
        signature = "0x" + signing_key(key).sign(personal_digest(text)).hex()
        body = {"message": text, "signature": signature}
        return self.http.post(f"/v1/{SLUG}/sign-in", json=body)


Open = Callable[[str], World]


def open_copy(template: Path, root: Path) -> World:
    """A copy of an installation, opened; the caller closes it."""
    shutil.copytree(template, root)
    installation = Place(root).open()
    return World(installation, Asked(create_app(installation)))


@pytest.fixture(scope="module")
def settled(
    templates: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A settled month that a module's tests share: they only read, or are refused."""
    world = open_copy(templates["settled"], tmp_path_factory.mktemp("shared") / "settled")
    yield world
    world.installation.close()


@pytest.fixture
def open_world(templates: dict[str, Path], tmp_path: Path) -> Iterator[Open]:
    """Opens a copy of a template."""
    opened: list[World] = []

    def make(name: str) -> World:
        opened.append(open_copy(templates[name], tmp_path / name))
        return opened[-1]

    yield make
    for world in opened:
        world.installation.close()


@pytest.fixture
def world(open_world: Open) -> World:
    """A founded co-op with an open month and no usage yet."""
    return open_world("open")


def other_seen(coop: Coop, **changes: Any) -> Seen:
    """A ``seen`` that is not the log's."""
    with coop.reading() as (state, log):
        head = log.head()
    parts = {
        "origin": coop.log.origin,
        "genesis": bytes.fromhex(state.genesis),
        "size": head.size,
        "root": head.root,
    }
    return Seen(**{**parts, **changes})


def check_problem(response: Response, status: int, code: str) -> dict[str, Any]:
    """The one shape of every refusal (RFC 9457)."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert problem["status"] == status
    assert problem["type"] == f"urn:kyojo:problem:{code}"
    assert problem["title"]
    assert "\n" not in problem["title"]
    assert problem["detail"]
    assert problem["remedy"]["en"]
    assert problem["remedy"]["ja"]
    known = {"type", "title", "status", "detail", "code", "remedy", "errors", "expected"}
    assert problem.keys() <= known
    for fault in problem["errors"]:
        assert fault["where"]
        assert fault["code"]
        assert fault["message"]
    return problem
