"""The vault of the settings, and those on the chain, against the vaults that the log names."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.audit.anchors import ChainView
from ledger.audit.vaults import vaults_with_other_code
from ledger.coop.vaults import currency_of, vaults_of
from ledger.service.fsck.fold import Fold


@dataclass(frozen=True, slots=True)
class VaultSetting:
    """What ``[coops.NAME.vault]`` says; the contract in lower case, the chain where it is given."""

    slug: str
    contract: str
    currency: str
    chain_id: int | None


def check_vaults(fold: Fold, setting: VaultSetting | None, chain: ChainView | None) -> None:
    """Note settings that name another vault than the log, and vaults with other code."""
    if setting is not None:
        _check_setting(fold, setting)
    if chain is not None:
        for one in vaults_with_other_code(fold.state, chain):
            fold.findings.add("vault-mismatch", ("chain", one.vault.place, "code"), *one.words)


def _check_setting(fold: Fold, setting: VaultSetting) -> None:
    named = vaults_of(fold.state, setting.currency)
    if any(
        one.contract == setting.contract and setting.chain_id in (None, one.chain_id)
        for one in named
    ):
        return
    paid_there = currency_of(fold.state, setting.contract, setting.chain_id)
    if paid_there is not None:
        _note(
            fold, setting, "currency",
            f"kyojo.toml lets {setting.contract} pay {setting.currency}, "
            f"the log names it for {paid_there}",
            "kyojo.toml の通貨が、台帳がこの支払用コントラクトに指定した通貨と異なります",
        )  # fmt: skip
    elif named:
        places = ", ".join(one.place for one in named)
        _note(
            fold, setting, "contract",
            f"kyojo.toml names {setting.contract}, the log {places} for {setting.currency}",
            "kyojo.toml の支払用コントラクトが台帳の指定と異なります",
        )  # fmt: skip


def _note(fold: Fold, setting: VaultSetting, field: str, en: str, ja: str) -> None:
    place = ("settings", f"coops.{setting.slug}.vault", field)
    fold.findings.add("vault-mismatch", place, en, ja)
