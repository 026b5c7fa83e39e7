"""A witness: cosigns the checkpoints of logs that it knows, each an extension of the last.

The order is persist, then answer: a crash between the two costs a log one 409, from which it
learns the size and asks again. The time that is signed never falls, whatever the clock does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ledger.errors import MalformedProof, NotFound
from ledger.log.checkpoint import SignedCheckpoint
from ledger.log.cosignature import CosignatureSigner, verifier_of
from ledger.log.key import SigningKey, VerifierKey
from ledger.log.note import (
    Signature,
    UnverifiedNote,
    Verifier,
    format_note,
    format_signature,
    sign_text,
)
from ledger.log.witness import (
    SIZE_TYPE,
    AddCheckpoint,
    Refusal,
    Status,
    TreeHead,
    format_size,
    open_request,
    parse_add_checkpoint,
    verify_growth,
)
from ledger.store.witness_heads import KeptHead, WitnessHeads

PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP."""

    status: int
    body: bytes
    media_type: str = PLAIN


class Witness:
    """A witness with its keys, the logs that it knows, and what it has cosigned."""

    def __init__(
        self,
        heads: WitnessHeads,
        *,
        keys: Sequence[SigningKey],
        logs: Sequence[VerifierKey],
        clock: Callable[[], int],
    ) -> None:
        """Cosign with every one of ``keys``; ``clock`` gives POSIX seconds.

        Several of ``logs`` may bear the same name: the old and the new key of one log.
        """
        self._heads = heads
        self._keys = tuple(keys)
        self._clock = clock
        self._logs = _by_origin(logs)
        self._origins = {sha256(origin.encode()).hexdigest(): origin for origin in self._logs}

    def close(self) -> None:
        """Close the database."""
        self._heads.close()

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The public keys that it cosigns with."""
        return tuple(key.verifier_key for key in self._keys)

    def add_checkpoint(self, data: bytes) -> Answer:
        """Judge a request, keep the head and cosign it, or say why not."""
        try:
            request = parse_add_checkpoint(data)
            opened = open_request(request, self._logs)
            cosigned = self._cosign(request, opened)
        except MalformedProof as error:
            return _plain(Status.MALFORMED, error.message)
        except Refusal as refusal:
            if refusal.size is not None:
                return Answer(refusal.status, format_size(refusal.size), SIZE_TYPE)
            return _plain(refusal.status, refusal.message)
        return Answer(Status.COSIGNED, b"".join(map(format_signature, cosigned)))

    def checkpoint(self, origin_hash: str) -> bytes:
        """The newest cosigned note of the log whose origin has this SHA-256 (hex).

        Raises NotFound.
        """
        origin = self._origins.get(origin_hash)
        kept = None if origin is None else self._heads.find(origin)
        if kept is None:
            raise NotFound("this witness has cosigned nothing of such a log")
        return kept.note

    def newest(self) -> Mapping[str, KeptHead | None]:
        """The newest cosigned head of every log that it knows, by origin."""
        return {origin: self._heads.find(origin) for origin in self._logs}

    def _cosign(self, request: AddCheckpoint, opened: SignedCheckpoint) -> list[Signature]:
        checkpoint = opened.checkpoint
        cosigned: list[Signature] = []

        def decide(known: KeptHead | None) -> KeptHead:
            last = TreeHead() if known is None else known.head
            verify_growth(request, checkpoint, last)
            now = max(self._clock(), 0 if known is None else known.posix_seconds)
            signers = [CosignatureSigner(key, now) for key in self._keys]
            cosigned.extend(sign_text(opened.note.text, signer) for signer in signers)
            lines = (*opened.note.signatures, *cosigned)
            note = format_note(UnverifiedNote(opened.note.text, lines))
            return KeptHead(
                checkpoint.origin, TreeHead(checkpoint.size, checkpoint.root), note, now
            )

        self._heads.advance(checkpoint.origin, decide)
        return cosigned


def _by_origin(logs: Sequence[VerifierKey]) -> dict[str, list[Verifier]]:
    found: dict[str, list[Verifier]] = {}
    for key in logs:
        found.setdefault(key.name, []).append(verifier_of(key))
    return found


def _plain(status: Status, message: str) -> Answer:
    return Answer(status, f"{message}\n".encode("utf-8", "replace"))
