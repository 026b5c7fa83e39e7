"""What the browser's tests share: a month on a chain, the built page, and a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.chain.node import open_node
from tests.audit.successors import succeeded_month
from tests.audit.world import anchored_month, chain_url
from tests.browser.session import run

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "api" / "pages" / "verifier.html"
SOURCES = ROOT / "verifier" / "src"

SESSION_MAX = 300
Given = Mapping[str, bytes | None]


@pytest.fixture(scope="session")
def month(tmp_path_factory):
    with open_node(chain_url(tmp_path_factory.mktemp("browser-chain"))) as node:
        return anchored_month(node)


@pytest.fixture(scope="session")
def succeeded(tmp_path_factory):
    with open_node(chain_url(tmp_path_factory.mktemp("browser-successor"))) as node:
        return succeeded_month(node)


@pytest.fixture(scope="session")
def reports(tmp_path_factory) -> Callable[..., list[dict[str, Any]]]:
    """What the page's program says of each of these; a browser session for some hundred."""

    def ask(given: Sequence[Given], page: str = "/harness.html") -> list[dict[str, Any]]:
        parts = range(0, len(given), SESSION_MAX)
        return [one for at in parts for one in session(given[at : at + SESSION_MAX], page)]

    def session(given: Sequence[Given], page: str) -> list[dict[str, Any]]:
        harness = Path(__file__).with_name("harness.html")
        files = {"/index.html": PAGE.read_bytes(), "/harness.html": harness.read_bytes()}
        cases = []
        for one in given:
            names = {
                kind: None if data is None else sha256(data).hexdigest()
                for kind, data in one.items()
            }
            cases.append(names)
            files |= {
                f"/data/{names[kind]}": data for kind, data in one.items() if data is not None
            }
        files["/cases.json"] = json.dumps(cases).encode()
        answer, _ = run(files, page, tmp_path_factory.mktemp("chromium"))
        return answer

    return ask


@pytest.fixture(scope="session")
def calls(tmp_path_factory) -> Callable[[Sequence[Sequence[Any]]], list[dict[str, Any]]]:
    """What functions of the sources answer: ``{"is"}``, ``{"refused"}`` or ``{"unknown"}``."""

    def ask(wanted: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        sources = SOURCES.rglob("*.js")
        files = {f"/src/{one.relative_to(SOURCES)}": one.read_bytes() for one in sources}
        files["/units.html"] = Path(__file__).with_name("units.html").read_bytes()
        files["/calls.json"] = json.dumps(wanted).encode()
        answers, _ = run(files, "/units.html", tmp_path_factory.mktemp("chromium"))
        assert [answer for answer in answers if "failure" in answer] == []
        return answers

    return ask
