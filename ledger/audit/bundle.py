"""The audit bundle: a log, or a slice of it, and all that it names (docs/audit-bundle.md).

::

    blobs/<sha256>             what an entry's body names as {"sha256", "bytes"}
    checkpoint                 the log's signed tree head, verbatim
    records/<entry>.ndjson     the lines of the usage batch at that index, a LF after each
    records/<entry>.leaves     per line: 32 bytes of salt, 32 bytes of leaf hash
                               (of an erased record: an empty line, a salt of zeros, its leaf)
    tile/0/…, tile/1/…         hashes of the tree (C2SP tlog-tiles)
    tile/entries/…             entry bundles (C2SP tlog-tiles)
    manifest.json              {"format", "origin", "genesis", "start", "end", "files"}, RFC 8785

The container is that of ``archive``. ``start`` is 0 and ``end`` the checkpoint's size: such a
bundle holds the log from its charter on. A bundle that starts later is a slice; it has other files
for its tree and for what lies before it (``slice``, ``start``). ``files`` gives
{"sha256", "bytes"} of every other file. Salts are disclosed, seeds never.

The hashes in ``tile/0`` and the leaf hashes are not evidence, since the verifier computes them
itself; they are there so that it can say *which* entry or record was changed.

Invariant: nothing is in a bundle but what the log names, and nothing that it names is missing;
the same log at the same size gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, BinaryIO, Final, Protocol

from ledger import canonical
from ledger.audit.archive import FILES_MAX, LAST, ArchiveWriter, is_name
from ledger.coop.blobs import BLOB_BYTES_MAX, blob_references
from ledger.errors import KyojoError, MalformedDocument, MalformedEntry, TooLarge
from ledger.log.merkle import HASH_BYTES, leaf_hash
from ledger.log.note import NOTE_BYTES_MAX
from ledger.log.tile import (
    ENTRY_BYTES_MAX,
    TILE_WIDTH,
    Tile,
    bundles_of_growth,
    format_bundle,
    format_bundle_path,
    format_tile_path,
    grow,
    parse_bundle_path,
    parse_tile_path,
)
from ledger.usage.batch import BATCH_BYTES_MAX, BATCH_RECORDS_MAX
from ledger.usage.held import HeldBatch

FORMAT: Final = "kyojo-audit-bundle/1"
MANIFEST: Final = LAST
CHECKPOINT: Final = "checkpoint"
USAGE_BATCH: Final = "usage-batch"
MANIFEST_BYTES_MAX = 64 * 2**20

# Files of a slice alone.
LEAVES: Final = "leaves"
END_PROOF: Final = "end/consistency"
START_STATE: Final = "start/state"
START_PREFIX: Final = "start/prefix"
START_GENESIS: Final = "start/genesis"
START_PROOFS: Final = "start/proofs"
START_USAGE: Final = "start/usage.ndjson"
START_CHECKPOINT: Final = "start/checkpoint"
_SIZES = {
    CHECKPOINT: NOTE_BYTES_MAX,
    START_CHECKPOINT: NOTE_BYTES_MAX,
    LEAVES: 64 * 2**20,
    END_PROOF: 64 * HASH_BYTES,
    START_STATE: 64 * 2**20,
    START_PREFIX: 64 * HASH_BYTES,
    START_GENESIS: ENTRY_BYTES_MAX,
    START_PROOFS: 16 * 2**20,
    START_USAGE: 256 * 2**20,
    MANIFEST: MANIFEST_BYTES_MAX,
}
_KEY_CHANGE = re.compile(r"keys/([1-9][0-9]{0,15})")
_ENTRIES = re.compile(r"entries/(0|[1-9][0-9]{0,15})-([1-9][0-9]{0,15})")

_BLOB = re.compile(r"blobs/[0-9a-f]{64}")
_RECORDS = re.compile(r"records/(?:0|[1-9][0-9]{0,15})\.(ndjson|leaves)")
_FIELDS = {"format", "origin", "genesis", "start", "end", "files"}

Progress = Callable[[int, int], None]
Contents = dict[str, Callable[[], bytes]]
"""Files by name, each as what makes it."""


class LogSource(Protocol):
    """Where a bundle's contents come from; the store's ``LogReader`` is one."""

    def entry_data(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of entries start … end − 1."""
        ...

    def blob(self, digest: str, /) -> bytes:
        """The blob with this SHA-256 (hex); raises NotFound."""
        ...

    def batch(self, index: int) -> HeldBatch:
        """What is held of the usage batch at an index; raises NotFound."""
        ...

    def key_changes(self) -> Mapping[int, bytes]:
        """The checkpoints at which the log's keys changed, by size."""
        ...


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the manifest says of a file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A bundle's manifest: which log, from which entry to which, in which files."""

    origin: str
    genesis: str
    start: int
    end: int
    files: Mapping[str, FileFacts]


def write_bundle(  # noqa: PLR0913 - the log, its head, and where to write
    out: BinaryIO,
    source: LogSource,
    *,
    origin: str,
    size: int,
    note: bytes,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Write the bundle of the first ``size`` entries, whose signed head is ``note``, to ``out``.

    ``progress`` is told how many of how many files are written. Raises TooLarge for a log with
    more files than a bundle may hold.
    """
    contents, genesis = _contents(source, size, note)
    return write_contents(out, contents, Manifest(origin, genesis, 0, size, {}), progress)


def write_contents(
    out: BinaryIO, contents: Contents, manifest: Manifest, progress: Progress
) -> Manifest:
    """Write files and the manifest that lists them; gives the manifest with the list."""
    if len(contents) >= FILES_MAX:
        raise TooLarge(f"a bundle has at most {FILES_MAX} files, this log has {len(contents)}")
    writer = ArchiveWriter(out)
    files: dict[str, FileFacts] = {}
    for number, name in enumerate(sorted(contents), start=1):
        data = contents[name]()
        writer.add(name, data)
        files[name] = FileFacts(sha256(data).hexdigest(), len(data))
        progress(number, len(contents))
    listed = replace(manifest, files=files)
    writer.add(MANIFEST, format_manifest(listed))
    writer.close()
    return listed


def format_manifest(manifest: Manifest) -> bytes:
    """The bytes of a manifest."""
    files = {
        name: {"sha256": facts.sha256, "bytes": facts.size_bytes}
        for name, facts in manifest.files.items()
    }
    return canonical.encode(
        {
            "format": FORMAT,
            "origin": manifest.origin,
            "genesis": manifest.genesis,
            "start": manifest.start,
            "end": manifest.end,
            "files": files,
        }
    )


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest; raises MalformedDocument unless it is exactly what we would write."""
    document = canonical.parse_canonical(data, what=MANIFEST)
    if not isinstance(document, dict) or document.keys() != _FIELDS:
        raise MalformedDocument(f"{MANIFEST} has the fields {', '.join(sorted(_FIELDS))}")
    if document["format"] != FORMAT:
        raise MalformedDocument(f"{MANIFEST}: this version of kyojo reads {FORMAT}")
    texts, numbers = ("origin", "genesis"), ("start", "end")
    if not all(type(document[name]) is str for name in texts):
        raise MalformedDocument(f"{MANIFEST}: origin and genesis are texts")
    if not all(type(document[name]) is int for name in numbers):
        raise MalformedDocument(f"{MANIFEST}: start and end are numbers")
    if not isinstance(document["files"], dict):
        raise MalformedDocument(f"{MANIFEST}: files is an object")
    files = {name: _parse_facts(name, row) for name, row in document["files"].items()}
    return Manifest(
        document["origin"], document["genesis"], document["start"], document["end"], files
    )


def size_limit(name: str) -> int:
    """The most bytes that a file with this name may have; MalformedDocument for a strange name."""
    if name in _SIZES or _KEY_CHANGE.fullmatch(name):
        return _SIZES.get(name, NOTE_BYTES_MAX)
    if span := parse_entries_name(name):
        return (span[1] - span[0]) * (ENTRY_BYTES_MAX + 2)
    if _BLOB.fullmatch(name):
        return BLOB_BYTES_MAX
    if matched := _RECORDS.fullmatch(name):
        return BATCH_BYTES_MAX if matched[1] == "ndjson" else BATCH_RECORDS_MAX * 2 * HASH_BYTES
    try:
        if name.startswith("tile/entries/"):
            return parse_bundle_path(name).width * (ENTRY_BYTES_MAX + 2)
        return parse_tile_path(name).width * HASH_BYTES
    except KyojoError as error:
        raise MalformedDocument(f"{name!r} is not a file of an audit bundle", file=name) from error


def key_change_name(size: int) -> str:
    """The file with the checkpoint of this size, at which the log's keys changed."""
    return f"keys/{size}"


def key_change_size(name: str) -> int | None:
    """The size in the name of such a file; None for another name."""
    found = _KEY_CHANGE.fullmatch(name)
    return None if found is None else int(found[1])


def key_change_files(source: LogSource, start: int, end: int) -> Contents:
    """The checkpoints at which the keys changed after ``start`` and up to ``end`` entries."""
    return {
        key_change_name(size): _constant(note)
        for size, note in source.key_changes().items()
        if start < size <= end
    }


def entries_name(first: int, end: int) -> str:
    """The file with entries first … end − 1 of a slice, at most 256 of them."""
    return f"entries/{first}-{end}"


def parse_entries_name(name: str) -> tuple[int, int] | None:
    """The range of a slice's file of entries; None for another name."""
    found = _ENTRIES.fullmatch(name)
    if found is None:
        return None
    first, end = int(found[1]), int(found[2])
    return (first, end) if 0 < end - first <= TILE_WIDTH else None


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a file that is nothing but hashes; the last may be cut short."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def blob_name(digest: str) -> str:
    """The file of a blob."""
    return f"blobs/{digest}"


def lines_name(index: int) -> str:
    """The file with the lines of the batch at an entry index."""
    return f"records/{index}.ndjson"


def leaves_name(index: int) -> str:
    """The file with the salts and leaf hashes of the batch at an entry index."""
    return f"records/{index}.leaves"


def named_blobs(body: Any) -> set[str]:
    """The SHA-256 of every blob that an entry's body names."""
    return {str(reference["sha256"]) for reference in blob_references(body)}


def tiles_of(leaf_hashes: list[bytes]) -> dict[Tile, bytes]:
    """All tiles of the tree over these leaves."""
    return grow(0, leaf_hashes, lambda _tiles: ())


def _contents(source: LogSource, size: int, note: bytes) -> tuple[Contents, str]:
    """Every file but the manifest, by name; and the genesis hash."""
    found: Contents = {CHECKPOINT: lambda: note, **key_change_files(source, 0, size)}
    leaf_hashes: list[bytes] = []
    for index, data in enumerate(source.entry_data(0, size)):
        leaf_hashes.append(leaf_hash(data))
        found |= contents_of_entry(source, index, data)
    for tile, content in tiles_of(leaf_hashes).items():
        found[format_tile_path(tile)] = _constant(content)
    for bundle in bundles_of_growth(0, size):
        start = bundle.index * TILE_WIDTH
        found[format_bundle_path(bundle)] = _entries_reader(source, start, start + bundle.width)
    return found, leaf_hashes[0].hex()


def contents_of_entry(source: LogSource, index: int, data: bytes) -> Contents:
    """The files that an entry names: blobs, and the records of a usage batch.

    Raises MalformedEntry for a blob whose digest cannot be a file's name: no ledger takes such an
    entry, but one may have been forged into a log.
    """
    document = canonical.parse(data, what=f"entry {index}")
    found: Contents = {}
    for digest in sorted(named_blobs(document["body"])):
        if not is_name(blob_name(digest)):
            text = f"entry {index} names a blob {digest[:80]!a}, which is no SHA-256"
            raise MalformedEntry(f"{text}; kyojo fsck says what else is wrong", index=index)
        found[blob_name(digest)] = _blob_reader(source, digest)
    if document["kind"] == USAGE_BATCH:
        found[lines_name(index)] = _lines_reader(source, index)
        found[leaves_name(index)] = _leaves_reader(source, index)
    return found


def _constant(data: bytes) -> Callable[[], bytes]:
    return lambda: data


def _blob_reader(source: LogSource, digest: str) -> Callable[[], bytes]:
    return lambda: source.blob(digest)


def _lines_reader(source: LogSource, index: int) -> Callable[[], bytes]:
    return lambda: b"".join(line + b"\n" for line in source.batch(index).lines)


def _entries_reader(source: LogSource, start: int, end: int) -> Callable[[], bytes]:
    return lambda: format_bundle(list(source.entry_data(start, end)))


def _leaves_reader(source: LogSource, index: int) -> Callable[[], bytes]:
    return lambda: source.batch(index).rows


def _parse_facts(name: str, row: object) -> FileFacts:
    match row:
        case {"sha256": str(digest), "bytes": int(size), **rest} if not rest:
            if type(size) is int and size >= 0:
                return FileFacts(digest, size)
    raise MalformedDocument(f"{MANIFEST}: {name[:80]!r} has sha256 and bytes", file=name)
