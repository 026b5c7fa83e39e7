"""Trust policies (C2SP tlog-policy): which logs, which witnesses, and how many of them.

    log <vkey> [url]
    witness <name> <vkey> [url]
    group <name> <all|any|k> <member>…
    quorum <name|none>                     exactly once

Lines end in a newline; items are separated by spaces and tabs; ``#`` starts a comment line.
Names are defined before they are used, share one namespace, and each is a member of at most one
group, so that no witness counts twice. No public key stands twice, under whatever name, except
that a log's new key is simply one more ``log`` line.

Invariant: ``open_cosigned`` returns a checkpoint only if its log signed it and the quorum holds.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from ledger.errors import BadSignature, MalformedDocument, MalformedNote
from ledger.log.checkpoint import SignedCheckpoint, open_checkpoint
from ledger.log.cosignature import COSIGNATURE_TYPES, verifier_of
from ledger.log.key import KeyType, VerifierKey, format_vkey, parse_vkey
from ledger.log.strict import parse_decimal

POLICY_BYTES_MAX = 1_000_000
DEFINITIONS_MAX = 100  # of each of logs, witnesses, groups; a note holds 100 signatures
NO_QUORUM = "none"
LOG_TYPES = frozenset({KeyType.ED25519, KeyType.ML_DSA_44})


@dataclass(frozen=True, slots=True)
class Log:
    """A log that is accepted; the key's name is its origin."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness; ``name`` has a meaning in the policy only, ``key.name`` stands in notes."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Counts as one witness once ``threshold`` of its members, witnesses or groups, do."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as ``parse_policy`` has checked it; ``quorum`` is a defined name or ``none``."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str


def open_cosigned(data: bytes, *, origin: str, policy: Policy) -> SignedCheckpoint:
    """The checkpoint of the log ``origin``, if the policy accepts the note it comes in.

    Raises MalformedNote, MalformedCheckpoint, or BadSignature: for an origin that is not in the
    policy, a checkpoint of another log, no signature by the log, a wrong signature by any key of
    the policy, or too few cosignatures.
    """
    log_keys = [log.key for log in policy.logs if log.key.name == origin]
    if not log_keys:
        raise BadSignature(f"the policy knows no log {origin!r}")
    # A witness's key may bear the log's name, but never makes a note the log's: hence two steps.
    opened = open_checkpoint(data, origin=origin, verifiers=list(map(verifier_of, log_keys)))
    keys = [*log_keys, *(witness.key for witness in policy.witnesses)]
    opened = open_checkpoint(data, origin=origin, verifiers=list(map(verifier_of, keys)))
    verify_quorum(policy, {(s.name, s.key_id) for s in opened.note.signatures})
    return opened


def verify_quorum(policy: Policy, signed: AbstractSet[tuple[str, bytes]]) -> None:
    """Check that the keys (name, key id) whose signatures were verified make a quorum.

    Raises BadSignature.
    """
    if policy.quorum == NO_QUORUM:
        return
    present = {w.name for w in policy.witnesses if (w.key.name, w.key.key_id) in signed}
    cosigners = sorted(present)
    for group in policy.groups:  # in order of definition, so members come before their groups
        if sum(member in present for member in group.members) >= group.threshold:
            present.add(group.name)
    if policy.quorum not in present:
        raise BadSignature(f"the quorum {policy.quorum!r} is not reached", cosigners=cosigners)


def parse_policy(data: bytes) -> Policy:
    """Read a policy file. Raises MalformedDocument, naming the line."""
    _check_octets(data)
    draft = _Draft()
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        items = _items(line)
        if not items:
            continue
        try:
            draft.read(items)
        except (MalformedDocument, MalformedNote) as error:
            raise MalformedDocument(f"policy line {number}: {error.message}") from error
    return draft.finish()


def format_policy(policy: Policy) -> bytes:
    """A policy as a file. Raises MalformedDocument if its parts do not make one."""
    lines = [_line("log", format_vkey(log.key), log.url) for log in policy.logs]
    lines += [_line("witness", w.name, format_vkey(w.key), w.url) for w in policy.witnesses]
    lines += [_line("group", g.name, str(g.threshold), *g.members) for g in policy.groups]
    data = "".join([*lines, _line("quorum", policy.quorum)]).encode("utf-8", "surrogateescape")
    if parse_policy(data) != policy:
        raise MalformedDocument("the parts do not form a policy")
    return data


def _line(*items: str | None) -> str:
    return " ".join(item for item in items if item is not None) + "\n"


@dataclass(slots=True)
class _Draft:
    """A policy of which some lines have been read."""

    logs: list[Log] = field(default_factory=list)
    witnesses: list[Witness] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    quorum: str | None = None
    defined: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)
    public_keys: set[bytes] = field(default_factory=set)

    def read(self, items: list[str]) -> None:
        readers: dict[str, tuple[Callable[[list[str]], None], int, int]] = {
            "log": (self.read_log, 1, 2),
            "witness": (self.read_witness, 2, 3),
            "group": (self.read_group, 3, DEFINITIONS_MAX * 2 + 2),
            "quorum": (self.read_quorum, 1, 1),
        }
        keyword, *arguments = items
        if keyword not in readers:
            raise MalformedDocument(f"{keyword[:40]!r} is no keyword of a policy")
        reader, least, most = readers[keyword]
        if not least <= len(arguments) <= most:
            raise MalformedDocument(f"{keyword} takes {least} to {most} items")
        reader(arguments)

    def read_log(self, arguments: list[str]) -> None:
        key = self._new_key(arguments[0], LOG_TYPES)
        self.logs.append(Log(key, *arguments[1:]))
        _check_number(self.logs)

    def read_witness(self, arguments: list[str]) -> None:
        name, vkey, *url = arguments
        self._define(name)
        self.witnesses.append(Witness(name, self._new_key(vkey, COSIGNATURE_TYPES), *url))
        _check_number(self.witnesses)

    def read_group(self, arguments: list[str]) -> None:
        name, how_many, *members = arguments
        for member in members:
            self._join(member)
        self._define(name)
        threshold = _threshold(how_many, len(members))
        self.groups.append(Group(name, threshold, tuple(members)))
        _check_number(self.groups)

    def read_quorum(self, arguments: list[str]) -> None:
        if self.quorum is not None:
            raise MalformedDocument("a second quorum line")
        if arguments[0] != NO_QUORUM and arguments[0] not in self.defined:
            raise MalformedDocument(f"{arguments[0]!r} is not defined above")
        self.quorum = arguments[0]

    def finish(self) -> Policy:
        if self.quorum is None:
            raise MalformedDocument("the policy has no quorum line")
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)

    def _define(self, name: str) -> None:
        if name == NO_QUORUM or name in self.defined:
            raise MalformedDocument(f"the name {name!r} is taken")
        self.defined.add(name)

    def _join(self, member: str) -> None:
        if member not in self.defined:
            raise MalformedDocument(f"{member!r} is not defined above")
        if member in self.grouped:
            raise MalformedDocument(f"{member!r} is a member already; it would count twice")
        self.grouped.add(member)

    def _new_key(self, vkey: str, types: AbstractSet[KeyType]) -> VerifierKey:
        key = parse_vkey(vkey)
        if key.key_type not in types:
            raise MalformedDocument(f"a {key.key_type.name} key has no place in this line")
        if key.public_key in self.public_keys:
            raise MalformedDocument(f"the public key of {key.name} stands here twice")
        self.public_keys.add(key.public_key)
        return key


def _check_octets(data: bytes) -> None:
    if len(data) > POLICY_BYTES_MAX:
        raise MalformedDocument(f"a policy of {len(data)} bytes exceeds {POLICY_BYTES_MAX}")
    if any((octet < 0x20 and octet not in b"\t\n") or octet == 0x7F for octet in set(data)):
        raise MalformedDocument("a policy holds a control character")
    if not data.endswith(b"\n"):
        raise MalformedDocument("the last line of a policy lacks its newline")


def _items(line: bytes) -> list[str]:
    # Octets above 7F are opaque: surrogateescape keeps those apart that are not UTF-8. Spaces of
    # Unicode separate nothing, hence no split() on text.
    items = [item for item in line.replace(b"\t", b" ").split(b" ") if item]
    if not items or items[0].startswith(b"#"):
        return []
    return [item.decode("utf-8", "surrogateescape") for item in items]


def _threshold(how_many: str, members: int) -> int:
    if how_many in ("all", "any"):
        return members if how_many == "all" else 1
    threshold = parse_decimal(how_many, malformed=MalformedDocument)
    if not 1 <= threshold <= members:
        raise MalformedDocument(f"{threshold} of {members} members can never be, or is nothing")
    return threshold


def _check_number(definitions: list[Log] | list[Witness] | list[Group]) -> None:
    if len(definitions) > DEFINITIONS_MAX:
        raise MalformedDocument(f"more than {DEFINITIONS_MAX} definitions of one sort")
