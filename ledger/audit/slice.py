"""Write a slice: the entries that prove one month, from the state before them.

A slice has, beside blobs, records and checkpoint as any bundle::

    entries/<a>-<b>      entries a … b − 1 (at most 256), as a C2SP entry bundle
    leaves               the leaf hash of every entry of the slice
    end/consistency      the proof from the slice's end to the checkpoint, if that is larger
    start/…              see ``start``

The verifier folds the prefix to the root at the start, pushes every leaf, and arrives at the root
at the end: both matching shows order, continuity and completeness of the slice (LOG.md §12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import BinaryIO, Protocol

from ledger import canonical
from ledger.audit.bundle import (
    CHECKPOINT,
    END_PROOF,
    LEAVES,
    START_CHECKPOINT,
    START_GENESIS,
    START_PREFIX,
    START_PROOFS,
    START_STATE,
    START_USAGE,
    USAGE_BATCH,
    Contents,
    LogSource,
    Manifest,
    Progress,
    blob_name,
    contents_of_entry,
    entries_name,
    key_change_files,
    write_contents,
)
from ledger.audit.start import counts_for, needed_blobs
from ledger.audit.start_proofs import format_proofs
from ledger.coop.bodies import UsageBatch, parse_body
from ledger.coop.envelope import parse_envelope
from ledger.coop.erasure import RECORDS_ERASED
from ledger.coop.state import State, state_document
from ledger.errors import NotFound
from ledger.log.merkle import leaf_hash
from ledger.log.tile import TILE_WIDTH, format_bundle
from ledger.usage.totals import parse_totals

ANCHOR = "anchor-recorded"


class SliceSource(LogSource, Protocol):
    """Where a slice's contents come from; the store's ``LogReader`` is one."""

    def root(self, size: int, /) -> bytes:
        """The root over the first ``size`` entries."""
        ...

    def inclusion(self, index: int, size: int, /) -> tuple[bytes, ...]:
        """The inclusion proof of an entry in the tree of ``size`` entries."""
        ...

    def consistency(self, old_size: int, new_size: int, /) -> tuple[bytes, ...]:
        """The consistency proof between two sizes of the log."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """A signed tree head: its size, and the note verbatim."""

    size: int
    note: bytes


def write_slice(  # noqa: PLR0913 - the log, where it is cut, and where to write
    out: BinaryIO,
    source: SliceSource,
    *,
    state: State,
    end: int,
    head: Head,
    start_note: bytes | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Write the entries from ``state.size`` up to ``end`` as a bundle that proves them.

    ``head`` is of size ``end`` or larger, ``start_note`` a signed head of exactly the size at the
    start. Raises TooLarge for more files than a bundle may hold.
    """
    start = state.size
    if not 0 < start < end <= head.size:
        raise NotFound(f"entries {start} to {end} are no slice of a log of {head.size}")
    contents, named = _entries(source, start, end)
    contents |= key_change_files(source, start, end)
    contents[CHECKPOINT] = lambda: head.note
    if head.size > end:
        contents[END_PROOF] = lambda: b"".join(source.consistency(end, head.size))
    if start_note is not None:
        contents[START_CHECKPOINT] = partial(bytes, start_note)
    _before(contents, source, state, named)
    manifest = Manifest(state.terms().origin, state.genesis, start, end, {})
    return write_contents(out, contents, manifest, progress)


@dataclass(slots=True)
class _Named:
    """What a slice's entries say of what lies before it: sizes of the log, and entries."""

    sizes: set[int] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)


def _entries(source: SliceSource, start: int, end: int) -> tuple[Contents, _Named]:
    """The files of the slice's own entries, and what these name before it."""
    contents: Contents = {}
    leaves: list[bytes] = []
    named = _Named()
    for index, data in enumerate(source.entry_data(start, end), start=start):
        leaves.append(leaf_hash(data))
        contents |= contents_of_entry(source, index, data)
        document = canonical.parse(data, what=f"entry {index}")
        named.sizes.add(document["seen"]["size"])
        if document["kind"] == ANCHOR:
            named.sizes.add(document["body"]["size"])
        elif document["kind"] == RECORDS_ERASED:
            named.entries.add(document["body"]["batch"])
        elif "replaces" in document["body"]:
            named.entries.add(document["body"]["replaces"])
    contents[LEAVES] = lambda: b"".join(leaves)
    for first, last in pairwise([*range(start, end, TILE_WIDTH), end]):
        contents[entries_name(first, last)] = _entries_reader(source, first, last)
    named.sizes = {size for size in named.sizes if 0 < size < start}
    named.entries = {index for index in named.entries if 0 < index < start}
    return contents, named


def _entries_reader(source: SliceSource, first: int, end: int) -> Callable[[], bytes]:
    return lambda: format_bundle(list(source.entry_data(first, end)))


def _before(contents: Contents, source: SliceSource, state: State, named: _Named) -> None:
    start = state.size
    contents[START_STATE] = lambda: canonical.encode(state_document(state))
    contents[START_PREFIX] = lambda: b"".join(map(bytes.fromhex, state.subtrees))
    contents[START_GENESIS] = lambda: _entry(source, 0)
    contents[START_PROOFS] = lambda: format_proofs(
        source.inclusion(0, start),
        {at: (_entry(source, at), list(source.inclusion(at, start))) for at in named.entries},
        {size: (source.root(size), list(source.consistency(size, start))) for size in named.sizes},
    )
    lines: list[bytes] = []
    for data in source.entry_data(0, start):
        if USAGE_BATCH.encode() not in data:
            continue
        envelope = parse_envelope(data)
        if envelope.draft.kind != USAGE_BATCH:
            continue
        digest = parse_body(UsageBatch, envelope.draft.body).totals.sha256
        if counts_for(parse_totals(source.blob(digest)), state):
            lines.append(data + b"\n")
            contents[blob_name(digest)] = partial(source.blob, digest)
    contents[START_USAGE] = lambda: b"".join(lines)
    for digest in needed_blobs(state):
        contents[blob_name(digest)] = partial(source.blob, digest)


def _entry(source: SliceSource, index: int) -> bytes:
    return next(iter(source.entry_data(index, index + 1)))
