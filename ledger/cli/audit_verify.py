"""``kyojo audit verify``, once the bundle is open: the part that needs most of the program."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext

from ledger.audit.anchors import ChainView
from ledger.audit.opened import Opened
from ledger.audit.report import report_document
from ledger.audit.report_text import report_text
from ledger.cli.output import progress, show
from ledger.cli.trust import read_trust
from ledger.service.audit import verify_here


def verify(opened: Opened, options: argparse.Namespace) -> int:
    """Print the report on the open bundle; the exit code is its verdict."""
    trust = None if options.trust is None else read_trust(options.trust)
    with _chain(options.rpc) as chain, progress("entries", quiet=options.json) as report:
        found = verify_here(opened, trust, chain=chain, progress=report)
    text = report_text(found, options.language)
    show(text.rstrip("\n"), report_document(found), as_json=options.json)
    return found.exit_code


def _chain(url: str | None) -> AbstractContextManager[ChainView | None]:
    """The node at a URL, if one is to be asked."""
    if url is None:
        return nullcontext()
    from ledger.cli.audit_export import node_at  # noqa: PLC0415 - the chain, where it is asked for

    return node_at(url)
