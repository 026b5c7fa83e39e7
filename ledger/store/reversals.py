"""Reversals: each is the exact negative of a record that the same member submitted before.

A batch may take back ten thousand records. They are looked up in one query and read batch by
batch, so every batch that holds originals is read once, however many are taken back from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ledger.errors import Fault, KyojoError, MalformedBatch
from ledger.store.writing import GroupWriter
from ledger.usage.record import Record, negates, parse_line

_ERASED = (
    "{} was erased: its figures are gone, and nothing can be compared with them. Correct the money "
    "by a cost or a revenue that is reported and confirmed; next time reverse first, then erase"
)


class Reversal(NamedTuple):
    """A record that takes back an earlier one; ``number`` is its own place, from 0."""

    number: int
    record: Record
    period: str

    @property
    def where(self) -> str:
        """The place of a fault in it."""
        return f"record {self.number + 1}, reverses"


def check_reversals(
    reversals: Sequence[Reversal],
    account: str,
    place_hash: Callable[[Reversal], bytes],
    writer: GroupWriter,
) -> Iterator[Fault]:
    """A fault for every reversal whose original is not there, or not its exact opposite.

    The original must count for the same ``account``; ``place_hash`` is the keyed hash under which
    it would stand.
    """
    hashes = [place_hash(reversal) for reversal in reversals]
    places = writer.places(hashes) if hashes else {}
    by_batch: dict[int, list[tuple[Reversal, int]]] = {}
    for reversal, id_hash in zip(reversals, hashes, strict=True):
        if id_hash in places:
            index, number = places[id_hash]
            by_batch.setdefault(index, []).append((reversal, number))
        else:
            yield _fault(reversal, "no record {} of yours stands before this one")
    for index, named in by_batch.items():
        yield from _check_in_batch(index, named, account, writer)


def _check_in_batch(
    index: int, named: Sequence[tuple[Reversal, int]], account: str, writer: GroupWriter
) -> Iterator[Fault]:
    if writer.batch_account(index) != account:
        for reversal, _ in named:
            yield _fault(reversal, "{} counts for another account than this batch")
        return
    lines = writer.batch(index).lines
    for reversal, number in named:
        if not lines[number]:
            yield _fault(reversal, _ERASED)
            continue
        try:
            if not negates(reversal.record, parse_line(lines[number])):
                yield _fault(reversal, "this is not the exact negative of {}")
        except KyojoError as error:
            yield error.as_fault(reversal.where)


def _fault(reversal: Reversal, text: str) -> Fault:
    error = MalformedBatch(text.format(repr(reversal.record.reverses)))
    return error.as_fault(reversal.where)
