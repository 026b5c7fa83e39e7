"""Verify a bundle that is a file, on all cores: see ``audit_file`` for who judges its batches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from ledger.audit.anchors import ChainView
from ledger.audit.bundle import Progress
from ledger.audit.fold import Fold
from ledger.audit.opened import Opened
from ledger.audit.report import Report
from ledger.audit.trust import Trust
from ledger.audit.verify import verify_opened
from ledger.service.audit_file import SMALL_BYTES, opened_file

SCRATCH_BYTES = 4 * 2**20  # above this, the ids laid aside go to a temporary file


def verify_file(  # noqa: PLR0913 - a file, what is trusted, and how to go about it
    path: Path,
    trust: Trust | None,
    *,
    jobs: int | None = None,
    small_bytes: int = SMALL_BYTES,
    chain: ChainView | None = None,
    progress: Progress = lambda _done, _all: None,
    see: Callable[[Fold], None] = lambda _fold: None,
) -> Report:
    """The report on the bundle in a file; see ``verify_bundle``, and ``opened_file`` for ``jobs``.

    Raises OSError if there is no such file.
    """
    with opened_file(path, jobs=jobs, small_bytes=small_bytes) as opened:
        return verify_here(opened, trust, chain=chain, progress=progress, see=see)


def verify_here(
    opened: Opened,
    trust: Trust | None,
    *,
    chain: ChainView | None = None,
    progress: Progress = lambda _done, _all: None,
    see: Callable[[Fold], None] = lambda _fold: None,
) -> Report:
    """The report on a bundle that is open; what must be laid aside goes to a temporary file."""
    with tempfile.SpooledTemporaryFile(SCRATCH_BYTES) as scratch:
        return verify_opened(
            opened, trust, chain=chain, scratch=scratch, progress=progress, see=see
        )
