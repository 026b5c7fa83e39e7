"""``kyojo payout fund``: bring tokens of the sending key to the vault, up to a sum."""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.claims import units
from ledger.service.vault_fund import Funded, Need, fund_vault


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the verb."""
    fund = verbs.add_parser(
        "fund",
        parents=[office],
        help="bring the sender's tokens to the vault, up to what is needed",
    )
    need = fund.add_mutually_exclusive_group(required=True)
    need.add_argument("--period", metavar="YYYY-MM", help="what its claims need, and no more")
    need.add_argument(
        "--deposited", metavar="TOKENS", help="until this was deposited in all, such as 1200.50"
    )
    fund.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do what can be done now, and say how far it is."""
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        found = fund_vault(coop, access, Need(options.period, options.deposited))
    show(_text(found), _document(found), as_json=options.json)
    return 0


def _text(found: Funded) -> str:
    deposited = f"deposited 入金 {units(found.deposited, found.decimals)}"
    missing = units(found.missing, found.decimals)
    stands = (
        f"; missing 不足 {missing}, run this again 再実行"
        if found.missing
        else ", nothing is missing 不足なし"
    )
    if found.transaction is None:
        return f"{deposited}{stands}"
    note = f" ({found.note})" if found.note else ""
    return (
        f"{deposited}{stands}; {found.purpose}: {found.state}{note}, transaction "
        f"0x{found.transaction.hex()}"
    )


def _document(found: Funded) -> dict[str, Any]:
    return {
        "contract": found.contract,
        "token": found.token,
        "wanted": str(found.wanted),
        "deposited": str(found.deposited),
        "missing": str(found.missing),
        "is_done": not found.missing,
        "purpose": found.purpose or None,
        "state": found.state or None,
        "transaction": None if found.transaction is None else found.transaction.hex(),
        "note": found.note,
    }
