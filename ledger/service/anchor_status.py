"""How far the log is shown, per target: from the outbox and the log, without asking a chain.

Signed, witnessed, anchored and final are four different claims. An anchor covers every entry below
its size; ``final`` is the largest size whose transaction stood in a final block when it was last
looked at, ``anchored`` the largest that is on its way, and its state says how far it has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ledger.chain.anchor import Head
from ledger.chain.outbox import OutboxRow
from ledger.chain.outbox import State as RowState
from ledger.coop.charter import AnchorTarget
from ledger.coop.state import State
from ledger.coop.successors import current_targets, place_of
from ledger.service.anchor_access import TargetSettings, is_meant
from ledger.service.anchor_policy import AnchorPolicy, Unanchored, Verdict, judge
from ledger.service.anchor_record import PAGE, RECORDING, recorded_at
from ledger.service.anchor_rows import AnchorRows
from ledger.service.coop import Coop
from ledger.service.published import quorum_size, unwitnessed
from ledger.store.outbox import OutboxTable
from ledger.store.reading import Filter, LogReader

# What is shown is new; reading years of rows for it would cost more each month.
ROWS_SHOWN = 200
SETTLED = frozenset({RowState.FAILED, RowState.REPLACED})


@dataclass(frozen=True, slots=True)
class Anchored:
    """Where the newest anchor stands: its state says how far it is shown.

    ``unwitnessed`` counts the log's entries that are not anchored for want of a quorum. ``note``
    is what the outbox last noted, such as why a transaction waits.
    """

    size: int
    root: bytes
    state: str
    chain_id: int
    contract: str
    transaction: bytes
    block_number: int | None
    block_hash: bytes | None
    recorded_at: int | None
    unwitnessed: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """One target: the newest anchor on its way or there, the final size, what is due and why.

    ``final_size`` is 0 where nothing is final yet. ``last_failure`` is the note of the newest
    transaction, if it failed.
    """

    chain_id: int
    contract: str
    newest: Anchored | None
    final_size: int
    verdict: Verdict
    last_failure: str


def anchor_rows(coop: Coop) -> AnchorRows:
    """The co-op's outbox."""
    return AnchorRows(OutboxTable(coop.database, coop.log.id, coop.clock))


def newest(coop: Coop) -> Anchored | None:
    """The newest anchor on any target that the outbox or the log knows, without asking a chain."""
    found = [one.newest for one in statuses(coop, ()) if one.newest is not None]
    return max(found, key=lambda one: (one.state == RowState.FINAL, one.size), default=None)


def statuses(coop: Coop, settings: Sequence[TargetSettings]) -> list[TargetStatus]:
    """Every target of the co-op, in the charter's order; ``settings`` bring their policies."""
    state = coop.state()
    rows = anchor_rows(coop).anchors(newest=ROWS_SHOWN) if state.charter is not None else []
    return [
        _status(coop, target, [pair for pair in rows if is_on(pair[0], target)], policy)
        for target in current_targets(state)
        for policy in [_policy_of(state, target, settings)]
    ]


def is_on(row: OutboxRow, target: AnchorTarget) -> bool:
    """Whether a row is for a target."""
    return (row.chain_id, row.contract.lower()) == (target.chain_id, target.contract)


def wanted_head(coop: Coop, log: LogReader, anchored: int) -> Head | None:
    """The head to anchor after the first ``anchored`` entries; None if nothing new needs it.

    It is the newest that has its quorum of witnesses; entries that only record anchors need none.
    """
    size = quorum_size(coop, log.head())
    if size is None or size <= anchored or _first_new(log, anchored, size) is None:
        return None
    return Head(size, log.root(size))


def unanchored(
    coop: Coop, log: LogReader, anchored: int, rows: Sequence[tuple[OutboxRow, Head]]
) -> Unanchored:
    """What a policy judges: the new entries behind a size, and when the last anchor was made."""
    last_at = max((row.queued_at for row, _ in rows if row.state not in SETTLED), default=None)
    size = quorum_size(coop, log.head()) or 0
    oldest = _first_new(log, anchored, size) if size > anchored else None
    if oldest is None:
        return Unanchored(0, None, last_at)
    return Unanchored(size - anchored - _recordings(log, anchored, size), oldest, last_at)


def waiting_text(count: int) -> str:
    """What is added for people where entries wait for their quorum; empty where none does."""
    if not count:
        return ""
    return (
        f"; {count} newer entries have no quorum of witnesses yet and are not anchored "
        f"証人の定足数を待つエントリー {count} 件"
    )


def anchor_document(anchored: Anchored) -> dict[str, Any]:
    """An anchor as a JSON object."""
    return {
        "size": anchored.size,
        "root": anchored.root.hex(),
        "state": anchored.state,
        "chain_id": anchored.chain_id,
        "contract": anchored.contract,
        "transaction": "0x" + anchored.transaction.hex(),
        "block_number": anchored.block_number,
        "recorded_at": anchored.recorded_at,
        "unwitnessed": anchored.unwitnessed,
        "note": anchored.note,
    }


def status_document(found: TargetStatus) -> dict[str, Any]:
    """A target's status as a JSON object."""
    return {
        "chain_id": found.chain_id,
        "contract": found.contract,
        "final_size": found.final_size,
        "newest": None if found.newest is None else anchor_document(found.newest),
        "due": found.verdict.is_due,
        "overdue": found.verdict.is_overdue,
        "why": {"en": found.verdict.en, "ja": found.verdict.ja},
        "due_at": found.verdict.due_at,
        "last_failure": found.last_failure,
    }


def status_lines(found: TargetStatus) -> list[str]:
    """A target's status for a person."""
    place = f"{found.contract} on chain {found.chain_id}"
    one = found.newest
    if one is None:
        lines = [f"{place}: not anchored yet 未アンカー"]
    else:
        noted = f" ({one.note})" if one.note else ""
        en = f"size {one.size} is {one.state}{noted}; final up to {found.final_size}"
        ja = f"件数 {one.size}（{one.state}）、確定 {found.final_size}"
        lines = [f"{place}: {en} {ja}"]
    overdue = "OVERDUE 期限超過: " if found.verdict.is_overdue else ""
    lines.append(f"  {overdue}{found.verdict.en} {found.verdict.ja}")
    if found.last_failure:
        lines.append(f"  last failure 直近の失敗: {found.last_failure}")
    return lines


def _policy_of(
    state: State, target: AnchorTarget, settings: Sequence[TargetSettings]
) -> AnchorPolicy:
    meant = (one.policy for one in settings if is_meant(state, one, target))
    return next(meant, AnchorPolicy())


def _status(
    coop: Coop,
    target: AnchorTarget,
    rows: Sequence[tuple[OutboxRow, Head]],
    policy: AnchorPolicy,
) -> TargetStatus:
    known = coop.state().anchors.get(place_of(target.chain_id, target.contract))
    live = [pair for pair in rows if pair[0].state not in SETTLED]
    final = [head.size for row, head in rows if row.state is RowState.FINAL]
    final_size = max([*final, 0 if known is None else known.size])
    anchored = max([head.size for _, head in live] + [final_size])
    verdict = _verdict(coop, rows, policy, anchored)
    # What is on its way and in no block yet has not been anchored, however long it has been so.
    in_block = [head.size for row, head in live if row.block_number is not None]
    standing = max([*in_block, final_size])
    late = _verdict(coop, rows, policy, standing).is_overdue
    verdict = replace(verdict, is_overdue=late)
    last = max(rows, key=lambda pair: pair[0].queued_at)[0] if rows else None
    failed = last.note if last is not None and last.state is RowState.FAILED else ""
    where = (target.chain_id, target.contract)
    return TargetStatus(*where, _newest(coop, target, live), final_size, verdict, failed)


def _verdict(
    coop: Coop, rows: Sequence[tuple[OutboxRow, Head]], policy: AnchorPolicy, anchored: int
) -> Verdict:
    with coop.reading() as (_, log):
        return judge(policy, unanchored(coop, log, anchored, rows), coop.clock())


def _newest(
    coop: Coop, target: AnchorTarget, live: Sequence[tuple[OutboxRow, Head]]
) -> Anchored | None:
    known = coop.state().anchors.get(place_of(target.chain_id, target.contract))
    if not live or (known is not None and known.size > live[-1][1].size):
        # Recorded here and not sent from here: by another installation, or before a rebuild.
        return None if known is None else Anchored(
            known.size, bytes.fromhex(known.root), str(RowState.FINAL), target.chain_id,
            target.contract, bytes.fromhex(known.transaction), known.block_number,
            bytes.fromhex(known.block_hash), _recorded_at(coop, known.size, known.transaction),
            unwitnessed(coop),
        )  # fmt: skip
    # Of the transactions of one nonce, the one in a block, or else the dearest, stands for all.
    row, head = max(live, key=lambda pair: (pair[1].size, pair[0].block_number or 0, pair[0].bump))
    return Anchored(
        size=head.size,
        root=head.root,
        state=str(row.state),
        chain_id=row.chain_id,
        contract=row.contract,
        transaction=row.transaction_hash,
        block_number=row.block_number,
        block_hash=row.block_hash,
        recorded_at=_recorded_at(coop, head.size, row.transaction_hash.hex()),
        unwitnessed=unwitnessed(coop),
        note=row.note,
    )


def _recorded_at(coop: Coop, size: int, transaction: str) -> int | None:
    with coop.reading() as (_, log):
        return recorded_at(log, size, transaction)


def _first_new(log: LogReader, anchored: int, size: int) -> str | None:
    """When the first entry from ``anchored`` on was received that is no recording of an anchor."""
    start = anchored
    while page := log.search(Filter(), start=start, limit=PAGE):
        for row in page:
            if row.index >= size:
                return None
            if row.kind != RECORDING:
                return row.received_at
        start = page[-1].index + 1
    return None


def _recordings(log: LogReader, anchored: int, size: int) -> int:
    count, start = 0, anchored
    while page := log.search(Filter(kind=RECORDING), start=start, limit=PAGE):
        count += sum(row.index < size for row in page)
        start = page[-1].index + 1
    return count
