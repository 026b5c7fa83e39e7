"""The log's own keys: who signed the newest checkpoint, and those at which the keys changed.

Which keys are in force the log says itself, by entries that members approved. So signatures are
judged after the fold: every key in force has signed, and no line is by a key that nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.coop.logkeys import in_force
from ledger.coop.state import State
from ledger.errors import KyojoError
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.key import parse_vkey
from ledger.log.note import Signature, parse_note
from ledger.service.fsck.fold import Fold
from ledger.service.fsck.head import (
    Wanted,
    by_id,
    known_keys,
    note_wrong_checkpoint,
    sort_signatures,
)
from ledger.service.fsck.report import OutsideHead
from ledger.store.raw import Row, shown
from ledger.store.sequencer import GROUP_MAX
from ledger.store.tables import key_changes


@dataclass(slots=True)
class KeyHistory:
    """From which size on which keys are in force, as the fold goes along."""

    changes: list[tuple[int, tuple[str, ...]]]

    def look(self, state: State) -> None:
        """Take a state of the fold."""
        keys = in_force(state.log_keys)
        if not self.changes or self.changes[-1][1] != keys:
            self.changes.append((state.size, keys))

    def at(self, size: int) -> tuple[str, ...]:
        """The vkeys in force at a size."""
        return next((keys for start, keys in reversed(self.changes) if start <= size), ())


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed the newest checkpoint."""

    by: tuple[str, ...] = ()
    cosigned: tuple[OutsideHead, ...] = ()


def check_signatures(fold: Fold, wanted: Wanted, history: KeyHistory) -> Signed:
    """Judge each line of the newest checkpoint; notes keys in force that have not signed."""
    note, findings = fold.head.note, fold.findings
    if note is None:
        return Signed()
    log_keys, witness_keys = known_keys(wanted, ())
    log_keys = {**log_keys, **by_id(map(parse_vkey, fold.state.log_keys))}
    signers = sort_signatures(note, log_keys, witness_keys)
    for line in signers.wrong:
        note_wrong_checkpoint(findings, wanted, f"the signature of {line.name} is wrong")
    for line in signers.strangers:
        note_wrong_checkpoint(
            findings, wanted,
            f"the line of {line.name[:60]}+{line.key_id.hex()} is by no key that is known here",
        )  # fmt: skip
    if not signers.log:
        note_wrong_checkpoint(findings, wanted, "no key of the log has signed it")
    elif fold.is_whole:
        for vkey in _missing(history.at(fold.head.size), signers.log):
            note_wrong_checkpoint(findings, wanted, f"the key {vkey} is in force and did not sign")
    size, root = fold.head.size, fold.head.root
    cosigned = [
        OutsideHead("witness", line.name, size, root, "signature")
        for line in signers.witnesses
        if fold.head.is_signed and root is not None
    ]
    return Signed(
        tuple(f"{line.name}+{line.key_id.hex()}" for line in signers.log), tuple(cosigned)
    )


def check_key_changes(fold: Fold, history: KeyHistory, origin: str) -> None:
    """Check the checkpoints that lead from one set of keys to the next."""
    sizes = []
    for row in fold.raw.scan(key_changes, fold.head.log_id):
        why = _fault_of(row, fold, history, origin)
        sizes.append(row["size"])
        if why:
            fold.findings.add(
                "key-change-changed", ("key_changes", shown(row["size"]), "note"),
                why, f"鍵の交代を示すチェックポイントが不正です: {why}", follows=fold.first_passed,
            )  # fmt: skip
    for size, _ in history.changes[1:]:
        if not any(type(s) is int and size <= s < size + GROUP_MAX for s in sizes):
            fold.findings.add(
                "missing-row", ("key_changes", size, ""),
                "the checkpoint of this change of keys is missing",
                "この鍵の交代を示すチェックポイントがありません", follows=fold.first_passed,
            )  # fmt: skip


def _fault_of(row: Row, fold: Fold, history: KeyHistory, origin: str) -> str:
    size, data = row["size"], row["note"]
    starts = [start for start, _ in history.changes[1:]]
    if type(size) is not int or not any(start <= size < start + GROUP_MAX for start in starts):
        return f"no key of the log changed at size {shown(size)}"
    try:
        note = parse_note(data if isinstance(data, bytes) else b"")
        stated = parse_checkpoint(note.text)
    except KyojoError as error:
        return error.message
    if (stated.origin, stated.size, stated.root) != (origin, size, fold.tree.root(size)):
        return "it is not the checkpoint of this log at that size"
    keys = by_id(map(parse_vkey, fold.state.log_keys))
    signers = sort_signatures(note, keys, {})
    if signers.wrong or signers.strangers:
        return "a signature is wrong, or by no key of this log"
    before, after = history.at(max(s for s in starts if s <= size) - 1), history.at(size)
    missing = _missing((*before, *after), signers.log)
    return f"the key {missing[0]} did not sign" if missing else ""


def _missing(vkeys: Iterable[str], lines: Iterable[Signature]) -> list[str]:
    signed = {(line.name, line.key_id) for line in lines}
    keys = {vkey: parse_vkey(vkey) for vkey in vkeys}
    return [vkey for vkey, key in keys.items() if (key.name, key.key_id) not in signed]
