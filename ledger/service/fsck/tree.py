"""Leaves and tiles: which of the two is the true one where they differ, and the tree over them.

Entries give leaves, and the tiles of level 0 keep the same leaves a second time. Window by window
(256 leaves, one tile) the two are compared. Where they differ, the one that leads to the signed
root is right: the other is named, entry or hash. So an edited value is told from an edited tile,
and what comes later is judged on the true tree.

Memory: 32 bytes for 256 entries, and the numbers of the windows that differ.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any

from ledger.log.merkle import HASH_BYTES, Frontier, Node, leaf_hash, root_from, root_hash
from ledger.log.merkle import fold as fold_roots
from ledger.log.tile import TILE_HEIGHT, TILE_WIDTH, tiles_of_size
from ledger.service.fsck.head import LogHead
from ledger.service.fsck.reading import Reading
from ledger.service.fsck.report import Counts, Findings
from ledger.store.raw import RawRows, Row, shown
from ledger.store.tables import entries, tiles

Leaves = tuple[bytes | None, ...]
Progress = Callable[[int], None]

WINDOWS_KEPT = 16
ROOTS_KEPT = 4096


@dataclass(slots=True)
class _Window:
    """The leaves of one window as the entries and as the tile give them."""

    number: int
    width: int
    by_rows: Leaves
    by_tile: tuple[bytes, ...] | None

    @property
    def agrees(self) -> bool:
        return self.by_rows == self.by_tile


@dataclass(slots=True)
class TrueTree:
    """The log's tree on the true leaves, after ``compare_tree``."""

    raw: RawRows
    log_id: int
    size: int
    levels: list[bytes] = field(default_factory=list)  # item i of level L + 1 at 32·i
    by_tiles: set[int] = field(default_factory=set)  # windows whose leaves the tiles have
    _windows: OrderedDict[int, Leaves] = field(default_factory=OrderedDict)
    _roots: OrderedDict[int, bytes] = field(default_factory=OrderedDict)

    def root(self, size: int) -> bytes | None:
        """The root over the first ``size`` leaves; None where a leaf is lost."""
        if size not in self._roots:
            try:
                self._roots[size] = root_from(self._read, size)
            except LookupError:
                return None
            if len(self._roots) > ROOTS_KEPT:
                self._roots.popitem(last=False)
        return self._roots[size]

    def leaf(self, index: int) -> bytes | None:
        """The true leaf of an entry; None if it is lost."""
        number, item = divmod(index, TILE_WIDTH)
        return self.leaves(number)[item]

    def leaves(self, number: int) -> Leaves:
        """The true leaves of a window."""
        if number not in self._windows:
            window = _read_window(self.raw, self.log_id, number, self.size)
            by_tile = window.by_tile if number in self.by_tiles else None
            self._windows[number] = window.by_rows if by_tile is None else by_tile
            if len(self._windows) > WINDOWS_KEPT:
                self._windows.popitem(last=False)
        return self._windows[number]

    def _read(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self._node(level, index) for level, index in nodes]

    def _node(self, level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first, count = index << height, 1 << height
        if tile_level == 0:
            number, item = divmod(first, TILE_WIDTH)
            found = self.leaves(number)[item : item + count]
        else:
            data = self.levels[tile_level - 1]
            found = _items(data[first * HASH_BYTES : (first + count) * HASH_BYTES])
        if len(found) < count or None in found:
            raise LookupError(index)
        return root_hash(leaf for leaf in found if leaf is not None)


@dataclass(slots=True)
class _Comparison:
    """What a pass over all windows found: their roots, by rows and by tiles where they differ."""

    picked: bytearray = field(default_factory=bytearray)  # the likelier root of each full window
    differing: dict[int, tuple[bytes | None, bytes | None, bool]] = field(default_factory=dict)
    tail: _Window | None = None


def compare_tree(reading: Reading, progress: Progress) -> TrueTree:
    """Compare entries, tiles and root; note what differs; answers with the true tree."""
    raw, head, findings = reading.raw, reading.head, reading.findings
    stored = _Peekable(raw.scan(tiles, head.log_id), findings)
    found = _compare_windows(reading, stored, progress)
    tree = TrueTree(raw, head.log_id, head.size)
    tree.by_tiles, leads = _decide(found, head)
    tree.levels = _levels(found, tree.by_tiles)
    if not leads:
        _note_root(tree, head, findings)
    for number in found.differing:
        window = _read_window(raw, head.log_id, number, head.size)
        _name_leaves(window, findings, is_tile_true=number in tree.by_tiles, leads=leads)
    _compare_upper_tiles(tree, stored, reading.counts, findings)
    return tree


def _compare_windows(reading: Reading, stored: _Peekable, progress: Progress) -> _Comparison:
    found = _Comparison()
    head, findings = reading.head, reading.findings
    leaves = _row_leaves(reading)
    for number in range(-(-head.size // TILE_WIDTH)):
        width = min(TILE_WIDTH, head.size - number * TILE_WIDTH)
        by_rows = tuple(islice(leaves, width))
        window = _Window(number, width, by_rows, _tile_leaves(stored, number, width, findings))
        reading.counts.tiles += window.by_tile is not None
        if width < TILE_WIDTH:
            found.tail = window
        if not window.agrees:
            _note_difference(found, window, reading)
        elif width == TILE_WIDTH and window.by_tile is not None:
            found.picked += root_hash(window.by_tile)
        progress(min((number + 1) * TILE_WIDTH, head.size))
    next(leaves, None)  # looks at what comes after the end
    return found


def _note_difference(found: _Comparison, window: _Window, reading: Reading) -> None:
    """Keep both roots of a window; a full one's hash in the level above says which is likelier."""
    by_rows = _root(window.by_rows)
    by_tile = _root(window.by_tile) if window.by_tile is not None else None
    above = _stored_item(reading, window.number) if window.width == TILE_WIDTH else None
    picks_tile = by_rows is None or (by_tile is not None and by_tile == above)
    found.differing[window.number] = (by_rows, by_tile, picks_tile)
    if window.width == TILE_WIDTH:
        found.picked += (by_tile if picks_tile else by_rows) or bytes(HASH_BYTES)


def _decide(found: _Comparison, head: LogHead) -> tuple[set[int], bool]:
    """The windows whose true leaves are the tiles', and whether all of it leads to the root."""
    picked = {number for number, (_, _, picks) in found.differing.items() if picks}
    everything = set(found.differing)
    last = {found.tail.number} & everything if found.tail is not None else set()
    candidates = [picked, picked ^ last, set[int](), everything]
    for by_tiles in candidates:
        if head.root is not None and _root_of(found, by_tiles) == head.root:
            return by_tiles, True
    if head.root is None:
        return picked, True  # that no root is known has been said
    return {n for n, (by_rows, _, _) in found.differing.items() if by_rows is None}, False


def _root_of(found: _Comparison, by_tiles: set[int]) -> bytes | None:
    windows = _items(_window_roots(found, by_tiles))
    tail: Sequence[bytes | None] = ()
    if found.tail is not None:
        is_tile = found.tail.number in by_tiles
        tail = (found.tail.by_tile or (None,)) if is_tile else found.tail.by_rows
    if None in tail or bytes(HASH_BYTES) in windows:
        return None
    below = Frontier.empty.extend(leaf for leaf in tail if leaf is not None).roots
    return fold_roots((*Frontier.empty.extend(windows).roots, *below))


def _window_roots(found: _Comparison, by_tiles: set[int]) -> bytes:
    roots = bytearray(found.picked)
    for number, (by_rows, by_tile, _) in found.differing.items():
        at = number * HASH_BYTES
        if at < len(roots):
            root = by_tile if number in by_tiles else by_rows
            roots[at : at + HASH_BYTES] = root or bytes(HASH_BYTES)
    return bytes(roots)


def _levels(found: _Comparison, by_tiles: set[int]) -> list[bytes]:
    """The levels above the leaves; a level's item is the root over 256 of the one below."""
    levels = [_window_roots(found, by_tiles)]
    full = TILE_WIDTH * HASH_BYTES
    while len(levels[-1]) >= full:
        below = levels[-1]
        starts = range(0, len(below) // full * full, full)
        levels.append(b"".join(root_hash(_items(below[at : at + full])) for at in starts))
    return levels


# Findings.


def _note_root(tree: TrueTree, head: LogHead, findings: Findings) -> None:
    root = tree.root(head.size)
    what = "the signed checkpoint has" if head.is_signed else "the log's row has"
    findings.add(
        "root-mismatch", ("logs", "", "root"),
        f"{head.size} entries give the root {root.hex() if root else 'of no tree'}, "
        f"{what} {head.root.hex() if head.root else 'none'}",
        f"{head.size} 件のエントリーから得た根が、署名された根と一致しません",
    )  # fmt: skip


def _name_leaves(window: _Window, findings: Findings, *, is_tile_true: bool, leads: bool) -> None:
    if window.by_tile is None:
        return  # the tile is missing or unusable, and named
    for item, (by_row, by_tile) in enumerate(zip(window.by_rows, window.by_tile, strict=True)):
        index = window.number * TILE_WIDTH + item
        if by_row is None or by_row == by_tile:
            continue  # a missing row has been named
        if not leads:
            findings.add(
                "leaf-conflict", ("entries", index, "data"),
                f"entry and tile differ (tiles 0/{window.number}, hash {item}), "
                "and neither leads to the log's root",
                "エントリーとタイルが一致せず、どちらも記録の根に至りません",
            )  # fmt: skip
        elif is_tile_true:
            findings.add(
                "entry-changed", ("entries", index, "data"),
                "this entry is not the one that the signed root covers",
                "このエントリーは署名された根が示す内容ではありません",
            )  # fmt: skip
        else:
            _note_tile(findings, 0, window.number, item)


def _compare_upper_tiles(
    tree: TrueTree, stored: _Peekable, counts: Counts, findings: Findings
) -> None:
    wanted = [tile for tile in tiles_of_size(tree.size) if tile.level > 0]
    for tile in wanted:
        row = stored.take(tile.level, tile.index)
        if row is None:
            _note_missing(findings, tile.level, tile.index)
            continue
        counts.tiles += 1
        data, full = row["data"], TILE_WIDTH * HASH_BYTES
        level = tree.levels[tile.level - 1]
        expected = level[tile.index * full : (tile.index + 1) * full]
        if data != expected:
            item = _first_difference(data, expected) // HASH_BYTES
            _note_tile(findings, tile.level, tile.index, item)
    stored.rest()


def _note_tile(findings: Findings, level: int, index: int, item: int) -> None:
    findings.add(
        "tile-changed", ("tiles", f"{level}/{index}", "data"),
        f"hash {item} is not the one that the entries give",
        f"{item} 番目のハッシュがエントリーから得られるものと一致しません",
    )  # fmt: skip


def _note_missing(findings: Findings, level: int, index: int) -> None:
    findings.add(
        "missing-row", ("tiles", f"{level}/{index}", ""),
        "this tile is missing", "このタイルがありません",
    )  # fmt: skip


# Reading.


class _Peekable:
    """The rows of ``tiles`` in order, of which the wanted ones are taken out."""

    def __init__(self, rows: Iterator[Row], findings: Findings) -> None:
        self._rows = rows
        self._findings = findings
        self._next = next(rows, None)

    def take(self, level: int, index: int) -> Row | None:
        """The row of this tile; rows before it have no business here and are noted."""
        while self._next is not None:
            found = (self._next["level"], self._next["index"])
            if all(type(part) is int for part in found) and found > (level, index):
                return None
            row, self._next = self._next, next(self._rows, None)
            if found == (level, index):
                return row
            _note_unexpected(self._findings, row)
        return None

    def rest(self) -> None:
        """Note all rows that are left."""
        while self._next is not None:
            _note_unexpected(self._findings, self._next)
            self._next = next(self._rows, None)


def _note_unexpected(findings: Findings, row: Row) -> None:
    findings.add(
        "unexpected-row", ("tiles", f"{shown(row['level'])}/{shown(row['index'])}", ""),
        "a log of this size has no such tile", "この大きさの記録にこのタイルはありません",
    )  # fmt: skip


def _tile_leaves(
    stored: _Peekable, number: int, width: int, findings: Findings
) -> tuple[bytes, ...] | None:
    row = stored.take(0, number)
    if row is None:
        _note_missing(findings, 0, number)
        return None
    return _usable_tile(row["data"], number, width, findings)


def _usable_tile(
    data: Any, number: int, width: int, findings: Findings | None
) -> tuple[bytes, ...] | None:
    if type(data) is bytes and len(data) == width * HASH_BYTES:
        return _items(data)
    if findings is not None:
        length = f"{len(data)} bytes" if isinstance(data, bytes) else type(data).__name__
        findings.add(
            "tile-changed", ("tiles", f"0/{number}", "data"),
            f"a tile of {width} hashes has {width * HASH_BYTES} bytes, this one is {length}",
            f"{width} 個のハッシュのタイルとして長さが正しくありません",
        )  # fmt: skip
    return None


def _row_leaves(reading: Reading) -> Iterator[bytes | None]:
    """The leaf of each entry's row; None for a row that is missing or holds no bytes."""
    head, findings = reading.head, reading.findings
    expected = 0
    for row in reading.raw.scan(entries, head.log_id):
        index, data = row["index"], row["data"]
        if type(index) is not int or not expected <= index < head.size:
            _note_stray_entry(findings, index, head)
            continue
        if index > expected:
            _note_missing_entries(findings, expected, index)
        yield from repeat(None, index - expected)
        if not isinstance(data, bytes):
            place = ("entries", index, "data")
            findings.add("wrong-type", place, "it is not bytes", "バイト列ではありません")
        yield leaf_hash(data) if isinstance(data, bytes) else None
        expected = index + 1
    if expected < head.size:
        _note_missing_entries(findings, expected, head.size)
        yield from repeat(None, head.size - expected)


def _note_stray_entry(findings: Findings, index: Any, head: LogHead) -> None:
    findings.add(
        "unexpected-row", ("entries", shown(index), ""),
        f"the log has {head.size} entries; no checkpoint covers this row",
        f"記録は {head.size} 件であり、この行はどのチェックポイントにも含まれません",
    )  # fmt: skip


def _note_missing_entries(findings: Findings, start: int, end: int) -> None:
    key = str(start) if end - start == 1 else f"{start} to {end - 1}"
    findings.add(
        "missing-row", ("entries", key, ""),
        "entries that the log covers are missing", "記録に含まれるエントリーがありません",
    )  # fmt: skip


def _read_window(raw: RawRows, log_id: int, number: int, size: int) -> _Window:
    start = number * TILE_WIDTH
    width = min(TILE_WIDTH, size - start)
    leaves: list[bytes | None] = [None] * width
    for row in raw.span(entries, log_id, start, start + width):
        if type(row["index"]) is int and isinstance(row["data"], bytes):
            leaves[row["index"] - start] = leaf_hash(row["data"])
    tile = raw.find(tiles, log_id, level=0, index=number)
    by_tile = _usable_tile(tile["data"], number, width, None) if tile is not None else None
    return _Window(number, width, tuple(leaves), by_tile)


def _stored_item(reading: Reading, number: int) -> bytes | None:
    index, item = divmod(number, TILE_WIDTH)
    row = reading.raw.find(tiles, reading.head.log_id, level=1, index=index)
    data = row["data"] if row is not None else None
    at = item * HASH_BYTES
    return data[at : at + HASH_BYTES] if isinstance(data, bytes) else None


def _root(leaves: Leaves | Sequence[bytes]) -> bytes | None:
    if None in leaves:
        return None
    return root_hash(leaf for leaf in leaves if leaf is not None)


def _items(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def _first_difference(a: Any, b: bytes) -> int:
    if not isinstance(a, bytes):
        return 0
    pairs = enumerate(zip(a, b, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(a), len(b)))
