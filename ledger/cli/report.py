"""A member reports what nobody meters: KPI readings, and figures for games, votes and matrices."""

from __future__ import annotations

import argparse
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.cli.files import read_file
from ledger.cli.output import show
from ledger.usage.totals import SALT_BYTES

REPLACES = "the entry of the confirmed report that this one takes the place of"
SECTIONS = ("matrices", "payments", "games", "ballots", "totals")


def add_commands(verbs: Any, own: argparse.ArgumentParser, client_of: Any) -> None:
    """Add the verbs to ``kyojo member``; ``client_of`` opens the client that options name."""
    kpi = verbs.add_parser("kpi", parents=[own], help="report a KPI reading")
    kpi.add_argument("period", metavar="YYYY-MM")
    kpi.add_argument("id", help="the KPI, as the rules name it")
    kpi.add_argument("value", type=int)
    kpi.add_argument("--scale", type=int, default=1, help="what makes a whole: 1000000 for ppm")
    kpi.add_argument("--member", default="_", help="whose reading; default: the whole town's")
    kpi.add_argument("--evidence", type=Path, help="the file it was read from; its hash is kept")
    kpi.add_argument("--replaces", type=int, metavar="ENTRY", help=REPLACES)
    kpi.set_defaults(run=report_kpi, client_of=client_of)

    figures = verbs.add_parser(
        "figures",
        parents=[own],
        help="report figures that are not metered (JSON)",
        epilog="FILE holds what stands under the name in a run's inputs; see docs/rules.md.",
    )
    figures.add_argument("period", metavar="YYYY-MM")
    figures.add_argument("section", choices=SECTIONS)
    figures.add_argument("id", help="the name by which the rules call them")
    figures.add_argument("file", type=Path, metavar="FILE")
    figures.add_argument("--replaces", type=int, metavar="ENTRY", help=REPLACES)
    figures.set_defaults(run=report_figures, client_of=client_of)


def report_kpi(options: argparse.Namespace) -> int:
    """Send a reading; members then confirm it."""
    path = options.evidence
    evidence = None if path is None else sha256(read_file(path)).hexdigest()
    body = {
        "period": options.period,
        "id": options.id,
        "member": options.member,
        "value": options.value,
        "scale": options.scale,
        "evidence_hash": evidence,
        **_replaced(options),
    }
    with options.client_of(options) as client:
        receipt = client.submit_entry("kpi-reported", body, [])
    show(f"entry {receipt['index']}; it waits for confirmation", receipt, as_json=options.json)
    return 0


def _replaced(options: argparse.Namespace) -> dict[str, int]:
    return {} if options.replaces is None else {"replaces": options.replaces}


def report_figures(options: argparse.Namespace) -> int:
    """Salt the figures, send them as a blob; members then confirm them."""
    value = canonical.parse(read_file(options.file), what=str(options.file))
    blob = secrets.token_bytes(SALT_BYTES) + canonical.encode(value)
    digest = sha256(blob).hexdigest()
    body = {
        "period": options.period,
        "section": options.section,
        "id": options.id,
        "figures": {"sha256": digest, "bytes": len(blob)},
        **_replaced(options),
    }
    with options.client_of(options) as client:
        receipt = client.submit_entry("figures-reported", body, [blob])
    size = f"{len(blob):,} bytes, SHA-256 {digest[:16]}…"
    text = f"entry {receipt['index']}; {size} wait for confirmation"
    show(text, {**receipt, "sha256": digest}, as_json=options.json)
    return 0
