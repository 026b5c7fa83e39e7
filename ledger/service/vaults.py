"""The vaults of a co-op as its log has them: which were named, and what each was to pay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledger.coop.payouts import vault_orders
from ledger.coop.state import NamedVault, PayoutOrder, State
from ledger.coop.vaults import vault_in_force, vaults_of
from ledger.errors import NotFound


@dataclass(frozen=True, slots=True)
class VaultStanding:
    """A vault and what its orders come to, in minor units.

    ``named`` is None for the orders through a vault that the log does not name. ``ordered`` is all
    of it; ``paid`` and ``expired`` are what was confirmed of that.
    """

    currency: str
    named: NamedVault | None
    is_current: bool
    orders: int
    ordered: int
    paid: int
    expired: int


def vaults(state: State) -> tuple[VaultStanding, ...]:
    """Every vault that is or was in force, oldest first, currency by currency."""
    return tuple(_standings(state))


@dataclass(frozen=True, slots=True)
class FoundVault:
    """A vault that the log names, and the currency that it pays or paid."""

    currency: str
    vault: NamedVault


def find_vault(state: State, place: str) -> FoundVault:
    """A vault by ``<chain id>/<contract>``; raises NotFound if the log names none such."""
    for currency, named in state.vaults.items():
        for one in named:
            if one.place == place.lower():
                return FoundVault(currency, one)
    known = [one.place for named in state.vaults.values() for one in named]
    raise NotFound(f"the log names no vault {place!r:.80}; it names {', '.join(known) or 'none'}")


def _standings(state: State) -> Iterator[VaultStanding]:
    for terms in state.terms().currencies:
        currency = terms.code
        unnamed = vault_orders(state, currency, None)
        if unnamed:
            yield _standing(currency, None, unnamed, is_current=not vaults_of(state, currency))
        current = vault_in_force(state, currency)
        for one in vaults_of(state, currency):
            orders = vault_orders(state, currency, one.place)
            yield _standing(currency, one, orders, is_current=one == current)


def _standing(
    currency: str, named: NamedVault | None, orders: Mapping[str, PayoutOrder], *, is_current: bool
) -> VaultStanding:
    lines = [line for order in orders.values() for line in order.lines.values()]

    def total(*states: str) -> int:
        return sum(line.amount_minor for line in lines if not states or line.state in states)

    return VaultStanding(
        currency=currency,
        named=named,
        is_current=is_current,
        orders=len(orders),
        ordered=total(),
        paid=total("paid"),
        expired=total("expired"),
    )
