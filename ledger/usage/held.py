"""A usage batch as it is held: all of it, or what an erasure has left of it.

While nothing is erased, the 32-byte seed gives every salt. It would also give the salt of an
erased record, and with the salt a short line is soon guessed from its leaf. So the first erasure
destroys the seed; from then on the batch holds, per record, salt and leaf one by one::

    surviving record    its line     its salt          its leaf
    erased record       nothing      32 zero bytes     its leaf

The leaves still lead to the root that the batch's sender signed, so that every proof of another
record stands. An empty line is no record: it marks an erased one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from struct import unpack_from

from ledger.errors import InvariantViolated, NotFound
from ledger.log.merkle import HASH_BYTES, root_hash
from ledger.usage.commitment import derive_salts, record_leaf, record_leaves

NO_SALT = bytes(HASH_BYTES)
ROW_BYTES = 2 * HASH_BYTES


def split_rows(rows: bytes) -> tuple[list[bytes], list[bytes]]:
    """The salts and the leaves of rows; what follows the last whole row is cut as it comes."""
    whole = len(rows) // ROW_BYTES
    hashes = list(unpack_from(f"{HASH_BYTES}s" * (2 * whole), rows))
    rest = rows[whole * ROW_BYTES :]
    hashes += [rest[at : at + HASH_BYTES] for at in range(0, len(rest), HASH_BYTES)]
    return hashes[::2], hashes[1::2]


@dataclass(frozen=True)
class HeldBatch:
    """Lines in order, and either the seed or, per record, salt and leaf (``kept``)."""

    lines: tuple[bytes, ...]
    seed: bytes | None
    kept: bytes | None = None

    @cached_property
    def salts(self) -> list[bytes]:
        """The salts; ``NO_SALT`` for an erased record."""
        if self.seed is not None:
            return derive_salts(self.seed, len(self.lines))
        return split_rows(self._rows)[0]

    @cached_property
    def leaves(self) -> list[bytes]:
        """The leaves, which lead to the signed root."""
        if self.seed is not None:
            return record_leaves(self.salts, self.lines)
        return split_rows(self._rows)[1]

    @property
    def rows(self) -> bytes:
        """Per record, 32 bytes of salt and 32 bytes of leaf."""
        return b"".join(map(bytes.__add__, self.salts, self.leaves))

    @property
    def erased(self) -> frozenset[int]:
        """The numbers (0-based) of the erased records."""
        if self.seed is not None:
            return frozenset()
        return frozenset(number for number, line in enumerate(self.lines) if not line)

    @property
    def surviving(self) -> list[int]:
        """The numbers of the records that are still there."""
        return [number for number, line in enumerate(self.lines) if line]

    def line(self, number: int) -> bytes:
        """The line of a record; raises NotFound if there is none, or none any more."""
        if not 0 <= number < len(self.lines):
            raise NotFound(f"this batch has {len(self.lines)} records; there is no record {number}")
        if not self.lines[number]:
            raise NotFound(f"record {number} of this batch was erased")
        return self.lines[number]

    def root(self) -> bytes:
        """The root over the leaves; raises InvariantViolated if a line does not give its leaf."""
        for number, salt, line, leaf in self._survivors():
            if record_leaf(salt, line) != leaf:
                raise InvariantViolated(f"record {number} does not give the leaf kept for it")
        return root_hash(self.leaves)

    def without(self, numbers: Iterable[int]) -> HeldBatch:
        """The batch after these records are erased; those erased already stay so."""
        gone = self.erased.union(numbers)
        lines = tuple(b"" if at in gone else line for at, line in enumerate(self.lines))
        rows = (
            (NO_SALT if at in gone else salt) + leaf
            for at, (salt, leaf) in enumerate(zip(self.salts, self.leaves, strict=True))
        )
        return HeldBatch(lines, None, b"".join(rows))

    @property
    def _rows(self) -> bytes:
        if self.kept is None or len(self.kept) != ROW_BYTES * len(self.lines):
            raise InvariantViolated(
                f"a batch of {len(self.lines)} lines without a seed keeps as many salts and leaves"
            )
        return self.kept

    def _survivors(self) -> Sequence[tuple[int, bytes, bytes, bytes]]:
        if self.seed is not None:
            return ()
        rows = zip(self.salts, self.lines, self.leaves, strict=True)
        return [(at, *row) for at, row in enumerate(rows) if row[1]]
