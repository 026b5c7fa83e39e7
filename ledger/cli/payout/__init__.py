"""The office's commands ``kyojo payout``: from what is payable to what the bank said.

One module a command; each has ``add_command(verbs, office)`` and stands in ``COMMANDS`` below.
"""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.payout import (
    claimed,
    claims,
    export,
    fund,
    hold,
    instruct,
    notice,
    propose,
    result,
    show,
    vaults,
)

COMMANDS = (propose, show, export, result, notice, claims, claimed, fund, hold, instruct, vaults)


def add_commands(commands: Any, shared: argparse.ArgumentParser) -> None:
    """Add the command and its verbs to the parser."""
    office = argparse.ArgumentParser(add_help=False, parents=[shared])
    office.add_argument(
        "--config", help="the configuration file (default: KYOJO_CONFIG, kyojo.toml)"
    )
    office.add_argument("--coop", help="the co-op's short name; not needed where there is one")
    payout = commands.add_parser("payout", help="pay members what is settled")
    verbs = payout.add_subparsers(required=True, metavar="VERB")
    for module in COMMANDS:
        module.add_command(verbs, office)
