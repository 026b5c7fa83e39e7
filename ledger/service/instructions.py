"""Make instructions for a contract's quorum: withdrawals, expiries, new signers.

Made from the contract's state at the latest block, and refused at once if the contract would
refuse it, so that nobody signs in vain.
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_utils.address import to_checksum_address

from ledger.chain.instruction import ANCHOR, VAULT, Act, Expiry, Instruction, Rotation, Withdrawal
from ledger.chain.node import Node, open_node
from ledger.chain.quorum import address_word
from ledger.chain.token import parse_units
from ledger.chain.vault import ExpireMessage, WithdrawMessage, read_withdrawn
from ledger.errors import ChainUnavailable
from ledger.identity.address import parse_address
from ledger.payout.claims import Claims
from ledger.service.anchor_access import ChainAccess
from ledger.service.claims import VaultAccess, check_vault
from ledger.service.coop import Coop
from ledger.service.quorum_act import Access, governing
from ledger.service.quorum_refusals import require_possible
from ledger.service.vault_in_log import bound


def make_withdrawal(coop: Coop, access: VaultAccess, amount: str, recipient: str) -> Instruction:
    """An instruction to withdraw ``amount`` tokens (decimal) of the co-op's surplus.

    Raises Conflict for more than the surplus, OutOfRange for no amount and no recipient.
    """
    origin, access = coop.log.origin, bound(coop.state(), access)
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        previous = read_withdrawn(node, access.contract, origin)
        base_units = parse_units(amount, decimals=terms.decimals)
        message = WithdrawMessage(origin, previous, base_units, _address(recipient))
        return _made(node, access.contract, Withdrawal(message))


def make_expiry(
    coop: Coop, access: VaultAccess, claims: Claims, account: str, reserve: str
) -> Instruction:
    """An instruction to let expire what ``account`` did not claim of an old file of claims.

    Raises Conflict while the claim window is open, NotFound for an account without a leaf.
    """
    leaf = claims.find(account)
    message = ExpireMessage(
        origin=coop.log.origin,
        root=claims.root,
        account=_address(leaf.account),
        cumulative=leaf.cumulative,
        reserve=_address(reserve),
    )
    access = bound(coop.state(), access)
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        check_vault(node, access)
        return _made(node, access.contract, Expiry(message, claims.proof(account)))


def make_rotation(coop: Coop, access: Access, signers: Sequence[str], k: int) -> Instruction:
    """An instruction to replace a contract's signers, ``k`` of whom will make a quorum.

    Raises OutOfRange for a set that the contract does not take.
    """
    ordered = tuple(sorted(map(_address, signers), key=address_word))
    domain = ANCHOR if isinstance(access, ChainAccess) else VAULT
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        found = governing(coop, access, node)
        return _made(node, found.contract, Rotation(domain, ordered, k, found.epoch))


def _made(node: Node, contract: str, act: Act) -> Instruction:
    latest = node.block("latest")
    if latest is None:
        raise ChainUnavailable("the node has no block", kind="unknown")
    made = Instruction(node.chain_id, to_checksum_address(contract), act, latest.number)
    require_possible(node, made)
    return made


def _address(text: str) -> str:
    return to_checksum_address(parse_address(text))
