"""``kyojo payout claims``, ``publish-claims``, ``claim`` and ``vault``: payment through the vault.

The first two are the office's. The other two need no installation: a node, the vault's address and,
to claim, the file.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.chain.node import open_node
from ledger.chain.vault import period_name
from ledger.cli.files import read_file
from ledger.cli.office import chosen
from ledger.cli.output import show
from ledger.cli.payout.words import FOLLOWED, UNNAMED
from ledger.coop.vaults import place_in_force
from ledger.errors import InvalidInput
from ledger.payout.claims import format_dump, parse_dump
from ledger.period import format_posix
from ledger.service.claim import Paid, Vault
from ledger.service.claims import check_vault, claims_tree
from ledger.service.publish_claims import Published, Signed, publish_claims, sign_claims
from ledger.service.vault_view import OriginView, VaultView, view_vault
from ledger.service.vaults import find_vault
from ledger.wiring import EMBEDDED_GAS_KEY, read_secret

EMBEDDED = "embedded:"


def add_command(verbs: Any, office: argparse.ArgumentParser) -> None:
    """Add the four verbs."""
    claims = verbs.add_parser(
        "claims", parents=[office], help="write the file by which members claim from the vault"
    )
    claims.add_argument("--period", required=True, metavar="YYYY-MM", help="up to and with it")
    claims.add_argument("--out", required=True, type=Path, help="the file to write")
    claims.add_argument("--currency", help="where no vault is configured")
    claims.add_argument("--decimals", type=int, help="the token's, instead of asking the vault")
    claims.add_argument(
        "--vault", metavar="CHAIN/ADDRESS", help="one that the log names, instead of the settings'"
    )
    claims.set_defaults(run=write_claims)
    publish = verbs.add_parser(
        "publish-claims", parents=[office], help="bring a month's claims to the vault"
    )
    publish.add_argument("--period", required=True, metavar="YYYY-MM", help="up to and with it")
    publish.add_argument(
        "--sign", action="store_true", help="only sign, with the approvers' keys at hand"
    )
    publish.add_argument(
        "--signature", action="append", default=[], help="of an approver elsewhere (hex)"
    )
    publish.set_defaults(run=publish_root)
    _add_claim(verbs)
    _add_vault(verbs)


def _add_claim(verbs: Any) -> None:
    claim = verbs.add_parser(
        "claim", help="have the vault pay an account what it has earned; anybody may, for anybody"
    )
    _add_place(claim)
    claim.add_argument("--origin", required=True, help="the co-op's log")
    claim.add_argument("--claims", required=True, type=Path, help="the file of claims")
    claim.add_argument("--account", action="append", required=True, help="whom to pay")
    claim.add_argument("--sender-key", help="file of the key that pays the gas")
    claim.add_argument("--dry-run", action="store_true", help="only say what would be paid")
    claim.set_defaults(run=claim_for)


def _add_vault(verbs: Any) -> None:
    vault = verbs.add_parser(
        "vault", help="what a vault holds: deposited, published, paid, withdrawn, by co-op"
    )
    _add_place(vault)
    vault.add_argument("--origin", action="append", default=[], help="the name of a co-op's log")
    vault.add_argument(
        "--from-block", type=int, default=0, help="where to begin the search for co-ops"
    )
    vault.add_argument(
        "--only", action="store_true", help="only the co-ops named by --origin; no search"
    )
    vault.set_defaults(run=show_vault)


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.add_argument("--rpc", required=True, help="a JSON-RPC URL, or embedded:FILE")
    command.add_argument("--vault", required=True, help="the vault's address")


def write_claims(options: argparse.Namespace) -> int:
    """Write OpenZeppelin's dump of the tree."""
    with chosen(options) as (installation, coop):
        state = coop.state()
        currency, decimals, vault = options.currency, options.decimals, options.vault
        if vault is not None:
            named = find_vault(state, vault)
            currency, decimals, vault = named.currency, named.vault.decimals, named.vault.place
        elif decimals is None or currency is None:
            access = installation.vault(coop.log.slug)
            currency, vault = currency or access.currency, access.vault
            if decimals is None:
                with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
                    decimals = check_vault(node, access).decimals
        else:
            vault = place_in_force(state, currency)
        tree = claims_tree(
            state, period=options.period, currency=currency, decimals=decimals, vault=vault
        )
    options.out.write_bytes(format_dump(tree))
    document = {
        "period": options.period,
        "currency": currency,
        "decimals": decimals,
        "vault": vault,
        "root": tree.root.hex(),
        "total": str(tree.total),
        "accounts": len(tree.claims),
        "out": str(options.out),
    }
    text = (
        f"{options.out}: {len(tree.claims)} account(s), {units(tree.total, decimals)} in all, "
        f"root 0x{tree.root.hex()}\n{UNNAMED if vault is None else f'claims from {vault}'}"
    )
    show(text, document, as_json=options.json)
    return 0


def publish_root(options: argparse.Namespace) -> int:
    """Publish, or only sign."""
    given = [parse_signature(text) for text in options.signature]
    with chosen(options) as (installation, coop):
        access = installation.vault(coop.log.slug)
        if options.sign:
            signed = sign_claims(coop, access, options.period)
            lines = [f"0x{one.signature.hex()}  {one.signer}" for one in signed]
            show("\n".join(lines), [signed_document(one) for one in signed], as_json=options.json)
            return 0
        found = publish_claims(coop, access, options.period, signatures=given)
    show(published_text(found), _published_document(found), as_json=options.json)
    return 0


def claim_for(options: argparse.Namespace) -> int:
    """Claim for each account, or say what would be paid."""
    claims = parse_dump(read_file(options.claims))
    rows: list[Paid] = []
    with open_node(options.rpc) as node:
        vault = Vault(node, options.vault, options.origin, claims)
        vault.check()
        for account in options.account:
            if options.dry_run:
                rows.append(Paid(vault.due(account), 0, None))
            else:
                rows.append(vault.claim(account, _sender(options)))
    text = "\n".join(paid_text(row, is_dry=options.dry_run) for row in rows)
    show(text, [_paid_document(row, is_dry=options.dry_run) for row in rows], as_json=options.json)
    return 0


def show_vault(options: argparse.Namespace) -> int:
    """Print the sums."""
    if options.only and not options.origin:
        raise InvalidInput("--only shows the co-ops named by --origin; name one")
    found = view_vault(
        options.rpc,
        options.vault,
        origins=options.origin,
        first_block=None if options.only else options.from_block,
    )
    show("\n".join(vault_lines(found)), vault_document(found), as_json=options.json)
    return 0


def units(amount: int, decimals: int) -> str:
    """Base units as tokens, exactly: ``1,234.5``."""
    whole, rest = divmod(amount, 10**decimals)
    part = f"{rest:0{decimals}d}".rstrip("0") if rest else ""
    return f"{whole:,}" + (f".{part}" if part else "")


def published_text(found: Published) -> str:
    """Where a publication stands, for people."""
    place = f"vault {found.contract} on chain {found.chain_id}"
    sent = "" if found.transaction is None else f", transaction 0x{found.transaction.hex()}"
    note = f" ({found.note})" if found.note else ""
    stands = "stands 公開済み" if found.is_published else "is not there yet 未公開"
    first = (
        f"{found.period}: root 0x{found.root.hex()} of {found.accounts} account(s) {stands} in "
        f"{place}; {found.state}{note}{sent}"
    )
    lines = [first]
    if found.named_in is None:
        lines.append(UNNAMED)
    if found.followed_by is not None:
        lines.append(FOLLOWED.format(found.followed_by))
    return "\n".join(lines)


def paid_text(row: Paid, *, is_dry: bool) -> str:
    """What a claim paid or would pay, for people; base units."""
    due = row.due
    if is_dry:
        return f"{due.account}: earned {due.cumulative}, paid {due.paid}, would be paid {due.due}"
    if row.transaction is None:
        return f"{due.account}: nothing is due, {due.paid} of {due.cumulative} was paid before"
    return (
        f"{due.account}: paid {row.amount}, {due.paid} in all, transaction "
        f"0x{row.transaction.hex()}"
    )


def vault_lines(found: VaultView) -> Iterator[str]:
    """A vault for people: amounts in tokens."""
    terms = found.terms
    yield (
        f"vault {found.contract} on chain {found.chain_id}, block {found.block_number}: token "
        f"{terms.token}, {terms.k} of {len(terms.signers)} approvers (epoch {terms.epoch}), claims "
        f"stand {terms.claim_window_seconds // 86_400} days"
    )
    yield f"  holds 残高 {units(found.balance, terms.decimals)}"
    if found.is_complete:
        stray = found.balance - found.owed
        yield f"  of it for no co-op 帰属なし {units(stray, terms.decimals)}"
    for one in found.origins:
        yield from _origin_lines(one, terms.decimals)


def _origin_lines(one: OriginView, decimals: int) -> Iterator[str]:
    sums = one.sums
    yield one.origin or f"co-op 0x{one.origin_hash.hex()}"
    amounts = {
        "deposited 入金": sums.deposited,
        "published 公開": sums.publication.total,
        "paid 支払済": sums.paid,
        "unclaimed 未請求": sums.unclaimed,
        "withdrawn 引出": sums.withdrawn,
        "surplus 余剰": sums.surplus,
    }
    yield "  " + ", ".join(f"{name} {units(value, decimals)}" for name, value in amounts.items())
    if sums.publication.period:
        yield f"  {period_name(sums.publication.period)} root 0x{sums.publication.root.hex()}"
    if sums.hold.until:
        yield f"  held 保留 {period_name(sums.hold.period)} until {format_posix(sums.hold.until)}"


def vault_document(found: VaultView) -> dict[str, Any]:
    """A vault as a JSON object; amounts are text, in base units."""
    terms = found.terms
    return {
        "chain_id": found.chain_id,
        "contract": found.contract,
        "block_number": found.block_number,
        "token": terms.token,
        "decimals": terms.decimals,
        "signers": list(terms.signers),
        "k": terms.k,
        "epoch": terms.epoch,
        "claim_window_seconds": terms.claim_window_seconds,
        "balance": str(found.balance),
        "is_complete": found.is_complete,
        "origins": [_origin_document(one) for one in found.origins],
    }


def _origin_document(one: OriginView) -> dict[str, Any]:
    sums = one.sums
    return {
        "origin_hash": one.origin_hash.hex(),
        "origin": one.origin,
        "deposited": str(sums.deposited),
        "withdrawn": str(sums.withdrawn),
        "published": str(sums.publication.total),
        "paid": str(sums.paid),
        "unclaimed": str(sums.unclaimed),
        "surplus": str(sums.surplus),
        "period": period_name(sums.publication.period) or None,
        "root": sums.publication.root.hex(),
        "held_period": period_name(sums.hold.period) or None,
        "held_until": sums.hold.until,
    }


def _published_document(found: Published) -> dict[str, Any]:
    return {
        "period": found.period,
        "root": found.root.hex(),
        "total": str(found.total),
        "accounts": found.accounts,
        "chain_id": found.chain_id,
        "contract": found.contract,
        "is_published": found.is_published,
        "state": found.state,
        "transaction": None if found.transaction is None else found.transaction.hex(),
        "block_number": found.block_number,
        "note": found.note,
        "named_in": found.named_in,
        "followed_by": found.followed_by,
    }


def signed_document(one: Signed) -> dict[str, str]:
    """An approver's signature as a JSON object."""
    return {
        "signer": one.signer,
        "signature": one.signature.hex(),
        "digest": one.digest.hex(),
    }


def _paid_document(row: Paid, *, is_dry: bool) -> dict[str, Any]:
    return {
        "account": row.due.account,
        "cumulative": str(row.due.cumulative),
        "paid_in_all": str(row.due.paid),
        "due": str(row.due.due) if is_dry else "0",
        "paid_now": str(row.amount),
        "transaction": None if row.transaction is None else row.transaction.hex(),
    }


def _sender(options: argparse.Namespace) -> bytes:
    if options.sender_key is not None:
        return read_secret(options.sender_key)
    if options.rpc.startswith(EMBEDDED):
        return EMBEDDED_GAS_KEY
    raise InvalidInput("--sender-key names the key that pays the gas")


def parse_signature(text: str) -> bytes:
    """A signature of 65 bytes in hex; raises InvalidInput."""
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise InvalidInput(f"{text[:20]!r} is no signature: 130 hex digits") from error
    if len(found) != 65:
        raise InvalidInput(f"a signature has 65 bytes, {text[:20]!r} has {len(found)}")
    return found
