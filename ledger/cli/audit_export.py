"""The auditor's commands that need the installation's database, or a chain."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from ledger.audit.anchors import ChainView
from ledger.chain.node import open_node
from ledger.cli.office import chosen
from ledger.cli.output import progress, show
from ledger.service.chain_view import NodeChainView
from ledger.service.export import export_bundle, export_period, export_trust


def run_export(options: argparse.Namespace) -> int:
    """Write the bundle of a co-op's whole log, or of what proves one month."""
    with chosen(options) as (_, coop), progress("export", quiet=options.json) as report:
        if options.period is None:
            manifest = export_bundle(coop, options.out, report)
        else:
            manifest = export_period(coop, options.period, options.out, report)
    size_bytes = options.out.stat().st_size
    document = {
        "file": str(options.out),
        "bytes": size_bytes,
        "start": manifest.start,
        "end": manifest.end,
    }
    text = f"{options.out}: entries {manifest.start} to {manifest.end - 1}, {size_bytes:,} bytes"
    show(text, document, as_json=options.json)
    return 0


def run_trust(options: argparse.Namespace) -> int:
    """Write a trust file from the co-op's own state; compare it with other members' before use."""
    with chosen(options) as (_, coop):
        export_trust(coop, options.out)
    show(f"{options.out} written; compare it with what other members hold", None,
         as_json=options.json)  # fmt: skip
    return 0


@contextmanager
def node_at(url: str) -> Iterator[ChainView]:
    """A chain node to ask."""
    with open_node(url) as node:
        yield NodeChainView(node)
