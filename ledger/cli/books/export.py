"""``kyojo books export``: the books for hledger or beancount, settlements as a FOCUS table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import progress, show
from ledger.service.books import WRITERS, Span, export_books
from ledger.service.books_focus import FOCUS, export_focus

EPILOG = """\
The whole log is read again, so the file holds nothing that the log does not; the same log gives the
same bytes. Check it with `hledger -f FILE check --strict` or `bean-check FILE` (docs/books.md).
"""


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    command = verbs.add_parser(
        "export", parents=[office], help="write the books as a file", epilog=EPILOG
    )
    command.add_argument("--format", required=True, choices=(*WRITERS, FOCUS))
    span = command.add_mutually_exclusive_group()
    span.add_argument(
        "--period", metavar="YYYY-MM", help="this calendar month; FOCUS: its settlement"
    )
    span.add_argument("--through", metavar="YYYY-MM", help="all up to the end of this month")
    command.add_argument("--out", type=Path, required=True, metavar="FILE")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file and say how much is in it."""
    span = Span(options.period, options.through)
    if options.format == FOCUS:
        return _focus(options, span)
    with chosen(options) as (_, coop), progress("entries", quiet=options.json) as report:
        made = export_books(coop, options.format, span, report)
    options.out.write_bytes(made.data)
    text = (
        f"{options.out}: {options.format}, {made.transactions} transactions, balances of the state "
        f"asserted at {made.assertions} days"
    )
    document = {
        "file": str(options.out),
        "format": options.format,
        "transactions": made.transactions,
        "checkpoints": made.assertions,
    }
    show(text, document, as_json=options.json)
    return 0


def _focus(options: argparse.Namespace, span: Span) -> int:
    with chosen(options) as (_, coop):
        made = export_focus(coop, span)
    options.out.write_bytes(made.data)
    text = f"{options.out}: FOCUS 1.2, {made.transactions} rows of {made.assertions} settlement(s)"
    document = {
        "file": str(options.out),
        "format": FOCUS,
        "rows": made.transactions,
        "settlements": made.assertions,
    }
    show(text, document, as_json=options.json)
    return 0
