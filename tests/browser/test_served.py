"""The page as the server gives it: with no co-op at all, under its own strict policy."""

from __future__ import annotations

import base64
import fnmatch
import re
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from api.app import create_app
from ledger.config import Config
from ledger.store.database import Database
from ledger.wiring import Installation
from tests.api.conftest import Asked
from tests.browser.conftest import PAGE, ROOT


@pytest.fixture
def client(tmp_path: Path):
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    yield Asked(create_app(Installation(Config(), database, {})))
    database.close()


def test_it_is_the_built_page_and_no_co_op_is_needed(client):
    answer = client.get("/verify")
    assert answer.status_code == 200
    assert answer.content == PAGE.read_bytes()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "/verify" not in client.get("/openapi.json").json()["paths"]
    assert client.post("/verify").status_code == 405


def test_its_policy_admits_its_own_script_and_style_and_no_connection(client):
    answer = client.get("/verify")
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    for name in ("default-src", "connect-src", "form-action", "base-uri", "frame-ancestors"):
        assert policy[name] == "'none'"
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        (text,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(sha256(text.encode()).digest()).decode()
        assert policy[name].split()[0] == f"'sha256-{digest}'"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_a_browser_asks_whether_it_has_changed(client):
    first = client.get("/verify")
    assert first.headers["cache-control"] == "public, no-cache"
    etag = first.headers["etag"]
    again = client.get("/verify", headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get("/verify", headers={"If-None-Match": '"other"'}).status_code == 200
    head = client.request("HEAD", "/verify")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(first.content)


def test_the_wheel_ships_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    package = ".".join(PAGE.relative_to(ROOT).parent.parts)
    assert (PAGE.parent / "__init__.py").is_file()
    patterns = settings["packages"]["find"]["include"]
    assert any(fnmatch.fnmatchcase(package, pattern) for pattern in patterns)
    assert any(fnmatch.fnmatchcase(PAGE.name, one) for one in settings["package-data"]["*"])
