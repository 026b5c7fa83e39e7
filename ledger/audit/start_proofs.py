"""Proofs about what lies before a slice: entries that are in the log, smaller trees of it.

``start/proofs`` is RFC 8785 JSON::

    {"entries": [[index, entry as text, [hash …]] …],
     "genesis": [hash …],
     "roots":   [[size, root, [hash …]] …]}

``genesis`` is the inclusion proof of entry 0 in the tree at the slice's start, ``entries`` are
others that an entry of the slice refers to, with theirs, and ``roots`` are those of trees that
signers of the slice's entries had seen, with their consistency proofs. All in ascending order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ledger import canonical
from ledger.audit.bundle import START_GENESIS, START_PROOFS
from ledger.audit.files import Files
from ledger.audit.report import Findings
from ledger.coop.envelope import parse_hash
from ledger.errors import KyojoError, MalformedDocument, VerificationError
from ledger.log.merkle import EMPTY_ROOT, Frontier, leaf_hash, verify_consistency, verify_inclusion

PROOF_HASHES_MAX = 64
Proven = tuple[bytes, list[bytes]]
"""An entry or a root, and its proof."""


@dataclass(frozen=True, slots=True)
class Proofs:
    """What was shown: entries by index, roots by size."""

    entries: dict[int, bytes] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})


def format_proofs(
    genesis: Sequence[bytes], entries: dict[int, Proven], roots: dict[int, Proven]
) -> bytes:
    """The bytes of ``start/proofs``."""
    return canonical.encode(
        {
            "entries": [[at, data.decode(), _texts(proof)]
                        for at, (data, proof) in sorted(entries.items())],
            "genesis": _texts(genesis),
            "roots": [[at, root.hex(), _texts(proof)]
                      for at, (root, proof) in sorted(roots.items())],
        }
    )  # fmt: skip


def check_proofs(files: Files, genesis: str, before: Frontier, findings: Findings) -> Proofs:
    """Check the charter and every proof; what a wrong one claims is left out, with a finding."""
    charter, found = files.read(START_GENESIS), Proofs()
    if charter is not None and leaf_hash(charter).hex() != genesis:
        findings.add(
            "entry-changed", START_GENESIS,
            "this is not the charter whose leaf hash the state names",
            "状態が示す起点のエントリーではありません",
        )  # fmt: skip
    try:
        inclusion, entries, roots = _parse(files.read(START_PROOFS) or b"")
    except KyojoError as error:
        findings.add_error(error, START_PROOFS)
        return found
    size, root = before.size, before.root()

    def check(where: str, verify: Callable[[], None]) -> bool:
        try:
            verify()
        except VerificationError as error:
            findings.add_error(error, f"{START_PROOFS}, {where}")
            return False
        return True

    leaf = bytes.fromhex(genesis)
    check("genesis", partial(verify_inclusion, leaf, 0, size, inclusion, root))
    for at, (data, proof) in entries.items():
        if check(f"entry {at}", partial(verify_inclusion, leaf_hash(data), at, size, proof, root)):
            found.entries[at] = data
    for at, (smaller, proof) in roots.items():
        if check(f"size {at}", partial(verify_consistency, at, size, smaller, root, proof)):
            found.roots[at] = smaller
    return found


def _parse(data: bytes) -> tuple[list[bytes], dict[int, Proven], dict[int, Proven]]:
    document = canonical.parse_canonical(data, what=START_PROOFS)
    match document:
        case {"entries": list(entries), "genesis": list(genesis), "roots": list(roots), **rest} if (
            not rest
        ):
            return (
                _hashes(genesis),
                _rows(entries, str.encode),
                _rows(roots, lambda text: parse_hash(text, "a root")),
            )
    raise MalformedDocument(f"{START_PROOFS} has entries, genesis and roots")


def _rows(rows: list[Any], read: Callable[[str], bytes]) -> dict[int, Proven]:
    found: dict[int, Proven] = {}
    last = 0
    for row in rows:
        match row:
            case [int(at), str(text), list(proof)] if type(at) is int and at > last:
                found[at] = read(text), _hashes(proof)
                last = at
            case _:
                raise MalformedDocument(f"{START_PROOFS}: a row is a number, a text and a proof")
    return found


def _hashes(row: list[Any]) -> list[bytes]:
    if len(row) > PROOF_HASHES_MAX:
        raise MalformedDocument(f"{START_PROOFS}: a proof has at most {PROOF_HASHES_MAX} hashes")
    return [parse_hash(text, "a hash") for text in row]


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [found.hex() for found in hashes]
