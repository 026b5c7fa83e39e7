"""The claims of a month: the root of what the members were ordered, in the vault and final there.

Only the contract's state counts: at its final height it holds this month's root, or that of a
later month, of which this one is part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ledger.chain.node import Node, open_node
from ledger.chain.vault import Publication, period_name, period_number, read_publication
from ledger.coop.payouts import VAULT
from ledger.coop.state import PayoutOrder
from ledger.errors import NotFound, QuorumMissing
from ledger.payout.claims import Claims, format_dump
from ledger.service.claims import VaultAccess, check_vault, claims_tree
from ledger.service.coop import Coop
from ledger.service.month.keep import Folder
from ledger.service.month.payouts import Paying
from ledger.service.month.track import Doing, Standing, Track, Words
from ledger.service.publish_claims import Published, publish_claims
from ledger.service.vault_in_log import bound


@dataclass(frozen=True, slots=True)
class _Vault:
    """What the vault holds for the co-op at its latest and its final height, and what it should."""

    latest: Publication
    final: Publication
    wanted: Publication
    claims: Claims

    def stands(self, found: Publication) -> bool:
        """Whether the month's claims are published by ``found``."""
        return found == self.wanted or found.period > self.wanted.period


def is_paid_by_vault(coop: Coop, month: str, currency: str) -> bool:
    """Whether an order of the month goes through the vault."""
    return any(True for _ in _orders(coop, month, currency))


def _orders(coop: Coop, month: str, currency: str) -> Iterator[PayoutOrder]:
    wanted = (month, currency, VAULT)
    for one in coop.state().orders.values():
        if (one.period, one.currency, one.method) == wanted:
            yield one


def _elsewhere(coop: Coop, access: VaultAccess, month: str) -> Words | None:
    """That orders of the month belong to another vault than the settings name."""
    orders = _orders(coop, month, access.currency)
    others = sorted({str(one.vault) for one in orders if one.vault != access.vault})
    if not others:
        return None
    names = ", ".join(others)
    return Words(
        f"orders of {month} are from the vault {names}, which kyojo.toml does not name: publish "
        f"them with a copy of kyojo.toml that names it (kyojo payout publish-claims --config)",
        f"{month} の指図は {names} からの支払です。kyojo.toml にこのコントラクトを設定した写しで"
        "公開してください",
    )


def publish_month(
    coop: Coop, paying: Paying, reach: Callable[[], VaultAccess] | None, doing: Doing
) -> Track:
    """Bring the root as far as it can go; once it stands, write the members' file of claims."""
    month, currency = paying.month, paying.currency
    name = f"claims {currency}"
    access = None if reach is None else reach()
    access = None if access is None else bound(coop.state(), access)
    if access is None or access.currency != currency:
        section = f"[coops.{paying.slug}.vault]"
        en = f"kyojo.toml has no {section} that pays {currency}"
        ja = f"kyojo.toml に {currency} を支払う {section} がありません"
        return Track(name, Standing.UNSET, "ordered", Words(en, ja))
    elsewhere = _elsewhere(coop, access, month)
    if not any(order.vault == access.vault for order in _orders(coop, month, currency)):
        return Track(name, Standing.UNSET, "ordered", elsewhere)
    track = _publish(coop, paying, access, doing)
    if track.standing is Standing.DONE and elsewhere is not None:
        return replace(track, standing=Standing.UNSET, waits=elsewhere)
    return track


def _publish(coop: Coop, paying: Paying, access: VaultAccess, doing: Doing) -> Track:
    month, currency, folder = paying.month, paying.currency, paying.folder
    name = f"claims {currency}"
    found = _look(coop, access, month, currency)
    details: dict[str, object] = {
        "contract": access.contract,
        "named_in": None if access.named is None else access.named.index,
        "root": found.wanted.root.hex(),
        "total": str(found.wanted.total),
        "accounts": len(found.claims.claims),
    }
    if not found.stands(found.latest) and doing.is_dry:
        doing.did("publish the claims", "請求ルートを公開")
        return Track(name, Standing.LATER, "ordered", details=details)
    if found.latest.period > found.wanted.period:
        return _after(name, found, period_name(found.latest.period), details)
    if not doing.is_dry:
        try:
            published = publish_claims(coop, access, month)
        except QuorumMissing as error:
            words = Words(error.message, "他の承認者の署名を待っています")
            return Track(name, Standing.WAITS, "unsigned", words, details=details)
        _note(found, published, doing)
        details |= {"transaction": _hex(published.transaction), "state": published.state}
        found = _look(coop, access, month, currency)
    if found.stands(found.latest) and folder is not None:
        _keep(found, folder, (month, currency), doing)
    return _after(name, found, str(details.get("state", "published")), details)


def _look(coop: Coop, access: VaultAccess, month: str, currency: str) -> _Vault:
    origin = coop.log.origin
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        final = node.finality(access.depths).final
        standing = read_publication(node, access.contract, origin)
        at_final = _published_at(node, access.contract, origin, final)
    tree = claims_tree(
        coop.state(),
        period=month,
        currency=currency,
        decimals=terms.decimals,
        vault=access.vault,
    )
    wanted = Publication(period_number(month), tree.root, tree.total)
    return _Vault(standing, at_final, wanted, tree)


def _published_at(node: Node, contract: str, origin: str, height: int) -> Publication:
    try:
        return read_publication(node, contract, origin, at=height)
    except NotFound:  # at that height the vault was not there yet
        return Publication(0, bytes(32), 0)


def _note(found: _Vault, published: Published, doing: Doing) -> None:
    if not found.stands(found.latest):
        if published.is_published:
            doing.did("publish the claims", "請求ルートを公開")
        elif published.state == "sent":
            doing.did("send the publication of the claims", "請求ルートの公開を送信")


def _keep(found: _Vault, folder: Folder, named: tuple[str, str], doing: Doing) -> None:
    name = f"claims-{named[0]}-{named[1]}-{found.claims.root.hex()[:12]}.json"
    data = format_dump(found.claims)
    is_new = not folder.has(name, data) if doing.is_dry else folder.keep(name, data)
    if is_new:
        doing.did(f"write {name}", f"{name} を書き出し")


def _after(name: str, found: _Vault, status: str, details: dict[str, object]) -> Track:
    if found.stands(found.final):
        return Track(name, Standing.DONE, "final", details=details)
    where = f"the publication of {found.wanted.total} base units, which is {status}"
    words = Words(f"finality of {where}", "請求ルート公開の確定待ち")
    return Track(name, Standing.WAITS, status, words, details=details)


def _hex(data: bytes | None) -> str | None:
    return None if data is None else "0x" + data.hex()
