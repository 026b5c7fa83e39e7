"""Commands of an auditor: export a bundle, write a trust file, verify offline."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.errors import InvalidInput
from ledger.service.audit_file import opened_file

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the auditor's commands to the parser."""
    audit = commands.add_parser("audit", help="export and verify, offline")
    verbs = audit.add_subparsers(required=True, metavar="VERB")
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    own.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    own.add_argument("--out", type=Path, required=True, metavar="FILE")

    export = verbs.add_parser("export", parents=[own], help="write an audit bundle")
    export.add_argument(
        "--period", metavar="MONTH", help="only what proves this month (default: the whole log)"
    )
    export.set_defaults(run=_run_export)

    trust = verbs.add_parser("trust", parents=[own], help="write a trust file to start from")
    trust.set_defaults(run=_run_trust)

    verify = verbs.add_parser(
        "verify",
        parents=[shared],
        help="verify a bundle; needs no database and no server",
        epilog="exit status: 0 verified, 3 not verified, 4 consistent (no trust file), 2 unusable",
    )
    verify.add_argument("file", type=Path)
    verify.add_argument("--trust", type=Path, help="what you know of the co-op from elsewhere")
    verify.add_argument("--rpc", metavar="URL", help="a chain node to ask about the anchors")
    verify.add_argument("--language", choices=("en", "ja"), default="en")
    verify.add_argument(
        "--jobs", type=int, metavar="N", help="processes that judge batches (default: one a core)"
    )
    verify.set_defaults(run=run_verify)


def run_verify(options: argparse.Namespace) -> int:
    """Verify a bundle and print the report; the exit code is its verdict."""
    try:
        options.file.open("rb").close()
    except OSError as error:
        raise InvalidInput(f"cannot read {options.file}: {error}") from error
    with opened_file(options.file, jobs=options.jobs, may_fork=True) as opened:
        # Not sooner: while this is loaded, other processes judge the first batches.
        from ledger.cli.audit_verify import verify  # noqa: PLC0415

        return verify(opened, options)


# Database and chain are imported when a command asks for them; see ``main``.


def _run_export(options: argparse.Namespace) -> int:
    from ledger.cli.audit_export import run_export  # noqa: PLC0415

    return run_export(options)


def _run_trust(options: argparse.Namespace) -> int:
    from ledger.cli.audit_export import run_trust  # noqa: PLC0415

    return run_trust(options)
