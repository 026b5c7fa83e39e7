"""``kyojo payout result``: read what the bank did, and report it for somebody else to confirm."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.export import day_of
from ledger.errors import InvalidInput
from ledger.payout.bank_csv import parse_column_map
from ledger.service.payout_result import Imported, import_results, report_rejected

EPILOG = """\
FILE is a camt.053 statement, or with --map a CSV table. Reading a file again changes nothing. Rows
that need a person are listed and change nothing. With --rejected, FILE is the bank's message that
it did not take an order: whatever is still on its way is reported as returned.
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "result", parents=[office], help="import what the bank did", epilog=EPILOG
    )
    command.add_argument("file", type=Path)
    command.add_argument("--map", type=Path, help="what the columns of a CSV table mean (JSON)")
    command.add_argument("--rejected", metavar="ORDER", help="the bank did not take this order")
    command.add_argument("--reason", help="with --rejected")
    command.add_argument("--on", type=day_of, metavar="YYYY-MM-DD", help="with --rejected")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import the file, or report that an order was not taken."""
    data = read_file(options.file)
    if options.rejected is not None:
        return _reject(options, data)
    columns = None if options.map is None else parse_column_map(read_file(options.map))
    with chosen(options) as (_, coop):
        found = import_results(coop, data, columns)
    entries = [receipt.index for receipt in found.receipts]
    show(_words(found), {**found.report, "entries": entries}, as_json=options.json)
    return 0


def _reject(options: argparse.Namespace, data: bytes) -> int:
    if not options.reason:
        raise InvalidInput("say why the bank did not take it: --reason TEXT")
    day = options.on or datetime.now(UTC).date()
    with chosen(options) as (_, coop):
        receipt = report_rejected(
            coop, options.rejected, day=day, reason=options.reason, evidence=data
        )
    document = {"entries": [receipt.index]}
    show(f"entry {receipt.index}; somebody else confirms it", document, as_json=options.json)
    return 0


def _words(found: Imported) -> str:
    report = found.report
    counts = {name: len(report[name]) for name in ("changes", "duplicates", "pending", "findings")}
    known = f"{counts['duplicates']} known, {counts['pending']} pending"
    rows = f"{report['rows']} rows, {counts['changes']} new, {known}"
    lines = [f"{report['format']}: {rows}, {report['others']} of others"]
    lines += [f"{one['line']}: {one['status']} on {one['date']}" for one in report["changes"]]
    for one in report["findings"]:
        lines.append(
            f"{one['place']}: {one['en']} {one['reference']} {one['detail']}\n  {one['ja']}"
        )
    lines += [f"{one['where']}: {one['message']}" for one in report["notes"]]
    lines += [f"entry {one.index}; somebody else confirms it" for one in found.receipts]
    return "\n".join(lines)
