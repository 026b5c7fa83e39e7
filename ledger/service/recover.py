"""Recover: bring back from an audit bundle the entries that a restored database lacks.

A bundle is verified whole before it is believed, and tied to the file that was verified by the root
that its entries must lead to. The database must be the beginning of it; so must every head that is
known outside. Then the entries are appended in one transaction (``store.recover``), the bundle's
own checkpoint becomes the head, and nothing is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from ledger.audit.bundle import (
    CHECKPOINT,
    START_PREFIX,
    Manifest,
    key_change_size,
    leaves_name,
    lines_name,
    split_hashes,
)
from ledger.audit.files import Files, open_files
from ledger.audit.report import Facts, Findings
from ledger.audit.tree import entry_files
from ledger.audit.trust import Trust
from ledger.coop.logkeys import in_force
from ledger.coop.state import State
from ledger.errors import (
    BadSignature,
    Fault,
    InvalidInput,
    MalformedDocument,
    NotConsistent,
    NotFound,
    ReadOnly,
    StaleCheckpoint,
    VerificationError,
)
from ledger.log.checkpoint import open_checkpoint, parse_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import parse_vkey
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.note import UnverifiedNote, format_note, parse_note
from ledger.log.tile import parse_bundle
from ledger.service.audit import verify_file
from ledger.service.coop import Coop
from ledger.service.published import cosigned_of, is_quorum, witness_id
from ledger.store.cosigned import Candidate, WitnessId
from ledger.store.reading import LogReader
from ledger.store.recover import Progress, Wanted
from ledger.store.recover import recover as append
from ledger.store.scrub import clean_up
from ledger.usage.held import HeldBatch

FAULTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Verified:
    """A bundle whose verdict was ``verified``, and what was read in it."""

    path: Path
    facts: Facts


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did: from which size to which, and what the bundle could not bring.

    ``cosignatures`` counts those kept; ``unknown_signers`` are witnesses that no policy here names,
    whose cosignatures were not. ``behind`` is the head known outside that is ahead still, if any.
    """

    start: int
    size: int
    root: bytes
    batches: int = 0
    records: int = 0
    lost_ids: int = 0
    cosignatures: int = 0
    unknown_signers: tuple[str, ...] = ()
    behind: ReadOnly | None = None


class BundleSource:
    """A verified bundle as a log's contents: the ``LogSource`` that ``store.recover`` reads."""

    def __init__(self, files: Files, manifest: Manifest) -> None:
        """Read from ``files``; whatever is wrong in them becomes a finding there."""
        self.files = files
        self.start, self.end = manifest.start, manifest.end
        self._entries = entry_files(files, manifest.start)

    def before(self) -> Frontier:
        """The tree over the entries before the bundle's first one."""
        roots = split_hashes(self.files.read(START_PREFIX) or b"") if self.start else []
        return Frontier(self.start, tuple(roots))

    def entry_data(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes of entries start … end − 1."""
        at = self.start
        for found in self._entries:
            if at < end and at + found.width > start:
                held = list(parse_bundle(self._file(found.name), found.width))
                yield from held[max(start - at, 0) : end - at]
            at += found.width

    def blob(self, digest: str) -> bytes:
        """The blob with this SHA-256 (hex); raises NotFound."""
        return self.files.blob(digest)

    def batch(self, index: int) -> HeldBatch:
        """The records of a batch: lines, salts and leaves; raises NotFound."""
        lines = self._file(lines_name(index)).removesuffix(b"\n").split(b"\n")
        return HeldBatch(tuple(lines), None, self._file(leaves_name(index)))

    def key_changes(self) -> Mapping[int, bytes]:
        """The checkpoints at which the log's keys changed, by size."""
        names = {key_change_size(name): name for name in self.files.archive.members}
        return {size: self._file(name) for size, name in names.items() if size is not None}

    def checkpoint(self) -> bytes:
        """The signed head."""
        return self._file(CHECKPOINT)

    def _file(self, name: str) -> bytes:
        data = self.files.read(name)
        if data is None:
            raise NotFound(f"the bundle has no file {name}")
        return data


def verify_for(
    coop: Coop,
    path: Path,
    trust: Trust,
    *,
    jobs: int | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Verified:
    """Verify a bundle that is to bring entries back; needs a database that nobody else uses.

    Raises InvalidInput for another co-op's, StaleCheckpoint for one that ends before the database
    does, NotFound for one that starts after it, VerificationError with what the verifier found.
    """
    coop.database.require_alone()
    with coop.database.read() as connection:
        size = LogReader(connection, coop.log.id).head().size
    with path.open("rb") as file:
        _check_range(coop, path, _open(file), size)
    report = verify_file(path, trust, jobs=jobs, progress=progress)
    if report.facts is None or report.verdict != "verified":
        shown = report.findings[:FAULTS_MAX]
        raise VerificationError(
            f"{path} is not verified ({report.findings_count} findings); nothing was taken from it",
            faults=tuple(Fault(one.where, one.code, one.en) for one in shown),
        )
    return Verified(path, report.facts)


def recover(
    coop: Coop, verified: Verified, progress: Progress = lambda _done, _all: None
) -> Recovery:
    """Append what the database lacks; one that lacks nothing is left as it is.

    Raises NotConsistent, and changes nothing, if database, bundle or a head known outside are of
    two histories.
    """
    with verified.path.open("rb") as file:
        source = _open(file)
        with coop.database.write(coop.log.id) as connection:
            head = LogReader(connection, coop.log.id).head()
            _check_range(coop, verified.path, source, head.size)
            _check_prefix(source, LogReader(connection, coop.log.id))
            if source.end == head.size:
                return Recovery(head.size, head.size, head.root)
            before = coop.sequencer.state_at(connection)
            wanted = _wanted(source, verified.facts)
            found = append(
                connection, coop.log, source, before=before, wanted=wanted, progress=progress
            )
            kept, unknown = _keep_head(coop, connection, source, wanted, found.state)
            _check_outside(coop, LogReader(connection, coop.log.id), found.state)
            if source.files.findings.count:
                raise VerificationError(f"{verified.path} was changed while it was read")
    coop.sequencer.note_head(wanted.note)
    if found.has_erased:
        clean_up(coop.database)
    return Recovery(
        start=head.size,
        size=wanted.size,
        root=wanted.root,
        batches=found.batches,
        records=found.records,
        lost_ids=found.lost_ids,
        cosignatures=kept,
        unknown_signers=unknown,
        behind=_still_behind(coop),
    )


def _open(file: BinaryIO) -> BundleSource:
    files = open_files(file, Findings())
    if files.manifest is None:
        raise MalformedDocument("the bundle's manifest cannot be read")
    return BundleSource(files, files.manifest)


def _check_range(coop: Coop, path: Path, source: BundleSource, size: int) -> None:
    """Refuse a bundle that cannot bring what is missing, before any effort is made with it."""
    manifest = source.files.manifest
    if manifest is None or manifest.origin != coop.log.origin:
        origin = manifest.origin if manifest is not None else "nobody"
        raise InvalidInput(f"{path} is a bundle of {origin}; this co-op is {coop.log.origin}")
    if source.end < size:
        raise StaleCheckpoint(
            f"{path} ends at {source.end} entries, the database has {size}: the bundle is behind, "
            "and nothing can be missing here that it has"
        )
    if source.start > size:
        raise NotFound(
            f"{path} starts at entry {source.start}, the database ends at {size}: what lies "
            "between is not in it; take a bundle of the whole log, or an earlier one first"
        )


def _check_prefix(source: BundleSource, reader: LogReader) -> None:
    """Raise NotConsistent, naming the place, unless the database is the bundle's beginning."""
    head = reader.head()
    tree = source.before()
    for data in source.entry_data(source.start, head.size):
        tree = tree.append(leaf_hash(data))
    if tree.root() == head.root:
        return
    pairs = zip(
        reader.entry_data(source.start, head.size),
        source.entry_data(source.start, head.size),
        strict=True,
    )
    differing = (at for at, (a, b) in enumerate(pairs, start=source.start) if a != b)
    place = next(differing, None)
    where = f"before entry {source.start}" if place is None else f"from entry {place} on"
    raise NotConsistent(
        f"the database and the bundle are two histories: they differ {where}. Nothing was changed; "
        "keep both, and let the members compare their receipts with them (docs/restore.md)"
    )


def _wanted(source: BundleSource, facts: Facts) -> Wanted:
    """The head that was verified, with the lines of the log's own keys."""
    note = parse_note(source.checkpoint())
    stated = parse_checkpoint(note.text)
    if (stated.size, stated.root.hex()) != (facts.size, facts.root):
        raise NotFound(
            f"the bundle has the entries up to {facts.size}, and a checkpoint of {stated.size} "
            "only: no head that the log signed ends there. Take a bundle of the whole log"
        )
    own = tuple(line for line in note.signatures if line.name == stated.origin)
    return Wanted(stated.size, stated.root, format_note(UnverifiedNote(note.text, own)))


def _keep_head(
    coop: Coop, connection: Connection, source: BundleSource, wanted: Wanted, state: State
) -> tuple[int, tuple[str, ...]]:
    """Check the head's signatures once more, by the log's keys at its end; keep cosignatures.

    Answers with their count, and with the witnesses whose keys are not known here.
    """
    witnesses = coop.policy.witnesses if coop.policy is not None else ()
    keys = [*map(parse_vkey, state.log_keys), *(one.key for one in witnesses)]
    opened = open_checkpoint(
        source.checkpoint(), origin=coop.log.origin, verifiers=list(map(verifier_of, keys))
    )
    signed = {f"{line.name}+{line.key_id.hex()}" for line in opened.note.signatures}
    missing = [
        vkey for vkey in in_force(state.log_keys) if witness_id(parse_vkey(vkey)) not in signed
    ]
    if missing:
        raise BadSignature(f"the log's key {missing[0]} is in force and has not signed the head")
    found: dict[WitnessId, bytes] = {
        f"{line.name}+{line.key_id.hex()}": line.value
        for line in opened.note.signatures
        if line.name != coop.log.origin
    }
    policy = coop.policy
    if policy is not None and found:
        candidate = Candidate(wanted.size, wanted.note, coop.clock(), None)
        cosigned_of(coop).keep_through(
            connection, candidate, found, lambda signers: is_quorum(policy, signers)
        )
    ignored = (f"{line.name}+{line.key_id.hex()}" for line in opened.note.ignored)
    return len(found), tuple(sorted(set(ignored)))


def _check_outside(coop: Coop, reader: LogReader, state: State) -> None:
    """Raise NotConsistent if somebody outside holds another root for a size that now is here."""
    size = reader.head().size
    for known in coop.sequencer.outside(state):
        if 0 < known.size <= size and reader.root(known.size) != known.root:
            raise NotConsistent(
                f"{known.source} holds another root for the first {known.size} entries than the "
                "bundle: two histories. Nothing was changed; find out which one the members hold"
            )


def _still_behind(coop: Coop) -> ReadOnly | None:
    """Why the log still signs nothing, if it does not."""
    try:
        coop.sequencer.compare()
    except ReadOnly as error:
        return error
    return None
