"""The office's commands ``kyojo books``: what its bookkeeping and its tax office ask for.

One module a command; each has ``add_command(verbs, office)`` and stands in ``COMMANDS`` below.
"""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.books import export, search

COMMANDS = (export, search)


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command and its verbs to the parser."""
    office = argparse.ArgumentParser(add_help=False, parents=[shared])
    office.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    office.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    books = commands.add_parser("books", help="export the books, and search them")
    verbs = books.add_subparsers(required=True, metavar="VERB")
    for module in COMMANDS:
        module.add_command(verbs, office)
