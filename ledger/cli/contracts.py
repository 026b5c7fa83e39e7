"""Commands on the contracts that witness the log: list them, name a successor, new anchorers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen, show_receipt
from ledger.cli.output import show
from ledger.cli.quorum import keep_instruction
from ledger.coop.successors import lines
from ledger.service.anchor_access import access_to
from ledger.service.instructions import make_rotation
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

    rotating = verbs.add_parser(
        "rotate", parents=[own], help="have a contract's quorum replace its anchorers"
    )
    rotating.add_argument(
        "--anchorer", required=True, action="append", metavar="0x…", help="every one from then on"
    )
    rotating.add_argument(
        "-k", dest="k", required=True, type=int, help="how many of them make a quorum"
    )
    rotating.add_argument(
        "--contract", metavar="CHAIN/ADDRESS", help="which; not needed where there is one"
    )
    rotating.add_argument("--out", required=True, type=Path, help="the instruction's file")
    rotating.set_defaults(run=make_rotation_file)


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


def make_rotation_file(options: argparse.Namespace) -> int:
    """Write the instruction that the contract's quorum is to sign."""
    with chosen(options) as (installation, coop):
        accesses = installation.chains(coop.log.slug)
        access = access_to(coop.state(), accesses, options.contract)
        made = make_rotation(coop, access, options.anchorer, options.k)
    return keep_instruction(made, options)


def propose_successor(options: argparse.Namespace) -> int:
    """Look at the new contract on its chain, and put it before the members."""
    with chosen(options) as (_, coop):
        receipt = name_successor(
            coop, options.rpc, options.contract, after=options.after, reason=options.reason
        )
        show_receipt(receipt, options)
    return 0
