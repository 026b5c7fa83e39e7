"""Export: a co-op's log as an audit bundle, and the trust file that goes with it.

A bundle holds every record and every blob, bank details too: it is for auditors, so the file is
readable by its owner only. It appears under its name when it is complete, or not at all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ledger.audit.bundle import Manifest, Progress, write_bundle
from ledger.audit.slice import Head, write_slice
from ledger.audit.trust import KnownBlock, Trust, TrustedChain, format_trust, make_trust
from ledger.coop.logkeys import in_force
from ledger.coop.successors import known_targets
from ledger.errors import InvalidInput, NotFound
from ledger.log.checkpoint import parse_checkpoint
from ledger.log.key import parse_vkey
from ledger.log.note import parse_note
from ledger.log.policy import Log, format_policy
from ledger.service.coop import Coop
from ledger.service.published import cosigned_note, cosigned_of
from ledger.service.slices import cut_of
from ledger.store.reading import LogReader

Block = tuple[int, int, bytes]
"""A block of a chain: chain id, height, hash."""

TRUST_COMMENT = """\
What an auditor trusts about this co-op. This copy was written by the co-op's own installation:
compare every value with those that several members hold, not with the operator's alone, and take
block hashes from the chain itself. A verdict is worth as much as the source of these values.
監査人が信頼する値です。このファイルは組合自身のシステムが書き出したものです。
運営者だけでなく複数の組合員が持つ値と照合し、ブロックハッシュはチェーンから直接取得してください。
"""


def export_bundle(
    coop: Coop, out_path: Path, progress: Progress = lambda _done, _all: None
) -> Manifest:
    """Write the audit bundle of the whole log to ``out_path``, as one transaction sees it.

    ``progress`` is told how many of how many files are written. Raises NotFound for an empty
    log, TooLarge for one that a bundle cannot hold.
    """
    with coop.reading() as (state, reader), _atomic(out_path) as out:
        head = reader.head()
        if head.size == 0:
            raise NotFound("this log is empty; there is nothing to audit")
        return write_bundle(
            out,
            reader,
            origin=state.terms().origin,
            size=head.size,
            note=cosigned_note(coop, head.size, head.note),
            progress=progress,
        )


def export_period(
    coop: Coop,
    period: str,
    out_path: Path,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Write a bundle that proves one month: the slice of the log that settles it.

    Where no earlier settlement vouches for a state to start from, it is the whole log's bundle.
    Raises NotFound for a month that was not opened.
    """
    with coop.reading() as (state, reader), _atomic(out_path) as out:
        head = reader.head()
        note = cosigned_note(coop, head.size, head.note)
        cut = cut_of(state, reader, period)
        if cut.before.size == 0:
            return write_bundle(
                out,
                reader,
                origin=state.terms().origin,
                size=head.size,
                note=note,
                progress=progress,
            )
        return write_slice(
            out,
            reader,
            state=cut.before,
            end=cut.end,
            head=Head(head.size, note),
            start_note=_start_note(coop, reader, cut.before.size),
            progress=progress,
        )


def _start_note(coop: Coop, reader: LogReader, size: int) -> bytes | None:
    """The signed head of exactly this size with its cosignatures, if it was kept."""
    note = cosigned_of(coop).note(size)
    if note is None or parse_checkpoint(parse_note(note).text).root != reader.root(size):
        return None
    return cosigned_note(coop, size, note)


def trust_of(coop: Coop, *, blocks: Iterable[Block] = ()) -> Trust:
    """The trust file's values as this installation knows them: genesis, log keys, contracts.

    Where witnesses are named, it is their policy instead of the bare log keys.
    ``blocks`` are blocks that were looked up on their chains. Raises NotFound for an empty log,
    MalformedDocument if the charter's log keys are not such keys.
    """
    state = coop.state()
    terms = state.terms()
    known = sorted(set(blocks))
    chains = tuple(
        TrustedChain(
            chain_id=target.chain_id,
            contract=target.contract,
            code_hash=target.code_hash,
            blocks=tuple(
                KnownBlock(number=number, hash=block_hash.hex())
                for chain_id, number, block_hash in known
                if chain_id == target.chain_id
            ),
        )
        for _, target in known_targets(state)
    )
    log_keys = in_force(state.log_keys)
    keys: dict[str, object] = {"log_keys": log_keys}
    if coop.policy is not None:
        logs = tuple(Log(parse_vkey(vkey)) for vkey in log_keys)
        keys = {"policy": format_policy(replace(coop.policy, logs=logs)).decode("utf-8", "replace")}
    return make_trust(origin=terms.origin, genesis=state.genesis, chains=chains, **keys)


def export_trust(coop: Coop, out_path: Path, *, blocks: Iterable[Block] = ()) -> Trust:
    """Write ``trust_of`` as a file, with a comment on where such values should come from."""
    trust = trust_of(coop, blocks=blocks)
    with _atomic(out_path) as out:
        out.write(format_trust(trust, comment=TRUST_COMMENT))
    return trust


@contextmanager
def _atomic(path: Path) -> Iterator[BinaryIO]:
    """A new file beside ``path`` that takes its name at the end, or is removed."""
    if path.is_dir():
        raise InvalidInput(f"cannot write {path}: it is a folder")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
