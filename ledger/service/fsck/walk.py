"""The check of one log, from its rows to what outsiders hold. Reads in one transaction.

Order: the signed head; entries against tiles and root; the fold with index columns, batches and
snapshots; blobs, record ids and totals; outbox and sign-in rows; heads that others hold. Nothing is
written, and no damage stops it: each becomes a finding and the rest is checked all the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ledger.audit.anchors import ChainView
from ledger.audit.report import Remark
from ledger.errors import StoreDamaged
from ledger.service.fsck.batch_pool import BatchPool
from ledger.service.fsck.batches import BatchResult
from ledger.service.fsck.beside import (
    Snapshots,
    compare_blobs,
    compare_erased,
    compare_record_ids,
    compare_totals,
)
from ledger.service.fsck.cosigned import check_cosigned
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.head import Wanted, read_head
from ledger.service.fsck.log_keys import KeyHistory, check_key_changes, check_signatures
from ledger.service.fsck.outbox import check_outbox
from ledger.service.fsck.outside import (
    compare_heads,
    contract_heads,
    outbox_heads,
    recorded_heads,
)
from ledger.service.fsck.reading import Reading
from ledger.service.fsck.remarks import remarks_for
from ledger.service.fsck.report import Counts, Findings, OutsideHead, Report
from ledger.service.fsck.sessions import check_log_id, check_sessions, check_tables
from ledger.service.fsck.tree import TrueTree, compare_tree
from ledger.service.fsck.vaults import VaultSetting, check_vaults
from ledger.store.database import Database
from ledger.store.raw import raw_rows
from ledger.store.scratch import Scratch

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known outside the database: a node to ask, heads fetched elsewhere, the settings."""

    chain: ChainView | None = None
    heads: Sequence[OutsideHead] = ()
    vault: VaultSetting | None = None


def fsck(
    database: Database,
    wanted: Wanted,
    beside: Beside | None = None,
    *,
    jobs: int = 1,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """Check a log; ``progress`` is told how many of the entries, counted twice, are done.

    Raises StoreBusy or ChainUnavailable if database or node stop answering.
    """
    try:
        with database.read() as connection:
            return fsck_through(connection, wanted, beside, jobs=jobs, progress=progress)
    except (StoreDamaged, DBAPIError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
        findings = Findings()
        why = str(getattr(error, "orig", error))
        findings.add("unreadable-database", ("", "", ""), why, f"データベースを読めません: {why}")
        return _empty_report(wanted, findings)


def fsck_through(
    connection: Connection,
    wanted: Wanted,
    beside: Beside | None = None,
    *,
    jobs: int = 1,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """The same, as an open transaction sees the database."""
    counts, findings = Counts(), Findings()
    with raw_rows(connection) as raw, closing(Scratch()) as scratch:
        head = read_head(raw, wanted, findings)
        if head is None:
            check_tables(raw, findings)
            return _empty_report(wanted, findings)
        reading = Reading(raw, head, counts, findings)
        tree = compare_tree(reading, lambda done: progress(done, 2 * head.size))
        with BatchPool(jobs) as pool:
            fold = Fold(reading, tree, scratch, pool.add)
            history = _run(fold, pool, progress)
        outcome = _check_beside(fold, history, wanted, beside or Beside())
        check_tables(raw, findings)
        check_log_id(raw, head, wanted.slug, findings)
    return _report(wanted, reading, tree, outcome)


def _run(fold: Fold, pool: BatchPool, progress: Progress) -> KeyHistory:
    history = KeyHistory([])
    snapshots = Snapshots(fold.raw, fold.head.log_id, fold.counts, fold.findings)
    size = fold.head.size
    for done, state in enumerate(fold.run(), start=1):
        history.look(state)
        snapshots.look(state, is_whole=fold.is_whole)
        for result in pool.ready():
            _take_batch(fold, result)
        progress(size + done, 2 * size)
    snapshots.rest()
    for result in pool.rest():
        _take_batch(fold, result)
    return history


def _take_batch(fold: Fold, result: BatchResult) -> None:
    fold.counts.batches += 1
    fold.counts.records += result.records
    passed = fold.first_passed
    # Lines that lead to the signed root can only be refused for what came before them.
    is_after = result.leads and passed is not None and passed < result.index
    for code, suffix, column, en, ja in result.faults:
        place = ("batches", f"{result.index}{suffix}", column)
        follows = passed if is_after and code == "record-changed" else None
        fold.findings.add(code, place, en, ja, follows=follows)
    if result.erased:
        fold.erased[result.index] = result.erased
    if result.is_damaged:
        fold.unjudged.add(result.index)
    else:
        fold.scratch.add_places(result.places)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Who signed, and what came of the comparison with the outside."""

    signed_by: tuple[str, ...]
    heads: tuple[OutsideHead, ...]
    remarks: tuple[Remark, ...]


def _check_beside(fold: Fold, history: KeyHistory, wanted: Wanted, beside: Beside) -> _Outcome:
    signed = check_signatures(fold, wanted, history)
    check_key_changes(fold, history, wanted.origin)
    compare_erased(fold)
    compare_blobs(fold)
    compare_record_ids(fold, wanted.slug)
    compare_totals(fold)
    state = fold.state if fold.is_whole else None
    check_sessions(fold.raw, fold.head, state, fold.findings)
    trust, chain = wanted.trust, beside.chain
    _compare_genesis(fold, wanted)
    rows = check_outbox(fold, wanted.origin)
    heads = [*beside.heads, *signed.cosigned, *fold.heads()]
    heads += check_cosigned(fold, wanted)
    heads += recorded_heads(fold, trust, chain)
    heads += outbox_heads(rows, trust, chain, fold.findings)
    if chain is not None:
        heads += contract_heads(fold, trust, chain)
    check_vaults(fold, beside.vault, chain)
    return _Outcome(
        signed.by, tuple(heads), remarks_for(fold, wanted, heads, has_node=chain is not None)
    )


def _compare_genesis(fold: Fold, wanted: Wanted) -> None:
    if wanted.trust is None or fold.state.genesis in ("", wanted.trust.genesis):
        return
    fold.findings.add(
        "wrong-log", ("entries", 0, "data"),
        f"the charter's leaf hash is {fold.state.genesis}, the trust file names "
        f"{wanted.trust.genesis}",
        "起点のハッシュが信頼ファイルと一致しません",
    )  # fmt: skip


def _report(wanted: Wanted, reading: Reading, tree: TrueTree, outcome: _Outcome) -> Report:
    vouchers, vouched = compare_heads(tree, outcome.heads, reading.findings)
    root = tree.root(tree.size)
    findings = reading.findings
    return Report(
        origin=wanted.origin,
        size=reading.head.size,
        root=root.hex() if root is not None else "",
        signed_by=outcome.signed_by,
        findings=tuple(findings.kept),
        findings_count=findings.count,
        errors_count=findings.errors,
        counts=reading.counts,
        vouchers=vouchers,
        vouched_size=vouched,
        not_checked=outcome.remarks,
    )


def _empty_report(wanted: Wanted, findings: Findings) -> Report:
    """Nothing could be read but that there is nothing to read."""
    kept = tuple(findings.kept)
    return Report(
        wanted.origin, 0, "", (), kept, findings.count, findings.errors, Counts(), (), 0, ()
    )
