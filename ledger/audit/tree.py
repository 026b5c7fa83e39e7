"""The log's tree as the verifier builds it, and which leaf was changed if it is another one.

The root over the entries must be the checkpoint's. The hashes in a bundle prove nothing; but if
*they* lead to the checkpoint's root, every entry with another hash is one that was changed, and
is named. A slice starts from the perfect subtrees before it, and may end before the checkpoint
does; then a consistency proof leads from its end to the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ledger.audit.bundle import (
    CHECKPOINT,
    END_PROOF,
    LEAVES,
    parse_entries_name,
    split_hashes,
    tiles_of,
)
from ledger.audit.files import Files
from ledger.audit.report import Findings
from ledger.errors import NotFound, VerificationError
from ledger.log.merkle import HASH_BYTES, Frontier, verify_consistency
from ledger.log.tile import (
    TILE_WIDTH,
    bundles_of_growth,
    format_bundle_path,
    format_tile_path,
    parse_bundle_path,
    tiles_of_size,
)

ENTRY_BUNDLES = "tile/entries/"


@dataclass(slots=True)
class Tree:
    """Leaf hashes from ``before.size`` on and the root at every size, grown entry by entry.

    ``earlier`` are roots of smaller sizes that were shown to be of the same log.
    """

    before: Frontier = field(default_factory=lambda: Frontier(0, ()))
    earlier: dict[int, bytes] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)
    _roots: list[bytes] = field(init=False)
    _frontier: Frontier = field(init=False)

    def __post_init__(self) -> None:
        self._frontier = self.before
        self._roots = [self.before.root()]

    @property
    def start(self) -> int:
        """The index of the first entry."""
        return self.before.size

    @property
    def size(self) -> int:
        """The size of the log up to here."""
        return self.before.size + len(self.leaves)

    def append(self, leaf: bytes) -> None:
        """Add a leaf."""
        self.leaves.append(leaf)
        self._frontier = self._frontier.append(leaf)
        self._roots.append(self._frontier.root())

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` leaves; raises NotFound where it is not known."""
        if size in self.earlier:
            return self.earlier[size]
        if not self.start <= size <= self.size:
            raise NotFound(f"the bundle does not show the root over the first {size} entries")
        return self._roots[size - self.start]


@dataclass(frozen=True, slots=True)
class EntryFile:
    """A file of entries: how many it should hold."""

    name: str
    width: int


def entry_files(files: Files, start: int) -> list[EntryFile]:
    """The files that hold entries from ``start`` on, by their names, up to the first gap."""
    if start:
        spans = [span for name in files.archive.members if (span := parse_entries_name(name))]
        found, at = list[EntryFile](), start
        for first, end in sorted(spans):
            if first != at:
                break
            found.append(EntryFile(f"entries/{first}-{end}", end - first))
            at = end
        return found
    names = [name for name in files.archive.members if name.startswith(ENTRY_BUNDLES)]
    size = 0
    for bundle in sorted(map(parse_bundle_path, names)):
        if bundle.index * TILE_WIDTH != size:
            break
        size += bundle.width
    return [
        EntryFile(format_bundle_path(bundle), bundle.width) for bundle in bundles_of_growth(0, size)
    ]


def entries_in(files: Files, start: int) -> Iterator[bytes]:
    """The entries as they stand in the bundle; what is wrong with them is said by the fold."""
    for found in entry_files(files, start):
        if found.name in files.archive.members:
            yield from readable_entries(files.archive.read(found.name), found.width)


def readable_entries(data: bytes, width: int) -> Iterator[bytes]:
    """What can be read of an entry bundle, up to where it breaks."""
    position = 0
    for _ in range(width):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if position > len(data) or start > len(data):
            return
        yield data[start:position]


def check_tree(
    files: Files, tree: Tree, size: int, head: tuple[int, bytes] | None, findings: Findings
) -> None:
    """Compare the tree with the signed head and the stated hashes; name each changed entry.

    ``size`` is the number of entries there should be; fewer, if a file of them is broken.
    """
    stated = _stated_leaves(files, tree.start, size)
    proof = _end_proof(files, size, head)
    root = tree.root(tree.size)
    is_whole = tree.size == size and _leads(size, root, head, proof)
    if head is not None and not is_whole:
        findings.add(
            "root-mismatch", CHECKPOINT,
            f"entries up to {tree.size} of {size} give the root {root.hex()}, "
            f"which does not lead to the checkpoint's, {head[1].hex()}",
            f"{tree.size} 件目までのエントリーから得た根がチェックポイントと一致しません",
        )  # fmt: skip
        if proof is not None:
            findings.add(
                "root-mismatch", END_PROOF,
                "from the entries, this proof does not lead to the checkpoint's root",
                "この証明ではエントリーからチェックポイントの根に至りません",
            )  # fmt: skip
        enough = len(stated) == size - tree.start
        if enough and _leads(size, tree.before.extend(stated).root(), head, proof):
            _name_entries(tree, stated, findings)
    if tree.start:
        _compare_leaves(files, tree, stated, findings, is_whole=is_whole)
    else:
        _compare_tiles(files, tree if tree.size == size else None, size, findings)


def _leads(
    size: int, root: bytes, head: tuple[int, bytes] | None, proof: Sequence[bytes] | None
) -> bool:
    """Whether a root at ``size`` is the head's, or a proof leads from it to the head's."""
    if head is None or head[0] == size:
        return head is None or root == head[1]
    try:
        verify_consistency(size, head[0], root, head[1], proof or ())
    except VerificationError:
        return False
    return True


def _end_proof(files: Files, size: int, head: tuple[int, bytes] | None) -> list[bytes] | None:
    if head is None or head[0] <= size or END_PROOF not in files.archive.members:
        return None
    return split_hashes(files.read(END_PROOF) or b"")


def _name_entries(tree: Tree, stated: Sequence[bytes], findings: Findings) -> None:
    for index, (found, wanted) in enumerate(
        zip(tree.leaves, stated, strict=False), start=tree.start
    ):
        if found != wanted:
            findings.add(
                "entry-changed", f"entry {index}",
                "this entry is not the one that the checkpoint covers",
                "このエントリーはチェックポイントが示す内容ではありません",
            )  # fmt: skip


def _stated_leaves(files: Files, start: int, size: int) -> list[bytes]:
    leaves: list[bytes] = []
    if start:
        leaves = split_hashes(files.read(LEAVES) or b"")
    else:
        for tile in tiles_of_size(size):
            if tile.level == 0:
                leaves += split_hashes(files.read(format_tile_path(tile)) or b"")
    return leaves if all(len(leaf) == HASH_BYTES for leaf in leaves) else []


def _compare_leaves(
    files: Files, tree: Tree, stated: Sequence[bytes], findings: Findings, *, is_whole: bool
) -> None:
    data, wanted = files.read(LEAVES), b"".join(tree.leaves)
    if data is None or (not is_whole and len(stated) == len(tree.leaves)):
        return
    if data != wanted:
        findings.add(
            "leaf-changed", f"{LEAVES}, hash {_first_difference(data, wanted) // HASH_BYTES}",
            "this hash is not the one that the entries give",
            "このハッシュはエントリーから得られるものではありません",
        )  # fmt: skip


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
