"""Which vault pays the members of a currency: named in the log, each after the one before it.

The operator names a vault by chain, contract, code and token, and the members decide on words that
say all of it. From that entry on payouts through the vault are ordered from this one, and an order
says so (``PayoutOrder.vault``). What was ordered from the earlier one stays its own: its tree of
claims counts those orders and no others, and goes on being claimable. So a later vault begins its
cumulative totals at nothing, and pays nothing of what lies before it.

Co-ops paid through a vault before logs named any. The first vault that is named in a currency takes
over the orders that name none: it is the one that has paid them. The entry says how many there are,
and so do the words, because a vault that had *not* paid them would pay them again.

A contract is named once in the life of a log: two currencies, or a vault and its successor, would
else share the one tree that a contract keeps for a log.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from ledger.coop import bodies
from ledger.coop.ages import orders_by_age
from ledger.coop.proposals import put_to_vote
from ledger.coop.state import NamedVault, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import Conflict, DuplicateId, OutOfRange
from ledger.identity.address import to_checksum
from ledger.money import AMOUNT_MAX

METHOD: Final = "vault"
VAULTS_MAX: Final = 16
"""How many vaults a co-op may name in the life of its log, in all currencies together."""


class VaultPlace(bodies.Body):
    """A contract on a chain."""

    chain_id: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    contract: bodies.AddressText


class VaultContract(VaultPlace):
    """A vault: its place, the keccak256 of its code, its token and that token's decimals."""

    code_hash: bodies.Hash
    token: bodies.AddressText
    decimals: Annotated[int, Field(ge=0, le=255)]


class VaultNamed(bodies.Body):
    """The vault that pays a currency from now on, once the members agree.

    ``previous`` is the one that it follows, None for the first. ``orders_before`` counts the orders
    through the vault that name none: they become this one's.
    """

    currency: bodies.Currency
    previous: VaultPlace | None
    vault: VaultContract
    orders_before: bodies.Count
    reason: bodies.ShortText


def vaults_of(state: State, currency: str) -> tuple[NamedVault, ...]:
    """The vaults that were named for a currency, oldest first."""
    return state.vaults.get(currency, ())


def vault_in_force(state: State, currency: str) -> NamedVault | None:
    """The vault from which payouts are ordered now; None where the log names none."""
    found = vaults_of(state, currency)
    return found[-1] if found else None


def place_in_force(state: State, currency: str) -> str | None:
    """The same as ``<chain id>/<contract>``, as orders have it."""
    found = vault_in_force(state, currency)
    return None if found is None else found.place


def currency_of(state: State, contract: str, chain_id: int | None) -> str | None:
    """The currency for which the log names a contract; None where it names it for none.

    Without a chain it counts on whichever it was named.
    """
    for currency, named in state.vaults.items():
        for one in named:
            if one.contract == contract.lower() and chain_id in (None, one.chain_id):
                return currency
    return None


def orders_without_vault(state: State, currency: str) -> list[str]:
    """The orders through the vault that name none, by id, oldest first."""
    return [
        id_
        for id_, order in orders_by_age(state)
        if (order.currency, order.method, order.vault) == (currency, METHOD, None)
    ]


def subject_of(body: VaultNamed) -> str:
    """What the members decide on."""
    vault = body.vault
    words = (
        f"Pay {body.currency} through the vault {to_checksum(vault.contract)} on chain "
        f"{vault.chain_id} with code {vault.code_hash}, in the token {to_checksum(vault.token)} "
        f"of {vault.decimals} decimals"
    )
    if body.previous is not None:
        before = body.previous
        words += f", instead of {to_checksum(before.contract)} on chain {before.chain_id}"
    if body.orders_before:
        words += f", with the {body.orders_before:,} order(s) made before"
    return words


def name_vault(step: Step, body: VaultNamed) -> Change:
    """Put a vault before the electorate."""
    _check(step.state, body)
    return Change(put_to_vote(step, subject_of(body), body), currency=body.currency)


def enact_vault(step: Step, state: State, proposal: Proposal) -> State:
    """Payouts through the vault are ordered from this one from now on."""
    body = bodies.parse_body(VaultNamed, dict(proposal.body))
    _check(state, body)
    found = NamedVault(**body.vault.model_dump(), index=step.index)
    taken = {
        id_: replace(state.orders[id_], vault=found.place)
        for id_ in orders_without_vault(state, body.currency)
    }
    return replace(
        state,
        orders={**state.orders, **taken},
        vaults={**state.vaults, body.currency: (*vaults_of(state, body.currency), found)},
    )


def _check(state: State, body: VaultNamed) -> None:
    vault, currency = body.vault, body.currency
    digits = state.terms().digits(currency)
    if vault.decimals < digits:
        raise OutOfRange(
            f"a token of {vault.decimals} decimals cannot hold {currency}, which has {digits}"
        )
    before = body.previous
    stated = None if before is None else f"{before.chain_id}/{before.contract}"
    current = place_in_force(state, currency)
    if stated != current:
        raise Conflict(
            f"{currency} is paid through {current or 'no vault that is named'} now, and this one "
            f"would follow {stated or 'none'}; withdraw it and name the vault anew"
        )
    known = [one.place for named in state.vaults.values() for one in named]
    if f"{vault.chain_id}/{vault.contract}" in known:
        raise DuplicateId(
            f"{vault.contract} on chain {vault.chain_id} is or was a vault of this co-op; a vault "
            "is named once, and its successor is a new contract"
        )
    if len(known) >= VAULTS_MAX:
        raise OutOfRange(f"a co-op names at most {VAULTS_MAX} vaults in all")
    waiting = len(orders_without_vault(state, currency))
    if body.orders_before != waiting:
        raise Conflict(
            f"{waiting} order(s) in {currency} were made through a vault that is not named, the "
            f"entry takes over {body.orders_before}; withdraw it and name the vault anew"
        )
