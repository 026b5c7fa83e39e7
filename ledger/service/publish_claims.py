"""Publish a month's claims: sign with the approvers' keys at hand, and bring the root to the vault.

One call does what can be done now and may be repeated at any time: move what is in the outbox;
if the vault does not have the root yet, check that it would take it, sign, store and send.
Success is the contract's state, so nothing is published twice, and whoever's transaction brings
the root there, it is there. Approvers whose keys are elsewhere sign with ``sign_claims`` and hand
their signatures over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.chain.goals import PublishedRoot
from ledger.chain.node import Node, open_node
from ledger.chain.outbox import OutboxRow, State
from ledger.chain.quorum import key_address, order_signatures, recover_signer, sign_digest
from ledger.chain.sender import Sender
from ledger.chain.vault import (
    PUBLISH_GAS,
    Publication,
    PublishMessage,
    VaultSums,
    VaultTerms,
    period_name,
    period_number,
    publish_call,
    publish_digest,
    read_sums,
)
from ledger.coop.vaults import vaults_of
from ledger.errors import AnchorMismatch, Conflict, NotPermitted, QuorumMissing
from ledger.payout.claims import Claims
from ledger.period import format_posix
from ledger.service.anchor_access import LOCK_SECONDS
from ledger.service.anchor_rows import AnchorRows
from ledger.service.anchor_status import anchor_rows
from ledger.service.claims import (
    VaultAccess,
    base_units,
    check_vault,
    claims_tree,
    paid_in_log,
    require_same_vault,
)
from ledger.service.coop import Coop
from ledger.service.sending import Sending
from ledger.service.vault_in_log import bound, followed_by
from ledger.store.key_lock import key_lock


@dataclass(frozen=True, slots=True)
class Published:
    """Where a month's claims stand.

    ``state`` is that of our newest transaction for them (see ``ledger.chain.outbox``), or
    ``published`` where the vault has the root without one of ours; ``is_published`` is the
    vault's own word at the latest block. ``named_in`` is the entry that names the vault; None where
    the log names none and the settings alone say which it is. ``followed_by`` is the vault in force
    where this is an earlier one. Amounts are base units.
    """

    period: str
    root: bytes
    total: int
    accounts: int
    chain_id: int
    contract: str
    is_published: bool
    state: str
    transaction: bytes | None
    block_number: int | None
    note: str
    named_in: int | None
    followed_by: str | None


@dataclass(frozen=True, slots=True)
class Signed:
    """An approver's signature over a publication; ``digest`` is what was signed."""

    signer: str
    signature: bytes
    digest: bytes


def publish_claims(
    coop: Coop, access: VaultAccess, period: str, *, signatures: Sequence[bytes] = ()
) -> Published:
    """Publish the claims up to ``period``; ``signatures`` are those of approvers elsewhere.

    Raises Conflict if the vault would refuse (not funded, held, a later month stands),
    AnchorMismatch if it has more than this log gives or is not the vault that has paid for it,
    VaultMismatch if the log names others, QuorumMissing if approvers are missing.
    """
    # First, and not while we hold the node: the embedded chain is one process's, one opening's.
    coop.sequencer.compare()
    with _working(coop, access, period) as work:
        work.advance()
        if work.needs_transaction():
            work.queue(signatures)
            work.advance()
        return work.status()


def sign_claims(coop: Coop, access: VaultAccess, period: str) -> list[Signed]:
    """The signatures of the approvers' keys at hand, for the next publication as it stands now.

    They are good as long as the vault's present root stands. Raises what ``publish_claims``
    raises, and NotPermitted if no key here is an approver's.
    """
    coop.sequencer.compare()
    with _working(coop, access, period) as work:
        return work.sign()


@contextmanager
def _working(coop: Coop, access: VaultAccess, period: str) -> Iterator[_Work]:
    """The vault's node, checked, and the lock of the sending key."""
    access = bound(coop.state(), access)
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        terms = check_vault(node, access)
        claims = claims_tree(
            coop.state(),
            period=period,
            currency=access.currency,
            decimals=terms.decimals,
            vault=access.vault,
        )
        sender = key_address(access.sender_key)
        with key_lock(
            coop.database, chain_id=node.chain_id, sender=sender, wait_seconds=LOCK_SECONDS
        ):
            yield _Work(coop, access, node, terms, claims, period, anchor_rows(coop))


@dataclass(frozen=True, slots=True)
class _Work:
    """One publication under work: the node is open, the key's lock held."""

    coop: Coop
    access: VaultAccess
    node: Node
    terms: VaultTerms
    claims: Claims
    period: str
    rows: AnchorRows

    @property
    def wanted(self) -> Publication:
        number = period_number(self.period)
        return Publication(number, self.claims.root, self.claims.total)

    @property
    def goal(self) -> PublishedRoot:
        wanted = self.wanted
        origin = self.coop.log.origin
        return PublishedRoot(self.access.contract, origin, wanted.period, wanted.root)

    def advance(self) -> None:
        sending = Sending(self.coop, self.node, self.rows, self.access.depths)
        sending.move(self._sender())

    def needs_transaction(self) -> bool:
        """Whether the root is neither there nor under way; raises Conflict if another is."""
        if self._sums().publication == self.wanted:
            return False
        waiting = [row.goal for row in self.rows.unfinished() if _is_on(row, self.access.contract)]
        if any(goal != self.goal for goal in waiting):
            raise Conflict(
                f"another publication is under way ({waiting[0].description}); wait until it is "
                "final, then run this again"
            )
        return not waiting

    def queue(self, given: Sequence[bytes]) -> None:
        """Sign and store a publication; what the contract would refuse is found before that."""
        message = self._message()
        digest = self._digest(message)
        own = [sign_digest(digest, key) for key in self._own_keys()]
        usable = self._quorum(digest, [*own, *given])
        data = publish_call(message, usable)
        self.node.call(self.access.contract, data)  # tried without sending: costs nothing
        self._sender().queue(self.goal, data, gas=PUBLISH_GAS)

    def sign(self) -> list[Signed]:
        message = self._message()
        digest = self._digest(message)
        keys = self._own_keys()
        if not keys:
            raise NotPermitted(
                f"no key in approver_keys is among the vault's {len(self.terms.signers)} "
                "settlement approvers"
            )
        return [Signed(key_address(key), sign_digest(digest, key), digest) for key in keys]

    def status(self) -> Published:
        row = max(
            (row for row in self.rows.all() if row.goal == self.goal),
            key=lambda row: (row.nonce, row.bump),
            default=None,
        )
        found = self._sums().publication == self.wanted
        return Published(
            period=self.period,
            root=self.claims.root,
            total=self.claims.total,
            accounts=len(self.claims.claims),
            chain_id=self.node.chain_id,
            contract=self.access.contract,
            is_published=found,
            state="published" if row is None else str(row.state),
            transaction=None if row is None else row.transaction_hash,
            block_number=None if row is None else row.block_number,
            note="" if row is None else row.note,
            named_in=None if self.access.named is None else self.access.named.index,
            followed_by=followed_by(self.coop.state(), self.access),
        )

    def _sums(self) -> VaultSums:
        return read_sums(self.node, self.access.contract, self.coop.log.origin)

    def _sender(self) -> Sender:
        access = self.access
        return Sender(self.node, access.sender_key, self.rows, access.fees, self.coop.clock)

    def _message(self) -> PublishMessage:
        sums = self._sums()
        self._check(sums)
        self._check_vault()
        return PublishMessage(self.coop.log.origin, sums.publication.root, self.wanted)

    def _digest(self, message: PublishMessage) -> bytes:
        return publish_digest(message, chain_id=self.node.chain_id, contract=self.access.contract)

    def _own_keys(self) -> list[bytes]:
        return [key for key in self.access.approver_keys if key_address(key) in self.terms.signers]

    def _quorum(self, digest: bytes, signatures: Sequence[bytes]) -> list[bytes]:
        """As many signatures as the vault asks for, in its order, of approvers that it knows."""
        known = [
            one
            for one in order_signatures(digest, signatures)
            if recover_signer(digest, one) in self.terms.signers
        ]
        if len(known) < self.terms.k:
            raise QuorumMissing(
                f"the vault asks for {self.terms.k} settlement approvers, {len(known)} signed this "
                "publication; the others sign with kyojo payout publish-claims --sign, and their "
                "signatures are given by --signature. Nothing was sent",
                needed=self.terms.k,
                found=len(known),
            )
        return known[: self.terms.k]

    def _check_vault(self) -> None:
        """Raise AnchorMismatch if another vault than this one has paid for this log."""
        state, currency = self.coop.state(), self.access.currency
        scale = base_units(state.terms().digits(currency), self.terms.decimals)
        logged = paid_in_log(state, currency, self.access.vault)
        require_same_vault(
            self.node,
            self.access.contract,
            origin=self.coop.log.origin,
            paid={account: amount * scale for account, amount in logged.items()},
            earlier=self._earlier(),
        )

    def _earlier(self) -> list[str]:
        """The vaults that this installation brought claims to and that the log does not name.

        A vault that follows another counts nothing of what lies before it.
        """
        named = vaults_of(self.coop.state(), self.access.currency)
        if self.access.named in named[1:]:
            return []
        known = {one.contract for one in named}
        return [one for one in _brought_to(self.rows) if one.lower() not in known]

    def _check(self, sums: VaultSums) -> None:
        """Raise in words for what the contract would refuse in its own."""
        standing, wanted = sums.publication, self.wanted
        if standing.period > wanted.period:
            raise Conflict(
                f"the vault has published {period_name(standing.period)} already; "
                f"{self.period} is part of it"
            )
        if wanted.total < standing.total:
            raise AnchorMismatch(
                f"the vault has published {standing.total} base units, this log gives "
                f"{wanted.total} up to {self.period}: it was restored from an old copy, or is not "
                "this vault's log"
            )
        missing = wanted.total - (sums.deposited - sums.withdrawn)
        if missing > 0:
            raise Conflict(
                f"the vault lacks {missing} base units of {self.terms.token} for {self.period}: "
                f"fund {self.coop.log.origin} with them (kyojo payout fund --period "
                f"{self.period}), then run this again",
                kind="unfunded",
                missing=missing,
            )
        block = self.node.block("latest")
        is_held = block is not None and sums.hold.until > block.timestamp
        if is_held and wanted.period >= sums.hold.period:
            raise Conflict(
                f"{period_name(sums.hold.period)} is held until {format_posix(sums.hold.until)} "
                "(a dispute); the approvers' quorum may release it",
                kind="held",
            )


def brought_to(coop: Coop) -> list[str]:
    """The contracts to which this installation has brought claims, or is bringing them."""
    return _brought_to(anchor_rows(coop))


def _brought_to(rows: AnchorRows) -> list[str]:
    return [row.contract for row in rows.all() if _may_have_published(row)]


def _may_have_published(row: OutboxRow) -> bool:
    return isinstance(row.goal, PublishedRoot) and row.state is not State.FAILED


def _is_on(row: OutboxRow, contract: str) -> bool:
    return isinstance(row.goal, PublishedRoot) and row.contract.lower() == contract.lower()
