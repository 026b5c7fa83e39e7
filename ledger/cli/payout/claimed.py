"""``kyojo payout report-claims``: what members have claimed is paid, for somebody to confirm."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.service.claims_paid import read_claimed, report_claimed


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "report-claims", parents=[office], help="report as paid what members have claimed"
    )
    command.add_argument(
        "--out", required=True, type=Path, help="where to keep what the vault said, as evidence"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the vault at its final block, keep that, report what is new."""
    with chosen(options) as (installation, coop):
        found = read_claimed(coop, installation.vault(coop.log.slug))
        options.out.write_bytes(found.evidence)
        entries = [receipt.index for receipt in report_claimed(coop, found)]
    lines = [f"entry {index}; somebody else confirms it" for index in entries]
    document = {
        "currency": found.currency,
        "block_number": found.block_number,
        "claimed_minor": found.claimed,
        "entries": entries,
        "out": str(options.out),
    }
    text = "\n".join(lines) or f"nothing new is claimed at block {found.block_number}"
    show(text, document, as_json=options.json)
    return 0
