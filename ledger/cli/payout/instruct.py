"""``kyojo payout withdraw``, ``expire`` and ``rotate``: make what the vault's approvers sign.

Each writes an instruction; ``kyojo quorum`` shows, signs and sends it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.quorum import keep_instruction
from ledger.payout.claims import parse_dump
from ledger.service.instructions import make_expiry, make_rotation, make_withdrawal


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the three verbs."""
    withdraw = verbs.add_parser(
        "withdraw", parents=[office], help="have the quorum take back what no tree covers"
    )
    withdraw.add_argument("--amount", required=True, metavar="TOKENS", help="such as 1200.50")
    withdraw.add_argument("--recipient", required=True, metavar="0x…", help="who gets it")
    withdraw.set_defaults(run=run_withdraw)
    expire = verbs.add_parser(
        "expire", parents=[office], help="have the quorum let expire what was not claimed in time"
    )
    expire.add_argument("--claims", required=True, type=Path, help="an old file of claims")
    expire.add_argument("--account", required=True, metavar="0x…", help="who did not claim")
    expire.add_argument("--reserve", required=True, metavar="0x…", help="who gets it instead")
    expire.set_defaults(run=run_expire)
    rotate = verbs.add_parser(
        "rotate", parents=[office], help="have the quorum replace the vault's approvers"
    )
    rotate.add_argument(
        "--approver", required=True, action="append", metavar="0x…", help="every one from then on"
    )
    rotate.add_argument("--approvals", required=True, type=int, help="how many make a quorum")
    rotate.set_defaults(run=run_rotate)
    for command in (withdraw, expire, rotate):
        command.add_argument("--out", required=True, type=Path, help="the instruction's file")


def run_withdraw(options: argparse.Namespace) -> int:
    """Write the instruction to withdraw."""
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        made = make_withdrawal(coop, access, options.amount, options.recipient)
    return keep_instruction(made, options)


def run_expire(options: argparse.Namespace) -> int:
    """Write the instruction to let expire."""
    claims = parse_dump(read_file(options.claims))
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        made = make_expiry(coop, access, claims, options.account, options.reserve)
    return keep_instruction(made, options)


def run_rotate(options: argparse.Namespace) -> int:
    """Write the instruction to replace the approvers."""
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        made = make_rotation(coop, access, options.approver, options.approvals)
    return keep_instruction(made, options)
