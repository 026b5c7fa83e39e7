"""Slices, good and corrupted, for two verifiers: a month proven from the state before it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from ledger import canonical
from ledger.audit.bundle import (
    END_PROOF,
    LEAVES,
    MANIFEST,
    START_CHECKPOINT,
    START_GENESIS,
    START_PREFIX,
    START_PROOFS,
    START_STATE,
    START_USAGE,
)
from ledger.audit.trust import Trust
from ledger.coop.state import state_document
from ledger.log.key import SigningKey, format_vkey
from ledger.log.tile import format_bundle
from tests.audit.world import (
    bundle_of,
    files_of,
    flipped,
    note_of,
    rebuild,
    slice_of,
    state_at,
    three_months,
    trust_in,
)
from tests.browser.case import Case
from tests.builder import ORIGIN, log_key
from tests.coop.stages import batches_of

OF_THE_START = (START_STATE, START_PREFIX, START_GENESIS, START_PROOFS, START_USAGE)
OWN_FILES = (*OF_THE_START, LEAVES, END_PROOF, START_CHECKPOINT)
ALTERED_STATES = 30


class Slices:
    """December's slice of a log of three months, and what may be done to it."""

    def __init__(self) -> None:
        self.world = three_months()
        self.trust = trust_in(self.world)
        periods = self.world.state.periods
        self.october, self.november = (
            periods[month].cut_off.index for month in ("2026-10", "2026-11")
        )
        self.end = len(self.world.entries) - 1
        note = note_of(self.world.entries[: self.november], self.world.root(self.november))
        self.bundle = slice_of(self.world, self.november, self.end, start_note=note)
        self.files = files_of(self.bundle)

    def made(self, name: str, changes: dict[str, bytes], trust: Trust | None = None) -> Case:
        """The slice with other files, its manifest made to fit."""
        files = {**self.files, **changes}
        return Case(f"slice, {name}", rebuild(files, fit=True), trust or self.trust)

    def good(self) -> Iterator[Case]:
        """Slices with which nothing is wrong, with and without trust, and one of another log."""
        yield Case("slice", self.bundle, self.trust)
        yield Case("slice, no trust", self.bundle, None)
        yield Case("slice up to the head", slice_of(self.world, self.november), self.trust)
        yield Case("slice of two months", slice_of(self.world, self.october), self.trust)
        for name, changes in (
            ("genesis", {"genesis": "00" * 32}),
            ("origin", {"origin": "x.example/y", "log_keys": [_vkey_of("x.example/y")]}),
        ):
            yield Case(f"slice, another {name}", self.bundle, trust_in(self.world, **changes))
        invented = three_months(nonce="cd" * 32)
        cut = invented.state.periods["2026-11"].cut_off.index
        yield Case("slice, invented", slice_of(invented, cut), self.trust)
        yield Case("slice, invented, no trust", slice_of(invented, cut), None)

    def flips(self) -> Iterator[Case]:
        """First, middle and last byte of every file of a slice's own, listed as before or anew."""
        for name, data in self.own():
            at = len(data) // 2
            changed = {**self.files, name: flipped(data, at)}
            yield Case(f"slice, {name}, as listed", rebuild(changed, fit=False), self.trust)
            for position in sorted({0, at, len(data) - 1}):
                yield self.made(f"{name}, byte {position}", {name: flipped(data, position)})

    def own(self) -> Iterator[tuple[str, bytes]]:
        """The files that a slice alone has, and one of each other kind."""
        kinds = {name if name in OWN_FILES else name.split("/")[0]: name for name in self.files}
        yield from ((name, self.files[name]) for name in kinds.values() if name != MANIFEST)

    def gone(self) -> Iterator[Case]:
        """Files that are missing, strange, cut off, longer or of another slice."""
        other = files_of(slice_of(self.world, self.october, self.end))
        for name in (name for name in self.files if name != MANIFEST):
            rest = {one: data for one, data in self.files.items() if one != name}
            yield Case(f"slice without {name}", rebuild(rest, fit=True), self.trust)
        for name in OWN_FILES:
            data = self.files[name]
            for what, found in (("empty", b""), ("more", data + data[-32:]), ("short", data[:-1])):
                yield self.made(f"{what} {name}", {name: found})
            if name in other:
                yield self.made(f"another's {name}", {name: other[name]})
        start = {name: other[name] for name in (START_STATE, START_PREFIX, START_PROOFS)}
        yield self.made("another's start", start)
        name = next(name for name in self.files if name.startswith("entries/"))
        first, end = map(int, name.removeprefix("entries/").split("-"))
        for strange in ("start/more", f"entries/{end}-{end + 1}", f"entries/{first}-{end + 1}",
                        "entries/5-5", "entries/1-999", "entries/1-9999999999999999",
                        "tile/0/000.p/5", f"keys/{end}", "keys/3"):  # fmt: skip
            yield self.made(f"with {strange}", {strange: b"x"})

    def cuts(self) -> Iterator[Case]:
        """Slices from where no settlement vouches for the state, and manifests that say so."""
        for start in (*range(self.november - 3, self.november), self.november + 1):
            yield Case(f"slice from {start}", slice_of(self.world, start), self.trust)
        stated = canonical.parse(self.files[MANIFEST])
        for field, value in (("start", 0), ("start", 10), ("end", self.end + 1), ("origin", "x")):
            data = canonical.encode({**stated, field: value})
            case = rebuild({**self.files, MANIFEST: data}, fit=False)
            yield Case(f"slice, manifest {field} {value}", case, self.trust)

    def entries(self) -> Iterator[Case]:
        """Entries dropped, swapped, repeated or replaced by nonsense."""
        name = next(name for name in self.files if name.startswith("entries/"))
        good = self.world.entries[self.november : self.end]
        for at in range(len(good) - 1):
            swapped = [*good[:at], good[at + 1], good[at], *good[at + 2 :]]
            yield self.made(f"entries {at} and next", {name: format_bundle(swapped)})
        for data in (b"", b"{}", b"null", b"\xff", self.world.entries[0]):
            replaced = [data, *good[1:]]
            yield self.made(f"first entry {data[:9]!r}", {name: format_bundle(replaced)})

    def heads(self) -> Iterator[Case]:
        """Heads at the start and at the end that somebody else has signed, or of other sizes."""
        entries, root = self.world.entries, self.world.root
        stranger = SigningKey(ORIGIN, log_key(ORIGIN).key_type, b"x" * 32)
        good = self.files[START_CHECKPOINT]
        for what, data in (
            ("by a stranger", note_of(entries[: self.november], root(self.november), stranger)),
            ("of another root", note_of(entries[: self.november], bytes(32))),
            ("of another size", note_of(entries[: self.october], root(self.october))),
            ("unsigned", good.split(b"\n\n")[0] + b"\n\n"), ("no note", b"x"),
            ("twice", good + good.split(b"\n\n")[1]),
        ):  # fmt: skip
            yield self.made(f"start {what}", {START_CHECKPOINT: data})
            yield self.made(f"end {what}", {"checkpoint": data})

    def usage(self) -> Iterator[Case]:
        """Usage before the start that is not complete, changed, or in another order."""
        lines = self.files[START_USAGE].splitlines(keepends=True)
        strange = self.world.entries[batches_of(self.world, "bus")[0]] + b"\n"
        for number, changed in enumerate((
            lines[1:], lines[:-1], [lines[1], lines[0], *lines[2:]], [lines[0], lines[2], lines[1]],
            [*lines, lines[0]], [*lines, b"{}\n"], [b"\n", *lines], [], [*lines, strange],
            [self.world.entries[0] + b"\n", *lines], [line.rstrip() for line in lines],
        )):  # fmt: skip
            yield self.made(f"usage {number}", {START_USAGE: b"".join(changed)})

    def proofs(self) -> Iterator[Case]:
        """Proofs about the log before the start that are wrong, or no proofs."""
        good = canonical.parse(self.files[START_PROOFS])
        roots = good["roots"]
        entry = self.world.entries[3].decode()
        for number, changed in enumerate((
            {**good, "roots": roots[1:]}, {**good, "roots": roots[:-1]}, {**good, "roots": []},
            {**good, "roots": roots[::-1]}, {**good, "roots": [*roots, roots[-1]]},
            {**good, "roots": [[roots[0][0], "00" * 32, roots[0][2]]]},
            {**good, "roots": [[10**9, *roots[0][1:]]]}, {**good, "roots": [[0, "00" * 32, []]]},
            {**good, "genesis": []}, {**good, "genesis": ["00" * 32] * 65},
            {**good, "genesis": ["xx"]}, {**good, "entries": [[3, entry, good["genesis"]]]},
            {**good, "entries": [[10**9, entry, []]]}, {**good, "entries": [["3", entry, []]]},
            {**good, "entries": {}}, {**good, "more": []}, [], {},
        )):  # fmt: skip
            yield self.made(f"proofs {number}", {START_PROOFS: canonical.encode(changed)})

    def states(self) -> Iterator[Case]:
        """States that make no sense, and states with one figure changed by somebody who hopes."""
        good = state_document(state_at(self.world, self.november))
        for change in NONSENSE:
            document = canonical.parse(canonical.encode(good))
            _put(document, *change)
            data = canonical.encode(document)
            yield self.made(f"state {change}", {START_STATE: data})
        for data in (b"{}", b"[]", b"1", b"\xff", self.files[START_STATE] + b"\n", b"[" * 99):
            yield self.made(f"state {data[:9]!r}", {START_STATE: data})
        chosen = random.Random(20_261_129)
        for path in chosen.sample(sorted(_scalars(good), key=repr), ALTERED_STATES):
            document = canonical.parse(canonical.encode(good))
            _alter(document, path)
            data = canonical.encode(document)
            yield self.made(f"state altered at {path}", {START_STATE: data})

    def erased(self) -> Iterator[Case]:
        """Records erased from batches of the slice and from earlier ones, which are proven."""
        world = three_months()
        cut = world.state.periods["2026-11"].cut_off.index
        own, earlier = [
            [at for at in batches_of(world, "bus") if (at > cut) is later][0 if later else -1]
            for later in (True, False)
        ]
        for batch in (own, earlier):
            body = {"batch": batch, "records": [0], "reason": "on request"}
            world.write("bus", "records-erased", body)
        bundle, trust = slice_of(world, cut), trust_in(world)
        yield Case("slice with erased records", bundle, trust)
        files = files_of(bundle)
        proofs = canonical.parse(files[START_PROOFS])
        proof = proofs["entries"][0][2]
        for index, text in ((earlier, world.entries[own].decode()), (2, proofs["entries"][0][1])):
            changed = canonical.encode({**proofs, "entries": [[index, text, proof]]})
            forged = rebuild({**files, START_PROOFS: changed}, fit=True)
            yield Case(f"slice with erased records, entry {index} forged", forged, trust)
        without = canonical.encode({**proofs, "entries": []})
        forged = rebuild({**files, START_PROOFS: without}, fit=True)
        yield Case("slice with erased records, entry not proven", forged, trust)
        name = next(name for name in self.files if name.endswith(".ndjson"))
        yield self.made("a line is missing", {name: b"\n"})

    def wrong(self) -> Iterator[Case]:
        """Every slice but the good ones."""
        for part in (self.flips, self.gone, self.cuts, self.entries, self.heads,
                     self.usage, self.proofs, self.states, self.erased):  # fmt: skip
            yield from part()
        yield Case("the whole of the slices' log", bundle_of(self.world), self.trust)


NONSENSE: tuple[tuple[Any, ...], ...] = (
    ("size", 0), ("size", 10**15), ("size", -1), ("size", 9), ("subtrees", []),
    ("subtrees", 0, "zz"), ("genesis", ""), ("genesis", "00" * 32), ("charter", None),
    ("charter", "origin", "x"), ("charter", "nonce", 5), ("received_at", "yesterday"),
    ("periods", "2026-11", "status", "closed"), ("periods", "2026-11", "status", "approved"),
    ("periods", "2026-11", "start", "x"), ("periods", "2026-11", "closing_at", "x"),
    ("periods", "2026-11", "usage", "bus", "digest", "00"),
    ("periods", "2026-11", "usage", "bus", "batches", 2), ("periods", "2026-11", "usage", {}),
    ("periods", "2026-11", "usage", "town", {"batches": 1, "records": 1, "digest": "00" * 32}),
    ("periods", "2026-11", "revenue", "fares", {}), ("periods", "2026-11", "revenue", {}),
    ("periods", "2026-11", "costs", {"x": {}}), ("periods", {}), ("members", {}), ("keys", {}),
    ("rule_sets", []), ("rule_sets", 0, "text_sha256", "00" * 32),
    ("rule_sets", 0, "rule_hash", "00" * 32), ("funding", {"network": {}}), ("balances", {}),
    ("balances", "JPY", "funds", "fund.reserve", "5"),
    ("balances", "JPY", "funds", "fund.reserve", "9007199254740993"),
    ("balances", "JPY", "suspense", True), ("log_keys", {}),
    ("log_keys", {"not+a+key": {"added": 0, "retired": None}}), ("erased", {}),
    ("erased", {"7": [[0, 0]]}), ("erased", {"7": [[3, 2]]}), ("erased", {"x": [[0, 1]]}),
    ("erased", {"7": [[0, 99_999]]}), ("facilities", "hub-1", "name", "en", "Hub 2"),
    ("facilities", "hub-1", "owner", "nobody"), ("facilities", {}), ("destinations", {"x": {}}),
    ("anchors", {"x": {}}), ("proposals", {"00" * 32: {}}),
)  # fmt: skip


def _put(document: Any, *path_and_value: Any) -> None:
    *path, last, value = path_and_value
    for step in path:
        document = document[step]
    document[last] = value


def _scalars(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _scalars(inner, (*path, name))
    else:
        yield path


def _alter(document: Any, path: tuple[Any, ...]) -> None:
    """One scalar changed: a number by one, a text in its last character."""
    for name in path[:-1]:
        document = document[name]
    value = document[path[-1]]
    if isinstance(value, bool):
        document[path[-1]] = not value
    elif isinstance(value, int):
        document[path[-1]] = value + 1
    elif isinstance(value, str):
        document[path[-1]] = value[:-1] + ("1" if value.endswith("0") else "0")
    else:
        document[path[-1]] = "2026-12-31T00:00:00.000Z"


def _vkey_of(origin: str) -> str:
    return format_vkey(log_key(origin).verifier_key)
