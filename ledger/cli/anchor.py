"""Commands around anchors: make them, and look at a contract with nothing but a node."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ledger.cli.output import exit_code, show

Commands = Any
BLOCKS_MAX = 50_000


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add ``anchor`` and its verb to the parser."""
    anchoring = commands.add_parser(
        "anchor", parents=[shared], help="anchor the newest checkpoint; or look at a contract"
    )
    anchoring.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, "
                           "kyojo.toml)")  # fmt: skip
    anchoring.add_argument("--coop", help="the co-op's short name, where there are several")
    anchoring.add_argument("--now", action="store_true", help="whatever the policy says")
    anchoring.set_defaults(run=run_anchor)
    verbs = anchoring.add_subparsers(metavar="VERB")
    look = verbs.add_parser(
        "show",
        parents=[shared],
        help="what a contract holds of a log; needs a node, no installation",
        epilog="exit status: 0 all that was looked at fits, 3 something does not",
    )
    look.add_argument("--rpc", required=True, metavar="URL", help="a JSON-RPC node of your choice")
    look.add_argument("--contract", required=True, metavar="0x…", help="the contract's address")
    look.add_argument("--origin", required=True, help="the log's name")
    look.add_argument("--code-hash", metavar="HEX", help="keccak256 of the code that you expect")
    look.add_argument("--chain-id", type=int, metavar="N", help="the chain that you expect")
    look.add_argument("--blocks", type=int, default=BLOCKS_MAX, metavar="N",
                      help=f"how far back to read the history (default {BLOCKS_MAX})")  # fmt: skip
    look.set_defaults(run=run_show)


# Database and chain are imported when a command asks for them; see ``main``.


def run_anchor(options: argparse.Namespace) -> int:
    """Anchor on every target and record what has become final."""
    from ledger.cli.office import chosen  # noqa: PLC0415
    from ledger.service import anchor  # noqa: PLC0415

    with chosen(options) as (installation, coop):
        accesses = installation.chains(coop.log.slug)
        reports = anchor.anchor_all(coop, accesses, now=options.now)
        document = anchor.reports_document(coop, reports)
    lines = [line for report in reports for line in anchor.report_lines(report)]
    show("\n".join(lines), document, as_json=options.json)
    return next((exit_code(one.error) for one in reports if one.error is not None), 0)


def run_show(options: argparse.Namespace) -> int:
    """Print what a contract holds of a log, and what was not checked."""
    from ledger.service.anchor_show import Asked, show_contract  # noqa: PLC0415

    asked = Asked(options.contract, options.origin, options.chain_id, options.code_hash)
    document = show_contract(options.rpc, asked, blocks_max=options.blocks)
    show("\n".join(_lines(document)), document, as_json=options.json)
    return 3 if document["problems"] else 0


def _lines(found: dict[str, Any]) -> Iterator[str]:
    signers = found["signers"]
    latest, final = found["latest"], found["final_head"]
    yield f"chain {found['chain_id']}, block {latest['number']} {latest['hash']}"
    yield f"contract {found['contract']}, code hash {found['code_hash']} ({found['code_is']})"
    count = len(signers["addresses"])
    yield f"signers, {signers['k']} of {count} needed, epoch {signers['epoch']}:"
    yield from (f"  {address}" for address in signers["addresses"])
    yield f"one anchor adds at most {signers['max_growth']} entries"
    yield f"head of {found['origin']}: size {found['head']['size']}, root {found['head']['root']}"
    if final is not None:
        yield f"final at block {final['block']}: size {final['size']}, root {final['root']}"
    for event in found["anchors"]:
        yield (f"  block {event['block_number']}: size {event['previous_size']} to "
               f"{event['size']}, transaction {event['transaction']}")  # fmt: skip
    for kind, ja in (("problems", "問題"), ("not_checked", "未確認")):
        for text in found[kind]:
            yield f"{kind.replace('_', ' ')} {ja}: {text}"
