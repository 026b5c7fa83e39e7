"""Which of the log's vaults the settings mean: what they name has to be what the members decided.

Money goes where a vault's tree says, so the address in ``kyojo.toml`` is never believed on its own
once the log names a vault. An earlier vault may stand in the settings too: what was ordered from it
is still published and claimed there, and it counts nothing else. Where the log names no vault for
the currency, the settings are all there is, and whoever shows something says so; but a vault that
the log names for another currency pays that one, whatever currency the settings give it.
"""

from __future__ import annotations

from dataclasses import replace

from ledger.coop.state import NamedVault, State
from ledger.coop.vaults import currency_of, place_in_force, vaults_of
from ledger.errors import VaultMismatch
from ledger.service.claims import VaultAccess


def bound(state: State, access: VaultAccess) -> VaultAccess:
    """The same access with the vault that the log names there; as it was where it names none.

    Raises VaultMismatch if the log names vaults for the currency and this is none of them, or names
    this one for another currency.
    """
    return replace(access, named=_named(state, access))


def followed_by(state: State, access: VaultAccess) -> str | None:
    """The vault in force, if the settings mean an earlier one: that one gets no new orders."""
    current = place_in_force(state, access.currency)
    return current if access.vault not in (None, current) else None


def _named(state: State, access: VaultAccess) -> NamedVault | None:
    found = vaults_of(state, access.currency)
    for one in found:
        is_it = one.contract == access.contract.lower()
        if is_it and access.chain_id in (None, one.chain_id):
            return one
    paid_there = currency_of(state, access.contract, access.chain_id)
    if paid_there is not None:
        raise VaultMismatch(
            f"the settings let the vault {access.contract} pay {access.currency}, the log names it "
            f"for {paid_there}: set currency in [coops.NAME.vault] to that; if another contract is "
            "meant, on another chain, say its chain_id "
            "(設定の通貨が、台帳がこの支払用コントラクトに指定した通貨と異なります)",
            settings=access.currency,
            named=paid_there,
        )
    if not found:
        return None
    where = "" if access.chain_id is None else f" on chain {access.chain_id}"
    raise VaultMismatch(
        f"the settings name the vault {access.contract}{where}, the log names "
        f"{', '.join(one.place for one in found)} for {access.currency}, the last one in force "
        "(設定の支払用コントラクトが台帳の指定と異なります)",
        settings=access.contract.lower(),
        named=[one.place for one in found],
    )
