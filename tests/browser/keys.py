"""Logs whose keys were replaced, and heads with signatures of every type, for two verifiers."""

from __future__ import annotations

import io
from collections.abc import Iterator

from ledger.audit.bundle import write_bundle
from ledger.audit.slice import Head, write_slice
from ledger.audit.trust import Trust
from ledger.coop.logkeys import possession_text
from ledger.coop.submission import Submission
from ledger.log.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import Ed25519Signer, Signer, sign_note
from tests.audit.test_forgery import lenient
from tests.audit.world import (
    Source,
    bundle_of,
    files_of,
    flipped,
    new_world,
    open_month,
    rebuild,
    record_in,
    report_revenue,
    settle,
    settled_world,
    state_at,
    trust_in,
)
from tests.browser.case import Case
from tests.builder import ORIGIN, World, log_key
from tests.coop.stages import log_key_body

FIRST = log_key()
SECOND, THIRD, STRANGER = (SigningKey(ORIGIN, KeyType.ED25519, bytes([at]) * 32) for at in b"23x")
LATTICE = SigningKey(ORIGIN, KeyType.ML_DSA_44, b"6" * 32)
WITNESSES = {
    "ed": SigningKey("witness.example/ed", KeyType.ED25519_COSIGNATURE, b"e" * 32),
    "lattice": SigningKey("witness.example/lattice", KeyType.ML_DSA_44, b"l" * 32),
}
SECONDS = 1_796_000_000


def vkey(key: SigningKey) -> str:
    """A key as trust files name it."""
    return format_vkey(key.verifier_key)


def signer(key: SigningKey) -> Signer:
    """Who signs with a key of a log or a witness."""
    if key.key_type is KeyType.ED25519:
        return Ed25519Signer(key)
    return CosignatureSigner(key, SECONDS)


def note(world: World, size: int, *keys: SigningKey) -> bytes:
    """The head of a size, signed by these."""
    checkpoint = Checkpoint(ORIGIN, size, world.root(size))
    return sign_note(format_checkpoint(checkpoint), list(map(signer, keys)))


class Rotating(Source):
    """A log that goes from its first key to a second and a third while months pass."""

    def __init__(self, make: World) -> None:
        super().__init__(make)
        self.notes: dict[int, bytes] = {}
        self.force = [FIRST]

    def key_changes(self) -> dict[int, bytes]:
        """The heads at which the keys changed."""
        return self.notes

    def replace(self, old: SigningKey, new: SigningKey) -> None:
        """Announce a key, carry it, retire the one before."""
        world = self.world
        world.write("office", "log-key-added", log_key_body(world, new))
        self._carry([old, new])
        world.write("office", "log-key-retired", {"vkey": vkey(old), "reason": "old"})
        self._carry([new])

    def _carry(self, force: list[SigningKey]) -> None:
        self.world.carry("bus", "ev")
        size = len(self.world.entries)
        keys = sorted({*self.force, *force}, key=lambda key: key.seed)
        self.notes[size] = note(self.world, size, *keys)
        self.force = force

    def bundle(self, *keys: SigningKey) -> bytes:
        """The bundle of the whole log."""
        out = io.BytesIO()
        size = len(self.world.entries)
        head = note(self.world, size, *(keys or self.force))
        write_bundle(out, self, origin=ORIGIN, size=size, note=head)
        return out.getvalue()

    def slice(self, start: int, end: int) -> bytes:
        """A slice of it, under a checkpoint of the whole log."""
        out = io.BytesIO()
        size = len(self.world.entries)
        head = Head(size, note(self.world, size, *self.force))
        write_slice(out, self, state=state_at(self.world, start), end=end, head=head)
        return out.getvalue()


def rotated_logs() -> Iterator[Case]:
    """A log that has had three keys, for those who know one of them; its key heads spoilt."""
    log = Rotating(new_world())
    log.world.prepare(with_usage=False)
    log.replace(FIRST, SECOND)
    open_month(log.world, "2026-11")
    log.replace(SECOND, THIRD)
    bundle, world = log.bundle(), log.world
    for known in (FIRST, SECOND, THIRD, STRANGER):
        yield Case(f"keys, knowing {known.seed[:1]!r}", bundle, knowing(world, known))
    yield Case("keys, no trust", bundle, None)
    trust = knowing(world, FIRST)
    for key in (FIRST, SECOND, STRANGER):
        yield Case(f"keys, head by {key.seed[:1]!r}", log.bundle(key), trust)
        yield Case(f"keys, head by {key.seed[:1]!r} too", log.bundle(THIRD, key), trust)
    for name, files in _spoilt(log):
        yield Case(f"keys, {name}", rebuild({**files_of(bundle), **files}, fit=True), trust)
    for size in log.notes:
        rest = {name: data for name, data in files_of(bundle).items() if name != f"keys/{size}"}
        yield Case(f"keys, without {size}", rebuild(rest, fit=True), trust)


def knowing(world: World, *keys: SigningKey) -> Trust:
    """The trust of somebody who knows these keys."""
    return trust_in(world, log_keys=tuple(map(vkey, keys)))


def _spoilt(log: Rotating) -> Iterator[tuple[str, dict[str, bytes]]]:
    """What a forger may put in place of the heads at which the keys changed."""
    sizes, world = sorted(log.notes), log.world
    for size, data in log.notes.items():
        name = f"keys/{size}"
        for at in range(9, len(data), 97):
            yield f"{name}, byte {at}", {name: flipped(data, at)}
        text, lines = data.split(b"\n\n")
        first, *others = lines.splitlines(keepends=True)
        yield f"{name}, one line less", {name: text + b"\n\n" + b"".join(others or [b"x\n"])}
        yield f"{name}, a line twice", {name: data + first}
        yield f"{name}, the wrong keys", {name: note(world, size, STRANGER, SECOND)}
        yield f"{name}, a stranger too", {name: data + _line(note(world, size, STRANGER))}
        yield f"{name}, another size", {name: log.notes[sizes[0] if size > sizes[0] else sizes[1]]}
        wrong = Checkpoint(ORIGIN, size, bytes(32))
        signers = [Ed25519Signer(key) for key in (FIRST, SECOND, THIRD)]
        yield f"{name}, another root", {name: sign_checkpoint(wrong, signers)}
        yield f"{name}, empty", {name: b""}
        yield f"{name}, elsewhere", {f"keys/{size + 1}": data}
    yield "one more", {"keys/3": log.notes[sizes[0]]}


def _line(data: bytes) -> bytes:
    return data.split(b"\n\n")[1]


def announced() -> Iterator[Case]:
    """An ML-DSA-44 key that shows possession, and one that has signed another text."""
    elsewhere = possession_text(LATTICE.verifier_key, "ab" * 32)
    for name, text in (("right", None), ("of another genesis", elsewhere)):
        world = lenient(new_world())
        world.prepare(with_usage=False)
        own = possession_text(LATTICE.verifier_key, world.state.genesis)
        shown = sign_note(text or own, [signer(LATTICE)]).decode()
        body = {"vkey": vkey(LATTICE), "possession": shown}
        world.accept(Submission(world.draft("office", "log-key-added", body)))
        yield Case(f"ML-DSA-44 announced, {name}", bundle_of(world), trust_in(world))


def rotated_slices() -> Iterator[Case]:
    """Slices of a log whose key was replaced within them, or before them."""
    log = Rotating(settled_world())
    world = log.world
    log.replace(FIRST, SECOND)
    open_month(world, "2026-11")
    report_revenue(world, "2026-11", 500_000)
    world.submit("bus", record_in("2026-11", "bus-1", measures={"trips": 50}))
    world.now = "2026-12-01T00:00:00.000Z"
    world.close("2026-11")
    settle(world, "2026-11")
    for month, when in (("2026-10", "in"), ("2026-11", "before")):
        bundle = log.slice(world.state.periods[month].cut_off.index, len(world.entries))
        for known in (FIRST, SECOND, STRANGER):
            name = f"slice, keys replaced {when} it, knowing {known.seed[:1]!r}"
            yield Case(name, bundle, knowing(world, known))
        yield Case(f"slice, keys replaced {when} it, no trust", bundle, None)
        files = files_of(bundle)
        for name in (name for name in files if name.startswith("keys/")):
            data = files[name]
            for what, found in (("other", flipped(data, 90)), ("short", data[:-60])):
                changed = rebuild({**files, name: found}, fit=True)
                yield Case(f"slice, {what} {name}", changed, knowing(world, FIRST))


def cosigned() -> Iterator[Case]:
    """Heads with Ed25519 and ML-DSA-44 signatures, of the log and of witnesses, good and wrong."""
    world = settled_world(log_keys=[vkey(FIRST), vkey(LATTICE)])
    size, files = len(world.entries), files_of(bundle_of(world))

    def made(name: str, head: bytes, trust: Trust | None) -> Case:
        case = rebuild({**files, "checkpoint": head}, fit=True)
        return Case(f"signatures, {name}", case, trust)

    good = note(world, size, FIRST, LATTICE, *WITNESSES.values())
    log_keys = (FIRST, LATTICE)
    for keys in ((FIRST,), (LATTICE,), log_keys, (STRANGER,)):
        ids = "".join(key.seed[:1].decode("latin-1") for key in keys)
        yield made(f"knowing {ids!r}", good, knowing(world, *keys))
    yield made("no trust", good, None)
    for keys in ((FIRST,), (LATTICE,)):
        yield made("one key only", note(world, size, *keys), knowing(world, *log_keys))
        yield made("one key only, known", note(world, size, *keys), knowing(world, *keys))
    quorums = ("none", "ed", "lattice", "both", "one")
    for quorum in quorums:
        yield made(f"quorum {quorum}", good, of_policy(world, quorum))
    for missing in WITNESSES:
        there = [key for name, key in WITNESSES.items() if name != missing]
        head = note(world, size, *log_keys, *there)
        for quorum in quorums:
            yield made(f"quorum {quorum} without {missing}", head, of_policy(world, quorum))
    for number, head in enumerate(_wrong_lines(good)):
        for trust in (of_policy(world, "one"), knowing(world, *log_keys)):
            yield made(f"line {number} wrong", head, trust)


def _wrong_lines(good: bytes) -> Iterator[bytes]:
    """Each signature with a character changed near its end, its middle and its time."""
    text, lines = good.split(b"\n\n")
    rows = lines.splitlines(keepends=True)
    for row, line in enumerate(rows):
        start = line.rindex(b" ") + 1
        for at in (start + 9, len(line) - 12):
            swapped = b"B" if line[at : at + 1] == b"A" else b"A"
            changed = line[:at] + swapped + line[at + 1 :]
            yield text + b"\n\n" + b"".join([*rows[:row], changed, *rows[row + 1 :]])


def of_policy(world: World, quorum: str) -> Trust:
    """The trust of somebody with a policy: two witnesses, and groups of them."""
    lines = [f"log {vkey(key)}" for key in (FIRST, LATTICE)]
    lines += [f"witness {name} {vkey(key)}" for name, key in WITNESSES.items()]
    group = {"both": "group both all ed lattice", "one": "group one any ed lattice"}.get(quorum)
    lines += [group] if group else []
    text = "\n".join([*lines, f"quorum {quorum}", ""])
    return trust_in(world, log_keys=(), policy=text)


def key_cases() -> Iterator[Case]:
    """All of these."""
    yield from rotated_logs()
    yield from announced()
    yield from rotated_slices()
    yield from cosigned()
