"""Published: the checkpoint that outsiders are shown, and where each witness stands.

Without a policy that is the log's newest signed head. With one it is the newest head whose
cosignatures make the quorum, with all the cosignatures that were collected for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from ledger.errors import BadSignature, NotFound
from ledger.log.key import VerifierKey
from ledger.log.note import Signature, add_signatures, parse_note
from ledger.log.policy import NO_QUORUM, Policy, verify_quorum
from ledger.service.coop import Coop
from ledger.service.witness_http import TROUBLES, Trouble
from ledger.store.cosigned import Cosigned, WitnessId, WitnessRow
from ledger.store.reading import Head, LogReader


@dataclass(frozen=True, slots=True)
class WitnessStanding:
    """One witness of the policy; ``behind`` counts the entries that it has not yet cosigned."""

    name: str
    key: WitnessId
    url: str | None
    size: int
    behind: int
    row: WitnessRow


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the log is signed, how far it is witnessed (None without a quorum), and by whom."""

    size: int
    witnessed_size: int | None
    quorum: str | None
    witnesses: tuple[WitnessStanding, ...]


def cosigned_of(coop: Coop) -> Cosigned:
    """The co-op's cosignatures."""
    return Cosigned(coop.database, coop.log.id, coop.clock)


def witness_id(key: VerifierKey) -> WitnessId:
    """How a witness's key is named in the store: name and id, as in a vkey."""
    return f"{key.name}+{key.key_id.hex()}"


def is_quorum(policy: Policy, signers: Iterable[WitnessId]) -> bool:
    """Whether these witnesses make the policy's quorum."""
    known = {witness_id(one.key): (one.key.name, one.key.key_id) for one in policy.witnesses}
    try:
        verify_quorum(policy, {known[signer] for signer in signers if signer in known})
    except BadSignature:
        return False
    return True


def published_note(coop: Coop) -> bytes:
    """The checkpoint that the log shows; raises NotFound while there is none."""
    head = _head(coop)
    if not head.note:
        raise NotFound("this log is empty")
    found = _published(coop, head)
    if found is None:
        raise NotFound("no checkpoint of this log has the cosignatures of its quorum yet")
    return found[1]


def note_over(coop: Coop, index: int) -> tuple[int, bytes]:
    """Size and note of the checkpoint under which an entry is best shown.

    The published one as soon as it covers the entry; until then the newest that the log signed.
    Raises NotFound for an empty log.
    """
    head = _head(coop)
    if not head.note:
        raise NotFound("this log is empty")
    found = _published(coop, head)
    return found if found is not None and index < found[0] else (head.size, head.note)


def quorum_size(coop: Coop, head: Head) -> int | None:
    """The newest size whose checkpoint has the policy's quorum; the head's where none is asked.

    None while no checkpoint has it.
    """
    return head.size if coop.policy is None else _witnessed_size(coop, coop.policy, head)


def unwitnessed(coop: Coop) -> int:
    """How many entries lie behind the newest checkpoint that has its quorum."""
    head = _head(coop)
    return head.size - (quorum_size(coop, head) or 0)


def _published(coop: Coop, head: Head) -> tuple[int, bytes] | None:
    if coop.policy is None:
        return head.size, head.note
    size = quorum_size(coop, head)
    if size is None:
        return None
    note = head.note if size == head.size else cosigned_of(coop).note(size)
    if note is None:
        raise NotFound(f"the checkpoint of size {size} was just replaced; ask again")
    return size, cosigned_note(coop, size, note)


def cosigned_note(coop: Coop, size: int, note: bytes) -> bytes:
    """A checkpoint of this log with all the cosignatures that were collected for it."""
    if coop.policy is None:
        return note
    cosigned = cosigned_of(coop)
    kept = cosigned.note(size)
    if kept is None or parse_note(kept).text != parse_note(note).text:
        return note
    found = cosigned.signatures(size)
    lines = [
        Signature(one.key.name, one.key.key_id, found[witness_id(one.key)])
        for one in coop.policy.witnesses
        if witness_id(one.key) in found
    ]
    return add_signatures(note, lines)


def standing(coop: Coop) -> Standing:
    """How far the log is signed and witnessed, and where each witness of the policy stands."""
    head = _head(coop)
    if coop.policy is None:
        return Standing(head.size, None, None, ())
    rows = cosigned_of(coop).witnesses()
    found = []
    for one in coop.policy.witnesses:
        row = rows.get(witness_id(one.key), WitnessRow())
        behind = max(head.size - row.size, 0)
        found.append(WitnessStanding(one.name, witness_id(one.key), one.url, row.size, behind, row))
    size = _witnessed_size(coop, coop.policy, head)
    return Standing(head.size, size, coop.policy.quorum, tuple(found))


def _witnessed_size(coop: Coop, policy: Policy, head: Head) -> int | None:
    if policy.quorum == NO_QUORUM:
        return head.size
    signers: dict[int, AbstractSet[WitnessId]] = dict(cosigned_of(coop).signers())
    return next((size for size in sorted(signers, reverse=True)
                 if size <= head.size and is_quorum(policy, signers[size])), None)  # fmt: skip


def _head(coop: Coop) -> Head:
    with coop.database.read() as connection:
        return LogReader(connection, coop.log.id).head()


def standing_document(found: Standing) -> dict[str, Any]:
    """``standing`` as JSON, with what went wrong in English and Japanese."""
    return {
        "size": found.size,
        "witnessed_size": found.witnessed_size,
        "quorum": _plain(found.quorum),
        "witnesses": [
            {
                "name": _plain(one.name),
                "key": one.key,
                "url": _plain(one.url),
                "size": one.size,
                "behind": one.behind,
                "answered_at": one.row.answered_at,
                "trouble": _trouble(one),
            }
            for one in found.witnesses
        ],
    }


def standing_lines(found: Standing) -> list[str]:
    """``standing`` for a person, in English and Japanese."""
    if found.quorum is None:
        return ["witnesses 証人: none 方針なし"]
    reached = found.witnessed_size or 0
    en = f"{reached} of {found.size} entries have the quorum"
    ja = f"{found.size} 件中 {reached} 件が定足数の連署済み"
    lines = [f"witnesses 証人: {en} {ja}"]
    for one in standing_document(found)["witnesses"]:
        lines.append(f"  {one['name']}: size {one['size']}, {one['behind']} behind "
                     f"件数 {one['size']}、遅れ {one['behind']}")  # fmt: skip
        if one["trouble"] is not None:
            trouble = one["trouble"]
            lines.append(f"    since {trouble['since']}: {trouble['en']} [{trouble['code']}] "
                         f"{trouble['ja']} ({trouble['detail']})")  # fmt: skip
    return lines


def _trouble(one: WitnessStanding) -> dict[str, Any] | None:
    row = one.row
    code, detail = row.trouble, row.detail
    if one.url is None:
        code, detail = Trouble.NO_ADDRESS, ""
    if code is None:
        return None
    words = TROUBLES[Trouble(code)]
    return {"code": code, "en": words[0], "ja": words[1], "since": row.failing_since,
            "detail": detail}  # fmt: skip


def _plain(text: str | None) -> str | None:
    """Names and addresses of a policy may hold octets that are not UTF-8."""
    return None if text is None else text.encode("utf-8", "replace").decode()
