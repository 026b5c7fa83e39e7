"""Members' claims in the vault: the tree of what the log ordered, and how the vault is reached.

The tree is a function of the log: every line of a payout order from a vault counts in the tree of
that vault, so anybody who has the log makes the same file, and its root is the published one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ledger.chain.fees import FeePolicy
from ledger.chain.node import FinalityDepths, Node
from ledger.chain.vault import VaultTerms, read_paid, require_vault
from ledger.coop.payouts import vault_orders, vault_totals
from ledger.coop.state import NamedVault, State
from ledger.errors import AnchorMismatch, Conflict, NotFound, OutOfRange, VaultMismatch
from ledger.payout.claims import Claims, build_claims
from ledger.period import MONTH


@dataclass(frozen=True, slots=True)
class VaultAccess:
    """How to reach the vault that pays in ``currency``, who pays the gas, which approvers sign.

    ``named`` is the vault as the log has it (``ledger.service.vault_in_log``); None where the log
    names none for the currency.
    """

    url: str
    contract: str
    currency: str
    sender_key: bytes
    approver_keys: tuple[bytes, ...] = ()
    chain_id: int | None = None
    fees: FeePolicy = field(default_factory=FeePolicy)
    depths: FinalityDepths | None = None
    timeout_seconds: float = 10.0
    named: NamedVault | None = None

    @property
    def vault(self) -> str | None:
        """How the log's orders name it, ``<chain id>/<contract>``."""
        return None if self.named is None else self.named.place


def claims_tree(
    state: State, *, period: str, currency: str, decimals: int, vault: str | None = None
) -> Claims:
    """The tree of what each account was ordered from a vault, up to and with ``period``.

    ``decimals`` are the token's, ``vault`` as in ``vault_totals``. Raises Conflict while the month
    is not settled, NotFound if nothing was ordered through the vault, OutOfRange for a token that
    is too coarse.
    """
    if MONTH.fullmatch(period) is None:
        raise OutOfRange(f"{period[:20]!r} is not a month like 2026-10")
    scale = base_units(state.terms().digits(currency), decimals)
    known = state.periods.get(period)
    if known is None or known.status != "settled":
        raise Conflict(f"{period} is not settled; claims follow what is settled and ordered")
    totals = vault_totals(state, currency, through=period, vault=vault)
    if not totals:
        named = "" if vault is None else f" {vault}"
        raise NotFound(
            f"no payment in {currency} was ordered through the vault{named} up to {period}: "
            "propose it (kyojo payout propose) and have it approved"
        )
    return build_claims({account: amount * scale for account, amount in totals.items()})


def paid_in_log(state: State, currency: str, vault: str | None) -> dict[str, int]:
    """What the log has as paid, or as expired, by a vault: by account, in minor units."""
    found: dict[str, int] = {}
    for order in vault_orders(state, currency, vault).values():
        for line in order.lines.values():
            if line.state in ("paid", "expired"):
                account = str(line.account)
                found[account] = found.get(account, 0) + line.amount_minor
    return found


def base_units(minor_digits: int, decimals: int) -> int:
    """How many base units of the token one minor unit is; raises OutOfRange if it is too coarse."""
    if not minor_digits <= decimals <= 255:
        raise OutOfRange(
            f"a token of {decimals} decimals cannot hold a currency of {minor_digits}",
            decimals=decimals,
            minor_digits=minor_digits,
        )
    scale: int = 10 ** (decimals - minor_digits)
    return scale


def require_same_vault(
    node: Node, contract: str, *, origin: str, paid: Mapping[str, int], earlier: Iterable[str]
) -> None:
    """Check that the vault is the one that paid what the log has as paid.

    The tree is cumulative over all that was ever ordered from a vault, so a contract that has paid
    nobody yet would pay all of it again. ``paid`` is base units by account, ``earlier`` the vaults
    that this installation has brought claims to and the log does not name. Raises AnchorMismatch.
    """
    others = sorted({one for one in earlier if one.lower() != contract.lower()})
    if others:
        raise AnchorMismatch(
            f"claims of this log were brought to the vault {others[0]}, the settings name "
            f"{contract}: it would pay all months again, for its tree counts every order of the "
            "log. Set contract and url in [coops.NAME.vault] back to the first one; a rehearsal "
            "belongs to a copy of the installation",
            kind="other-vault",
            earlier=others[0],
        )
    for account, amount in paid.items():
        found = read_paid(node, contract, origin, account)
        if found < amount:
            raise AnchorMismatch(
                f"the log has {amount} base units as paid to {account} through the vault, "
                f"{contract} has paid {found}: it is another vault, or its node is behind. It "
                "would pay the difference again. Set contract and url in [coops.NAME.vault] to "
                "the vault that paid; where a line was paid in another way, have its report set "
                "right (kyojo payout result) before",
                kind="other-vault",
                account=account,
                logged=amount,
                found=found,
            )


def check_vault(node: Node, access: VaultAccess) -> VaultTerms:
    """The vault's terms.

    Raises AnchorMismatch for another chain or other code, VaultMismatch for what is not what the
    log names, NotFound if no vault stands there.
    """
    if access.chain_id is not None and node.chain_id != access.chain_id:
        raise AnchorMismatch(
            f"the settings say chain {access.chain_id}, the node serves {node.chain_id}",
            expected=access.chain_id,
            found=node.chain_id,
        )
    if access.named is not None and node.chain_id != access.named.chain_id:
        raise VaultMismatch(
            f"the log names a vault on chain {access.named.chain_id}, the node serves "
            f"{node.chain_id} (ノードのチェーンが台帳の指定と異なります)",
            expected=access.named.chain_id,
            found=node.chain_id,
        )
    terms = require_vault(node, access.contract)
    if access.named is not None:
        _check_named(node, terms, access.named)
    return terms


def _check_named(node: Node, terms: VaultTerms, named: NamedVault) -> None:
    stated = (named.code_hash, named.token, named.decimals)
    found = (node.code_hash(named.contract).hex(), terms.token.lower(), terms.decimals)
    if stated != found:
        raise VaultMismatch(
            f"the log names {named.contract} with code {stated[0]}, token {stated[1]} and "
            f"{stated[2]} decimals; the chain has {found[0]}, {found[1]} and {found[2]} "
            "(コントラクトが台帳の指定と異なります)",
            expected=stated,
            found=found,
        )
