"""A bundle that is open: its files, and a judge that is at work on its batches already.

Opening needs a small part of the program only. Whoever verifies a large bundle opens it first and
loads the rest, the fold with all its kinds of entry, while other processes judge the first batches.

Invariant: nothing rests on the batches that are found here; the fold says which there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ledger.audit.batch import Task
from ledger.audit.bundle import START_STATE, blob_name, leaves_name, lines_name
from ledger.audit.files import Files, open_files
from ledger.audit.judge import Judge
from ledger.audit.report import Findings
from ledger.audit.tree import entries_in
from ledger.errors import MalformedDocument

# In canonical form nothing else looks so: within a text a quotation mark follows a backslash.
_BATCH = re.compile(
    rb'"body":\{"account":"[a-z]{1,16}","count":([1-9][0-9]{0,4}),"custody":"[a-z]{1,16}",'
    rb'"root":"([0-9a-f]{64})",.{0,600}?"totals":\{"bytes":[0-9]{1,12},'
    rb'"sha256":"([0-9a-f]{64})"\}\},"kind":"usage-batch",'
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A bundle's files and what is wrong with them so far; no files if it cannot be read."""

    judge: Judge
    findings: Findings
    files: Files | None


def open_bundle(source: BinaryIO, judge: Judge) -> Opened:
    """Open the bundle in a seekable file, and tell the judge which batches there seem to be."""
    findings = Findings()
    try:
        files = open_files(source, findings)
    except MalformedDocument as error:
        findings.add_error(error, _place(error))
        return Opened(judge, findings, None)
    is_slice = START_STATE in files.archive.members and files.manifest is not None
    start = files.manifest.start if files.manifest is not None and is_slice else 0
    judge.prepare(tasks_ahead(files, entries_in(files, start), start))
    return Opened(judge, findings, files)


def tasks_ahead(files: Files, entries: Iterable[bytes], start: int) -> Iterator[Task]:
    """The batches that entries from ``start`` on seem to hold, without a scope.

    Nothing rests on it: whoever uses an outcome compares the task with the one of the fold.
    """
    for index, data in enumerate(entries, start=start):
        found = _BATCH.search(data)
        if found is None:
            continue
        count, root, totals_sha256 = int(found[1]), found[2].decode(), found[3].decode()
        lines, leaves = files.known_span(lines_name(index)), files.known_span(leaves_name(index))
        if lines is not None and leaves is not None:
            totals = files.known_span(blob_name(totals_sha256))
            yield Task(index, count, root, totals_sha256, lines, leaves, totals, None)


def _place(error: MalformedDocument) -> str:
    if "offset" in error.details:
        return f"byte {error.details['offset']}"
    return str(error.details.get("file", "the file"))
