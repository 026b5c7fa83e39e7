"""Log keys: announce and retire them, and show everybody how one leads to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ledger.coop.envelope import parse_envelope
from ledger.coop.grounds import proof_document
from ledger.coop.logkeys import parse_log_key, possession_text
from ledger.log.cosignature import CosignatureSigner
from ledger.log.key import KeyType, SigningKey, format_vkey
from ledger.log.note import Ed25519Signer, Signer, sign_note
from ledger.period import parse_instant
from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.service.read import search_all
from ledger.store.reading import Filter, LogReader
from ledger.store.sequencer import Receipt

ANNOUNCED, RETIRED = "log-key-added", "log-key-retired"


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """A key of the log, and the evidence for its beginning and its end.

    Evidence is ``{"index", "entry", "hashes", "checkpoint"}``: the entry that says so, with its
    inclusion proof under the checkpoint of the change; None for a founding key, or no end yet.
    """

    vkey: str
    announcement: Mapping[str, Any] | None
    retirement: Mapping[str, Any] | None


def announce(coop: Coop, key: SigningKey) -> Receipt:
    """Put a new key before the members; it signs once they have approved it.

    Raises MalformedEntry for a key with another name than the log's origin, or of a type with
    which no log signs.
    """
    parse_log_key(format_vkey(key.verifier_key), coop.log.origin)
    text = possession_text(key.verifier_key, coop.state().genesis)
    note = sign_note(text, [_signer(coop, key)]).decode()
    body = {"vkey": format_vkey(key.verifier_key), "possession": note}
    return write(coop, kind=ANNOUNCED, body=body)


def _signer(coop: Coop, key: SigningKey) -> Signer:
    if key.key_type is KeyType.ED25519:
        return Ed25519Signer(key)
    return CosignatureSigner(key, int(parse_instant(coop.clock()).timestamp()))


def retire(coop: Coop, vkey: str, reason: str) -> Receipt:
    """Put the end of a key before the members."""
    return write(coop, kind=RETIRED, body={"vkey": vkey, "reason": reason})


def history(coop: Coop) -> list[KeyHistory]:
    """Every key that the log has, or had, oldest first."""
    with coop.reading() as (state, log):
        changes = log.key_changes()
        return [
            KeyHistory(
                vkey,
                _evidence(log, changes, ANNOUNCED, vkey, key.added),
                _evidence(log, changes, RETIRED, vkey, key.retired),
            )
            for vkey, key in sorted(state.log_keys.items(), key=lambda one: one[1].added)
        ]


def _evidence(
    log: LogReader, changes: Mapping[int, bytes], kind: str, vkey: str, enacted: int | None
) -> dict[str, Any] | None:
    """The newest entry before ``enacted`` that says it of a key, under the change's checkpoint."""
    if not enacted:
        return None
    size = min(size for size in changes if size > enacted)
    said = [
        row.index
        for row in search_all(log, Filter(kind=kind))
        if row.index < enacted and _vkey(log, row.index) == vkey
    ]
    index = max(said)
    proof = proof_document(index, log.entry(index), log.inclusion(index, size))
    return {**proof, "checkpoint": changes[size].decode()}


def _vkey(log: LogReader, index: int) -> str:
    return str(parse_envelope(log.entry(index)).draft.body["vkey"])
