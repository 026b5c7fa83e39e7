"""``kyojo payout notice``: write the document that goes with each payment of an order."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.statement import add_look, file_name
from ledger.paper.invoice_files import INVOICE_FORMATS, invoice_file
from ledger.service.notice_terms import parse_notice_terms
from ledger.service.payout_notice import notices

EPILOG = """\
A self-billed invoice where the member may issue qualified invoices on that day, else a payment
notice that says why. An order that was proposed with terms carries its documents: these are
written, and --again makes them once more of the log as it was and compares every byte. For other
orders give TERMS, else notice_terms of kyojo.toml counts. It is a JSON file: {"kyojo_notice_terms":
1, "buyer": party, "sellers": {member: party}, "rates": {"taxable_sale": {"rate": "10%"}},
"rounding": "floor"}; parties are described in docs/payout-files.md.
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "notice", parents=[office], help="write invoices or payment notices", epilog=EPILOG
    )
    command.add_argument("order", help="the order's hash, or its first digits")
    command.add_argument("--terms", type=Path, metavar="FILE", help="of orders without documents")
    command.add_argument(
        "--again", action="store_true", help="make them again of the log as it was, and compare"
    )
    command.add_argument("--out", type=Path, required=True, help="the folder for the files")
    command.add_argument(
        "--format", action="append", choices=INVOICE_FORMATS, help="may be repeated; default: json"
    )
    add_look(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write every payment's document in each format."""
    with chosen(options) as (installation, coop):
        terms = None if options.terms is None else parse_notice_terms(read_file(options.terms))
        fallback = None if terms is not None else installation.notice_terms(coop.log.slug)
        made = notices(coop, options.order, terms, fallback=fallback, again=options.again)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for one in made.found:
        for form in options.format or ["json"]:
            ending = "txt" if form == "text" else form
            path = options.out / f"{one.line}-{file_name(one.member)}.{ending}"
            path.write_bytes(invoice_file(one.document, form, options.language, options.font))
            rows.append(
                {
                    "member": one.member,
                    "kind": one.document["kind"],
                    "file": str(path),
                    "sha256": one.sha256,
                    "is_in_log": one.is_sealed,
                    "is_same_again": one.is_again,
                }
            )
    lines = [f"{row['member']:<24}{row['kind']:<20}{row['file']}{_again(row)}" for row in rows]
    lines += [f"{line}: no document: {why}" for line, why in made.left_out.items()]
    show("\n".join(lines) or "every line of this order came back", rows, as_json=options.json)
    return 3 if any(row["is_same_again"] is False for row in rows) else 0


def _again(row: Mapping[str, Any]) -> str:
    same = row["is_same_again"]
    if same is None:
        return ""
    return "  the same to the byte" if same else f"  DIFFERS from what is made now {row['sha256']}"
