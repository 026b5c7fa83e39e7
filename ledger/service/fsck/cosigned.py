"""Checkpoints that were put before witnesses: true heads of this log, and who cosigned them.

A cosignature cannot be made by the log's operator, so each one that verifies is an outside head.
Of a witness whose key is in no policy here nothing can be said.
"""

from __future__ import annotations

from ledger.errors import KyojoError
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.key import parse_vkey
from ledger.log.note import UnverifiedNote, parse_note
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.head import Keys, Wanted, by_id, known_keys, sort_signatures
from ledger.service.fsck.report import OutsideHead
from ledger.service.fsck.sessions import is_instant
from ledger.store.raw import Row, key_of, shown
from ledger.store.tables import cosignatures, cosigned_heads, witnesses


def check_cosigned(fold: Fold, wanted: Wanted) -> list[OutsideHead]:
    """Check heads, cosignatures and the state of witnesses; answers with what they signed."""
    notes: dict[int, UnverifiedNote] = {}
    for row in fold.raw.scan(cosigned_heads, fold.head.log_id):
        note = _check_head(row, fold, wanted)
        if note is not None:
            notes[row["size"]] = note
    _, keys = known_keys(wanted, ())
    found = []
    for row in fold.raw.scan(cosignatures, fold.head.log_id):
        head = _check_cosignature(row, fold, notes, keys)
        if head is not None:
            found.append(head)
    for row in fold.raw.scan(witnesses, fold.head.log_id):
        _check_witness(row, fold)
    return found


def _check_head(row: Row, fold: Fold, wanted: Wanted) -> UnverifiedNote | None:
    size, data = row["size"], row["note"]
    for name in ("chosen_at", "witnessed_at"):
        if not is_instant(row[name]) and not (name == "witnessed_at" and row[name] is None):
            _note(fold, cosigned_heads.name, shown(size), name, "it is no instant")
    try:
        note = parse_note(data if isinstance(data, bytes) else b"")
        stated = parse_checkpoint(note.text)
    except KyojoError as error:
        _note(fold, cosigned_heads.name, shown(size), "note", error.message)
        return None
    if (stated.origin, stated.size) != (wanted.origin, size):
        _note(fold, cosigned_heads.name, shown(size), "note", "it is of another log or size")
        return None
    keys = by_id(map(parse_vkey, fold.state.log_keys))
    signers = sort_signatures(note, keys, {})
    if signers.wrong or not signers.log or signers.strangers:
        _note(fold, cosigned_heads.name, shown(size), "note", "not signed by the log's keys")
        return None
    if size > fold.head.size or fold.tree.root(size) != stated.root:
        # The log's own key signed another history, or one that goes on beyond this end.
        _note(fold, cosigned_heads.name, shown(size), "note", "it is no head of this log")
    return note


def _check_cosignature(
    row: Row, fold: Fold, notes: dict[int, UnverifiedNote], keys: Keys
) -> OutsideHead | None:
    key, witness = key_of(cosignatures, row), row["witness"]
    if not is_instant(row["received_at"]):
        _note(fold, cosignatures.name, key, "received_at", "it is no instant")
    if row["size"] not in notes:
        _note(fold, cosignatures.name, key, "size", "no checkpoint of this size is kept")
        return None
    name, _, key_id = str(witness).rpartition("+")
    found = [verifier for (n, i), verifier in keys.items() if (n, i.hex()) == (name, key_id)]
    if not found:
        fold.findings.add(
            "witness-unknown", (cosignatures.name, key, "witness"),
            "no policy here has this witness's key: its cosignature says nothing",
            "この証人の鍵が方針にないため、署名を確かめられません", severity="warning",
        )  # fmt: skip
        return None
    note = notes[row["size"]]
    try:
        found[0].verify(note.text, row["value"] if isinstance(row["value"], bytes) else b"")
    except KyojoError as error:
        _note(fold, cosignatures.name, key, "value", error.message)
        return None
    stated = parse_checkpoint(note.text)
    return OutsideHead("witness", name, stated.size, stated.root, "signature")


def _check_witness(row: Row, fold: Fold) -> None:
    """The form of a row; a witness's word on its size is not kept, only what was heard of it."""
    key, size = shown(row["witness"]), row["size"]
    if type(size) is not int or size < 0:
        _note(fold, witnesses.name, key, "size", f"{shown(size)} is not a size")
    elif size > fold.head.size:
        fold.findings.add(
            "log-behind", (witnesses.name, key, "size"),
            f"this witness acknowledged size {size}, the log ends at {fold.head.size}",
            f"この証人は {size} 件を確認済みですが、この記録は {fold.head.size} 件です",
        )  # fmt: skip
    for name in ("answered_at", "failing_since"):
        if row[name] is not None and not is_instant(row[name]):
            _note(fold, witnesses.name, key, name, "it is no instant")


def _note(fold: Fold, table: str, key: str, column: str, why: str) -> None:
    fold.findings.add(
        "cosigned-changed", (table, key, column), why, f"証人に関する行が不正です: {why}",
        follows=fold.first_passed,
    )  # fmt: skip
