"""``kyojo payout name-vault`` and ``vaults``: which vault pays the members, as the log has it."""

from __future__ import annotations

import argparse
from typing import Any

from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.words import UNNAMED
from ledger.coop.charter import Charter
from ledger.coop.subjects import money
from ledger.identity.address import to_checksum
from ledger.service.name_vault import name_vault
from ledger.service.vaults import VaultStanding, vaults


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the two verbs."""
    naming = verbs.add_parser(
        "name-vault", parents=[office], help="propose the vault that pays a currency from now on"
    )
    naming.add_argument("contract", help="the vault's address, deployed already")
    naming.add_argument("--rpc", required=True, help="a node of its chain, or embedded:FILE")
    naming.add_argument("--currency", help="what it pays; not needed where there is one")
    naming.add_argument("--reason", default="", help="why, in a line")
    naming.add_argument(
        "--nothing-published",
        action="store_true",
        help="no vault has ever published claims of the orders that name none",
    )
    naming.set_defaults(run=propose_vault)
    listing = verbs.add_parser(
        "vaults", parents=[office], help="which vaults the log names, and what each was to pay"
    )
    listing.set_defaults(run=list_vaults)


def propose_vault(options: argparse.Namespace) -> int:
    """Look at the vault on its chain, and put it before the members."""
    with chosen(options) as (_, coop):
        made = name_vault(
            coop,
            options.rpc,
            options.contract,
            currency=options.currency,
            reason=options.reason,
            nothing_published=options.nothing_published,
        )
    text = f"entry {made.receipt.index}; the members decide: {made.subject}"
    document = {"entry": made.receipt.index, "subject": made.subject}
    show(text, document, as_json=options.json)
    return 0


def list_vaults(options: argparse.Namespace) -> int:
    """Print every vault that is or was in force, and what its orders have come to."""
    with chosen(options) as (_, coop):
        state = coop.state()
        found = vaults(state)
        terms = state.terms()
    lines = [_line(terms, one) for one in found]
    if all(one.named is None for one in found):
        lines.append(UNNAMED)
    show("\n".join(lines), [_document(one) for one in found], as_json=options.json)
    return 0


def _line(terms: Charter, one: VaultStanding) -> str:
    sums = {"ordered 指図": one.ordered, "paid 支払済": one.paid, "expired 失効": one.expired}
    amounts = ", ".join(
        f"{name} {money(terms, amount, one.currency)}" for name, amount in sums.items()
    )
    if one.named is None:
        return f"{one.currency}  through a vault that is not named 指定なし: {amounts}"
    where = f"{one.named.chain_id}/{to_checksum(one.named.contract)}"
    since = f"from entry {one.named.index}"
    force = "in force 有効" if one.is_current else "followed by the next 承継済"
    return f"{one.currency}  {where}  {since}, {force}: {amounts}"


def _document(one: VaultStanding) -> dict[str, Any]:
    named = one.named
    place = (
        None
        if named is None
        else {
            "chain_id": named.chain_id,
            "contract": named.contract,
            "code_hash": named.code_hash,
            "token": named.token,
            "decimals": named.decimals,
            "entry": named.index,
        }
    )
    return {
        "currency": one.currency,
        "vault": place,
        "is_current": one.is_current,
        "orders": one.orders,
        "ordered_minor": one.ordered,
        "paid_minor": one.paid,
        "expired_minor": one.expired,
    }
