"""The fold: ``apply`` takes a state and the next entry and gives the next state, or refuses.

The service calls it before an entry is written, recovery and ``kyojo rebuild`` call it to arrive
at the state again, the auditor calls it to check all of it: one function, so what the ledger
accepts and what an audit verifies cannot drift apart. It reads no clock and keeps nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ledger.coop.authority import KINDS, WITHDRAW, check_authority, right_of
from ledger.coop.bodies import RESERVED, parse_body
from ledger.coop.charter import Charter, CharterEntry
from ledger.coop.disputes import tend
from ledger.coop.envelope import Draft, Envelope
from ledger.coop.logkeys import parse_log_key
from ledger.coop.proposals import drop_lost
from ledger.coop.state import Key, LogKey, Member, State
from ledger.coop.step import Change, Evidence, Step
from ledger.errors import (
    BadSignature,
    DuplicateId,
    MalformedEntry,
    NotFound,
    NotPermitted,
    OutOfRange,
    SequenceGap,
    StaleCheckpoint,
    WrongSigner,
)
from ledger.identity.signature import recover_address
from ledger.identity.typed_data import CharterMessage
from ledger.log.key import KeyType
from ledger.log.merkle import Frontier, root_hash
from ledger.period import month_bounds

CHARTER: Final = "charter"
# After these a proposal may have lost the last vote that could have carried it.
TAKES_VOTES: Final = ("decision", "member-left")
NO_GENESIS: Final = bytes(32)


def apply(state: State, envelope: Envelope, evidence: Evidence) -> Change:
    """Apply the next entry; raises the KyojoError that says why it is refused.

    The cost is that of one signature recovery and, for a settlement, of computing it again.
    """
    if state.size == 0:
        return _advance(_found(envelope), envelope)
    draft = envelope.draft
    if draft.kind == CHARTER:
        raise MalformedEntry("this log has its charter already; only entry 0 is one")
    member = _check_actor(state, draft)
    _check_signature(draft, bytes.fromhex(state.genesis))
    _check_time(state, envelope)
    _check_seen(state, draft, evidence)
    state = tend(state, envelope.received_at)
    right = right_of(state, draft.kind)
    if set(right.write).isdisjoint(member.roles):
        raise NotPermitted(
            f"{draft.kind} is written by {', '.join(right.write)}; "
            f"{member.id} is {', '.join(member.roles)}"
        )
    kind = KINDS[draft.kind]
    step = Step(state, envelope, state.size, member, right, evidence)
    change = kind.handle(step, parse_body(kind.body, draft.body))
    following = drop_lost(change.state, WITHDRAW) if draft.kind in TAKES_VOTES else change.state
    change = replace(change, state=following, member=change.member or member.id)
    return _advance(change, envelope)


def _advance(change: Change, envelope: Envelope) -> Change:
    state = change.state
    draft = envelope.draft
    frontier = Frontier(state.size, tuple(bytes.fromhex(tree) for tree in state.subtrees))
    grown = frontier.append(envelope.leaf)
    key = replace(state.keys[draft.actor], sequence=draft.sequence + 1)
    following = replace(
        state,
        size=state.size + 1,
        subtrees=tuple(tree.hex() for tree in grown.roots),
        received_at=envelope.received_at,
        genesis=state.genesis or envelope.leaf.hex(),
        keys={**state.keys, draft.actor: key},
    )
    return replace(change, state=following)


def _found(envelope: Envelope) -> Change:
    draft = envelope.draft
    if draft.kind != CHARTER:
        raise MalformedEntry("the first entry of a log is its charter")
    body = parse_body(CharterEntry, draft.body)
    charter = body.charter
    if charter.origin != draft.origin:
        raise MalformedEntry(f"the charter is for {charter.origin}, the entry for {draft.origin}")
    if (draft.sequence, draft.seen_size, draft.seen_root) != (0, 0, root_hash(())):
        raise MalformedEntry("entry 0 has sequence 0 and has seen the empty tree")
    check_authority(charter)
    _check_log_keys(charter)
    _check_names(charter)
    month_bounds("2000-01", zone=charter.time_zone)
    keys = _founding_keys(body)
    if draft.actor not in keys:
        raise WrongSigner(f"{draft.actor} is not a founding key")
    _check_signature(draft, NO_GENESIS)
    members = {
        founder.id: Member(
            founder.id,
            founder.name.model_dump(),
            tuple(founder.roles),
            envelope.received_at,
            founder=True,
        )
        for founder in charter.members
    }
    return Change(
        State(
            charter=charter,
            members=members,
            keys=keys,
            log_keys={vkey: LogKey(added=0) for vkey in charter.log_keys},
        ),
        member=keys[draft.actor].member,
    )


def _check_log_keys(charter: Charter) -> None:
    found = [parse_log_key(vkey, charter.origin) for vkey in charter.log_keys]
    if len({key.key_id for key in found}) != len(found):
        raise DuplicateId("a log key stands twice in the charter")
    if not any(key.key_type is KeyType.ED25519 for key in found):
        raise MalformedEntry("a log signs with an Ed25519 key at least; the charter names none")


def _check_names(charter: Charter) -> None:
    for what, names in (
        ("currency", [terms.code for terms in charter.currencies]),
        ("metric", [term.id for term in charter.vocabulary.metrics]),
        ("charge", [term.id for term in charter.vocabulary.charges]),
    ):
        if len(set(names)) != len(names):
            raise DuplicateId(f"a {what} stands twice in the charter")


def _founding_keys(body: CharterEntry) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    ids: set[str] = set()
    for founder in body.charter.members:
        if founder.id in ids or founder.id in RESERVED:
            raise DuplicateId(f"the member id {founder.id!r} is reserved or stands twice")
        ids.add(founder.id)
        for address in founder.keys:
            if address in keys:
                raise DuplicateId(f"the key {address} stands twice in the charter")
            keys[address] = Key(founder.id)
    signed = {found.key: found.signature for found in body.signatures}
    if signed.keys() != keys.keys() or len(body.signatures) != len(signed):
        raise WrongSigner("every founding key signs the charter, once, and nobody else does")
    message = CharterMessage(body.charter.origin, body.charter.subject(), body.charter.hash())
    digest = message.digest()
    for address, signature in signed.items():
        if recover_address(digest, bytes.fromhex(signature[2:])) != address:
            raise BadSignature(f"the charter's signature by {address} is not by that key")
    return keys


def check_signer(state: State, draft: Draft) -> None:
    """Raise WrongSigner unless a key that this co-op knows, or knew, has signed the draft.

    What a door asks before it reads whatever else was sent: a stranger causes no work.
    """
    if state.size == 0 or draft.kind == CHARTER:
        return  # who signs a charter is known from the charter alone
    if draft.actor not in state.keys:
        raise WrongSigner(f"{draft.actor} is not a key of this co-op")
    _check_signature(draft, bytes.fromhex(state.genesis))


def _check_actor(state: State, draft: Draft) -> Member:
    terms = state.terms()
    if draft.origin != terms.origin:
        raise WrongSigner(f"the entry was signed for {draft.origin}; this is {terms.origin}")
    key = state.keys.get(draft.actor)
    if key is None:
        raise WrongSigner(f"{draft.actor} is not a key of this co-op")
    if key.revoked:
        raise WrongSigner(f"the key {draft.actor} was revoked")
    try:
        member = state.member(key.member)
    except NotFound as error:
        raise WrongSigner(f"{key.member} has left; its keys no longer count") from error
    if draft.sequence < key.sequence:
        raise DuplicateId(
            f"sequence {draft.sequence} of {draft.actor} is used; the next is {key.sequence}",
            expected=key.sequence,
        )
    if draft.sequence > key.sequence:
        raise SequenceGap(
            f"the next sequence of {draft.actor} is {key.sequence}, not {draft.sequence}",
            expected=key.sequence,
        )
    return member


def _check_signature(draft: Draft, genesis: bytes) -> None:
    try:
        signer = recover_address(draft.message(genesis).digest(), draft.signature)
    except BadSignature as error:
        raise WrongSigner(f"the entry's signature: {error.message}") from error
    if signer != draft.actor:
        raise WrongSigner(
            f"the entry names {draft.actor} but its signature does not verify for that key, this "
            "co-op and these contents"
        )


def _check_time(state: State, envelope: Envelope) -> None:
    if envelope.received_at < state.received_at:
        raise OutOfRange(f"received_at {envelope.received_at} is before {state.received_at}")


def _check_seen(state: State, draft: Draft, evidence: Evidence) -> None:
    if draft.seen_size > state.size:
        raise StaleCheckpoint(f"nobody can have seen size {draft.seen_size}; it is {state.size}")
    root = evidence.root(draft.seen_size)
    if root != draft.seen_root:
        raise StaleCheckpoint(
            f"the log's root at size {draft.seen_size} is {root.hex()}, the entry saw "
            f"{draft.seen_root.hex()}; if you hold a checkpoint that says so, keep it: it is "
            "evidence of a fork"
        )
