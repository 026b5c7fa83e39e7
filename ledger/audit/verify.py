"""Verify an audit bundle: offline, by folding the log again, and saying what it rests on.

``verify_bundle`` needs no database and no server. It raises nothing for a bad bundle, however
broken: what is wrong becomes findings, each with its place, and one that fails does not stop the
others. The verdict ``verified`` is only given against a trust file; see ``trust``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import islice
from typing import BinaryIO, Final

from ledger.audit.anchors import AnchorChecks, ChainView, later_heads
from ledger.audit.bundle import CHECKPOINT, END_PROOF, MANIFEST, START_STATE, Progress
from ledger.audit.erasures import ErasureFacts, check_erasures, named_erasures
from ledger.audit.files import Files
from ledger.audit.fold import Fold
from ledger.audit.head import SignedHead, check_head, check_start_head
from ledger.audit.ids import Scratch
from ledger.audit.judge import Judge, JudgeHere
from ledger.audit.opened import Opened, open_bundle
from ledger.audit.records import RecordChecks
from ledger.audit.remarks import (
    clock_remarks,
    erasure_remarks,
    remarks_for,
    remarks_on_lines,
)
from ledger.audit.report import (
    AT_END,
    AnchorFact,
    Facts,
    Finding,
    Findings,
    PeriodFact,
    Report,
    StartFact,
    Verdict,
)
from ledger.audit.start import SETTLED, open_start
from ledger.audit.tree import check_tree, entries_in, entry_files
from ledger.audit.trust import Trust
from ledger.audit.vaults import vaults_with_other_code
from ledger.audit.witnesses import witness_facts
from ledger.coop.state import Period
from ledger.log.tile import bundles_of_growth, format_bundle_path

__all__ = ["ChainView", "verify_bundle"]

NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Parts:
    """Findings by part, in the order in which they are reported: causes first."""

    files: Findings
    head: Findings
    tree: Findings
    entries: Findings
    anchors: Findings

    def all(self) -> tuple[Finding, ...]:
        """Every finding that was kept."""
        parts = (self.files, self.head, self.tree, self.entries, self.anchors)
        return tuple(finding for part in parts for finding in part)

    def count(self) -> int:
        """How many findings there are, kept or not."""
        parts = (self.files, self.head, self.tree, self.entries, self.anchors)
        return sum(part.count for part in parts)


def verify_bundle(  # noqa: PLR0913 - a bundle, what is trusted, and how to go about it
    source: BinaryIO,
    trust: Trust | None,
    *,
    chain: ChainView | None = None,
    judge: Judge | None = None,
    scratch: Scratch | None = None,
    progress: Progress = lambda _done, _all: None,
    see: Callable[[Fold], None] = lambda _fold: None,
) -> Report:
    """The report on the bundle in ``source``, a seekable file.

    ``chain`` is a node to ask about anchors. ``judge`` judges usage batches, by default here and
    at once; ``scratch`` takes what is laid aside of every record, by default memory. ``progress``
    is told how many of how many entries are folded, ``see`` shown the fold after each. Raises
    ChainUnavailable if ``chain`` does not answer; a bad bundle is a report.
    """
    opened = open_bundle(source, judge or JudgeHere(source))
    return verify_opened(opened, trust, chain=chain, scratch=scratch, progress=progress, see=see)


def verify_opened(  # noqa: PLR0913 - a bundle, what is trusted, and how to go about it
    opened: Opened,
    trust: Trust | None,
    *,
    chain: ChainView | None = None,
    scratch: Scratch | None = None,
    progress: Progress = lambda _done, _all: None,
    see: Callable[[Fold], None] = lambda _fold: None,
) -> Report:
    """The report on a bundle that is open; see ``verify_bundle``."""
    parts = _Parts(opened.findings, Findings(), Findings(), Findings(), Findings())
    files = opened.files
    if files is None:
        return Report("refused", parts.all(), parts.count(), None, ())
    start = None
    if START_STATE in files.archive.members:
        start = open_start(files, parts.files)
        if start is None:
            return Report("refused", parts.all(), parts.count(), None, ())
    first = start.before.size if start is not None else 0
    named = named_erasures(entries_in(files, first))
    checks = RecordChecks(
        files,
        parts.entries,
        opened.judge,
        scratch or BytesIO(),
        erased_of=lambda index: named.get(index, NONE),
    )
    if start is not None:
        checks = replace(checks, is_known=lambda period: not start.has_usage(period))
    fold = Fold(files, parts.entries, checks, start)
    fold.run(progress, see)
    erasures = check_erasures(files, named, fold.state, parts.entries)
    return _report(fold, erasures, trust, chain, parts)


def _report(
    fold: Fold,
    erasures: ErasureFacts,
    trust: Trust | None,
    chain: ChainView | None,
    parts: _Parts,
) -> Report:
    """The report when all entries are folded: head, tree, anchors and what was not asked for."""
    files = fold.files
    size = fold.tree.start + sum(one.width for one in entry_files(files, fold.tree.start))
    parts.files.place = AT_END
    head = check_head(files, fold, trust, parts.head)
    check_start_head(files, fold, trust, parts.head)
    signed = None if head.size is None or head.root is None else (head.size, head.root)
    check_tree(files, fold.tree, size, signed, parts.tree)
    _check_size(files, head, size, parts.head)
    _check_manifest(files, fold, head, size, parts.head)
    started = _check_approved(fold, parts.entries)
    anchors = AnchorChecks(fold, trust, chain, parts.anchors).run()
    if chain is not None:
        for one in vaults_with_other_code(fold.state, chain):
            where = f"entry {one.vault.index}, vault {one.vault.contract}"
            parts.anchors.add("vault-mismatch", where, *one.words)
    witnesses = witness_facts(files, fold, trust)
    files.close()
    findings = parts.all()
    verdict: Verdict = "refused" if findings else "consistent" if trust is None else "verified"
    remarks = remarks_for(
        fold, trust, anchors, later_heads(fold, trust, chain), has_node=chain is not None
    )
    facts = replace(_facts(fold, head, anchors, started, erasures), witnesses=witnesses)
    remarks = (*erasure_remarks(erasures), *remarks, *remarks_on_lines(head.unchecked))
    remarks = (*remarks, *clock_remarks(witnesses))
    return Report(verdict, findings, parts.count(), facts, remarks)


def _check_approved(fold: Fold, findings: Findings) -> StartFact | None:
    """The state at a slice's start is one that a settlement in the slice carries, approved."""
    start = fold.start
    if start is None:
        return None
    size = start.before.size
    cut = [
        period for period in fold.state.periods.values()
        if period.cut_off is not None and period.cut_off.index == size
    ]  # fmt: skip
    computed = {found.id for found in fold.settlements}
    period = next((p for p in cut if p.status == SETTLED and p.settlement in computed), None)
    if period is None:
        findings.place = AT_END
        findings.add(
            "start-unproven", START_STATE,
            f"no settlement in this bundle that took effect carries the state at entry {size}",
            f"エントリー {size} の時点の状態を示す、発効した精算がこの監査束にありません",
        )  # fmt: skip
    name, settlement = (period.id, str(period.settlement)) if period is not None else ("", "")
    return StartFact(
        entry=size,
        root=start.before.root().hex(),
        state_hash=start.state_hash,
        period=name,
        settlement=settlement,
        approved_by=tuple(fold.approvals.get(settlement, ())),
    )


def _check_manifest(
    files: Files, fold: Fold, head: SignedHead, size: int, findings: Findings
) -> None:
    manifest = files.manifest
    if manifest is None:
        return
    stated = (manifest.origin, manifest.genesis, manifest.start, manifest.end)
    found = (head.origin, fold.state.genesis, fold.tree.start, size)
    names = ("origin", "genesis", "start", "end")
    for name, left, right in zip(names, stated, found, strict=True):
        if left != right:
            findings.add(
                "manifest-mismatch", f"{MANIFEST}, {name}",
                f"the manifest says {left!r}, the bundle holds {right!r}",
                f"目録は {left!r}、実際は {right!r} です",
            )  # fmt: skip


def _check_size(files: Files, head: SignedHead, size: int, findings: Findings) -> None:
    if head.size is None or head.size == size:
        return
    if head.size > size and END_PROOF in files.archive.members:
        return  # the proof leads from here to the checkpoint; see check_tree
    findings.add(
        "root-mismatch", f"{CHECKPOINT}, size",
        f"the checkpoint is of {head.size} entries, the bundle holds {size}",
        f"チェックポイントは {head.size} 件、実際は {size} 件です",
    )  # fmt: skip
    if START_STATE in files.archive.members:
        return
    for bundle in islice(bundles_of_growth(size, max(head.size, size)), 1):
        findings.add(
            "missing-file", format_bundle_path(bundle),
            "entries that the checkpoint covers are missing", "エントリーの一部がありません",
        )  # fmt: skip


def _facts(
    fold: Fold,
    head: SignedHead,
    anchors: tuple[AnchorFact, ...],
    started: StartFact | None,
    erasures: ErasureFacts,
) -> Facts:
    before = fold.start.state.periods if fold.start is not None else {}
    shown = [
        _period(period, before.get(period.id))
        for period in fold.state.periods.values()
        if period.id not in before or before[period.id].status != SETTLED
    ]
    return Facts(
        origin=head.origin,
        genesis=fold.state.genesis,
        start=started,
        size=fold.tree.size,
        root=fold.tree.root(fold.tree.size).hex(),
        signed_by=head.signed_by,
        files=len(fold.files.archive.members),
        size_bytes=fold.files.archive.size_bytes,
        batches=fold.records.batches,
        records=fold.records.records,
        erased=erasures.erased,
        first_received_at=fold.first_received_at,
        last_received_at=fold.state.received_at,
        periods=tuple(shown),
        settlements=tuple(fold.settlements),
        anchors=anchors,
    )


def _period(period: Period, before: Period | None) -> PeriodFact:
    usage = period.usage.values()
    earlier = before.usage.values() if before is not None else ()
    return PeriodFact(
        id=period.id,
        status=period.status,
        batches=sum(row.batches for row in usage),
        records=sum(row.records for row in usage),
        settlement=period.settlement,
        records_before=sum(row.records for row in earlier),
    )
