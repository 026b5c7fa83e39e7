"""The fold: the same state from entry 0 and from any snapshot, whatever the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from stages import (
    MONTH,
    SEED,
    fork,
    stage,
)

from ledger import canonical
from ledger.coop.apply import apply
from ledger.coop.envelope import parse_draft, parse_envelope
from ledger.coop.state import State, parse_state, state_document, state_hash
from ledger.errors import (
    KyojoError,
    MalformedDocument,
    MalformedEntry,
)
from tests.builder import World

DAY_LATER = "2026-11-02T00:00:00.000Z"
TERMS = {"decided_by": "end", "grace_days": 1, "objection_days": 3, "lookback_periods": 2}


# The fold.


def replay(world: World, state: State, start: int) -> State:
    for data in world.entries[start:]:
        state = apply(state, parse_envelope(data), world).state
    return state


def test_the_fold_from_entry_0_and_from_every_snapshot_arrives_at_one_hash():
    world = stage("settled")
    wanted = state_hash(world.state)
    state = State()
    for index, data in enumerate(world.entries):
        snapshot = parse_state(canonical.encode(state_document(state)))
        assert snapshot == state
        if index % 5 == 0:
            assert state_hash(replay(world, snapshot, index)) == wanted
        state = apply(state, parse_envelope(data), world).state
    assert state_hash(state) == wanted


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "x", "origin": "y"},
        {"a": ',"kind":"x","origin":"', "kind": {"kind": [{"kind": "z"}]}},
        {"\u65e5": '"\\",\n"kind":"', "body": {"body": {}}},
    ],
)
def test_the_bodys_hash_is_that_of_its_place_in_the_entry(body):
    """It is not encoded again: the entry is canonical, so its body is, where it stands."""
    entry = {**canonical.parse(stage("settled").entries[1]), "body": body}
    for kind in ("usage-batch", ',"kind":"', "decision"):
        draft = parse_envelope(canonical.encode({**entry, "kind": kind})).draft
        assert draft.body_hash == canonical.digest(body)


def test_the_states_subtrees_are_those_of_the_log():
    world = stage("settled")
    assert world.seen().root == world.root(world.state.size)


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_the_hash_does_not_depend_on_the_order_of_sets(seed):
    program = (
        "import sys; sys.path[:0] = ['.', 'tests/coop']\n"
        "from stages import stage\n"
        "from ledger.coop.state import state_hash\n"
        "world = stage('settled')\n"
        "print(state_hash(world.state).hex(), world.root(world.state.size).hex())\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    world = stage("settled")
    wanted = [state_hash(world.state).hex(), world.root(world.state.size).hex()]
    assert found.stdout.split() == wanted


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"5", b'{"size":"one"}', b'{"keys":[]}', b'{"keys":{"k":{}}}', b"\xff"]
)
def test_a_snapshot_that_is_no_state(data):
    with pytest.raises(MalformedDocument):
        parse_state(data)


def test_every_bit_of_an_entry_is_covered():
    """Whatever byte of the last entry is changed, the fold refuses it or arrives elsewhere."""
    world = stage("month")
    *before, last = world.entries
    state = replay(replace(fork(world), entries=before), State(), 0)
    wanted = state_hash(world.state)
    for at in range(len(last)):
        changed = last[:at] + bytes([last[at] ^ 1]) + last[at + 1 :]
        try:
            found = apply(state, parse_envelope(changed), world).state
        except KyojoError:
            continue
        assert state_hash(found) != wanted
        assert parse_envelope(changed).draft == parse_envelope(last).draft  # only the stamp


DRAFT_CHANGES = [
    ("v", 2), ("v", True), ("v", "1"), ("origin", ""), ("origin", "x" * 256), ("origin", 5),
    ("kind", ""), ("kind", "x" * 65), ("actor", "0x" + "AB" * 20), ("actor", "0x12"),
    ("sequence", -1), ("sequence", 2**53), ("sequence", True), ("sequence", "0"),
    ("seen", {}), ("seen", {"size": 0}), ("seen", {"size": -1, "root": "00" * 32}),
    ("seen", {"size": 0, "root": "00" * 31}), ("seen", {"size": 0, "root": "AA" * 32}),
    ("body", []), ("body", {"x": 1.5}), ("body", {"x": "\ud800"}), ("body", {"x": "y" * 70_000}),
    ("signature", "0x"), ("signature", "0x" + "00" * 64), ("signature", "0x" + "AA" * 65),
    ("signature", "0x" + "zz" * 65), ("extra", 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), DRAFT_CHANGES)
def test_drafts_that_have_no_form(name, value):
    document = stage("month").draft("bus", "period-closing", {"period": MONTH}).document()
    assert parse_draft(document)
    with pytest.raises(KyojoError) as caught:
        parse_draft({**document, name: value})
    assert caught.value.code in ("malformed-entry", "too-large")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"v":1}', b"\xff", b"[" * 99_999])
def test_bytes_that_are_no_entry(data):
    with pytest.raises(MalformedEntry):
        parse_envelope(data)


def test_seeds_of_these_tests_are_fixed():
    assert len(SEED) == 32
