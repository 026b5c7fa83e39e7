"""The pages in a real browser: they fill the width, do not overflow it, and switch language."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from ledger.paper.html import statement_page
from ledger.service.coop import Coop
from ledger.service.statements import statement
from tests.pages.month import AUDITOR, MONTH

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 120

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="SKIPPED FOR WANT OF CHROMIUM: no look at pages; see make tools"
    ),
    pytest.mark.slow,
]


def browse(page: Path, *options: str, home: Path) -> str:
    """Run Chromium on a page with a profile of its own; network names resolve to nothing."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={home / 'profile'}",
        *options, page.as_uri(),
    ]  # fmt: skip
    environment = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        command, check=True, capture_output=True, timeout=SECONDS, env=environment
    )
    return done.stdout.decode()


def size_of(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("width", [400, 1200])
def test_a_statement_is_drawn_at(settled: Coop, tmp_path: Path, width: int) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    page, shot = tmp_path / "statement.html", tmp_path / "statement.png"
    html = statement_page(document, document["statement"]["settlement"], "ja")
    page.write_text(html, "utf-8")
    browse(page, f"--window-size={width},1500", f"--screenshot={shot}", home=tmp_path)
    png = shot.read_bytes()
    assert size_of(png) == (width, 1500)
    blank = tmp_path / "blank.html"
    blank.write_text("<!DOCTYPE html><title>blank</title>", "utf-8")
    browse(blank, f"--window-size={width},1500", f"--screenshot={shot}", home=tmp_path)
    assert len(png) > 5 * shot.stat().st_size


MEASURE = """
<script>
const shown = () => [...document.querySelectorAll("article")]
  .filter(article => article.offsetHeight).map(article => article.lang).join();
const before = shown();
document.getElementById("lang-en").click();
const fits = document.documentElement.scrollWidth <= innerWidth;
document.title = `fits=${fits} ${before} ${shown()}`;
</script>
"""


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_overflows_and_the_switch_works_at(
    settled: Coop, tmp_path: Path, width: int
) -> None:
    document = statement(settled, AUDITOR, MONTH, "bus")
    html = statement_page(document, document["statement"]["settlement"], "ja")
    page = tmp_path / "statement.html"
    page.write_text(html.replace("</body>", MEASURE + "</body>"), "utf-8")
    seen = browse(page, f"--window-size={width},1500", "--dump-dom", home=tmp_path)
    (title,) = re.findall(r"<title>(.*?)</title>", seen)
    assert title == "fits=true ja en"
