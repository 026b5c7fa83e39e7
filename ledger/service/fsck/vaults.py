"""The vault of the settings, and those on the chain, against the vaults that the log names."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.audit.anchors import ChainView
from ledger.audit.vaults import vaults_with_other_code
from ledger.coop.vaults import vaults_of
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
    is_named = any(
        one.contract == setting.contract and setting.chain_id in (None, one.chain_id)
        for one in named
    )
    if named and not is_named:
        places = ", ".join(one.place for one in named)
        fold.findings.add(
            "vault-mismatch", ("settings", f"coops.{setting.slug}.vault", "contract"),
            f"kyojo.toml names {setting.contract}, the log {places} for {setting.currency}",
            "kyojo.toml の支払用コントラクトが台帳の指定と異なります",
        )  # fmt: skip
