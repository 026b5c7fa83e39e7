"""``kyojo rules``: what people who write rules need. All of it works on files, without a server.

One verb a module; each reads files, calls the pure packages, and prints.
"""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.rules import check, diff, evaluate, explain, schema, spec

Commands = Any

VERBS = (check, schema, evaluate, spec, diff, explain)


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``rules`` and its verbs to the parser."""
    command = commands.add_parser(
        "rules",
        help="for those who write rules: check, try, test, compare and explain them",
        epilog="docs/rules.md is the guide for authors of rules.",
    )
    verbs = command.add_subparsers(required=True, metavar="VERB", title="verbs")
    for module in VERBS:
        module.add_verb(verbs, shared)
