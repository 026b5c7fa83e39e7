"""A client of any C2SP tlog, written from the specifications' text alone.

It shares no code with the product: signed-note, tlog-checkpoint, tlog-tiles and RFC 6962 §2.1 as
they read, in the plainest form. It trusts a vkey and believes nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Fetch = Callable[[str], bytes]
FULL = 256


@dataclass(frozen=True)
class Checkpoint:
    origin: str
    size: int
    root: bytes


def open_checkpoint(note: bytes, vkey: str) -> Checkpoint:
    """The checkpoint in a signed note, if the key signed it."""
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1, "an Ed25519 key"
    assert sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id
    text, _, signatures = note.rpartition(b"\n\n")
    text += b"\n"
    signed = 0
    for line in signatures.decode().splitlines():
        dash, who, value = line.split(" ")
        assert dash == "\u2014"
        raw = base64.b64decode(value, validate=True)
        if who == name and raw[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], text)
            signed += 1
    assert signed == 1
    origin, size, root, *extensions = text.decode().removesuffix("\n").split("\n")
    assert not extensions
    return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))


def tile_path(level: int | str, index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    suffix = "" if width == FULL else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{suffix}"


def tiles_of(size: int, level: int) -> list[tuple[int, int]]:
    """Index and width of every tile of one level of a tree."""
    items = size // FULL**level
    full, rest = divmod(items, FULL)
    return [(index, FULL) for index in range(full)] + ([(full, rest)] if rest else [])


def read_level(fetch: Fetch, size: int, level: int) -> list[bytes]:
    hashes = []
    for index, width in tiles_of(size, level):
        data = fetch(tile_path(level, index, width))
        assert len(data) == 32 * width
        hashes += [data[at : at + 32] for at in range(0, len(data), 32)]
    return hashes


def read_entries(fetch: Fetch, size: int) -> list[bytes]:
    entries = []
    for index, width in tiles_of(size, 0):
        data, found = fetch(tile_path("entries", index, width)), 0
        while data:
            length = int.from_bytes(data[:2], "big")
            assert len(data) >= 2 + length
            entries.append(data[2 : 2 + length])
            data, found = data[2 + length :], found + 1
        assert found == width
    return entries


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, from leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def check_tree(fetch: Fetch, head: Checkpoint) -> list[bytes]:
    """The leaf hashes at a size, after every tile of every level was compared with them."""
    leaves = read_level(fetch, head.size, 0)
    assert tree_hash(leaves) == head.root
    below, level = leaves, 1
    while len(below) >= FULL:
        whole = len(below) // FULL
        expected = [tree_hash(below[at * FULL : (at + 1) * FULL]) for at in range(whole)]
        assert read_level(fetch, head.size, level) == expected
        below, level = expected, level + 1
    return leaves


def check_entries(fetch: Fetch, head: Checkpoint, leaves: list[bytes]) -> list[bytes]:
    entries = read_entries(fetch, head.size)
    assert [sha256(b"\x00" + entry).digest() for entry in entries] == leaves
    return entries
