"""``kyojo payout report-claims``: what the vault has paid or let expire, for another to confirm."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.words import UNNAMED
from ledger.service.claims_paid import read_claimed, report_claimed


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "report-claims", parents=[office], help="report what members have claimed, and what expired"
    )
    command.add_argument(
        "--out", required=True, type=Path, help="where to keep what the vault said, as evidence"
    )
    command.add_argument(
        "--from-block",
        type=int,
        help="look for what expired from this block on, not where earlier reports ended; 0 is all",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the vault at its final block, keep that, report what is new."""
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        found = read_claimed(coop, access, from_block=options.from_block)
        options.out.write_bytes(found.evidence)
        entries = [receipt.index for receipt in report_claimed(coop, found)]
    lines = [f"entry {index}; somebody else confirms it" for index in entries]
    lines = lines or [f"nothing new is claimed at block {found.block_number}"]
    lines += [
        f"{account}: expired 失効, {part.start} to {part.end} minor units went to {part.reserve}"
        for account, parts in found.expired.items()
        for part in parts
    ]
    if found.vault is None:
        lines.append(UNNAMED)
    document = {
        "currency": found.currency,
        "block_number": found.block_number,
        "vault": found.vault,
        "searched_from": found.searched_from,
        "claimed_minor": found.claimed,
        "expired": {
            account: [asdict(part) for part in parts] for account, parts in found.expired.items()
        },
        "entries": entries,
        "out": str(options.out),
    }
    show("\n".join(lines), document, as_json=options.json)
    return 0
