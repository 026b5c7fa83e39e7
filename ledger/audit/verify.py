"""Verify an audit bundle: offline, by folding the log again, and saying what it rests on.

``verify_bundle`` needs no database and no server. It raises nothing for a bad bundle, however
broken: what is wrong becomes findings, each with its place, and one that fails does not stop the
others. The verdict ``verified`` is only given against a trust file; see ``trust``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from ledger.audit.anchors import AnchorChecks, ChainView, later_heads
from ledger.audit.bundle import CHECKPOINT, MANIFEST, Progress
from ledger.audit.erasures import ErasureFacts, check_erasures, named_erasures
from ledger.audit.files import Files, open_files
from ledger.audit.fold import Fold, readable_entries
from ledger.audit.head import SignedHead, check_head
from ledger.audit.records import RecordChecks
from ledger.audit.remarks import erasure_remarks, remarks_for
from ledger.audit.report import AnchorFact, Facts, Finding, Findings, PeriodFact, Report, Verdict
from ledger.audit.tree import check_tree, size_of
from ledger.audit.trust import Trust
from ledger.coop.state import Period
from ledger.errors import MalformedDocument
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


def verify_bundle(
    source: BinaryIO,
    trust: Trust | None,
    *,
    chain: ChainView | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Report:
    """The report on the bundle in ``source``, a seekable file.

    ``chain`` is a node to ask about anchors. ``progress`` is told how many of how many entries
    are folded. Raises ChainUnavailable if ``chain`` does not answer; a bad bundle is a report.
    """
    parts = _Parts(Findings(), Findings(), Findings(), Findings(), Findings())
    try:
        files = open_files(source, parts.files)
    except MalformedDocument as error:
        parts.files.add_error(error, _place(error))
        return Report("refused", parts.all(), parts.count(), None, ())
    return _verify(files, trust, chain, parts, progress)


def _verify(
    files: Files, trust: Trust | None, chain: ChainView | None, parts: _Parts, progress: Progress
) -> Report:
    size = size_of(files)
    named = named_erasures(_entries(files, size))
    records = RecordChecks(files, parts.entries, lambda index: named.get(index, NONE))
    fold = Fold(files, parts.entries, records)
    fold.run(size, progress)
    erasures = check_erasures(files, named, fold.state, parts.entries)
    head = check_head(files, fold, trust, parts.head)
    check_tree(files, fold.tree, size, head.root, parts.tree)
    _check_size(head, size, parts.head)
    _check_manifest(files, fold, head, size, parts.head)
    anchors = AnchorChecks(fold, trust, chain, parts.anchors).run()
    files.close()
    findings = parts.all()
    verdict: Verdict = "refused" if findings else "consistent" if trust is None else "verified"
    remarks = remarks_for(
        fold, trust, anchors, later_heads(fold, chain), has_node=chain is not None
    )
    facts = _facts(files, fold, head, anchors, erasures)
    remarks = (*erasure_remarks(erasures), *remarks)
    return Report(verdict, findings, parts.count(), facts, remarks)


def _entries(files: Files, size: int) -> Iterator[bytes]:
    """The entries as they stand in the bundle; what is wrong with them is said by the fold."""
    for bundle in bundles_of_growth(0, size):
        name = format_bundle_path(bundle)
        if name in files.archive.members:
            yield from readable_entries(files.archive.read(name), bundle.width)


def _place(error: MalformedDocument) -> str:
    if "offset" in error.details:
        return f"byte {error.details['offset']}"
    return str(error.details.get("file", "the file"))


def _check_manifest(
    files: Files, fold: Fold, head: SignedHead, size: int, findings: Findings
) -> None:
    manifest = files.manifest
    if manifest is None:
        return
    genesis = fold.tree.leaves[0].hex() if fold.tree.leaves else ""
    stated = (manifest.origin, manifest.genesis, manifest.start, manifest.end)
    found = (head.origin, genesis, 0, size)
    names = ("origin", "genesis", "start", "end")
    for name, left, right in zip(names, stated, found, strict=True):
        if left != right:
            findings.add(
                "manifest-mismatch", f"{MANIFEST}, {name}",
                f"the manifest says {left!r}, the bundle holds {right!r}",
                f"目録は {left!r}、実際は {right!r} です",
            )  # fmt: skip


def _check_size(head: SignedHead, size: int, findings: Findings) -> None:
    if head.size is None or head.size == size:
        return
    findings.add(
        "root-mismatch", f"{CHECKPOINT}, size",
        f"the checkpoint is of {head.size} entries, the bundle holds {size}",
        f"チェックポイントは {head.size} 件、実際は {size} 件です",
    )  # fmt: skip
    for bundle in islice(bundles_of_growth(size, max(head.size, size)), 1):
        findings.add(
            "missing-file", format_bundle_path(bundle),
            "entries that the checkpoint covers are missing", "エントリーの一部がありません",
        )  # fmt: skip


def _facts(
    files: Files,
    fold: Fold,
    head: SignedHead,
    anchors: tuple[AnchorFact, ...],
    erasures: ErasureFacts,
) -> Facts:
    return Facts(
        origin=head.origin,
        genesis=fold.tree.leaves[0].hex() if fold.tree.leaves else "",
        size=len(fold.tree.leaves),
        root=fold.tree.roots[-1].hex(),
        signed_by=head.signed_by,
        files=len(files.archive.members),
        size_bytes=files.archive.size_bytes,
        batches=fold.records.batches,
        records=fold.records.records,
        erased=erasures.erased,
        first_received_at=fold.first_received_at,
        last_received_at=fold.state.received_at,
        periods=tuple(map(_period, fold.state.periods.values())),
        settlements=tuple(fold.settlements),
        anchors=anchors,
    )


def _period(period: Period) -> PeriodFact:
    usage = period.usage.values()
    return PeriodFact(
        id=period.id,
        status=period.status,
        batches=sum(row.batches for row in usage),
        records=sum(row.records for row in usage),
        settlement=period.settlement,
    )
