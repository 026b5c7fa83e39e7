"""Tiles and entry bundles (C2SP tlog-tiles): the log as files that never change.

    tile/<L>/<N>[.p/<W>]           hashes; item i of tile N at level L is the root over leaves
                                   [(256·N + i)·256**L, (256·N + i + 1)·256**L)
    tile/entries/<N>[.p/<W>]       entries 256·N…, each as uint16 big-endian length ‖ bytes

A full tile has 256 items, a partial one W from 1 to 255. N is written in groups of three digits,
all but the last with an ``x``: 1234067 is ``x001/x234/067``. Only full tiles have an item in the
level above. At size s, level L holds s >> 8·L items.

Invariant: what ``grow`` returns, added to what was there, is exactly ``tiles_of_size``.

>>> [format_tile_path(tile) for tile in tiles_of_size(257)]
['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1']
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.errors import InvariantViolated, MalformedProof, OutOfRange
from ledger.log.merkle import HASH_BYTES, SIZE_MAX, HashReader, Node, require_hashes, root_hash

TILE_HEIGHT = 8
TILE_WIDTH = 256
LEVEL_MAX = 63
ENTRY_BYTES_MAX = 65_535
_LENGTH_BYTES = 2

_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_PATH_CHARACTERS_MAX = 60


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """The name of a tile of hashes; ``width`` 256 is a full one. Raises OutOfRange."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _require(self.level, 0, LEVEL_MAX, "tile level")
        _require(self.index, 0, SIZE_MAX, "tile index")
        _require(self.width, 1, TILE_WIDTH, "tile width")


@dataclass(frozen=True, slots=True, order=True)
class Bundle:
    """The name of an entry bundle; ``width`` 256 is a full one. Raises OutOfRange."""

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _require(self.index, 0, SIZE_MAX, "bundle index")
        _require(self.width, 1, TILE_WIDTH, "bundle width")


TileReader = Callable[[Sequence[Tile]], Sequence[bytes]]
"""Returns the bytes of each tile asked for, in the same order; called once per use.

A tile is asked for by the width it has at the size in question. Whoever serves from a store that
has dropped a partial tile cuts its hashes from the wider one.
"""


# Paths.


def format_tile_path(tile: Tile) -> str:
    """The path of a tile, relative to the log's prefix, without a leading slash."""
    return f"tile/{tile.level}/{_format_index(tile.index)}{_format_width(tile.width)}"


def parse_tile_path(path: str) -> Tile:
    """Read the path of a tile. Raises MalformedProof for any other spelling."""
    level, index, width = _parse_path(path)
    if level == "entries" or int(level) > LEVEL_MAX:
        raise MalformedProof(f"{path[:60]!r} is not the path of a tile")
    return Tile(int(level), index, width)


def format_bundle_path(bundle: Bundle) -> str:
    """The path of an entry bundle, relative to the log's prefix, without a leading slash."""
    return f"tile/entries/{_format_index(bundle.index)}{_format_width(bundle.width)}"


def parse_bundle_path(path: str) -> Bundle:
    """Read the path of an entry bundle. Raises MalformedProof for any other spelling."""
    level, index, width = _parse_path(path)
    if level != "entries":
        raise MalformedProof(f"{path[:60]!r} is not the path of an entry bundle")
    return Bundle(index, width)


# Which tiles there are.


def tiles_of_size(size: int) -> Iterator[Tile]:
    """Every tile of a tree of ``size`` leaves, level by level; partial ones come last."""
    return tiles_of_growth(0, size)


def tiles_of_growth(old_size: int, new_size: int) -> Iterator[Tile]:
    """The tiles of ``new_size`` that ``old_size`` did not have, new or wider."""
    _require_growth(old_size, new_size)
    for level in _levels_of_growth(old_size, new_size):
        for index, width in _slots(_items(old_size, level), _items(new_size, level)):
            yield Tile(level, index, width)


def bundles_of_growth(old_size: int, new_size: int) -> Iterator[Bundle]:
    """The entry bundles of ``new_size`` that ``old_size`` did not have; from 0: all of them."""
    _require_growth(old_size, new_size)
    for index, width in _slots(old_size, new_size):
        yield Bundle(index, width)


def tile_holding(node: Node, size: int) -> tuple[Tile, int, int]:
    """Where a tree of ``size`` keeps a node: tile, first item, and number of items.

    The node is the root over those items. Raises OutOfRange if the node is not complete at
    ``size``.
    """
    level, index = node
    _require(size, 0, SIZE_MAX, "size")
    _require(level, 0, LEVEL_MAX, "node level")
    _require(index, 0, SIZE_MAX, "node index")
    if (index + 1) << level > size:
        raise OutOfRange(f"node {index} at level {level} is not complete at size {size}")
    tile_level, height = divmod(level, TILE_HEIGHT)
    tile_index, first = divmod(index << height, TILE_WIDTH)
    width = min(_items(size, tile_level) - tile_index * TILE_WIDTH, TILE_WIDTH)
    return Tile(tile_level, tile_index, width), first, 1 << height


# Hashes.


def parse_tile(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of this width. Raises MalformedProof for another length."""
    _require(width, 1, TILE_WIDTH, "tile width")
    _require_width(data, width)
    return tuple(data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))


def tile_hash_reader(read_tiles: TileReader, size: int) -> HashReader:
    """A ``HashReader`` over the tiles of a tree of ``size`` leaves.

    Each use asks ``read_tiles`` once for the tiles that it needs, each tile once. The tiles are
    not checked against a root: verify the proof that is made from them.
    """

    def read(nodes: Sequence[Node]) -> list[bytes]:
        places = [tile_holding(node, size) for node in nodes]
        tiles = _read_tiles(read_tiles, sorted({tile for tile, _, _ in places}))
        return [_complete_root(tiles[tile], first, n) for tile, first, n in places]

    return read


def grow(old_size: int, leaf_hashes: Sequence[bytes], read_tiles: TileReader) -> dict[Tile, bytes]:
    """The tiles, with their bytes, that appending ``leaf_hashes`` adds or widens.

    Reads the partial tiles at the right edge of the old tree, at most eight, in one call.
    Raises OutOfRange for a size beyond 2**63−1 or a hash that is not 32 bytes.
    """
    new_size = old_size + len(leaf_hashes)
    _require_growth(old_size, new_size)
    require_hashes(leaf_hashes)
    edge = _right_edge(old_size, new_size)
    old_tiles = _read_tiles(read_tiles, edge) if edge else {}
    kept = {tile.level: parse_tile(data, tile.width) for tile, data in old_tiles.items()}
    grown: dict[Tile, bytes] = {}
    added = list(leaf_hashes)
    for level in _levels_of_growth(old_size, new_size):
        first = _items(old_size, level) // TILE_WIDTH
        rows = _rows([*kept.get(level, ()), *added])
        for index, row in enumerate(rows, start=first):
            grown[Tile(level, index, len(row))] = b"".join(row)
        added = [root_hash(row) for row in rows if len(row) == TILE_WIDTH]
    return grown


# Entry bundles.


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle of 1..256 entries. Raises OutOfRange for a number or an entry."""
    _require(len(entries), 1, TILE_WIDTH, "number of entries in a bundle")
    for entry in entries:
        _require(len(entry), 0, ENTRY_BYTES_MAX, "number of bytes in an entry")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The ``width`` entries of a bundle; an entry may be empty, as the format allows.

    Raises MalformedProof if the bytes end early or go on.
    """
    _require(width, 1, TILE_WIDTH, "bundle width")
    entries: list[bytes] = []
    position = 0
    for _ in range(width):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise MalformedProof(f"the bundle ends within entry {len(entries)} of {width}")
        entries.append(data[start:position])
    if position != len(data):
        raise MalformedProof(f"{len(data) - position} bytes follow the {width} entries")
    return tuple(entries)


def _rows(hashes: list[bytes]) -> list[list[bytes]]:
    return [hashes[i : i + TILE_WIDTH] for i in range(0, len(hashes), TILE_WIDTH)]


def _items(size: int, level: int) -> int:
    return size >> (TILE_HEIGHT * level)


def _slots(old_items: int, new_items: int) -> Iterator[tuple[int, int]]:
    """Index and width of each tile of one level that growth makes new or wider."""
    for index in range(old_items // TILE_WIDTH, -(-new_items // TILE_WIDTH)):
        width = min(new_items - index * TILE_WIDTH, TILE_WIDTH)
        if index * TILE_WIDTH + width > old_items:
            yield index, width


def _levels_of_growth(old_size: int, new_size: int) -> Iterator[int]:
    """The levels that get new items; above the first that gets none, none does."""
    level = 0
    while _items(old_size, level) != _items(new_size, level):
        yield level
        level += 1


def _right_edge(old_size: int, new_size: int) -> list[Tile]:
    """The partial tiles of the old tree on the levels that growth reaches."""
    edge = []
    for level in _levels_of_growth(old_size, new_size):
        index, width = divmod(_items(old_size, level), TILE_WIDTH)
        if width:
            edge.append(Tile(level, index, width))
    return edge


def _read_tiles(read_tiles: TileReader, tiles: Sequence[Tile]) -> dict[Tile, bytes]:
    found = read_tiles(tiles)
    if len(found) != len(tiles):
        raise InvariantViolated(f"asked for {len(tiles)} tiles, the reader gave {len(found)}")
    for tile, data in zip(tiles, found, strict=True):
        _require_width(data, tile.width)
    return dict(zip(tiles, found, strict=True))


def _complete_root(data: bytes, first: int, count: int) -> bytes:
    """The root over ``count`` items of a tile, a power of two: the inner loop of every proof."""
    level = data[first * HASH_BYTES : (first + count) * HASH_BYTES]
    pair = 2 * HASH_BYTES
    while len(level) > HASH_BYTES:
        level = b"".join(
            [sha256(b"\x01" + level[at : at + pair]).digest() for at in range(0, len(level), pair)]
        )
    return level


def _format_index(index: int) -> str:
    *groups, last = f"{index:,}".split(",")
    return "/".join([*(f"x{group:0>3}" for group in groups), f"{last:0>3}"])


def _format_width(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def _parse_path(path: str) -> tuple[str, int, int]:
    match = _PATH.fullmatch(path) if len(path) <= _PATH_CHARACTERS_MAX else None
    if match is None:
        raise MalformedProof(f"{path[:60]!r} is not the path of a tile or bundle")
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    # Leading groups of zeros and a width of 256 would be second spellings.
    if index > SIZE_MAX:
        raise MalformedProof(f"{path[:60]!r} is beyond every tree")
    if match["index"] != _format_index(index):
        raise MalformedProof(f"{path[:60]!r} is not how that index is written")
    if match["width"] and width >= TILE_WIDTH:
        raise MalformedProof(f"{path[:60]!r} has no possible width")
    return match["level"], index, width


def _require_width(data: bytes, width: int) -> None:
    if len(data) != width * HASH_BYTES:
        raise MalformedProof(f"a tile of width {width} has {width * HASH_BYTES} bytes")


def _require(value: Any, least: int, most: int, name: str) -> None:
    if type(value) is not int or not least <= value <= most:
        raise OutOfRange(f"{name} {value!r} is not from {least} to {most}")


def _require_growth(old_size: int, new_size: int) -> None:
    _require(new_size, 0, SIZE_MAX, "new size")
    _require(old_size, 0, new_size, "old size")
