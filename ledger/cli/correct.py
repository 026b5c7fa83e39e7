"""The office's command ``correct``: propose what late usage changes in settled months."""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.office import chosen, show_receipt
from ledger.cli.output import show
from ledger.coop.corrections import Computed
from ledger.money import format_minor
from ledger.service import correct

Commands = Any

EPILOG = """\
Every settled month with late usage is run again under its own rules, and with it those settled
after it. The members decide (kyojo member proposals, kyojo member decide); what they approve is
posted in the next open month. What is not above the rules' materiality waits until it adds up.
"""


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "correct",
        parents=[shared],
        help="propose the correction of settled months",
        epilog=EPILOG,
    )
    command.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    command.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    command.add_argument("--currency", help="not needed where the co-op has only one")
    command.add_argument("--dry-run", action="store_true", help="only say what would change")
    command.set_defaults(run=run_correct)


def run_correct(options: argparse.Namespace) -> int:
    """Propose the correction that is due, or print it."""
    with chosen(options) as (_, coop):
        if options.dry_run:
            computed = correct.draft_correction(coop, options.currency)
            document = dict(computed.correction.document)
            show(_words(computed), document, as_json=options.json)
        else:
            show_receipt(correct.propose_correction(coop, options.currency), options)
    return 0


def _words(computed: Computed) -> str:
    digits = int(computed.correction.document["minor_digits"])
    months = ", ".join(rerun.period for rerun in computed.reruns)
    rows = [
        f"{member:<24}{format_minor(amount, digits=digits, grouped=True):>16}"
        for member, amount in computed.correction.net.items()
        if amount
    ]
    head = f"{months}, posted in {computed.posted_in}, {computed.currency}"
    return "\n".join([head, *rows, f"id {computed.id.hex()}"])
