"""A ledger that takes what it must refuse, and keeps why it should have.

Every entry is signed properly and breaks one rule. After a refused one the forger goes on as both
verifiers do, as if it had said nothing, so that one log holds hundreds of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from types import TracebackType
from typing import Any

from ledger.audit.fold import _skipped
from ledger.coop.apply import apply
from ledger.coop.envelope import Envelope, parse_envelope
from ledger.coop.submission import Submission
from ledger.errors import KyojoError, NotFound
from ledger.log.merkle import Frontier
from tests.audit.world import bundle_of, files_of, rebuild
from tests.builder import World

Place = tuple[str, int]
"""A file of the sources, and the line of a ``raise`` in it."""


@dataclass
class Forger(World):
    """A world whose log also holds entries that were refused, by their index."""

    refused: dict[int, KyojoError] = field(default_factory=dict)
    named: dict[int, str] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    roots: dict[int, bytes] = field(default_factory=dict)
    is_written: bool = False

    @classmethod
    def of(cls, world: World) -> Forger:
        """A forger who takes over a log; the world that it was stays as it is."""
        found = cls(**{name: getattr(world, name) for name in World.__dataclass_fields__})
        found.entries, found.blobs = list(world.entries), dict(world.blobs)
        found.rows, found.batches = list(world.rows), dict(world.batches)
        return found

    def blob(self, sha256: str) -> bytes:
        if sha256 not in self.absent and sha256 in self.blobs:
            return self.blobs[sha256]
        if not self.is_written:
            raise NotFound(f"there is no blob {sha256}")
        self.absent.add(sha256)
        return b""

    def root(self, size: int) -> bytes:
        if size not in self.roots:
            subtrees = tuple(map(bytes.fromhex, self.state.subtrees))
            is_head = size == self.state.size
            self.roots[size] = Frontier(size, subtrees).root() if is_head else super().root(size)
        return self.roots[size]

    def attempt(self, submission: Submission) -> KyojoError | None:
        """Why the ledger refuses an entry; None if it would take it. Nothing changes."""
        before = dict(self.blobs)
        self.blobs.update(submission.blobs)
        try:
            apply(self.state, parse_envelope(Envelope(submission.draft, self.now).data), self)
        except KyojoError as error:
            return error
        finally:
            self.blobs = before
        return None

    def force(self, name: str, submission: Submission) -> None:
        """Put an entry into the log that the ledger refuses; one that it takes is a mistake."""
        error = self.attempt(submission)
        assert error is not None, f"{name} is taken"
        envelope = Envelope(submission.draft, self.now)
        self.blobs.update(submission.blobs)
        if submission.batch is not None:
            self.batches[len(self.entries)] = submission.batch
        self.refused[len(self.entries)] = error
        self.named[len(self.entries)] = name
        self.entries.append(envelope.data)
        self.state = _skipped(self.state, envelope.leaf, _readable(envelope.data))

    def forge(self, name: str, who: str, kind: str, body: Any, *blobs: bytes, **how: Any) -> None:
        """Sign what breaks a rule, and put it into the log."""
        given = {sha256(blob).hexdigest(): blob for blob in blobs}
        self.force(name, Submission(self.draft(who, kind, body, **how), given))

    def bundle(self) -> bytes:
        """The log as a bundle, without the blobs that nobody has."""
        self.is_written = True
        files = files_of(bundle_of(self))
        self.is_written = False
        gone = {f"blobs/{digest}" for digest in self.absent}
        return rebuild({name: data for name, data in files.items() if name not in gone}, fit=True)

    def places(self) -> set[Place]:
        """Where in the sources the refusals were raised, causes included."""
        return {place for error in self.refused.values() for place in raised_at(error)}


def _readable(data: bytes) -> Envelope | None:
    try:
        return parse_envelope(data)
    except KyojoError:
        return None


def raised_at(error: BaseException | None) -> set[Place]:
    """The innermost lines at which an error, and what caused it, was raised."""
    found: set[Place] = set()
    while error is not None:
        place = _innermost(error.__traceback__)
        if place is not None:
            found.add(place)
        error = error.__cause__
    return found


def _innermost(trace: TracebackType | None) -> Place | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return None
    return trace.tb_frame.f_code.co_filename, trace.tb_lineno


def codes(places: list[tuple[str, str]]) -> dict[int, set[str]]:
    """What is found at each entry, by its index."""
    found: dict[int, set[str]] = {}
    for where, code in places:
        head = where.split(",")[0]
        if head.startswith("entry "):
            found.setdefault(int(head.removeprefix("entry ")), set()).add(code)
    return found
