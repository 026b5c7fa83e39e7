"""``kyojo payout export``: write the bank's file of an approved order, the same bytes each time."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.service.payout_export import Exported, Wanted, export_order
from ledger.wiring import calendar_with

FORMATS = ("zengin", "pain.001.001.03", "pain.001.001.09", "csv")
EPILOG = """\
The first export records the file in the log; later ones give the same bytes, and another format or
day is refused. What the bank does not take is reported by `kyojo payout result` and ordered again.
The payer is a JSON file: {"code": "10 digits", "account": {"type": "jp", ...}} for banks in Japan,
{"type": "iban", ...} for orders by IBAN (docs/payout-files.md).
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "export", parents=[office], help="write the bank's file of an approved order", epilog=EPILOG
    )
    command.add_argument("order", help="the order's hash, or its first digits")
    command.add_argument("--format", required=True, choices=FORMATS)
    command.add_argument("--out", type=Path, required=True, metavar="FILE")
    command.add_argument("--pay-on", type=day_of, metavar="YYYY-MM-DD", help="the first time only")
    command.add_argument("--payer", type=Path, metavar="FILE", help="who pays; not for csv")
    command.add_argument(
        "--holidays",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a list of Japan's holidays with further years; may be repeated",
    )
    command.set_defaults(run=run)


def day_of(text: str) -> date:
    """A day of the calendar; argparse tells what is wrong with another text."""
    return date.fromisoformat(text)


def run(options: argparse.Namespace) -> int:
    """Write the file and print its control totals and what names lost."""
    payer = None
    if options.payer is not None:
        payer = canonical.parse(read_file(options.payer), what=str(options.payer))
    with chosen(options) as (installation, coop):
        calendar = calendar_with(options.holidays, installation.bank_calendar(coop.log.slug))
        wanted = Wanted(options.format, options.pay_on, payer, calendar)
        made = export_order(coop, options.order, wanted)
    options.out.write_bytes(made.data)
    show(_words(made, options.out), {"order": made.order_id, **made.report}, as_json=options.json)
    return 0


def _words(made: Exported, out: Path) -> str:
    totals = made.report["control_totals"]
    how = "written" if made.is_new else "written again, the same bytes"
    sums = f"{totals['count']} payment(s), {totals['amount_minor']} in minor units"
    day = f"to be paid on {made.report['pay_on']}"
    lines = [f"{out}: {made.report['format']}, {sums}, {day}; {how}"]
    lines += [f"{one['line']}: {one}" for one in made.report.get("losses", ())]
    lines += [f"{note['en']}\n{note['ja']}" for note in made.report.get("notes", ())]
    return "\n".join(lines)
