"""The second verifier: how long its page, in Chromium, takes over a bundle that both verify.

The page's own program is run in a worker, as the page runs it. The time is its own: from the bundle
in memory to the report, without starting the browser or fetching the file. The command's time is
that of a whole process, on all cores; the page works on one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from api.routes.verify import PAGE
from bench.coop import approve
from bench.database import SQLITE
from bench.figure import Figure
from bench.month import Filled, filled_month, verify_offline
from bench.records import MONTH
from bench.server import REPOSITORY
from ledger.service.export import export_bundle, export_trust
from ledger.service.periods import begin_closing, close_period
from ledger.service.settle import propose_settlement, settle
from tests.browser.session import CHROMIUM, run

SHARE = 0.1  # of the other figures' month of 1,000,000 records
HARNESS = REPOSITORY / "tests" / "browser" / "harness.html"
SKIPPED = "SKIPPED FOR WANT OF CHROMIUM: audit_in_browser is not measured; see make tools"

HAS_BROWSER = CHROMIUM is not None


def audit_in_browser(scale: float, report: Callable[[str, int, int], None]) -> list[Figure]:
    """Seconds of the page over the bundle of a month, against ``kyojo audit verify`` over it."""
    with filled_month(scale * SHARE, report) as filled:
        _settle(filled)
        bundle, trust = filled.folder / "audit.zip", filled.folder / "trust.toml"
        export_bundle(filled.coop, bundle, lambda done, all_: report("export", done, all_))
        export_trust(filled.coop, trust)
        report("the page", 0, 1)
        by_page = _by_page(bundle, trust)
        by_command = verify_offline(bundle, trust).seconds
        count = sum(filled.sizes)
    yardstick = f"kyojo audit verify, the same {count:,} records"
    return [Figure("audit_in_browser", by_page, "s", SQLITE, yardstick, by_command)]


def _settle(filled: Filled) -> None:
    coop = filled.coop
    begin_closing(coop, MONTH)
    close_period(coop, MONTH)
    propose_settlement(coop, MONTH)
    approve(coop)
    settle(coop, MONTH)


def _by_page(bundle: Path, trust: Path) -> float:
    """What the page's program says that it took, in seconds; it must have verified."""
    files = {
        "/index.html": PAGE.read_bytes(),
        "/harness.html": HARNESS.read_bytes(),
        "/cases.json": json.dumps([{"bundle": "bundle", "trust": "trust"}]).encode(),
        "/data/bundle": bundle.read_bytes(),
        "/data/trust": trust.read_bytes(),
    }
    with TemporaryDirectory(prefix="kyojo-bench-chromium-") as home:
        ((answer,), _) = run(files, "/harness.html", Path(home))
    if answer["verdict"] != "verified":
        raise RuntimeError(f"the page says {answer['verdict']}: {str(answer)[:2000]}")
    return float(answer["milliseconds"]) / 1000
