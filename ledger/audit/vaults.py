"""The vaults that a log names, compared with what stands on the chain.

The members decided on a code hash; a node shows whether the contract there has that code. Earlier
vaults count too: what was ordered from them is claimed there for years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.audit.anchors import ChainView
from ledger.coop.state import NamedVault, State


@dataclass(frozen=True, slots=True)
class OtherCode:
    """A named vault at whose address other code stands, or none; ``found`` is that code's hash."""

    vault: NamedVault
    found: str

    @property
    def words(self) -> tuple[str, str]:
        """What is wrong, in English and Japanese."""
        wanted = self.vault.code_hash
        en = f"the code there has the hash {self.found}, the members decided on {wanted}"
        return en, "支払用コントラクトのコードハッシュが組合員の決議と一致しません"


def vaults_with_other_code(state: State, chain: ChainView) -> Iterator[OtherCode]:
    """The vaults on the node's chain whose code is not what the log says."""
    number = chain.chain_id()
    for named in state.vaults.values():
        for one in named:
            if one.chain_id == number:
                found = chain.code_hash(one.contract).hex()
                if found != one.code_hash:
                    yield OtherCode(one, found)
