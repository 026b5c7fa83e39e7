"""Hold a month in the vault, or end a hold before its time.

One call does what can be done now and may be repeated: if the vault does not stand as wanted and
no transaction of ours is under way, check, sign with the approvers' keys at hand, store and send.
What is signed names the vault's present count of holds, so each signature is good once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.chain.goals import PlainCall
from ledger.chain.node import Node, open_node
from ledger.chain.outbox import FINISHED, OutboxRow
from ledger.chain.quorum import key_address, order_signatures, recover_signer, sign_digest
from ledger.chain.sender import Sender
from ledger.chain.vault import (
    PUBLISH_GAS,
    Hold,
    VaultTerms,
    hold_call,
    hold_digest,
    period_name,
    period_number,
    read_sums,
    release_call,
    release_digest,
)
from ledger.errors import Conflict, NotPermitted, OutOfRange, QuorumMissing
from ledger.period import MONTH, format_posix
from ledger.service.anchor_access import LOCK_SECONDS
from ledger.service.anchor_rows import AnchorRows
from ledger.service.anchor_status import anchor_rows
from ledger.service.claims import VaultAccess, check_vault
from ledger.service.coop import Coop
from ledger.service.publish_claims import Signed
from ledger.service.sending import Sending
from ledger.service.vault_in_log import bound
from ledger.store.key_lock import key_lock


@dataclass(frozen=True, slots=True)
class Wish:
    """To hold ``period`` (a month) until a moment in seconds, or with None to release."""

    period: str | None = None
    until: int = 0


@dataclass(frozen=True, slots=True)
class Stands:
    """The vault's newest hold, and our newest transaction for what was wished, if there is one.

    ``is_done`` is the vault's own word at the latest block; ``state`` and ``note`` are the
    transaction's (see ``ledger.chain.outbox``).
    """

    hold: Hold
    is_done: bool
    state: str
    transaction: bytes | None
    note: str


def change_hold(
    coop: Coop, access: VaultAccess, wish: Wish, *, signatures: Sequence[bytes] = ()
) -> Stands:
    """Hold or release; ``signatures`` are those of approvers elsewhere.

    Raises Conflict with the contract's reason if it would refuse, QuorumMissing if nobody who may
    has signed, OutOfRange for what is no month.
    """
    coop.sequencer.compare()
    with _working(coop, access, wish) as work:
        work.move()
        if not work.is_done() and not work.is_under_way():
            work.queue(signatures)
            work.move()
        return work.stands()


def sign_hold(coop: Coop, access: VaultAccess, wish: Wish) -> list[Signed]:
    """The signatures of the approvers' keys at hand, good for the vault's present count of holds.

    Raises NotPermitted if no key here is an approver's, OutOfRange for what is no month.
    """
    coop.sequencer.compare()
    with _working(coop, access, wish) as work:
        return work.sign()


@contextmanager
def _working(coop: Coop, access: VaultAccess, wish: Wish) -> Iterator[_Work]:
    if wish.period is not None and MONTH.fullmatch(wish.period) is None:
        raise OutOfRange(f"{wish.period[:20]!r} is not a month like 2026-10")
    access = bound(coop.state(), access)
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        sender = key_address(access.sender_key)
        with key_lock(
            coop.database, chain_id=node.chain_id, sender=sender, wait_seconds=LOCK_SECONDS
        ):
            yield _Work(coop, access, node, terms, wish, anchor_rows(coop))


@dataclass(frozen=True, slots=True)
class _Work:
    """One wish under work: the node is open, the key's lock held."""

    coop: Coop
    access: VaultAccess
    node: Node
    terms: VaultTerms
    wish: Wish
    rows: AnchorRows

    def move(self) -> None:
        Sending(self.coop, self.node, self.rows, self.access.depths).move(self._sender())

    def is_done(self) -> bool:
        standing = self._standing()
        if self.wish.period is None:
            return standing.count > 0 and standing.until == 0
        wanted = (period_number(self.wish.period), self.wish.until)
        return (standing.period, standing.until) == wanted

    def is_under_way(self) -> bool:
        return any(row.state not in FINISHED for row in self._own_rows())

    def sign(self) -> list[Signed]:
        digest = self._digest()
        keys = self._own_keys()
        if not keys:
            raise NotPermitted(
                f"no key in approver_keys is among the vault's {len(self.terms.signers)} "
                "settlement approvers"
            )
        return [Signed(key_address(key), sign_digest(digest, key), digest) for key in keys]

    def queue(self, given: Sequence[bytes]) -> None:
        """Sign and store the call; what the contract would refuse is found before that."""
        digest = self._digest()
        own = [sign_digest(digest, key) for key in self._own_keys()]
        usable = self._usable(digest, [*own, *given])
        origin, standing = self.coop.log.origin, self._standing()
        if self.wish.period is None:
            if standing.until == 0:
                raise Conflict("the vault holds nothing, so there is nothing to release")
            data = release_call(origin, standing.count, usable)
        else:
            data = hold_call(origin, self._wanted(), usable)
        self.node.call(self.access.contract, data)  # tried without sending: costs nothing
        goal = PlainCall(self.access.contract, f"{self._purpose}, count {standing.count}")
        self._sender().queue(goal, data, gas=PUBLISH_GAS)

    def stands(self) -> Stands:
        row = max(self._own_rows(), key=lambda row: (row.nonce, row.bump), default=None)
        return Stands(
            hold=self._standing(),
            is_done=self.is_done(),
            state="" if row is None else str(row.state),
            transaction=None if row is None else row.transaction_hash,
            note="" if row is None else row.note,
        )

    @property
    def _purpose(self) -> str:
        origin = self.coop.log.origin
        if self.wish.period is None:
            return f"release the hold of {origin}"
        return f"hold {self.wish.period} of {origin} until {format_posix(self.wish.until)}"

    def _own_rows(self) -> list[OutboxRow]:
        return [
            row
            for row in self.rows.all()
            if isinstance(row.goal, PlainCall)
            and (row.chain_id, row.contract) == (self.node.chain_id, self.access.contract)
            and row.goal.purpose.startswith(f"{self._purpose}, count ")
        ]

    def _standing(self) -> Hold:
        return read_sums(self.node, self.access.contract, self.coop.log.origin).hold

    def _wanted(self) -> Hold:
        period = period_number(self.wish.period or "")
        return Hold(period, self.wish.until, self._standing().count)

    def _digest(self) -> bytes:
        origin, chain_id, contract = self.coop.log.origin, self.node.chain_id, self.access.contract
        if self.wish.period is None:
            count = self._standing().count
            return release_digest(origin, count, chain_id=chain_id, contract=contract)
        return hold_digest(origin, self._wanted(), chain_id=chain_id, contract=contract)

    def _own_keys(self) -> list[bytes]:
        return [key for key in self.access.approver_keys if key_address(key) in self.terms.signers]

    def _usable(self, digest: bytes, signatures: Sequence[bytes]) -> list[bytes]:
        """The approvers' signatures, at most a quorum; the contract knows when one is enough."""
        known = [
            one
            for one in order_signatures(digest, signatures)
            if recover_signer(digest, one) in self.terms.signers
        ]
        needed = self.terms.k if self.wish.period is None else 1
        if len(known) < needed:
            raise QuorumMissing(
                f"the vault asks for {needed} settlement approvers, {len(known)} signed this; the "
                "others sign with --sign, and their signatures are given by --signature. Nothing "
                "was sent",
                needed=needed,
                found=len(known),
            )
        return known[: self.terms.k]

    def _sender(self) -> Sender:
        access = self.access
        return Sender(self.node, access.sender_key, self.rows, access.fees, self.coop.clock)


def hold_name(hold: Hold) -> str:
    """A hold in words: the month and its end; empty if nothing is held."""
    return f"{period_name(hold.period)} until {format_posix(hold.until)}" if hold.until else ""
