"""Tile names, tile contents and entry bundles, against the naive definition of each."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvariantViolated, MalformedProof, OutOfRange
from ledger.log import merkle, tile
from ledger.log.tile import Bundle, Tile
from tests.log.vectors import FIFTEEN_ENTRIES, FIFTEEN_LEAVES

LEAVES = [merkle.leaf_hash(i.to_bytes(4, "big")) for i in range(70_000)]


def names(tiles):
    return [tile.format_tile_path(one) for one in tiles]


def published(size):
    """All tiles of a tree, made at once by the definition of their items."""
    tiles, items, level = {}, LEAVES[:size], 0
    while items:
        rows = [items[i : i + 256] for i in range(0, len(items), 256)]
        tiles |= {Tile(level, i, len(row)): b"".join(row) for i, row in enumerate(rows)}
        items = [merkle.root_hash(row) for row in rows if len(row) == 256]
        level += 1
    return tiles


def reader_of(tiles, calls=None):
    def read(wanted):
        if calls is not None:
            calls.append(list(wanted))
        return [tiles[one] for one in wanted]

    return read


def refused_read(wanted):
    raise AssertionError(f"nothing had to be read, but {wanted} was")


# Paths.


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 15), "tile/0/000.p/15"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(2, 1000), "tile/2/x001/000"),
        (Tile(63, 1234067, 1), "tile/63/x001/x234/067.p/1"),
        (Tile(0, 2**63 - 1), "tile/0/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_tile_paths(made, path):
    assert tile.format_tile_path(made) == path
    assert tile.parse_tile_path(path) == made


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (Bundle(0), "tile/entries/000"),
        (Bundle(0, 2), "tile/entries/000.p/2"),
        (Bundle(1234067), "tile/entries/x001/x234/067"),
    ],
)
def test_bundle_paths(made, path):
    assert tile.format_bundle_path(made) == path
    assert tile.parse_bundle_path(path) == made


NO_PATHS = [
    "",
    "tile",
    "/tile/0/000",
    "tile/0/000/",
    "tile/0/000\n",
    "tile/00/000",
    "tile/01/000",
    "tile/-1/000",
    "tile/64/000",
    "tile/99/000",
    "tile/100/000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/x000/x001/000",
    "tile/0/001/000",
    "tile/0/x001",
    "tile/0/x1/000",
    "tile/0/X001/000",
    "tile/0/٠٠٠",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/999",
    "tile/0/000.p/-1",
    "tile/0/x009/x223/x372/x036/x854/x775/808",
    "tile/0/" + "x001/" * 30 + "000",
    "tile/8/0/000",
    "tile/data/000",
    "tile/8/data/000",
]


@pytest.mark.parametrize("path", [*NO_PATHS, "tile/entries/000"])
def test_other_spellings_are_no_tile_path(path):
    with pytest.raises(MalformedProof):
        tile.parse_tile_path(path)


@pytest.mark.parametrize("path", [*NO_PATHS, "tile/0/000", "tile/entries/x000/000"])
def test_other_spellings_are_no_bundle_path(path):
    with pytest.raises(MalformedProof):
        tile.parse_bundle_path(path)


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_paths_round_trip(level, index, width):
    assert tile.parse_tile_path(tile.format_tile_path(Tile(level, index, width))) == Tile(
        level, index, width
    )
    assert tile.parse_bundle_path(tile.format_bundle_path(Bundle(index, width))) == Bundle(
        index, width
    )


@given(st.one_of(st.text(), st.text(alphabet="tile/entrsx0123456789.p", max_size=40)))
def test_reading_a_path_fails_in_one_way_only(path):
    for parse, format_path in (
        (tile.parse_tile_path, tile.format_tile_path),
        (tile.parse_bundle_path, tile.format_bundle_path),
    ):
        with contextlib.suppress(MalformedProof):
            assert format_path(parse(path)) == path


@pytest.mark.parametrize(
    "numbers",
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**63, 1), (0, 0, 0), (0, 0, 257), (True, 0, 1)],
)
def test_impossible_tiles_cannot_be_made(numbers):
    with pytest.raises(OutOfRange):
        Tile(*numbers)


@pytest.mark.parametrize("numbers", [(-1, 1), (2**63, 1), (0, 0), (0, 257), (0, 1.0)])
def test_impossible_bundles_cannot_be_made(numbers):
    with pytest.raises(OutOfRange):
        Bundle(*numbers)


# Which tiles there are.


def test_tiles_of_the_published_sizes():
    assert names(tile.tiles_of_size(0)) == []
    assert names(tile.tiles_of_size(15)) == ["tile/0/000.p/15"]
    assert names(tile.tiles_of_size(256)) == ["tile/0/000", "tile/1/000.p/1"]
    large = names(tile.tiles_of_size(70_000))
    assert len([name for name in large if name.startswith("tile/0/")]) == 274
    assert large[272:] == [
        "tile/0/272",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    ]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_tiles_of_a_size_are_those_that_the_definition_makes(size):
    assert list(tile.tiles_of_size(size)) == list(published(size))


def test_growth_is_the_difference_of_two_sizes():
    sizes = [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 65_535, 65_536, 65_537]
    for old in sizes:
        for new in (size for size in sizes if size >= old):
            before = set(tile.tiles_of_size(old))
            expected = [one for one in tile.tiles_of_size(new) if one not in before]
            assert list(tile.tiles_of_growth(old, new)) == expected


def test_bundles_of_growth():
    assert list(tile.bundles_of_growth(0, 0)) == []
    assert list(tile.bundles_of_growth(0, 257)) == [Bundle(0), Bundle(1, 1)]
    assert list(tile.bundles_of_growth(255, 256)) == [Bundle(0)]
    assert list(tile.bundles_of_growth(256, 256)) == []
    assert list(tile.bundles_of_growth(250, 250)) == []
    assert list(tile.bundles_of_growth(250, 600)) == [Bundle(0), Bundle(1), Bundle(2, 88)]


@pytest.mark.parametrize(("old", "new"), [(1, 0), (-1, 0), (0, 2**63), (0, True), (0.0, 1)])
def test_trees_do_not_shrink(old, new):
    for listing in (tile.tiles_of_growth, tile.bundles_of_growth):
        with pytest.raises(OutOfRange):
            list(listing(old, new))


# Growing.


def test_growing_adds_exactly_the_missing_tiles():
    for old, new in [(0, 1), (0, 70_000), (1, 2), (200, 300), (256, 257), (65_535, 65_537)]:
        before, after = published(old), published(new)
        added = tile.grow(old, LEAVES[old:new], reader_of(before))
        assert added == {one: data for one, data in after.items() if one not in before}


@given(st.lists(st.integers(0, 700), max_size=6))
def test_growing_in_steps_gives_the_same_tiles_as_growing_at_once(steps):
    tiles, size = {}, 0
    for step in steps:
        tiles |= tile.grow(size, LEAVES[size : size + step], reader_of(tiles))
        size += step
    assert {one: tiles[one] for one in tile.tiles_of_size(size)} == published(size)


def test_growing_reads_the_right_edge_once():
    calls = []
    tile.grow(65_535, LEAVES[:1], reader_of(published(65_535), calls))
    assert [names(call) for call in calls] == [["tile/0/255.p/255", "tile/1/000.p/255"]]
    tile.grow(256, LEAVES[:1], refused_read)
    tile.grow(100, [], refused_read)


@pytest.mark.parametrize("bad", [b"", bytes(31), bytes(33), "x" * 32])
def test_growing_refuses_what_is_not_a_hash(bad):
    with pytest.raises(OutOfRange):
        tile.grow(0, [LEAVES[0], bad], refused_read)


def test_growing_refuses_an_old_tile_of_another_length():
    with pytest.raises(MalformedProof):
        tile.grow(1, LEAVES[:1], lambda wanted: [bytes(64)])
    with pytest.raises(InvariantViolated):
        tile.grow(1, LEAVES[:1], lambda wanted: [])
    with pytest.raises(OutOfRange):
        tile.grow(2**63 - 1, LEAVES[:1], refused_read)


# Reading nodes.


def node_from_leaves(level, index):
    return merkle.root_hash(LEAVES[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000, 65_536, 70_000])
def test_nodes_of_every_level_are_read_from_tiles(size):
    read = tile.tile_hash_reader(reader_of(published(size)), size)
    for level in range(size.bit_length()):
        last = (size >> level) - 1
        nodes = [(level, index) for index in sorted({0, last // 2, last})]
        assert read(nodes) == [node_from_leaves(*node) for node in nodes]


def test_proofs_from_tiles_verify_and_read_each_tile_once():
    size, calls = 70_000, []
    read = tile.tile_hash_reader(reader_of(published(size), calls), size)
    root = merkle.root_from(read, size)
    assert root == merkle.root_hash(LEAVES)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        proof = merkle.prove_inclusion_from(read, index, size)
        merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
        growth = merkle.prove_consistency_from(read, index + 1, size)
        old_root = merkle.root_hash(LEAVES[: index + 1])
        merkle.verify_consistency(index + 1, size, old_root, root, growth)
    assert len(calls) == 12  # the last growth is from a size to itself and needs no hash
    assert all(len(call) == len(set(call)) for call in calls)


@pytest.mark.parametrize(
    ("node", "size"),
    [((0, 15), 15), ((3, 1), 15), ((4, 0), 15), ((0, 0), 0), ((64, 0), 2**63 - 1), ((-1, 0), 1)],
)
def test_incomplete_nodes_are_not_read(node, size):
    with pytest.raises(OutOfRange):
        tile.tile_holding(node, size)


def test_a_tile_reader_must_answer_in_full():
    with pytest.raises(InvariantViolated):
        tile.tile_hash_reader(lambda wanted: [], 2)([(0, 0)])
    with pytest.raises(MalformedProof):
        tile.tile_hash_reader(lambda wanted: [bytes(32)], 2)([(0, 0)])


@pytest.mark.parametrize(("length", "width"), [(0, 1), (31, 1), (33, 1), (64, 1), (32, 2)])
def test_a_tile_has_the_length_of_its_width(length, width):
    with pytest.raises(MalformedProof):
        tile.parse_tile(bytes(length), width)


@pytest.mark.parametrize("width", [0, 257, -1, True])
def test_no_tile_and_no_bundle_has_an_impossible_width(width):
    with pytest.raises(OutOfRange):
        tile.parse_tile(bytes(32), width)
    with pytest.raises(OutOfRange):
        tile.parse_bundle(bytes(2), width)


def test_published_tile_of_fifteen():
    grown = tile.grow(0, FIFTEEN_LEAVES, refused_read)
    assert grown == {Tile(0, 0, 15): b"".join(FIFTEEN_LEAVES)}
    assert tile.parse_tile(grown[Tile(0, 0, 15)], 15) == tuple(FIFTEEN_LEAVES)


# Entry bundles.


def test_published_bundle():
    data = bytes.fromhex("00036f6e65000374776f")
    assert tile.format_bundle(FIFTEEN_ENTRIES[:2]) == data
    assert tile.parse_bundle(data, 2) == (b"one", b"two")


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x03on", 1),
        (b"\x00\x03one\x00", 1),
        (b"\x00\x03one\x00\x03two", 1),
        (b"\x00\x03one\x00\x03two", 3),
        (b"\x00\x03one\x00", 2),
    ],
)
def test_bundles_that_end_early_or_go_on_are_refused(data, width):
    with pytest.raises(MalformedProof):
        tile.parse_bundle(data, width)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]])
def test_impossible_bundles_are_not_written(entries):
    with pytest.raises(OutOfRange):
        tile.format_bundle(entries)


def test_a_bundle_takes_the_smallest_and_the_largest_entry():
    entries = (b"", bytes(65_535))
    assert tile.parse_bundle(tile.format_bundle(entries), 2) == entries


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_bundles_round_trip(entries):
    assert tile.parse_bundle(tile.format_bundle(entries), len(entries)) == tuple(entries)


@given(st.binary(max_size=60), st.integers(1, 8))
def test_reading_a_bundle_fails_in_one_way_only(data, width):
    with contextlib.suppress(MalformedProof):
        assert tile.format_bundle(tile.parse_bundle(data, width)) == data
