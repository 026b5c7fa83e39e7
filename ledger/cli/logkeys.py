"""Commands on the log's own keys: list, add, retire."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.office import chosen, show_receipt
from ledger.cli.output import show
from ledger.coop.logkeys import in_force
from ledger.service import logkeys
from ledger.wiring import read_log_key

Commands = Any


def add_commands(commands: Commands, shared: argparse.ArgumentParser) -> None:
    """Add the commands on log keys to the parser."""
    own = argparse.ArgumentParser(add_help=False, parents=[shared])
    own.add_argument("--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)")
    own.add_argument("--coop", help="the co-op's short name; not needed where there is only one")
    group = commands.add_parser("log-key", help="the keys with which a log signs")
    verbs = group.add_subparsers(required=True, metavar="VERB")

    listing = verbs.add_parser("list", parents=[own], help="which keys sign, and which did")
    listing.set_defaults(run=list_keys)

    adding = verbs.add_parser("add", parents=[own], help="announce a further key to the members")
    adding.add_argument(
        "file", type=Path, help="its file, as `kyojo key FILE --log ORIGIN` made it"
    )
    adding.set_defaults(run=add_key)

    retiring = verbs.add_parser("retire", parents=[own], help="propose the end of a key")
    retiring.add_argument("vkey")
    retiring.add_argument("--reason", default="")
    retiring.set_defaults(run=retire_key)


def list_keys(options: argparse.Namespace) -> int:
    """Print every key of the log and from which to which entry it is in force."""
    with chosen(options) as (_, coop):
        keys = coop.state().log_keys
    rows = [
        {"vkey": vkey, "added": key.added, "retired": key.retired, "signs": vkey in in_force(keys)}
        for vkey, key in keys.items()
    ]
    lines = [
        f"{row['vkey']}  from entry {row['added']}"
        + ("" if row["retired"] is None else f" to entry {row['retired']}")
        for row in rows
    ]
    show("\n".join(lines), rows, as_json=options.json)
    return 0


def add_key(options: argparse.Namespace) -> int:
    """Announce a key: the members decide, and then it signs beside the others."""
    key = read_log_key(str(options.file))
    with chosen(options) as (_, coop):
        show_receipt(logkeys.announce(coop, key), options)
    return 0


def retire_key(options: argparse.Namespace) -> int:
    """Propose the end of a key."""
    with chosen(options) as (_, coop):
        show_receipt(logkeys.retire(coop, options.vkey, options.reason), options)
    return 0
