"""The envelope of an entry: who says what, when, having seen which tree head.

An entry of the log is the RFC 8785 form of::

    {"v":1,"origin","kind","actor","sequence","seen":{"size","root"},"body","signature",
     "received_at"}

of at most 65,535 bytes. ``actor`` is the signing key's address, ``sequence`` that key's gapless
counter from 0. The signature is over the EIP-712 struct ``Entry`` (for the kind ``decision``:
``Decision``). It covers everything but ``received_at``, which the sequencer adds, and but ``seen``
of a decision, which therefore vouches for nothing. A ``Draft`` is an envelope without
``received_at``. Hashes are lower-case hex; the signature and the actor carry ``0x``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from ledger import canonical
from ledger.errors import KyojoError, MalformedEntry, TooLarge
from ledger.identity.address import ADDRESS_CHARACTERS, LOWER, Address
from ledger.identity.typed_data import DecisionMessage, EntryMessage, TypedMessage
from ledger.log.merkle import leaf_hash
from ledger.period import parse_instant

ENTRY_BYTES_MAX = 65_535
DECISION = "decision"

# Matched as texts first: bytes.fromhex takes blanks between the digits.
_HASH = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")
_STAMP_BYTES = len('"received_at":"2026-10-31T15:00:00.000Z",')
_BODY_START = len('{"actor":"","body":') + ADDRESS_CHARACTERS
_AFTER_BODY = b',"kind":"'
_DRAFT_FIELDS = {"v", "origin", "kind", "actor", "sequence", "seen", "body", "signature"}


@dataclass(frozen=True)
class Draft:
    """An entry as its actor made it, before the sequencer stamps it."""

    origin: str
    kind: str
    actor: Address
    sequence: int
    seen_size: int
    seen_root: bytes
    body: dict[str, Any]
    signature: bytes

    @cached_property
    def body_hash(self) -> bytes:
        """SHA-256 of the canonical body."""
        return canonical.digest(self.body)

    def document(self) -> dict[str, Any]:
        """The draft as a JSON object."""
        return {
            "v": 1,
            "origin": self.origin,
            "kind": self.kind,
            "actor": self.actor,
            "sequence": self.sequence,
            "seen": {"size": self.seen_size, "root": self.seen_root.hex()},
            "body": self.body,
            "signature": "0x" + self.signature.hex(),
        }

    def message(self, genesis: bytes) -> TypedMessage:
        """The struct that the signature covers, for the co-op with this genesis hash."""
        if self.kind == DECISION:
            return self._decision(genesis)
        return EntryMessage(
            origin=self.origin,
            genesis=genesis,
            kind=self.kind,
            sequence=self.sequence,
            seen_size=self.seen_size,
            seen_root=self.seen_root,
            body_hash=self.body_hash,
        )

    def _decision(self, genesis: bytes) -> DecisionMessage:
        body = self.body
        texts = [body.get(name) for name in ("action", "subject", "subject_hash", "comment")]
        if len(body) != 4 or not all(type(text) is str for text in texts):
            raise MalformedEntry(
                "a decision's body has the texts action, subject, subject_hash and comment"
            )
        return DecisionMessage(
            origin=self.origin,
            genesis=genesis,
            action=body["action"],
            subject=body["subject"],
            subject_hash=parse_hash(body["subject_hash"], "subject_hash"),
            comment=body["comment"],
            sequence=self.sequence,
        )


@dataclass(frozen=True)
class Envelope:
    """A sequenced entry: the draft and the instant at which the log took it."""

    draft: Draft
    received_at: str

    @cached_property
    def data(self) -> bytes:
        """The bytes of the log's entry."""
        return canonical.encode({**self.draft.document(), "received_at": self.received_at})

    @cached_property
    def leaf(self) -> bytes:
        """The RFC 6962 leaf hash of the entry."""
        return leaf_hash(self.data)


def parse_draft(document: object) -> Draft:
    """Read the JSON object of a draft; raises MalformedEntry naming the field at fault."""
    draft = _read_draft(document)
    try:
        size = len(canonical.encode(draft.document()))
    except KyojoError as error:
        raise MalformedEntry(f"the entry has no canonical form: {error.message}") from error
    _check_size(size)
    return draft


def _read_draft(document: object) -> Draft:
    if not isinstance(document, dict):
        raise MalformedEntry("an entry is a JSON object")
    if document.keys() != _DRAFT_FIELDS:
        wrong = sorted(document.keys() ^ _DRAFT_FIELDS)
        raise MalformedEntry(f"an entry lacks or does not know the field {wrong[0]!r}")
    seen = document["seen"]
    if document["v"] != 1 or type(document["v"]) is not int:
        raise MalformedEntry("this version of kyojo reads entries with v = 1")
    if not isinstance(seen, dict) or seen.keys() != {"size", "root"}:
        raise MalformedEntry("seen has the fields size and root")
    if not isinstance(document["body"], dict):
        raise MalformedEntry("body is a JSON object")
    return Draft(
        origin=_text(document, "origin", 255),
        kind=_text(document, "kind", 64),
        actor=_actor(document["actor"]),
        sequence=_count(document["sequence"], "sequence"),
        seen_size=_count(seen["size"], "seen.size"),
        seen_root=parse_hash(seen["root"], "seen.root"),
        body=document["body"],
        signature=_signature(document["signature"]),
    )


def parse_envelope(data: bytes) -> Envelope:
    """Read the bytes of an entry of the log; raises MalformedEntry unless they are canonical."""
    try:
        document = canonical.parse_canonical(data, what="the entry")
        received_at = document.pop("received_at", None) if isinstance(document, dict) else None
        parse_instant(received_at if isinstance(received_at, str) else "")
    except KyojoError as error:
        raise MalformedEntry(error.message) from error
    draft = _read_draft(document)
    _check_size(len(data) - _STAMP_BYTES)  # canonical: without its stamp it is the draft's form
    envelope = Envelope(draft, str(received_at))
    # Canonical, so encoding entry or body again would give these very bytes.
    envelope.__dict__["data"] = data
    draft.__dict__["body_hash"] = sha256(_body_in(data)).digest()
    return envelope


def _body_in(data: bytes) -> bytes:
    """The bytes of the body in those of a canonical entry, whose names are in order.

    No text holds a bare quotation mark, and of what follows the body nothing but ``kind`` has
    this name: so it is the last one.
    """
    return data[_BODY_START : data.rindex(_AFTER_BODY)]


def parse_hash(text: object, what: str) -> bytes:
    """Read 64 lower-case hex digits as 32 bytes; raises MalformedEntry."""
    if isinstance(text, str) and _HASH.fullmatch(text):
        return bytes.fromhex(text)
    raise MalformedEntry(f"{what} is 64 lower-case hex digits")


def _check_size(size: int) -> None:
    """Whether a draft of ``size`` canonical bytes leaves room for the sequencer's stamp."""
    if size > ENTRY_BYTES_MAX - 64:
        raise TooLarge(f"an entry has at most {ENTRY_BYTES_MAX - 64} bytes, this one has {size}")


def _text(document: dict[str, Any], name: str, longest: int) -> str:
    value = document[name]
    if not isinstance(value, str) or not 1 <= len(value.encode("utf-8", "replace")) <= longest:
        raise MalformedEntry(f"{name} is a text of 1 to {longest} bytes")
    return value


def _count(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value <= canonical.INTEGER_MAX:
        raise MalformedEntry(f"{name} is a whole number from 0")
    return value


def _actor(value: object) -> Address:
    if not isinstance(value, str) or LOWER.fullmatch(value) is None:
        raise MalformedEntry("actor is a lower-case address, 0x and 40 hex digits")
    return Address(value)


def _signature(value: object) -> bytes:
    if isinstance(value, str) and _SIGNATURE.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise MalformedEntry("signature is 0x and 130 lower-case hex digits (65 bytes)")
