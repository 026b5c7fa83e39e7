"""The pages as a browser gets them: open ones, and those behind the token's cookie."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.dependencies import COOKIE
from ledger.config import Config
from ledger.service.coop import Coop
from ledger.store.sign_in import keep_token
from ledger.wiring import Installation
from tests.builder import signing_key
from tests.pages.month import settled_month

LATER = "2100-01-01T00:00:00.000Z"


@pytest.fixture
def coop(tmp_path: Path) -> Coop:
    return settled_month(tmp_path)


class Browser:
    """A browser without scripts, which follows no redirect by itself."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> httpx.Response:
        return asyncio.run(self._send("GET", path))

    def post(self, path: str, data: dict[str, str]) -> httpx.Response:
        return asyncio.run(self._send("POST", path, data=data))

    async def _send(self, method: str, path: str, **parts: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", cookies=self.cookies
        ) as client:
            return await client.request(method, path, **parts)


@pytest.fixture
def browser(coop: Coop) -> Browser:
    installation = Installation(Config(), coop.database, {coop.log.slug: coop})
    return Browser(create_app(installation))


def token_of(coop: Coop, member: str) -> str:
    token = f"token of {member}"
    address = signing_key(member).address
    keep_token(coop.database, coop.log.id, token, address=address, expires_at=LATER)
    return token


def test_front_page_and_settled_result_are_open(coop: Coop, browser: Browser) -> None:
    slug = coop.log.slug
    front = browser.get(f"/pages/{slug}")
    assert front.status_code == 200
    assert f"/pages/{slug}/2026-10" in front.text
    result = browser.get(f"/pages/{slug}/2026-10?lang=ja")
    assert result.status_code == 200
    assert "default-src 'none'" in result.headers["Content-Security-Policy"]
    assert browser.get("/").headers["location"] == f"/pages/{slug}"


def test_a_statement_sends_a_stranger_to_the_door(coop: Coop, browser: Browser) -> None:
    answer = browser.get(f"/pages/{coop.log.slug}/2026-10/bus")
    assert answer.headers["location"] == f"/pages/{coop.log.slug}/enter?lang=en"
    browser.cookies[COOKIE] = "made up"
    assert browser.get(f"/pages/{coop.log.slug}/2026-10/bus").is_redirect


def test_a_member_enters_with_a_token_and_reads_its_own_statement(
    coop: Coop, browser: Browser
) -> None:
    slug = coop.log.slug
    assert "form" in browser.get(f"/pages/{slug}/enter").text
    assert browser.post(f"/pages/{slug}/enter", {"token": "made up"}).status_code == 403
    entered = browser.post(f"/pages/{slug}/enter", {"token": token_of(coop, "bus")})
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    browser.cookies[COOKIE] = token_of(coop, "ev")
    assert browser.get(f"/pages/{slug}/2026-10/ev").status_code == 200
    assert browser.get(f"/pages/{slug}/2026-10/bus").status_code == 403


@pytest.mark.parametrize(
    ("form", "begins", "media_type"),
    [("pdf", b"%PDF-", "application/pdf"),
     ("csv", b"\xef\xbb\xbforigin", "text/csv; charset=utf-8"),
     ("json", b"{", "application/json"), ("html", b"<!DOCTYPE", "text/html; charset=utf-8")],
)  # fmt: skip
def test_a_member_takes_its_statement_home_as_a_file(
    coop: Coop, browser: Browser, form: str, begins: bytes, media_type: str
) -> None:
    browser.cookies[COOKIE] = token_of(coop, "bus")
    page = browser.get("/pages/kaga/2026-10/bus").text
    assert form == "html" or f'href="/pages/kaga/2026-10/bus/statement.{form}?lang=ja"' in page
    answer = browser.get(f"/pages/kaga/2026-10/bus/statement.{form}?lang=ja")
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].endswith(f"''2026-10-bus.{form}")


def test_nobody_elses_statement_is_given_as_a_file(coop: Coop, browser: Browser) -> None:
    stranger = browser.get("/pages/kaga/2026-10/bus/statement.pdf")
    assert stranger.status_code == 307
    assert stranger.headers["location"] == "/pages/kaga/enter?lang=en"
    browser.cookies[COOKIE] = token_of(coop, "ev")
    assert browser.get("/pages/kaga/2026-10/bus/statement.pdf").status_code == 403
    assert browser.get("/pages/kaga/2026-10/ev/statement.exe").status_code == 422
