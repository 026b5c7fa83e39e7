"""When witnesses saw the log: how tightly their cosignatures bound its clock from outside.

A cosignature (C2SP tlog-cosignature) says at which time its witness had seen the checkpoint. All
entries under it existed then, so none of them was received later; and the less time lies between
the last one's ``received_at`` and the cosignature, the less could it have been dated back. Only
witnesses that the trust file's policy names are believed; a line that is wrong is a finding of
``head``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import floor

from ledger.audit.bundle import CHECKPOINT, START_CHECKPOINT
from ledger.audit.files import Files
from ledger.audit.fold import Fold
from ledger.audit.report import WitnessFact
from ledger.audit.trust import Trust
from ledger.errors import KyojoError
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.cosignature import posix_seconds_of, verifier_of
from ledger.log.note import parse_note
from ledger.log.policy import Witness, parse_policy
from ledger.period import format_instant, parse_instant


def witness_facts(files: Files, fold: Fold, trust: Trust | None) -> tuple[WitnessFact, ...]:
    """What each trusted witness has seen by when, at the bundle's start and at its end."""
    if trust is None or trust.policy is None:
        return ()
    witnesses = parse_policy(trust.policy.encode()).witnesses
    ends = [(CHECKPOINT, fold.tree.size, fold.state.received_at)]
    if fold.start is not None and START_CHECKPOINT in files.archive.members:
        state = fold.start.state
        ends.insert(0, (START_CHECKPOINT, state.size, state.received_at))
    return tuple(
        WitnessFact(witness.name, key, size, format_instant(seen), last, _seconds(seen, last))
        for name, size, last in ends
        for witness, key, seen in _seen(files.read(name) or b"", size, witnesses)
    )


def _seen(
    data: bytes, size: int, witnesses: tuple[Witness, ...]
) -> Iterator[tuple[Witness, str, datetime]]:
    """Witness, key (name and id) and time of each good cosignature of at least this size."""
    try:
        note = parse_note(data)
        if parse_checkpoint(note.text).size < size:
            return
    except KyojoError:
        return  # a finding already
    known = {(one.key.name, one.key.key_id): one for one in witnesses}
    for line in note.signatures:
        witness = known.get((line.name, line.key_id))
        if witness is None:
            continue
        try:
            verifier_of(witness.key).verify(note.text, line.value)
            seen = datetime.fromtimestamp(posix_seconds_of(line), tz=UTC)
        except (KyojoError, ValueError, OverflowError, OSError):
            continue  # a finding already; or a time that no calendar has
        yield witness, f"{line.name}+{line.key_id.hex()}", seen


def _seconds(seen: datetime, last: str) -> int:
    return floor((seen - parse_instant(last)).total_seconds()) if last else 0
