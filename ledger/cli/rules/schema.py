"""``kyojo rules schema``: the rule language as a JSON Schema, for editors."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ledger.cli.output import show
from ledger.cli.rules.files import write_text
from ledger.rules.schema import rules_schema

Commands = Any


def add_verb(verbs: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``schema`` to the parser."""
    command = verbs.add_parser(
        "schema",
        parents=[shared],
        help="print the JSON Schema of rule sets, for editors",
        epilog="a rule set names it in its first line: # yaml-language-server: $schema=FILE",
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="write it there instead")
    command.set_defaults(run=run_schema)


def schema_text() -> str:
    """The schema as it is written to files."""
    return json.dumps(rules_schema(), ensure_ascii=False, indent=1) + "\n"


def run_schema(options: argparse.Namespace) -> int:
    """Print the schema, or write it to a file."""
    if options.out is None:
        print(schema_text(), end="")
        return 0
    write_text(options.out, schema_text())
    show(f"{options.out}: written", {"file": str(options.out)}, as_json=options.json)
    return 0
