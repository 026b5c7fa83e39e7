"""Commands on the contracts that witness the log: list them, name a successor."""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.office import chosen, show_receipt
from ledger.cli.output import show
from ledger.coop.successors import lines
from ledger.service.successor import name_successor

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the commands on anchor contracts to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    own.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    group = commands.add_parser("anchor-contract", help="the contracts that witness a log")
    verbs = group.add_subparsers(required=True, metavar="VERB")

    listing = verbs.add_parser(
        "list", parents=[own], help="which contracts, and which follows which"
    )
    listing.set_defaults(run=list_contracts)

    naming = verbs.add_parser(
        "succeed", parents=[own], help="propose the contract that follows another"
    )
    naming.add_argument("contract", help="the new contract's address, deployed already")
    naming.add_argument("--rpc", required=True, help="a node of its chain, or embedded:FILE")
    naming.add_argument(
        "--after", metavar="CHAIN/ADDRESS", help="what it follows; not needed where there is one"
    )
    naming.add_argument("--reason", default="", help="why, in a line")
    naming.set_defaults(run=propose_successor)


def list_contracts(options: argparse.Namespace) -> int:
    """Print every contract that is or was the log's witness, and since which entry."""
    with chosen(options) as (_, coop):
        found = lines(coop.state())
    rows = [
        {**target.model_dump(), "entry": index, "is_current": target is line[-1][1]}
        for line in found
        for index, target in line
    ]
    texts = [
        f"{row['chain_id']}/{row['contract']}  from entry {row['entry']}"
        + ("" if row["is_current"] else ", followed by the next")
        for row in rows
    ]
    show("\n".join(texts) or "the charter names no contract", rows, as_json=options.json)
    return 0


def propose_successor(options: argparse.Namespace) -> int:
    """Look at the new contract on its chain, and put it before the members."""
    with chosen(options) as (_, coop):
        receipt = name_successor(
            coop, options.rpc, options.contract, after=options.after, reason=options.reason
        )
        show_receipt(receipt, options)
    return 0
