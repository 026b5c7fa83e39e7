"""The log's tree as the verifier builds it, and which leaf was changed if it is another one.

The root over the entries must be the checkpoint's. The tiles of the bundle prove nothing; but if
*their* leaves lead to the checkpoint's root, every entry with another hash is one that was
changed, and is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ledger.audit.bundle import tiles_of
from ledger.audit.files import Files
from ledger.audit.report import Findings
from ledger.errors import NotFound
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, root_hash
from ledger.log.tile import TILE_WIDTH, format_tile_path, parse_bundle_path, tiles_of_size

ENTRY_BUNDLES = "tile/entries/"


@dataclass(slots=True)
class Tree:
    """Leaf hashes and the root at every size, grown entry by entry."""

    leaves: list[bytes] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=lambda: [EMPTY_ROOT])
    _frontier: Frontier = field(default_factory=lambda: Frontier(0, ()))

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        self.leaves.append(leaf)
        self._frontier = self._frontier.append(leaf)
        self.roots.append(self._frontier.root())

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` leaves; raises NotFound beyond the end."""
        if not 0 <= size < len(self.roots):
            raise NotFound(f"the bundle has no {size} entries")
        return self.roots[size]


def size_of(files: Files) -> int:
    """How many entries the bundle's entry bundles hold, by their names, up to the first gap."""
    names = [name for name in files.archive.members if name.startswith(ENTRY_BUNDLES)]
    size = 0
    for bundle in sorted(map(parse_bundle_path, names)):
        if bundle.index * TILE_WIDTH != size:
            break
        size += bundle.width
    return size


def check_tree(
    files: Files, tree: Tree, size: int, signed_root: bytes | None, findings: Findings
) -> None:
    """Compare the tree with the signed root and the tiles; name each entry that was changed.

    ``size`` is the number of entries there should be; fewer, if a bundle of them is broken.
    """
    count = len(tree.leaves)
    stated = _stated_leaves(files, size)
    is_whole = count == size and tree.roots[-1] == signed_root
    if signed_root is not None and not is_whole:
        findings.add(
            "root-mismatch", "checkpoint",
            f"{count} of {size} entries give the root {tree.roots[-1].hex()}, "
            f"the checkpoint has {signed_root.hex()}",
            f"{count} 件のエントリーから得た根がチェックポイントと一致しません",
        )  # fmt: skip
        if len(stated) == size and root_hash(stated) == signed_root:
            pairs = enumerate(zip(tree.leaves, stated, strict=False))
            _name_entries([i for i, (found, wanted) in pairs if found != wanted], findings)
    _compare_tiles(files, tree if count == size else None, size, findings)


def _name_entries(changed: list[int], findings: Findings) -> None:
    for index in changed:
        findings.add(
            "entry-changed", f"entry {index}",
            "this entry is not the one that the checkpoint covers",
            "このエントリーはチェックポイントが示す内容ではありません",
        )  # fmt: skip


def _stated_leaves(files: Files, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    for tile in tiles_of_size(size):
        if tile.level == 0:
            data = files.read(format_tile_path(tile)) or b""
            leaves += [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
    return leaves if all(len(leaf) == HASH_BYTES for leaf in leaves) else []


def _compare_tiles(files: Files, tree: Tree | None, size: int, findings: Findings) -> None:
    expected = tiles_of(tree.leaves) if tree is not None else {}
    for tile in tiles_of_size(size):
        name = format_tile_path(tile)
        data, wanted = files.read(name), expected.get(tile)
        if data is None or wanted is None or data == wanted:
            continue
        item = _first_difference(data, wanted) // HASH_BYTES
        findings.add(
            "tile-changed", f"{name}, hash {item}",
            "this hash is not the one that the entries give",
            "このハッシュはエントリーから得られるものではありません",
        )  # fmt: skip


def _first_difference(a: bytes, b: bytes) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(a), len(b)))
