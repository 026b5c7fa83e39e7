"""A batch as it is held before and after an erasure (LOG.md, example F)."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvariantViolated, NotFound
from ledger.usage.commitment import records_root
from ledger.usage.held import NO_SALT, HeldBatch

SEED = bytes(range(32))
LINES = tuple(
    b'{"id":"r%d","measures":{"trips":%d}}' % (number, trips)
    for number, trips in ((1, 3), (2, 5), (3, 8))
)
ROOT = "2fe52518ebb9a10a2e5ba0e8be60fe9eb17537acfd51212f2f7363e929451000"


def test_the_published_batch_keeps_its_root_whatever_is_erased():
    whole = HeldBatch(LINES, SEED)
    assert whole.root().hex() == ROOT
    for gone in ({0}, {1}, {2}, {0, 2}, {0, 1, 2}):
        left = whole.without(gone)
        assert left.root().hex() == ROOT
        assert (left.seed, left.erased) == (None, gone)
        assert left.leaves == whole.leaves
        for number in range(3):
            expected = (b"", NO_SALT) if number in gone else (LINES[number], whole.salts[number])
            assert (left.lines[number], left.salts[number]) == expected
        assert left.surviving == [number for number in range(3) if number not in gone]
        assert HeldBatch(left.lines, None, left.kept) == left


def test_rows_are_salt_and_leaf():
    rows = HeldBatch(LINES, SEED).without({1}).rows
    leaf = sha256(b"\x00" + sha256(SEED + (1).to_bytes(8, "big")).digest() + LINES[1]).digest()
    assert rows[64:128] == bytes(32) + leaf
    assert len(rows) == 3 * 64


@given(st.lists(st.sets(st.integers(0, 2)), max_size=3))
def test_erasing_step_by_step_is_erasing_at_once(parts):
    step = HeldBatch(LINES, SEED)
    for part in parts:
        step = step.without(part)
    union = set().union(*parts)
    assert step.erased == union
    if parts:
        assert step == HeldBatch(LINES, SEED).without(union)
    assert step.root() == records_root(SEED, LINES)


def test_an_erased_line_is_not_read():
    left = HeldBatch(LINES, SEED).without({1})
    assert left.line(0) == LINES[0]
    for number in (1, 3, -1):
        with pytest.raises(NotFound):
            left.line(number)


def test_what_is_kept_must_fit():
    left = HeldBatch(LINES, SEED).without({1})
    for kept in (None, b"", left.rows[:-1], left.rows + b"x"):
        with pytest.raises(InvariantViolated):
            HeldBatch(left.lines, None, kept).root()
    changed = HeldBatch((LINES[0] + b" ", b"", LINES[2]), None, left.kept)
    with pytest.raises(InvariantViolated, match="record 0"):
        changed.root()
