"""The log's own row: name, size, root, and the checkpoint with each of its signatures.

The checkpoint is the one thing here that nobody can write who lacks the log's key, so what it
signs decides, wherever its signature is good, which of two copies of a value is the true one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ledger.audit.trust import Trust
from ledger.coop.apply import CHARTER
from ledger.coop.bodies import parse_body
from ledger.coop.charter import CharterEntry
from ledger.coop.envelope import parse_envelope
from ledger.errors import KyojoError
from ledger.log.checkpoint import Checkpoint, parse_checkpoint
from ledger.log.cosignature import verifier_of
from ledger.log.key import VerifierKey, parse_vkey
from ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from ledger.log.note import Signature, UnverifiedNote, Verifier, parse_note
from ledger.log.policy import Policy, parse_policy
from ledger.service.fsck.report import Findings
from ledger.store.raw import RawRows, Row, shown
from ledger.store.tables import entries

ID_KEY_BYTES = 32

Keys = dict[tuple[str, bytes], Verifier]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which log is checked, and what is known of it from elsewhere than its database.

    ``log_keys`` are the vkeys of this installation's own configuration, ``own_policy`` its witness
    policy; a trust file or a policy goes before them and before the charter in the database.
    """

    slug: str
    origin: str
    log_keys: Sequence[str] = ()
    trust: Trust | None = None
    policy: Policy | None = None
    own_policy: Policy | None = None


@dataclass(frozen=True, slots=True)
class LogHead:
    """The head as far as it can be told: ``root`` is None where nothing vouches for one."""

    log_id: int
    id_key: bytes
    size: int
    root: bytes | None
    is_signed: bool
    note: UnverifiedNote | None = None


@dataclass(slots=True)
class Signers:
    """Which keys signed a note; ``strangers`` are lines by keys that nobody here knows."""

    log: list[Signature] = field(default_factory=list)
    witnesses: list[Signature] = field(default_factory=list)
    wrong: list[Signature] = field(default_factory=list)
    strangers: list[Signature] = field(default_factory=list)


def read_head(raw: RawRows, wanted: Wanted, findings: Findings) -> LogHead | None:
    """The head of the wanted log; None, noted, if there is no such log."""
    row = _find_row(raw, wanted, findings)
    if row is None:
        return None
    _check_names(row, wanted, findings)
    id_key = row["id_key"]
    if not _is_bytes(id_key, ID_KEY_BYTES):
        _wrong(findings, wanted, "id_key", f"it is not {ID_KEY_BYTES} bytes")
        id_key = bytes(ID_KEY_BYTES)
    size, root = row["size"], row["root"]
    if type(size) is not int or not 0 <= size <= SIZE_MAX:
        _wrong(findings, wanted, "size", f"{shown(size)} is not a size")
        size = None
    if not _is_bytes(root, HASH_BYTES):
        _wrong(findings, wanted, "root", f"it is not {HASH_BYTES} bytes")
        root = None
    empty = LogHead(row["id"], id_key, 0, EMPTY_ROOT, is_signed=False)
    if size == 0 and row["checkpoint"] in (None, b""):
        if root != EMPTY_ROOT:
            _wrong(findings, wanted, "root", "an empty log has the root of the empty tree")
        return empty
    note, signed = _read_note(row, wanted, findings)
    keys = known_keys(wanted, _charter_keys(raw, row["id"]))
    if note is None or signed is None or not sort_signatures(note, *keys).log:
        size = _guess_size(raw, row["id"], size)
        return LogHead(row["id"], id_key, size, root, is_signed=False, note=note)
    for name, stored, stated in (("size", size, signed.size), ("root", root, signed.root)):
        if stored is not None and stored != stated:
            why = f"the signed checkpoint says {shown(stated)}, the row {shown(stored)}"
            _wrong(findings, wanted, name, why)
    return LogHead(row["id"], id_key, signed.size, signed.root, is_signed=True, note=note)


def _find_row(raw: RawRows, wanted: Wanted, findings: Findings) -> Row | None:
    rows = raw.logs()
    for name, value in (("slug", wanted.slug), ("origin", wanted.origin)):
        for row in rows:
            if row[name] == value and type(row["id"]) is int:
                return row
    findings.add(
        "missing-row", ("logs", wanted.slug, ""),
        f"no row is the log {wanted.origin}", f"記録 {wanted.origin} の行がありません",
    )  # fmt: skip
    return None


def _check_names(row: Row, wanted: Wanted, findings: Findings) -> None:
    for name, value in (("slug", wanted.slug), ("origin", wanted.origin)):
        if row[name] != value:
            _wrong(findings, wanted, name, f"it is {shown(row[name])}, configured is {value}")


def _read_note(
    row: Row, wanted: Wanted, findings: Findings
) -> tuple[UnverifiedNote | None, Checkpoint | None]:
    data = row["checkpoint"]
    try:
        note = parse_note(data if isinstance(data, bytes) else b"")
        signed = parse_checkpoint(note.text)
    except KyojoError as error:
        note_wrong_checkpoint(findings, wanted, error.message)
        return None, None
    if signed.origin != wanted.origin:
        note_wrong_checkpoint(findings, wanted, f"it is of the log {signed.origin[:80]}")
        return note, None
    return note, signed


def sort_signatures(note: UnverifiedNote, log_keys: Keys, witness_keys: Keys) -> Signers:
    """Verify each line of a note by the key that it names."""
    found = Signers()
    for line in note.signatures:
        key = (line.name, line.key_id)
        verifier = log_keys.get(key) or witness_keys.get(key)
        if verifier is None:
            found.strangers.append(line)
            continue
        try:
            verifier.verify(note.text, line.value)
        except KyojoError:
            found.wrong.append(line)
            continue
        (found.log if key in log_keys else found.witnesses).append(line)
    return found


def known_keys(wanted: Wanted, charter: Iterable[str]) -> tuple[Keys, Keys]:
    """The keys of the log and of witnesses: from the trust file or policy, else from here.

    ``charter`` are the vkeys that the log itself names.
    """
    policy = wanted.policy
    vkeys: list[str] = []
    if wanted.trust is not None:
        vkeys += wanted.trust.log_keys
        if policy is None and wanted.trust.policy is not None:
            policy = parse_policy(wanted.trust.policy.encode())
    keys = [log.key for log in policy.logs] if policy is not None else []
    if not vkeys and not keys:
        vkeys = [*wanted.log_keys, *charter]
    keys += map(parse_vkey, vkeys)
    cosigning = policy or wanted.own_policy
    witnesses = [witness.key for witness in cosigning.witnesses] if cosigning is not None else []
    own = [key for key in keys if key.name == wanted.origin]
    return by_id(own), by_id(witnesses)


def note_wrong_checkpoint(findings: Findings, wanted: Wanted, why: str) -> None:
    """Note what is wrong with the newest checkpoint."""
    _wrong(findings, wanted, "checkpoint", why)


def _charter_keys(raw: RawRows, log_id: int) -> Sequence[str]:
    row = raw.find(entries, log_id, index=0)
    try:
        draft = parse_envelope(row["data"] if row and isinstance(row["data"], bytes) else b"").draft
        if draft.kind != CHARTER:
            return ()
        vkeys = parse_body(CharterEntry, draft.body).charter.log_keys
        return [vkey for vkey in vkeys if parse_vkey(vkey)]
    except KyojoError:
        return ()  # what is wrong with the charter is said at its entry


def by_id(keys: Iterable[VerifierKey]) -> Keys:
    """Verifiers by name and id of their keys."""
    return {(key.name, key.key_id): verifier_of(key) for key in keys}


def _guess_size(raw: RawRows, log_id: int, stored: int | None) -> int:
    """Without a signed size: how many entries there seem to be."""
    largest = raw.largest_index(entries, log_id)
    count = largest + 1 if type(largest) is int and 0 <= largest < SIZE_MAX else 0
    return count if stored is None else min(stored, count) if count else 0


def _is_bytes(value: object, length: int) -> bool:
    return type(value) is bytes and len(value) == length


def _wrong(findings: Findings, wanted: Wanted, column: str, why: str) -> None:
    codes = {"checkpoint": "checkpoint-changed"}
    findings.add(
        codes.get(column, "head-changed"), ("logs", wanted.slug, column),
        why, f"記録の先頭の列 {column} が正しくありません: {why}",
    )  # fmt: skip
