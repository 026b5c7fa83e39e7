"""Anchor: bring the newest checkpoint to each contract, and record in the log what stands there.

Where the co-op has a policy with a quorum of witnesses, it is the newest checkpoint that has it:
what the chain holds for good is a history that others have seen. Entries behind it wait
(``unwitnessed``).

One call does what can be done now and may be repeated at any time, by cron or after a crash:
move what is in the outbox; bump what is stuck; record what has become final; if the log has grown
and the policy says so, sign and store a new anchor before sending it. Entries that only record
anchors do not cause another. Each target is worked on alone: one that is down, or refuses, holds
up none of the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ledger.chain.anchor import (
    ANCHOR_GAS,
    AnchorMessage,
    Head,
    anchor_call,
    anchor_digest,
    origin_hash,
    read_head,
    read_signers,
)
from ledger.chain.fees import COST_CAP, FEE_CAP
from ledger.chain.goals import AnchoredHead
from ledger.chain.node import Node, open_node, shown_url
from ledger.chain.outbox import State
from ledger.chain.quorum import key_address, order_signatures, sign_digest
from ledger.chain.sender import Sender
from ledger.coop.charter import AnchorTarget
from ledger.errors import AnchorMismatch, ChainUnavailable, KyojoError
from ledger.service.anchor_access import (
    LOCK_SECONDS,
    ChainAccess,
    choose_target,
    compare_nodes,
    usable_keys,
)
from ledger.service.anchor_policy import Verdict, judge
from ledger.service.anchor_record import record_final
from ledger.service.anchor_rows import AnchorRows
from ledger.service.anchor_status import (
    Anchored,
    anchor_document,
    anchor_rows,
    is_on,
    newest,
    statuses,
    unanchored,
    waiting_text,
    wanted_head,
)
from ledger.service.coop import Coop
from ledger.service.published import unwitnessed
from ledger.service.sending import Sending
from ledger.store.key_lock import key_lock

__all__ = ["Anchored", "ChainAccess", "anchor", "anchor_all", "newest", "waiting_text"]


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What a run did for one target: where it is reached, and the newest anchor there.

    ``verdict`` says why an anchor was made or not; ``waits_for`` what kept one that was due from
    being made (a cap); ``error`` what ended the work on this target; ``unwitnessed`` counts the
    entries that are not anchored for want of a quorum.
    """

    url: str
    chain_id: int | None
    contract: str | None
    newest: Anchored | None
    verdict: Verdict | None
    waits_for: str
    error: KyojoError | None
    unwitnessed: int = 0


def anchor(coop: Coop, access: ChainAccess, *, now: bool = False) -> Anchored | None:
    """Anchor on one target; None if there is nothing to anchor yet.

    ``now`` overrides the policy of when to, not the caps. Raises what ended the work.
    """
    report = _attempt(coop, access, is_forced=now)
    if report.error is not None:
        raise report.error
    return report.newest


def anchor_all(
    coop: Coop, accesses: Sequence[ChainAccess], *, now: bool = False
) -> list[TargetReport]:
    """Anchor on every target that this installation reaches, each for itself."""
    return [_attempt(coop, access, is_forced=now) for access in accesses]


def reports_document(coop: Coop, reports: Sequence[TargetReport]) -> dict[str, Any]:
    """What a run did: the newest anchor's own values, and a report on each target."""
    found = newest(coop)
    own = {} if found is None else anchor_document(found)
    return {**own, "targets": [report_document(report) for report in reports]}


def report_document(report: TargetReport) -> dict[str, Any]:
    """A report as a JSON object."""
    verdict, error = report.verdict, report.error
    return {
        "url": report.url,
        "chain_id": report.chain_id,
        "contract": report.contract,
        "anchor": None if report.newest is None else anchor_document(report.newest),
        "why": None if verdict is None else {"en": verdict.en, "ja": verdict.ja},
        "overdue": verdict is not None and verdict.is_overdue,
        "waits_for": report.waits_for,
        "unwitnessed": report.unwitnessed,
        "error": None if error is None else {"code": error.code, "detail": error.message},
    }


def report_lines(report: TargetReport) -> Iterator[str]:
    """A report for a person."""
    place = f"contract {report.contract} on chain {report.chain_id}"
    found = report.newest
    if report.error is not None:
        place = report.url if report.contract is None else place
        yield f"{place}: {report.error.message} [{report.error.code}]"
        yield f"  → {report.error.remedy_en}"
        yield f"  → {report.error.remedy_ja}"
        return
    if found is None:
        yield f"{place}: nothing to anchor yet{waiting_text(report.unwitnessed)}"
    else:
        noted = f" ({found.note})" if found.note else ""
        yield (
            f"size {found.size} is {found.state}{noted} on chain {found.chain_id}, contract "
            f"{found.contract}, transaction 0x{found.transaction.hex()}"
            f"{waiting_text(report.unwitnessed)}"
        )
    if report.verdict is not None:
        overdue = "OVERDUE 期限超過: " if report.verdict.is_overdue else ""
        yield f"  {overdue}{report.verdict.en} {report.verdict.ja}"
    if report.waits_for:
        yield f"  waits 待機: {report.waits_for}"


def _attempt(coop: Coop, access: ChainAccess, *, is_forced: bool) -> TargetReport:
    place: list[AnchorTarget] = []
    verdict, waits_for, error = None, "", None
    try:
        # First, and not while we hold the node: the embedded chain is one process's, one opening's.
        coop.sequencer.compare()
        with _working(coop, access, place) as work:
            verdict = work.move(is_forced=is_forced)
    except KyojoError as found:
        if found.details.get("kind") in {FEE_CAP, COST_CAP}:
            waits_for = found.message
        else:
            error = found
    target = place[0] if place else None
    known = statuses(coop, (access.settings,))
    status = next((one for one in known if target is not None and _is_same(one, target)), None)
    return TargetReport(
        url=shown_url(access.url),
        chain_id=access.chain_id if target is None else target.chain_id,
        contract=access.contract if target is None else target.contract,
        newest=None if status is None else status.newest,
        verdict=verdict if status is None or verdict is not None else status.verdict,
        waits_for=waits_for,
        error=error,
        unwitnessed=unwitnessed(coop),
    )


def _is_same(status: Any, target: AnchorTarget) -> bool:
    return (status.chain_id, status.contract) == (target.chain_id, target.contract)


@contextmanager
def _working(coop: Coop, access: ChainAccess, place: list[AnchorTarget]) -> Iterator[_Work]:
    """The target's node, checked, and the lock of the key; ``place`` tells which target it is."""
    with open_node(access.url, wait_seconds=access.timeout_seconds) as node:
        target = choose_target(coop.state(), access, node)
        place.append(target)
        compare_nodes(node, access, target, coop.log.origin)
        rows = anchor_rows(coop)
        sender = key_address(access.sender_key)
        with key_lock(
            coop.database, chain_id=node.chain_id, sender=sender, wait_seconds=LOCK_SECONDS
        ):
            yield _Work(coop, access, node, target, rows)


@dataclass(frozen=True, slots=True)
class _Work:
    """One target under work: its node is open, the key's lock held."""

    coop: Coop
    access: ChainAccess
    node: Node
    target: AnchorTarget
    rows: AnchorRows

    def move(self, *, is_forced: bool) -> Verdict | None:
        """Move what is under way; then, if the policy says so, begin a new anchor."""
        self._advance()
        if any(is_on(row, self.target) for row in self.rows.unfinished()):
            return None
        return self._begin(is_forced=is_forced)

    def _advance(self) -> None:
        sending = Sending(self.coop, self.node, self.rows, self.access.depths)
        sending.move(self._sender())
        record_final(self.coop, self.node, self.rows, self.target, self.access)

    def _sender(self) -> Sender:
        access = self.access
        return Sender(self.node, access.sender_key, self.rows, access.fees, self.coop.clock)

    def _begin(self, *, is_forced: bool) -> Verdict:
        previous = read_head(self.node, self.target.contract, self.coop.log.origin)
        self._check_previous(previous)
        anchors = [pair for pair in self.rows.anchors() if is_on(pair[0], self.target)]
        with self.coop.reading() as (_, log):
            found = unanchored(self.coop, log, previous.size, anchors)
            verdict = judge(self.access.policy, found, self.coop.clock(), is_forced=is_forced)
            wanted = wanted_head(self.coop, log, previous.size) if verdict.is_due else None
        if wanted is not None:
            self._queue(previous, wanted)
            self._advance()
        return verdict

    def _check_previous(self, previous: Head) -> None:
        """Raises AnchorMismatch if the contract's head is no head of this log."""
        with self.coop.reading() as (_, log):
            head = log.head()
            if previous.size > head.size:
                raise AnchorMismatch(
                    f"the contract holds size {previous.size}, this log has {head.size}: it was "
                    "restored from an old copy, or is not this contract's log; do not write to it"
                )
            known = log.root(previous.size) if previous.size else bytes(32)
        if known != previous.root:
            raise AnchorMismatch(
                f"the contract holds another root at size {previous.size}: a fork; stop writing"
            )
        final = [head.size for row, head in self.rows.anchors()
                 if row.state is State.FINAL and is_on(row, self.target)]  # fmt: skip
        if previous.size < max(final, default=0):
            raise ChainUnavailable(
                f"the contract holds size {previous.size}, {max(final)} was final there: the node "
                "is behind, or serves another chain with the same id",
                kind="behind",
            )

    def _queue(self, previous: Head, wanted: Head) -> None:
        """Sign and store an anchor; what the contract would refuse is found before that."""
        keys = usable_keys(self.node, self.target, self.access.anchorer_keys)
        growth = read_signers(self.node, self.target.contract).max_growth
        origin = self.coop.log.origin
        with self.coop.reading() as (_, log):
            if wanted.size - previous.size > growth:
                size = previous.size + growth
                wanted = Head(size, log.root(size))
            proof = log.consistency(previous.size, wanted.size) if previous.size else ()
        message = AnchorMessage(origin_hash(origin), previous, wanted)
        contract = self.target.contract
        digest = anchor_digest(message, chain_id=self.node.chain_id, contract=contract)
        signatures = order_signatures(digest, [sign_digest(digest, key) for key in keys])
        data = anchor_call(message, proof, signatures)
        self.node.call(contract, data)  # tried without sending: a refusal costs nothing here
        self._sender().queue(AnchoredHead(contract, origin, wanted), data, gas=ANCHOR_GAS)
