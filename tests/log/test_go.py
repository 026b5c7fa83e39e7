"""The reference implementation judges ours: golang.org/x/mod/sumdb/note and sumdb/tlog."""

from __future__ import annotations

import base64
import random
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from ledger.log import merkle, tile
from ledger.log.checkpoint import Checkpoint, sign_checkpoint
from ledger.log.key import format_vkey, parse_signing_key
from ledger.log.note import Ed25519Signer
from ledger.log.proof import TlogProof, format_proof
from tests.go_checker import Checker, build_checker
from tests.log.vectors import (
    FIFTEEN_ENTRIES,
    LOG_CHECKPOINT,
    LOG_ORIGIN,
    LOG_PROOF,
    LOG_SIGNING_KEY,
)

KEY = parse_signing_key(LOG_SIGNING_KEY)
VKEY = format_vkey(KEY.verifier_key)
ENTRIES = [f"entry {number}".encode() for number in range(1000)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
SMALL = 48


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    return build_checker(tmp_path_factory.mktemp("go"))


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def stored(size: int) -> merkle.HashReader:
    """The nodes of a tree as the product keeps them: in tiles."""
    tiles = tile.grow(0, LEAVES[:size], lambda _: [])
    return tile.tile_hash_reader(lambda wanted: [tiles[one] for one in wanted], size)


def checkpoint(size: int) -> bytes:
    root = merkle.root_from(stored(size), size)
    return sign_checkpoint(Checkpoint(LOG_ORIGIN, size, root), [Ed25519Signer(KEY)])


def inclusion(index: int, size: int, **changes: Any) -> dict[str, Any]:
    found = {
        "kind": "inclusion",
        "entry": packed(ENTRIES[index]),
        "index": index,
        "size": size,
        "root": packed(merkle.root_from(stored(size), size)),
        "proof": [packed(h) for h in merkle.prove_inclusion_from(stored(size), index, size)],
    }
    return {**found, **changes}


def consistency(old: int, new: int, **changes: Any) -> dict[str, Any]:
    found = {
        "kind": "consistency",
        "old_size": old,
        "size": new,
        "old_root": packed(merkle.root_from(stored(old), old)),
        "root": packed(merkle.root_from(stored(new), new)),
        "proof": [packed(h) for h in merkle.prove_consistency_from(stored(new), old, new)],
    }
    return {**found, **changes}


def flipped(hashes: list[str]) -> list[list[str]]:
    """Each hash of a proof changed in one bit, one left out, and one too many."""
    found = []
    for place, encoded in enumerate(hashes):
        data = bytearray(base64.b64decode(encoded))
        data[place % 32] ^= 1 << place % 8
        found.append([*hashes[:place], packed(bytes(data)), *hashes[place + 1 :]])
        found.append([*hashes[:place], *hashes[place + 1 :]])
    return [*found, [*hashes, packed(bytes(32))]]


def accepts_all(checker: Checker, cases: list[dict[str, Any]]) -> None:
    refused = [pair for pair in zip(checker.judge(cases), cases, strict=True) if pair[0]]
    assert refused == []


def refuses_all(checker: Checker, cases: list[dict[str, Any]]) -> None:
    taken = [case for said, case in zip(checker.judge(cases), cases, strict=True) if not said]
    assert taken == []


def test_it_computes_our_roots(checker: Checker) -> None:
    sizes = [*range(1, 2 * SMALL), 255, 256, 257, 1000]
    accepts_all(
        checker,
        [
            {"kind": "root", "leaves": [packed(leaf) for leaf in LEAVES[:size]],
             "root": packed(merkle.root_from(stored(size), size))}
            for size in sizes
        ],
    )  # fmt: skip
    wrong = {"kind": "root", "leaves": [packed(LEAVES[0])], "root": packed(LEAVES[1])}
    refuses_all(checker, [wrong])


def test_it_accepts_every_inclusion_proof_of_every_small_tree(checker: Checker) -> None:
    every = [inclusion(index, size) for size in range(1, SMALL) for index in range(size)]
    dice = random.Random(6962)
    sizes = [255, 256, 257, 511, 512, 513, 1000]
    every += [inclusion(dice.randrange(size), size) for size in sizes for _ in range(8)]
    accepts_all(checker, every)


def test_it_refuses_a_changed_inclusion_proof(checker: Checker) -> None:
    cases = []
    for index, size in ((0, 2), (4, 15), (46, 47), (0, 256), (256, 257), (700, 1000)):
        good = inclusion(index, size)
        cases += [{**good, "proof": proof} for proof in flipped(good["proof"])]
        cases += [{**good, "index": index + step} for step in (-1, 1)]
        cases += [{**good, "entry": packed(b"another")}, {**good, "root": packed(bytes(32))}]
    refuses_all(checker, cases)


def test_it_accepts_every_consistency_proof_between_small_trees(checker: Checker) -> None:
    every = [consistency(old, new) for new in range(1, 40) for old in range(1, new + 1)]
    every += [consistency(old, new) for old, new in pairwise([1, 7, 255, 256, 257, 600, 999, 1000])]
    accepts_all(checker, every)


def test_it_refuses_a_changed_consistency_proof(checker: Checker) -> None:
    cases = []
    for old, new in ((7, 15), (8, 15), (255, 257), (256, 1000), (999, 1000)):
        good = consistency(old, new)
        cases += [{**good, "proof": proof} for proof in flipped(good["proof"])]
        cases += [{**good, "old_size": old - 1}, {**good, "old_root": packed(bytes(32))}]
        cases += [{**good, "root": good["old_root"]}]
    refuses_all(checker, cases)


def test_it_opens_our_checkpoints_and_no_others(checker: Checker) -> None:
    notes = [checkpoint(size) for size in (1, 2, 15, 255, 256, 257, 1000)]
    good = [{"kind": "note", "vkey": VKEY, "note": note.decode()} for note in notes]
    accepts_all(checker, [*good, {**good[0], "note": LOG_CHECKPOINT.decode()}])
    other = format_vkey(
        parse_signing_key(
            "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
        ).verifier_key
    )
    text = notes[-1].decode()
    changed = [text.replace("\n1000\n", "\n1001\n"), text[:-6] + "AAA=\n", text[:-1], ""]
    refuses_all(checker, [{**good[0], "note": note} for note in changed])
    refuses_all(checker, [{**good[0], "vkey": other}])


def test_it_reads_our_proof_files(checker: Checker) -> None:
    cases = []
    for index, size in ((0, 1), (4, 15), (255, 256), (256, 257), (31, 1000), (999, 1000)):
        hashes = merkle.prove_inclusion_from(stored(size), index, size)
        data = format_proof(TlogProof(index, hashes, checkpoint(size)))
        cases.append(
            {"kind": "tlog-proof", "vkey": VKEY, "note": data.decode(),
             "entry": packed(ENTRIES[index])}
        )  # fmt: skip
    published = {**cases[0], "note": LOG_PROOF.decode(), "entry": packed(FIFTEEN_ENTRIES[4])}
    accepts_all(checker, [*cases, published])
    refuses_all(checker, [{**case, "entry": packed(b"Five")} for case in [*cases, published]])
    digest = sha256(b"").digest()
    refuses_all(checker, [{**published, "note": LOG_PROOF.decode().replace("index 4", "index 5")}])
    refuses_all(checker, [{**published, "entry": packed(digest)}])
