"""The page itself: built from its sources, used by hand, silent on the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from api.routes.verify import served
from ledger.audit.trust import format_trust
from tests.audit.world import bundle_of, files_of, flipped, rebuild
from tests.browser.conftest import PAGE, ROOT, SOURCES
from tests.browser.months import owing_world
from tests.browser.session import CHROMIUM, run
from tests.browser.slices import Slices

BUILD = ROOT / "verifier" / "build.py"
WRAPPER = Path(__file__).with_name("wrapper.html")
LINES_MAX, LINE_LENGTH_MAX = 500, 100


def in_chromium(test):
    for mark in (
        pytest.mark.skipif(
            CHROMIUM is None,
            reason="SKIPPED FOR WANT OF CHROMIUM: the page is not used; make tools",
        ),
        pytest.mark.slow,
    ):
        test = mark(test)
    return test


def test_the_committed_page_is_what_its_sources_give():
    done = subprocess.run([sys.executable, str(BUILD), "--check"], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_the_page_names_no_place_and_may_open_no_connection():
    text = PAGE.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "connect-src 'none'" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert re.findall(r"https?://[^\s\"']*", text) == []
    for word in ("fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "localStorage", "cookie",
                 "indexedDB", "innerHTML", "eval(", "new Function"):  # fmt: skip
        assert word not in text


def test_sources_keep_their_size():
    for source in SOURCES.rglob("*.js"):
        lines = source.read_text("utf-8").splitlines()
        assert len(lines) <= LINES_MAX, source.name
        assert max(map(len, lines)) <= LINE_LENGTH_MAX, source.name
        assert lines[0].startswith("// "), f"{source.name} does not say what it is for"


@pytest.fixture(scope="module")
def data(month) -> dict[str, bytes]:
    files = files_of(month.bundle)
    lines = next(name for name in files if name.endswith(".ndjson"))
    bad = rebuild({**files, lines: flipped(files[lines], 9)}, fit=True)
    slices = Slices()
    return {
        "/data/slice.zip": slices.bundle,
        "/data/slice.toml": format_trust(slices.trust),
        "/data/owing.zip": bundle_of(owing_world()),
        "/data/good.zip": month.bundle,
        "/data/bad.zip": bad,
        "/data/trust.toml": format_trust(month.trust),
        "/wrapper.html": WRAPPER.read_bytes(),
        "/index.html": PAGE.read_bytes(),
    }


def check(answer, asked) -> None:
    steps = {step["name"]: step for step in answer["steps"]}
    verdicts = {name: step["verdict"] for name, step in steps.items()}
    assert verdicts == {
        "no trust": "consistent", "trust": "verified", "ja": "verified", "bad": "refused",
        "slice": "verified", "owing": "consistent",
    }  # fmt: skip
    assert all(step["fits"] for step in steps.values())
    assert steps["trust"]["focus"]
    assert "trust file" in steps["no trust"]["hint"]
    assert "952,856 JPY" in steps["trust"]["text"]
    assert "2 of its 3 records lie before this bundle" in steps["slice"]["text"]
    assert re.search(r"Approved with\s+2026-11\s+bus 0x[0-9a-f]{40}", steps["slice"]["text"])
    assert "2026-11: 78 JPY to members (4), and 23 JPY held in suspense" in steps["owing"]["text"]
    assert "What was not checked" in steps["trust"]["text"]
    assert "検証済み" in steps["ja"]["text"]
    assert "確かめていないこと" in steps["ja"]["text"]
    assert re.search(r"entry \d+, record 1\b", steps["bad"]["text"])
    assert all(answer["labels"])
    assert answer["live"] == "polite"
    assert set(answer["ways"]) == {"refused"}
    assert not any("leak" in path for path in asked)


@in_chromium
@pytest.mark.parametrize("width", [360, 1200])
def test_a_person_verifies_a_bundle(data, tmp_path, width):
    """With the headers that the server sends, but for the two that keep this test from looking."""
    policy = served()[1]["Content-Security-Policy"].replace("; frame-ancestors 'none'", "")
    options = (f"--window-size={width},1400", "--lang=en")
    answer, asked = run(
        data, "/wrapper.html?page=/index.html", tmp_path, *options,
        headers={"/index.html": {"Content-Security-Policy": policy}},
    )  # fmt: skip
    check(answer, asked)


@in_chromium
def test_the_page_works_from_a_file(data, tmp_path):
    (tmp_path / "page").mkdir()
    for name in ("index.html", "wrapper.html"):
        (tmp_path / "page" / name).write_bytes(data[f"/{name}"])
    (tmp_path / "page" / "data").mkdir()
    for name in (name for name in data if name.startswith("/data/")):
        (tmp_path / "page" / name.lstrip("/")).write_bytes(data[name])
    page = (tmp_path / "page" / "wrapper.html").as_uri()
    script = (tmp_path / "page" / "wrapper.html").read_text("utf-8")
    # From a file there is no module script and no server for data: both come by other ways.
    script = script.replace('<script type="module">', "<script>(async () => {")
    script = script.replace("</script>", "})();</script>")
    script = script.replace("fetch(`${base}/data/${name}`)", "fetch(`data/${name}`)")
    (tmp_path / "page" / "wrapper.html").write_text(script, "utf-8")
    url = f"{page}?page=index.html&base=http://127.0.0.1:{{port}}"
    answer, asked = run({}, url, tmp_path, "--allow-file-access-from-files", "--lang=en")
    check(answer, asked)
