"""Specs run without files too: the pure part, told where to read by its caller."""

from __future__ import annotations

import pytest

from ledger.errors import MalformedRules
from ledger.settlement.spec import parse_spec, run_spec
from tests.settlement.cases import by_trips

CASES = b"""\
kyojo_spec: 1
rules: shared
cases:
  - name: all
    inputs: figures
    expect: {totals: {members: {bus: 9007199254740993}}}
  - {name: one, inputs: figures, expect: {totals: {members: {bus: "9007199254740993"}}}}
"""
FIGURES = b"""{"kyojo_inputs": 1, "period": {"start": "2026-10-01", "end": "2026-11-01"},
"members": ["bus"], "totals": {"trips": {"bus": 1}}, "revenue": {"fares": "9007199254740993"}}"""


def test_files_are_read_by_the_caller_and_large_amounts_are_texts():
    spec = parse_spec(CASES.replace(b"bus: 9007199254740993", b"bus: 1"))
    read = {"shared": by_trips().encode(), "figures": FIGURES}
    first, second = run_spec(spec, read.__getitem__)
    assert [(row.at, row.expected) for row in first.differences] == [("/totals/members/bus", "1")]
    assert first.differences[0].found == "9007199254740993"
    assert second.differences == ()


def test_a_number_that_no_reader_takes_exactly_is_refused():
    with pytest.raises(MalformedRules):
        parse_spec(CASES)
