"""Parsing the command line, and the one place where errors become exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from ledger.cli import audit, logkeys, member, office, proof
from ledger.cli.output import exit_code, show_error
from ledger.errors import KyojoError

EPILOG = """\
exit codes: 0 done · 2 unusable arguments or input · 3 infeasible, or not verified · 4 consistent
with itself, but no trust file (audit verify, verify-proof) · 5 not permitted · 6 conflict ·
7 unavailable, try again · 8 not found · 70 a bug of kyojo
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = build_parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except KyojoError as error:
        show_error(error, as_json=options.json)
        return exit_code(error)
    except KeyboardInterrupt:
        print("kyojo: stopped; every command may be run again", file=sys.stderr)
        return 130
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="kyojo",
        description="A profit-sharing co-op ledger (共助).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"kyojo {version('kyojo')}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print one JSON document")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for module in (office, logkeys, member, audit, proof):
        module.add_commands(commands, shared)
    return parser
