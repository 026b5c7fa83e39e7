"""How a bundle leads from one log key to the next: the checkpoints at which the keys changed.

::

    keys/<size>          the signed tree head, of ``size`` entries, at which the keys changed

It bears the signatures of the keys before the change and after it (``ledger.coop.logkeys``). An
auditor who knows an old key follows them: if a trusted key has signed such a head, and it is of
this very log, then the keys that the log had in force there are the log's. So an old trust file
stays good, receipts of an old key can be judged, and a stolen key that was retired signs nothing
that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ledger.audit.bundle import key_change_name, key_change_size
from ledger.audit.files import Files
from ledger.audit.fold import Fold
from ledger.audit.report import Findings
from ledger.errors import BadSignature, KyojoError, NotConsistent
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import VerifierKey, parse_vkey
from ledger.log.note import Note, parse_note

KeyPlace = tuple[str, bytes]


def place_of(key: VerifierKey) -> KeyPlace:
    """What a signature line names a key by."""
    return key.name, key.key_id


def follow_keys(
    files: Files, fold: Fold, trusted: Sequence[VerifierKey], findings: Findings
) -> list[VerifierKey]:
    """The keys to trust at the end: those that ``trusted`` lead to, and still in force there."""
    places = {place_of(key) for key in trusted}
    keys = {place_of(key): key for key in (*_history(fold), *trusted)}
    for size, in_force in _changes(files, fold, findings).items():
        name = key_change_name(size)
        try:
            note = _open(files.read(name) or b"", size, fold, list(keys.values()))
        except KyojoError as error:
            findings.add_error(error, name)
            continue
        if places & {(line.name, line.key_id) for line in note.signatures}:
            places |= {place_of(parse_vkey(vkey)) for vkey in in_force}
    current = {place_of(parse_vkey(vkey)) for vkey in fold.keys_in_force}
    return [key for place, key in keys.items() if place in places and place in (current or places)]


def _history(fold: Fold) -> list[VerifierKey]:
    return [parse_vkey(vkey) for vkey in fold.state.log_keys]


def _changes(files: Files, fold: Fold, findings: Findings) -> Mapping[int, Sequence[str]]:
    """For every needed head its size and the keys in force there, ascending."""
    there = sorted(filter(None, map(key_change_size, files.archive.members)))
    found: dict[int, Sequence[str]] = {}
    for index, in_force in fold.key_changes:
        size = next((size for size in there if size > index), None)
        if size is None:
            findings.add(
                "missing-file", f"entry {index}, keys",
                "the checkpoint at which the log's keys changed here is missing",
                "台帳の鍵が変わった時点のチェックポイントがありません",
            )  # fmt: skip
        else:
            found[size] = in_force
    return found


def _open(data: bytes, size: int, fold: Fold, keys: Sequence[VerifierKey]) -> Note:
    """The head at a change, by keys of this log; it must be of this log, and all lines verified."""
    origin = fold.state.terms().origin
    opened = open_checkpoint(data, origin=origin, verifiers=list(map(verifier_of, keys)))
    stated = opened.checkpoint
    if (stated.size, stated.root) != (size, fold.root(size)):
        raise NotConsistent(f"it is of {stated.size} entries with the root {stated.root.hex()}")
    if len(parse_note(data).signatures) != len(opened.note.signatures):
        raise BadSignature("a signature line that nobody can verify, or one twice")
    return opened.note
