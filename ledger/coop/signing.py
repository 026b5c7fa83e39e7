"""Making and signing drafts: what a client, a script or a founder does before sending.

Pure: keys, counters and the checkpoint last seen come from the caller. Keep the counter on disk
before the draft is sent; a number that was used and lost leaves a gap that stops the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.coop.bodies import Body
from ledger.coop.charter import Charter
from ledger.coop.envelope import DECISION, Draft
from ledger.identity.signature import SigningKey
from ledger.identity.typed_data import CharterMessage, PossessionMessage
from ledger.log.merkle import root_hash


@dataclass(frozen=True, slots=True)
class Seen:
    """The co-op that is written to and the newest tree head that the signer knows."""

    origin: str
    genesis: bytes
    size: int
    root: bytes


def sign_entry(
    key: SigningKey, seen: Seen, *, kind: str, sequence: int, body: Body | Mapping[str, Any]
) -> Draft:
    """A signed draft of any kind; a ``decision``'s body is signed in its readable form."""
    document = body.model_dump(mode="json") if isinstance(body, Body) else dict(body)
    unsigned = Draft(
        origin=seen.origin,
        kind=kind,
        actor=key.address,
        sequence=sequence,
        seen_size=seen.size,
        seen_root=seen.root,
        body=document,
        signature=b"",
    )
    return _signed(key, unsigned, seen.genesis)


def sign_decision(  # noqa: PLR0913 - these are the words that are signed
    key: SigningKey,
    seen: Seen,
    *,
    sequence: int,
    action: str,
    subject: str,
    subject_hash: str,
    comment: str = "",
) -> Draft:
    """A signed vote."""
    words = {"action": action, "subject": subject, "subject_hash": subject_hash}
    body = {**words, "comment": comment}
    return sign_entry(key, seen, kind=DECISION, sequence=sequence, body=body)


def sign_charter(charter: Charter, keys: Sequence[SigningKey]) -> Draft:
    """Entry 0: the charter signed by every founding key; the first of ``keys`` submits it."""
    message = CharterMessage(charter.origin, charter.subject(), charter.hash())
    digest = message.digest()
    signatures = [{"key": key.address, "signature": "0x" + key.sign(digest).hex()} for key in keys]
    body = {"charter": charter.model_dump(mode="json"), "signatures": signatures}
    nothing = Seen(charter.origin, bytes(32), 0, root_hash(()))
    return sign_entry(keys[0], nothing, kind="charter", sequence=0, body=body)


def show_possession(key: SigningKey, *, origin: str, genesis: bytes, member: str) -> dict[str, str]:
    """The ``NewKey`` object by which a key's holder shows that it has the key."""
    message = PossessionMessage(origin, genesis, member, key.address)
    return {"address": key.address, "possession": "0x" + key.sign(message.digest()).hex()}


def _signed(key: SigningKey, draft: Draft, genesis: bytes) -> Draft:
    signature = key.sign(draft.message(genesis).digest())
    return Draft(
        origin=draft.origin,
        kind=draft.kind,
        actor=draft.actor,
        sequence=draft.sequence,
        seen_size=draft.seen_size,
        seen_root=draft.seen_root,
        body=draft.body,
        signature=signature,
    )
