"""Fund the vault: bring what was deposited for a co-op up to a sum, out of the sender's tokens.

The wish is a sum, not a step: what the claims of a month need, or what shall have been deposited in
all. So a second run finds it reached and does nothing. What is missing is approved on the token,
exactly, and taken by the vault; each is a transaction of the outbox, one after the other. A token
that keeps a fee, or says false, is told before the vault is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.chain.goals import FundedVault, Goal, PlainCall
from ledger.chain.node import Node, open_node
from ledger.chain.outbox import FINISHED, OutboxRow, State
from ledger.chain.quorum import key_address
from ledger.chain.sender import Sender
from ledger.chain.token import approve_call, parse_units, read_allowance, refusal, transfer_call
from ledger.chain.vault import (
    PUBLISH_GAS,
    VaultTerms,
    fund_call,
    read_balance,
    read_deposited,
    read_withdrawn,
)
from ledger.errors import ChainUnavailable, Conflict
from ledger.service.anchor_access import LOCK_SECONDS
from ledger.service.anchor_rows import AnchorRows
from ledger.service.anchor_status import anchor_rows
from ledger.service.claims import VaultAccess, check_vault, claims_tree
from ledger.service.coop import Coop
from ledger.service.sending import Sending
from ledger.service.vault_in_log import bound
from ledger.store.key_lock import key_lock

# Set an allowance back, approve, fund: what one run can do where the chain mines at once.
STEPS_MAX = 3


@dataclass(frozen=True, slots=True)
class Need:
    """What shall be there: what the claims of a month take, or tokens deposited in all."""

    period: str | None = None
    deposited: str | None = None


@dataclass(frozen=True, slots=True)
class Funded:
    """Where funding stands; amounts are base units.

    ``wanted`` is what shall have been deposited in all, ``deposited`` what was, at the latest
    block. ``purpose``, ``state``, ``transaction`` and ``note`` are of our newest transaction for
    this co-op's funds; empty or None where there is none.
    """

    contract: str
    token: str
    decimals: int
    wanted: int
    deposited: int
    purpose: str
    state: str
    transaction: bytes | None
    note: str

    @property
    def missing(self) -> int:
        """What is still to be deposited."""
        return max(self.wanted - self.deposited, 0)


def fund_vault(coop: Coop, access: VaultAccess, need: Need) -> Funded:
    """Bring what is missing to the vault, as far as can be done now.

    Raises Conflict if the sender has too little of the token, or the token takes a fee, refuses,
    or knows no allowances; what ``claims_tree`` raises for the month; OutOfRange for no amount.
    """
    coop.sequencer.compare()
    with _working(coop, access, need) as work:
        work.move()
        for _ in range(STEPS_MAX):
            if not work.has_to_act():
                break
            work.act()
            work.move()
        return work.status()


@contextmanager
def _working(coop: Coop, access: VaultAccess, need: Need) -> Iterator[_Work]:
    access = bound(coop.state(), access)
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        wanted = _wanted(coop, access, node, terms, need)
        sender = key_address(access.sender_key)
        with key_lock(
            coop.database, chain_id=node.chain_id, sender=sender, wait_seconds=LOCK_SECONDS
        ):
            yield _Work(coop, access, node, terms, wanted, anchor_rows(coop))


def _wanted(coop: Coop, access: VaultAccess, node: Node, terms: VaultTerms, need: Need) -> int:
    """What shall have been deposited in all."""
    if need.period is None:
        return parse_units(need.deposited or "", decimals=terms.decimals)
    claims = claims_tree(
        coop.state(),
        period=need.period,
        currency=access.currency,
        decimals=terms.decimals,
        vault=access.vault,
    )
    return claims.total + read_withdrawn(node, access.contract, coop.log.origin)


@dataclass(frozen=True, slots=True)
class _Work:
    """One funding under work: the node is open, the key's lock held."""

    coop: Coop
    access: VaultAccess
    node: Node
    terms: VaultTerms
    wanted: int
    rows: AnchorRows

    def move(self) -> None:
        Sending(self.coop, self.node, self.rows, self.access.depths).move(self._sender())

    def has_to_act(self) -> bool:
        """Whether something is missing and nothing of ours is on its way into a block."""
        rows = self._own_rows()
        if any(row.state not in FINISHED and row.block_number is None for row in rows):
            return False
        return self.wanted > self._deposited()

    def act(self) -> None:
        """Sign and store the next step; what token or vault would refuse is found before that."""
        missing = self.wanted - self._deposited()
        vault, token, payer = self.access.contract, self.terms.token, self._sender().address
        self._require_tokens(missing, payer)
        allowance = read_allowance(self.node, token, payer, vault)
        if allowance >= missing:
            data = fund_call(self.coop.log.origin, missing)
            self._require_whole(missing, data, payer)
            self._queue(FundedVault(vault, self.coop.log.origin, self.wanted), data)
        else:
            self._approve(missing, payer, has_some=allowance > 0)

    def status(self) -> Funded:
        row = max(self._own_rows(), key=lambda row: (row.nonce, row.bump), default=None)
        return Funded(
            contract=self.access.contract,
            token=self.terms.token,
            decimals=self.terms.decimals,
            wanted=self.wanted,
            deposited=self._deposited(),
            purpose="" if row is None else row.goal.description,
            state="" if row is None else str(row.state),
            transaction=None if row is None else row.transaction_hash,
            note="" if row is None else row.note,
        )

    def _deposited(self) -> int:
        """What was deposited; raises ChainUnavailable if the node has not seen what we funded."""
        vault, origin = self.access.contract, self.coop.log.origin
        found = read_deposited(self.node, vault, origin)
        known = max(
            (
                row.goal.deposited
                for row in self._own_rows()
                if isinstance(row.goal, FundedVault) and row.state in _STANDING
            ),
            default=0,
        )
        if found < known:
            # Else it would be funded a second time.
            raise ChainUnavailable(
                f"the node says that {found} base units were deposited for {origin}, {known} were "
                "when our transaction was mined: it is behind ノードが遅れています",
                kind="behind",
            )
        return found

    def _require_tokens(self, missing: int, payer: str) -> None:
        """Raise Conflict if the sender has too little, or the token refuses to move it at all."""
        token = self.terms.token
        balance = read_balance(self.node, token, payer)
        if balance < missing:
            raise Conflict(
                f"{payer} has {balance} base units of {token}, {missing} are missing in the vault: "
                f"send it {missing - balance} more, then run this again "
                f"送金元のトークンが {missing - balance}（基本単位）不足しています",
                kind="funds",
                missing=missing - balance,
            )
        reason = refusal(
            self.node, token, transfer_call(self.access.contract, missing), sender=payer
        )
        if reason is not None:
            raise Conflict(
                f"the token {token} refuses to move {missing} base units from {payer} to the "
                f"vault: {reason} トークンが送金を拒みました",
                kind="token",
            )

    def _require_whole(self, missing: int, data: bytes, payer: str) -> None:
        """Raise Conflict unless the vault would be credited with all that it takes."""
        vault, token = self.access.contract, self.terms.token
        arrived = int.from_bytes(self.node.call(vault, data, sender=payer), "big")
        if arrived != missing:
            raise Conflict(
                f"of {missing} base units of {token} only {arrived} would arrive: the token keeps "
                "a fee. Nothing was funded; do not use such a token "
                "トークンが手数料を差し引くため、入金しませんでした",
                kind="fee",
                arrived=arrived,
            )

    def _approve(self, missing: int, payer: str, *, has_some: bool) -> None:
        """Let the vault take exactly what is missing."""
        vault, token = self.access.contract, self.terms.token
        amount = missing
        reason = refusal(self.node, token, approve_call(vault, amount), sender=payer)
        if reason is not None and has_some:
            # Some tokens change an allowance only from or to zero.
            amount = 0
            reason = refusal(self.node, token, approve_call(vault, amount), sender=payer)
        if reason is not None:
            raise Conflict(
                f"the token {token} does not let {payer} approve {missing} base units for the "
                f"vault: {reason} トークンが承認（approve）を拒みました",
                kind="token",
            )
        self._queue(PlainCall(token, f"{self._approval}{amount}"), approve_call(vault, amount))

    @property
    def _approval(self) -> str:
        return f"approve for {self.coop.log.origin} in {self.access.contract}: "

    def _own_rows(self) -> list[OutboxRow]:
        chain_id = self.node.chain_id
        return [row for row in self.rows.all() if row.chain_id == chain_id and self._is_own(row)]

    def _is_own(self, row: OutboxRow) -> bool:
        goal = row.goal
        if isinstance(goal, FundedVault):
            return (goal.contract, goal.origin) == (self.access.contract, self.coop.log.origin)
        return isinstance(goal, PlainCall) and goal.purpose.startswith(self._approval)

    def _queue(self, goal: Goal, data: bytes) -> None:
        self._sender().queue(goal, data, gas=PUBLISH_GAS)

    def _sender(self) -> Sender:
        access = self.access
        return Sender(self.node, access.sender_key, self.rows, access.fees, self.coop.clock)


_STANDING = frozenset({State.MINED, State.SAFE, State.FINAL})
