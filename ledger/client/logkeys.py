"""How a member learns the log's new keys: only from what a key that it knows has signed.

The checkpoint of a change bears the signatures of the keys before and after it. A new key is taken
over if a known key and the new one both signed that checkpoint, and the entry that announces it is
in the tree; an old key is dropped if another known key signed the tree with the entry that retires
it. Whoever has only the server's word, or only a stolen new key, shows neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ledger.coop.envelope import parse_envelope
from ledger.errors import BadSignature, InvalidInput, NotIncluded, VerificationError
from ledger.log.checkpoint import open_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import parse_vkey
from ledger.log.merkle import leaf_hash, verify_inclusion


def learn_keys(
    known: Sequence[str], rows: Iterable[Mapping[str, Any]], *, origin: str
) -> list[str]:
    """The keys to trust from now on; raises VerificationError for a change that is not shown.

    ``rows`` are the answer of ``/v1/{coop}/log-keys``, oldest first.
    """
    trusted = list(known)
    for is_end, row in _events(rows):
        vkey = row["vkey"]
        if is_end and vkey in trusted:
            others = [one for one in trusted if one != vkey]
            _verify(row["retirement"], "log-key-retired", vkey, others, origin)
            trusted = others
        elif not is_end and vkey not in trusted:
            try:
                _verify(row["announcement"], "log-key-added", vkey, trusted, origin)
                _require_own(row["announcement"], vkey, origin)
            except VerificationError:
                if row["retirement"] is None:
                    raise
                continue  # from before our time, and gone since: nothing hangs on it
            trusted.append(vkey)
    return trusted


def _events(rows: Iterable[Mapping[str, Any]]) -> list[tuple[bool, Mapping[str, Any]]]:
    """Beginnings and ends of keys, in the order of the log; True is an end."""
    found = [
        (evidence["index"], name == "retirement", row)
        for row in rows
        for name in ("announcement", "retirement")
        if (evidence := row[name]) is not None
    ]
    return [(is_end, row) for _, is_end, row in sorted(found, key=lambda one: one[0])]


def _verify(
    evidence: Mapping[str, Any], kind: str, vkey: str, trusted: Sequence[str], origin: str
) -> None:
    try:
        verifiers = [verifier_of(parse_vkey(one)) for one in trusted]
        note = evidence["checkpoint"].encode()
        head = open_checkpoint(note, origin=origin, verifiers=verifiers).checkpoint
        entry = evidence["entry"].encode()
        hashes = [bytes.fromhex(found) for found in evidence["hashes"]]
        verify_inclusion(leaf_hash(entry), evidence["index"], head.size, hashes, head.root)
        draft = parse_envelope(entry).draft
    except (InvalidInput, KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"the change of the log's keys cannot be read: {error}") from error
    if draft.kind != kind or draft.body.get("vkey") != vkey:
        raise NotIncluded(f"the entry shown is not the {kind} of {vkey}")


def _require_own(evidence: Mapping[str, Any], vkey: str, origin: str) -> None:
    """The new key has signed the tree too: it is the log's, not only named in it."""
    note, verifier = evidence["checkpoint"].encode(), verifier_of(parse_vkey(vkey))
    try:
        open_checkpoint(note, origin=origin, verifiers=[verifier])
    except BadSignature as error:
        raise BadSignature(f"the new key {vkey[:80]} has not signed its own beginning") from error
