"""``kyojo payout notice``: write the document that goes with each payment of an order."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.statement import add_look, file_name
from ledger.paper.invoice_files import INVOICE_FORMATS, invoice_file
from ledger.service.payout_notice import notices, parse_notice_terms

EPILOG = """\
A self-billed invoice where the member may issue qualified invoices on that day, else a payment
notice that says why. TERMS is a JSON file: {"kyojo_notice_terms": 1, "buyer": party, "sellers":
{member: party}, "rates": {"taxable_sale": {"rate": "10%"}}, "rounding": "floor"}; parties are
described in docs/payout-files.md.
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "notice", parents=[office], help="write invoices or payment notices", epilog=EPILOG
    )
    command.add_argument("order", help="the order's hash, or its first digits")
    command.add_argument("--terms", type=Path, required=True, metavar="FILE")
    command.add_argument("--out", type=Path, required=True, help="the folder for the files")
    command.add_argument(
        "--format", action="append", choices=INVOICE_FORMATS, help="may be repeated; default: json"
    )
    add_look(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write every payment's document in each format."""
    terms = parse_notice_terms(read_file(options.terms))
    with chosen(options) as (_, coop):
        found = notices(coop, options.order, terms)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for one in found:
        for form in options.format or ["json"]:
            ending = "txt" if form == "text" else form
            path = options.out / f"{one.line}-{file_name(one.member)}.{ending}"
            path.write_bytes(invoice_file(one.document, form, options.language, options.font))
            rows.append({"member": one.member, "kind": one.document["kind"], "file": str(path)})
    text = "\n".join(f"{row['member']:<24}{row['kind']:<20}{row['file']}" for row in rows)
    show(text or "every line of this order came back", rows, as_json=options.json)
    return 0
