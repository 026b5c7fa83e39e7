"""Commands of an auditor: export a bundle, write a trust file, verify offline."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ledger.audit.anchors import ChainView
from ledger.audit.report import report_document
from ledger.audit.report_text import report_text
from ledger.audit.trust import Trust, parse_trust
from ledger.cli.output import progress, show
from ledger.errors import InvalidInput, KyojoError
from ledger.service.audit import verify_file

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
    trust = None if options.trust is None else read_trust(options.trust)
    try:
        options.file.open("rb").close()
    except OSError as error:
        raise InvalidInput(f"cannot read {options.file}: {error}") from error
    with _chain(options.rpc) as chain, progress("entries", quiet=options.json) as report:
        found = verify_file(options.file, trust, jobs=options.jobs, chain=chain, progress=report)
    text = report_text(found, options.language)
    show(text.rstrip("\n"), report_document(found), as_json=options.json)
    return found.exit_code


def read_trust(path: Path) -> Trust:
    """The trust file at ``path``; raises InvalidInput with every fault."""
    try:
        return parse_trust(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    except KyojoError as error:
        raise InvalidInput(f"{path}: {error.message}", faults=error.faults) from error


# Database and chain are imported when a command asks for them; see ``main``.


def _run_export(options: argparse.Namespace) -> int:
    from ledger.cli.audit_export import run_export  # noqa: PLC0415

    return run_export(options)


def _run_trust(options: argparse.Namespace) -> int:
    from ledger.cli.audit_export import run_trust  # noqa: PLC0415

    return run_trust(options)


def _chain(url: str | None) -> AbstractContextManager[ChainView | None]:
    """The node at a URL, if one is to be asked."""
    if url is None:
        return nullcontext()
    from ledger.cli.audit_export import node_at  # noqa: PLC0415

    return node_at(url)
