"""Commands of a member: say where one is paid, and see what is known and due."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import canonical
from ledger.cli.files import read_file
from ledger.cli.output import show
from ledger.payout.account import EvmAccount, account_document, hint_of, parse_account, seal_account

EPILOG = """\
FILE is a JSON document of an account: {"type": "jp", ...}, {"type": "iban", ...} or {"type": "evm",
"address": "0x..."} (docs/payout-files.md). Of a bank account only a salted hash and its last digits
go into the log; you and the office can read the rest. Somebody else confirms it, and it counts
after the charter's delay; until then you are paid where you were.
"""
SALT_BYTES = 32


def add_commands(verbs: Any, own: argparse.ArgumentParser, client_of: Callable[..., Any]) -> None:
    """Add the verbs; ``client_of`` opens the client that the options name."""
    destination = verbs.add_parser("destination", help="where one is paid")
    actions = destination.add_subparsers(required=True, metavar="VERB")
    setting = actions.add_parser("set", parents=[own], help="name an account", epilog=EPILOG)
    setting.add_argument("member")
    setting.add_argument("file", type=Path)
    setting.add_argument("--currency", required=True)
    setting.set_defaults(run=set_destination, client_of=client_of)
    showing = actions.add_parser("show", parents=[own], help="one's accounts")
    showing.set_defaults(run=show_destinations, client_of=client_of)

    payouts = verbs.add_parser("payouts", parents=[own], help="what one is due and was paid")
    payouts.set_defaults(run=show_payouts, client_of=client_of)


def set_destination(options: argparse.Namespace) -> int:
    """Name an account, its details sealed with a fresh salt."""
    account = parse_account(canonical.parse(read_file(options.file), what=str(options.file)))
    blobs: list[bytes] = []
    if isinstance(account, EvmAccount):
        where: dict[str, Any] = {"type": "evm", "address": str(account.address).lower()}
    else:
        sealed = seal_account(account, secrets.token_bytes(SALT_BYTES))
        blobs.append(sealed)
        named = {"sha256": sha256(sealed).hexdigest(), "bytes": len(sealed)}
        kind = "iban" if account_document(account)["type"] == "iban" else "bank"
        where = {"type": kind, "details": named, "hint": hint_of(account)}
    body = {"member": options.member, "currency": options.currency, "destination": where}
    with options.client_of(options) as client:
        receipt = client.submit_entry("payout-destination-set", body, blobs)
    show(f"entry {receipt['index']}; somebody else confirms it", receipt, as_json=options.json)
    return 0


def show_destinations(options: argparse.Namespace) -> int:
    """Print one's accounts: in force, coming, and to be confirmed."""
    found = _read(options)["destinations"]
    lines = [
        f"{one['member']} in {one['currency']}: {one['type']} {one['hint']}, {one['status']}"
        f"{'' if one['since'] is None else ' since ' + one['since']}"
        for one in found
    ]
    show("\n".join(lines) or "no account is named", found, as_json=options.json)
    return 0


def show_payouts(options: argparse.Namespace) -> int:
    """Print what one is due, in minor units, and one's payments."""
    found = _read(options)
    names = ("due", "ordered", "paid", "returned", "expired", "held", "owed", "payable")
    lines = [
        f"{one['member']}, {one['currency']} in minor units: "
        + ", ".join(f"{name} {one[name]}" for name in names)
        for one in found["members"]
    ]
    lines += [
        f"{order['period']} {line['id']}: {line['amount_minor']} {order['currency']} "
        f"to {line['member']}, {line['state']}"
        for order in found["orders"]
        for line in order["lines"]
    ]
    lines += [
        f"{one['currency']} is paid through the vault {one['contract']} on chain {one['chain_id']} "
        f"(entry {one['entry']})"
        for one in found["vaults"]
        if one["is_current"]
    ]
    shown = {name: found[name] for name in ("members", "orders", "vaults")}
    show("\n".join(lines) or "nothing is due", shown, as_json=options.json)
    return 0


def _read(options: argparse.Namespace) -> dict[str, Any]:
    with options.client_of(options) as client:
        client.sign_in()
        found: dict[str, Any] = client.get("payouts")
    return found
