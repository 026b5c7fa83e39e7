"""Name the vault that pays a currency, once a node shows what it is and that it fits the log."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.chain.node import Node, open_node
from ledger.chain.vault import VaultTerms, read_publication, require_vault
from ledger.coop.state import NamedVault, State
from ledger.coop.vaults import VaultNamed, orders_without_vault, subject_of, vault_in_force
from ledger.errors import Conflict
from ledger.identity.address import parse_address
from ledger.service.claims import base_units, paid_in_log, require_same_vault
from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.service.publish_claims import brought_to
from ledger.store.sequencer import Receipt

KIND = "vault-named"


@dataclass(frozen=True, slots=True)
class Naming:
    """What was put before the members: the words that they decide on, and the entry."""

    subject: str
    receipt: Receipt


def name_vault(  # noqa: PLR0913 - the vault, and what its proposer says of it
    coop: Coop,
    url: str,
    contract: str,
    *,
    currency: str | None = None,
    reason: str = "",
    nothing_published: bool = False,
) -> Naming:
    """Put the vault at an address of the chain that ``url`` leads to before the members.

    ``currency`` may be left out where the charter has one. ``nothing_published`` says that no vault
    ever published claims of the orders to be taken over. The node is asked first: raises
    AnchorMismatch unless the code there is the committed RevenueVault's, NotFound if none is
    there, OutOfRange if its token is too coarse; and Conflict if the vault holds claims of this
    log although none are its own, or has published none of the orders that it is to take over,
    AnchorMismatch if it has paid less of these than the log has as paid: any of it would pay the
    members twice.
    """
    state = coop.state()
    code = currency or state.terms().currencies[0].code
    if currency is None and len(state.terms().currencies) > 1:
        names = ", ".join(one.code for one in state.terms().currencies)
        raise Conflict(f"say in which currency it pays: {names}")
    before = vault_in_force(state, code)
    taken = len(orders_without_vault(state, code))
    place = parse_address(contract)
    # Closed before the entry is written: the embedded chain is one opening's.
    with open_node(url) as node:
        terms = require_vault(node, place)
        _check(coop, node, terms, _Wanted(state, code, place, taken, nothing_published))
        vault = {
            "chain_id": node.chain_id,
            "contract": place,
            "code_hash": node.code_hash(place).hex(),
            "token": terms.token.lower(),
            "decimals": terms.decimals,
        }
    body = {
        "currency": code,
        "previous": _place(before),
        "vault": vault,
        "orders_before": taken,
        "reason": reason,
    }
    receipt = write(coop, kind=KIND, body=body)
    return Naming(subject_of(VaultNamed.model_validate(body)), receipt)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The vault that is to pay a currency, and how many orders that name none become its own."""

    state: State
    currency: str
    contract: str
    taken: int
    nothing_published: bool


def _check(coop: Coop, node: Node, terms: VaultTerms, wanted: _Wanted) -> None:
    scale = base_units(wanted.state.terms().digits(wanted.currency), terms.decimals)
    origin = coop.log.origin
    has_published = any(read_publication(node, wanted.contract, origin).root)
    if not wanted.taken:
        if has_published:
            raise Conflict(
                f"{wanted.contract} has published claims of {origin} already, of which the log "
                "knows nothing; a vault that is named begins empty. Deploy another one"
            )
        return
    logged = paid_in_log(wanted.state, wanted.currency, None)
    require_same_vault(
        node,
        wanted.contract,
        origin=origin,
        paid={account: amount * scale for account, amount in logged.items()},
        earlier=brought_to(coop),
    )
    # What members claimed and nobody reported, neither the log nor this installation knows.
    if not has_published and not wanted.nothing_published:
        raise Conflict(
            f"{wanted.contract} has never published claims of {origin}, and is to take over "
            f"{wanted.taken} order(s): if another vault published them, this one would pay them "
            "again. Name the vault that did; if none ever did, say --nothing-published "
            "(このコントラクトは請求を公開したことがありません。公開済みのものを指定してください)"
        )
    if has_published and wanted.nothing_published:
        raise Conflict(
            f"{wanted.contract} has published claims of {origin}; leave --nothing-published out "
            "(このコントラクトは請求を公開済みです)"
        )


def _place(before: NamedVault | None) -> dict[str, object] | None:
    return None if before is None else {"chain_id": before.chain_id, "contract": before.contract}
