r"""The log's own keys: announced and retired by entries. Handlers of these kinds.

A log signs its checkpoints with every key that is in force. A new key is announced in the log,
whose checkpoints the old one signs, and from then on both sign side by side, so that whoever knows
the old key learns the new one from what the old one vouches for. When everybody has had the time
to, the old key is retired, by an entry again. At least one Ed25519 key stays in force, for that is
the type that every client of a log reads.

A key shows possession by signing, as a note, the text of ``possession_text``: an Ed25519 key signs
the lines ``kyojo/log-key/v1``, origin and genesis hash. An ML-DSA-44 key (0x06) signs nothing but
checkpoints, so it signs the log's first one: the tree of one entry, the charter, whose root is the
genesis hash. Both name this co-op and need nothing else of its log::

    kyojo/log-key/v1\n<origin>\n<genesis, hex>\n        Ed25519
    <origin>\n1\n<genesis, base64>\n                    ML-DSA-44

No signature of the second kind is lying about: the keys that signed the head of one entry are the
charter's own, and a key that is or was the log's is not announced again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ledger.coop import bodies, subjects
from ledger.coop.proposals import put_to_vote
from ledger.coop.state import LogKey, Proposal, State
from ledger.coop.step import Change, Step
from ledger.errors import (
    DuplicateId,
    InvalidInput,
    MalformedEntry,
    NotFound,
    NotPermitted,
    VerificationError,
)
from ledger.log.checkpoint import Checkpoint, format_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import KeyType, VerifierKey, parse_vkey
from ledger.log.note import open_note
from ledger.log.policy import LOG_TYPES


def possession_text(key: VerifierKey, genesis: str) -> bytes:
    """What a new log key signs before it is announced; it bears the origin's name.

    ``genesis`` is the charter's leaf hash in hex, the root of the tree of one entry.
    """
    if key.key_type is KeyType.ML_DSA_44:
        return format_checkpoint(Checkpoint(key.name, 1, bytes.fromhex(genesis)))
    return f"kyojo/log-key/v1\n{key.name}\n{genesis}\n".encode()


def announce(step: Step, body: bodies.LogKeyAdded) -> Change:
    """Put a new key of the log before the electorate, once it has shown possession."""
    key = _new_key(step.state, body)
    _check_possession(step.state, key, body.possession)
    return Change(put_to_vote(step, subjects.of_log_key_added(body), body))


def enact_announcement(step: Step, state: State, proposal: Proposal) -> State:
    """The key signs from now on, beside those that do."""
    body = bodies.parse_body(bodies.LogKeyAdded, dict(proposal.body))
    _new_key(state, body)
    return _with(state, body.vkey, LogKey(added=step.index))


def retire(step: Step, body: bodies.LogKeyRetired) -> Change:
    """Put the end of a key before the electorate."""
    _check_retirement(step.state, body.vkey)
    return Change(put_to_vote(step, subjects.of_log_key_retired(body), body))


def enact_retirement(step: Step, state: State, proposal: Proposal) -> State:
    """The key signs one last time, the checkpoint that holds its end, and then no more."""
    vkey = str(proposal.body["vkey"])
    _check_retirement(state, vkey)
    return _with(state, vkey, replace(state.log_keys[vkey], retired=step.index))


def in_force(keys: Mapping[str, LogKey]) -> tuple[str, ...]:
    """The vkeys that must sign."""
    return tuple(vkey for vkey, key in keys.items() if key.retired is None)


def _new_key(state: State, body: bodies.LogKeyAdded) -> VerifierKey:
    key = parse_log_key(body.vkey, state.terms().origin)
    known = (parse_vkey(vkey) for vkey in state.log_keys)
    if any(key.key_id == other.key_id for other in known):
        raise DuplicateId(f"the log key {key.key_id.hex()} is or was this log's")
    return key


def parse_log_key(vkey: str, origin: str) -> VerifierKey:
    """A key that can be a log's; raises MalformedEntry for another name or type."""
    try:
        key = parse_vkey(vkey)
    except InvalidInput as error:
        raise MalformedEntry(f"the log's key: {error.message}") from error
    if key.name != origin:
        raise MalformedEntry(f"the log's key is named after its origin, {origin}")
    if key.key_type not in LOG_TYPES:
        raise MalformedEntry(f"no log signs with a key of the type {key.key_type.name}")
    return key


def _check_possession(state: State, key: VerifierKey, note: str) -> None:
    try:
        found = open_note(note.encode(), [verifier_of(key)])
    except (InvalidInput, VerificationError) as error:
        raise MalformedEntry(f"the new key has not shown possession: {error.message}") from error
    if found.text != possession_text(key, state.genesis):
        raise MalformedEntry("the new key has signed another text than this co-op's")


def _check_retirement(state: State, vkey: str) -> None:
    if vkey not in in_force(state.log_keys):
        raise NotFound("this key is not one that this log signs with")
    others = [parse_vkey(other) for other in in_force(state.log_keys) if other != vkey]
    if not any(other.key_type is KeyType.ED25519 for other in others):
        raise NotPermitted("no Ed25519 key would be left to sign with; announce a new one first")


def _with(state: State, vkey: str, key: LogKey) -> State:
    return replace(state, log_keys={**state.log_keys, vkey: key})
