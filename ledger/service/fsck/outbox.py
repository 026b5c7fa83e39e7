"""The rows of the outbox: whole, true to the transactions that they hold, and recorded in the log.

A raw transaction is signed and carries the head that it brings to the contract. So a row that was
written before the log was rewritten still says which root the log had.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ledger import canonical
from ledger.chain.anchor import Head, origin_hash
from ledger.chain.goals import AnchoredHead
from ledger.chain.outbox import OutboxRow, State
from ledger.chain.stored import StoredTransaction, read_stored_anchor, read_stored_transaction
from ledger.coop.bodies import AnchorRecorded
from ledger.errors import KyojoError
from ledger.service.anchor_rows import encode_row, parse_row
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.report import Findings
from ledger.service.fsck.sessions import is_instant
from ledger.store.raw import Row, shown
from ledger.store.tables import outbox

_SENT_FOR_NOTHING = frozenset({State.FAILED, State.REPLACED})


def check_outbox(fold: Fold, origin: str) -> list[tuple[OutboxRow, Head]]:
    """Check every row; answers with those whose transaction shows a head of this log."""
    recorded = {body.transaction: (index, body) for index, body in fold.anchors}
    found = []
    places: dict[tuple[object, ...], list[tuple[Any, str]]] = {}
    for stored in fold.raw.scan(outbox, fold.head.log_id):
        fold.counts.outbox += 1
        nonce = (stored["chain_id"], stored["sender"], stored["nonce"])
        places.setdefault(nonce, []).append((stored["bump"], shown(stored["id"])))
        row = _read(stored, fold.findings)
        if row is None:
            continue
        is_whole = _check_row(stored, row, origin, fold.findings)
        if not isinstance(row.goal, AnchoredHead):
            continue
        if is_whole and row.state not in _SENT_FOR_NOTHING:
            found.append((row, row.goal.head))
        _compare_recorded(row, recorded.pop(row.transaction_hash.hex(), None), fold)
    _check_bumps(places.values(), fold.findings)
    for index, body in recorded.values():
        fold.findings.add(
            "outbox-missing", ("outbox", body.transaction, ""),
            f"the anchor of entry {index} has no row here; after a rebuild elsewhere this is so",
            f"エントリー {index} のアンカーに対応する行がありません", severity="warning",
        )  # fmt: skip
    return found


def _read(stored: Row, findings: Findings) -> OutboxRow | None:
    data, key = stored["row"], shown(stored["id"])
    if not is_instant(stored["updated_at"]):
        _add(findings, key, "updated_at", f"{shown(stored['updated_at'])!r} is no instant")
    if not is_instant(stored["queued_at"]):
        _add(findings, key, "queued_at", f"{shown(stored['queued_at'])!r} is no instant")
    if stored["sent_at"] is not None and not is_instant(stored["sent_at"]):
        _add(findings, key, "sent_at", f"{shown(stored['sent_at'])!r} is no instant")
    if stored["cost_wei"] is not None and not str(stored["cost_wei"]).isdigit():
        _add(findings, key, "cost_wei", f"{shown(stored['cost_wei'])!r} is no amount")
    try:
        canonical.parse_canonical(data if isinstance(data, bytes) else b"", what="the row")
        row = parse_row(data)
        if encode_row(row) == data:
            return row
        why = "it is not as it was written"
    except KyojoError as error:
        why = error.message
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        why = f"{type(error).__name__}: {error}"
    _add(findings, key, "row", why)
    return None


def _check_row(stored: Row, row: OutboxRow, origin: str, findings: Findings) -> bool:
    key = shown(stored["id"])
    if stored["state"] != row.state:
        _add(findings, key, "state", f"it is {shown(stored['state'])!r}, the row says {row.state}")
    if stored["id"] != row.transaction_hash.hex():
        _add(findings, key, "id", f"the transaction is {row.transaction_hash.hex()}")
    beside = {"chain_id": row.chain_id, "sender": row.sender, "nonce": row.nonce}
    for column, value in beside.items():
        if stored[column] != value:
            _add(findings, key, column, f"it is {shown(stored[column])!r}, the row says {value}")
    try:
        wrong = _wrong(row, origin)
    except KyojoError as error:
        _add(findings, key, "row", f"raw: {error.message}")
        return False
    in_block = row.state in (State.MINED, State.SAFE, State.FINAL)
    if in_block != (row.block_number is not None) or in_block != (row.block_hash is not None):
        wrong.append("block")
    for name in wrong:
        _add(findings, key, "row", f"{name} is not what the signed transaction or the state says")
    return not wrong


def _check_bumps(places: Iterable[list[tuple[Any, str]]], findings: Findings) -> None:
    """The transactions of one nonce are numbered from 0, without a gap."""
    for rows in places:
        for bump, key in rows:
            if type(bump) is not int or not 0 <= bump < len(rows):
                _add(findings, key, "bump", f"{shown(bump)!r}, of {len(rows)} with this nonce")


def _wrong(row: OutboxRow, origin: str) -> list[str]:
    """What the row says otherwise than its signed transaction; raises AnchorMismatch."""
    pairs = _pairs(row, read_stored_transaction(row.raw))
    goal = row.goal
    if isinstance(goal, AnchoredHead):
        said = read_stored_anchor(row.raw)
        pairs += [
            ("origin", (origin_hash(goal.origin), goal.origin), (said.origin_hash, origin)),
            ("goal.size", goal.head.size, said.size),
            ("goal.root", goal.head.root, said.root),
        ]
    return [name for name, left, right in pairs if left != right]


def _pairs(row: OutboxRow, said: StoredTransaction) -> list[tuple[str, Any, Any]]:
    return [
        ("transaction_hash", row.transaction_hash, said.hash),
        ("sender", row.sender, said.sender),
        ("chain_id", row.chain_id, said.chain_id),
        ("nonce", row.nonce, said.nonce),
        ("contract", row.contract.lower(), said.contract),
    ]


def _compare_recorded(
    row: OutboxRow, recorded: tuple[int, AnchorRecorded] | None, fold: Fold
) -> None:
    key = row.transaction_hash.hex()
    if not isinstance(row.goal, AnchoredHead):
        return
    if recorded is None:
        if row.state is State.FINAL:
            fold.findings.add(
                "anchor-unrecorded", ("outbox", key, ""),
                "this anchor is final and no entry records it yet; run kyojo anchor",
                "確定済みのアンカーがまだ記録されていません。kyojo anchor を実行してください",
                severity="warning",
            )  # fmt: skip
        return
    index, body = recorded
    stated = (body.size, body.root, body.block_number, body.block_hash)
    block_hash = row.block_hash.hex() if row.block_hash is not None else None
    head = row.goal.head
    if (head.size, head.root.hex(), row.block_number, block_hash) != stated:
        fold.findings.add(
            "outbox-changed", ("outbox", key, "row"),
            f"entry {index} records this anchor with another head or block",
            f"エントリー {index} の記録と先頭またはブロックが異なります",
        )  # fmt: skip


def _add(findings: Findings, key: str, column: str, why: str) -> None:
    findings.add("outbox-changed", ("outbox", key, column), why, f"送信控えが不正です: {why}")
