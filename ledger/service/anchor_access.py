"""Reaching one anchor target: settings, which contract of the charter it is, and what is checked.

Everything that can be wrong before a transaction is signed is found here: another chain or another
contract than the charter names, a second node that tells something else, anchorers that the
contract no longer knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ledger.chain.anchor import read_head, read_signers
from ledger.chain.fees import FeePolicy
from ledger.chain.node import FinalityDepths, Node, open_node
from ledger.chain.quorum import key_address
from ledger.coop.charter import AnchorTarget
from ledger.coop.state import State
from ledger.coop.successors import current_targets, lines, place_of
from ledger.errors import AnchorMismatch, InvalidInput, NotFound, QuorumMissing
from ledger.service.anchor_policy import AnchorPolicy

LOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """Which target of the charter settings are for (None: not said), and when to anchor there."""

    chain_id: int | None
    contract: str | None
    policy: AnchorPolicy


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """How to reach one chain, who pays the gas, which anchorers sign here, and how.

    ``chain_id`` and ``contract`` say which target of the charter this is; where they are None,
    the node's chain decides. ``check_url`` is a second node, run by somebody else, that must agree.
    """

    url: str
    sender_key: bytes
    anchorer_keys: tuple[bytes, ...]
    chain_id: int | None = None
    contract: str | None = None
    check_url: str | None = None
    policy: AnchorPolicy = field(default_factory=AnchorPolicy)
    fees: FeePolicy = field(default_factory=FeePolicy)
    depths: FinalityDepths | None = None
    timeout_seconds: float = 10.0

    @property
    def settings(self) -> TargetSettings:
        """The part that needs no key."""
        return TargetSettings(self.chain_id, self.contract, self.policy)


def is_meant(
    state: State, settings: TargetSettings, target: AnchorTarget, chain_id: int | None = None
) -> bool:
    """Whether settings are for this target, as far as they say; ``chain_id`` is the node's.

    Settings that name a contract are for its successors too.
    """
    chain = settings.chain_id if chain_id is None else chain_id
    if settings.contract is None:
        return chain in {None, target.chain_id}
    named = {one.contract for line in lines(state) if line[-1][1] == target for _, one in line}
    return chain in {None, target.chain_id} and settings.contract.lower() in named


def access_to(
    state: State, accesses: Sequence[ChainAccess], place: str | None = None
) -> ChainAccess:
    """The settings that lead to the contract at ``place``, ``<chain id>/<address>``; None: the one.

    Raises NotFound if none lead there, InvalidInput if none is named and there are several.
    """
    found = {
        place_of(target.chain_id, target.contract): replace(
            access, chain_id=target.chain_id, contract=target.contract
        )
        for access in accesses
        for target in current_targets(state)
        if is_meant(state, access.settings, target)
    }
    if place is None and len(found) > 1:
        raise InvalidInput(f"say which contract is meant: {', '.join(found)}")
    if not found or (place is not None and place.lower() not in found):
        named = "any contract" if place is None else place
        raise NotFound(
            f"no settings of a chain lead to {named} that anchors go to now; they lead to "
            f"{', '.join(found) or 'none'}"
        )
    return next(iter(found.values())) if place is None else found[place.lower()]


def choose_target(state: State, access: ChainAccess, node: Node) -> AnchorTarget:
    """The target on the node's chain, checked there: the charter's, or what was put after it.

    Raises AnchorMismatch if there is none or more than one, if the node serves another chain than
    the settings say, or if other code stands at the address.
    """
    if access.chain_id is not None and node.chain_id != access.chain_id:
        raise AnchorMismatch(
            f"the settings say chain {access.chain_id}, the node serves {node.chain_id}",
            expected=access.chain_id,
            found=node.chain_id,
        )
    found = [
        one
        for one in current_targets(state)
        if is_meant(state, access.settings, one, node.chain_id)
    ]
    if not found:
        named = "" if access.contract is None else f" {access.contract}"
        raise AnchorMismatch(
            f"neither the charter nor a decision names an anchor contract{named} on chain "
            f"{node.chain_id}; is this the right node?"
        )
    if len(found) > 1:
        names = ", ".join(one.contract for one in found)
        raise AnchorMismatch(
            f"anchors go to several contracts on chain {node.chain_id} ({names}); the setting "
            "`contract` says which is meant"
        )
    (target,) = found
    code_hash = bytes.fromhex(target.code_hash)
    node.check(chain_id=target.chain_id, contract=target.contract, code_hash=code_hash)
    return target


def compare_nodes(node: Node, access: ChainAccess, target: AnchorTarget, origin: str) -> None:
    """Raises AnchorMismatch if the second node, where one is set, tells another history.

    Compared at the lower of the two final heights: chain id, block hash, code, the log's head.
    """
    if access.check_url is None:
        return
    with open_node(access.check_url, wait_seconds=access.timeout_seconds) as other:
        other.check(
            chain_id=node.chain_id,
            contract=target.contract,
            code_hash=bytes.fromhex(target.code_hash),
        )
        height = min(one.finality(access.depths).final for one in (node, other))
        blocks = [one.block(height) for one in (node, other)]
        if None not in blocks and blocks[0] != blocks[1]:
            raise AnchorMismatch(f"two nodes name different final blocks at height {height}")
        heads = [read_head(one, target.contract, origin) for one in (node, other)]
        # One node may be a few blocks ahead of the other; at one size there is one root.
        if heads[0].size == heads[1].size and heads[0] != heads[1]:
            raise AnchorMismatch(f"two nodes name different roots at size {heads[0].size}")


def usable_keys(node: Node, target: AnchorTarget, keys: Sequence[bytes]) -> list[bytes]:
    """As many of the anchorers' keys as the contract asks for, of those that it knows now.

    Raises QuorumMissing, naming each key that the contract does not know (any more), if too few
    are left: a transaction would be refused, and paid for.
    """
    found = read_signers(node, target.contract)
    known = [key for key in keys if key_address(key) in found.signers]
    if len(known) >= found.k:
        return known[: found.k]
    strangers = [key_address(key) for key in keys if key not in known]
    told = f"; no signers of its epoch {found.epoch}: {', '.join(strangers)}" if strangers else ""
    raise QuorumMissing(
        f"the contract {target.contract} asks for {found.k} anchorers, {len(known)} of "
        f"{len(keys)} keys here are among its signers{told}. Nothing was sent",
        needed=found.k,
        strangers=strangers,
    )
