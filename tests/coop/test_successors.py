"""A contract's successor: decided on in words, followed from there on, and never a circle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import refuse, stage, successor_body, world_with

from ledger import canonical
from ledger.coop.state import State, Successor, parse_state, state_document, state_hash
from ledger.coop.successors import CONTRACTS_MAX, current_targets, known_targets
from ledger.errors import (
    DuplicateId,
    MalformedDocument,
    NotFound,
    NotPermitted,
    OutOfRange,
    UnknownField,
)
from tests.builder import World, authority, blob_ref, charter

FIRST = {"chain_id": 31337, "contract": "0x" + "11" * 20, "code_hash": "22" * 32}


def contract(number: int, chain_id: int = 1) -> dict[str, object]:
    return {"chain_id": chain_id, "contract": f"0x{number:040x}", "code_hash": f"{number:064x}"}


def after(target: dict[str, object], successor: dict[str, object]) -> dict[str, object]:
    place = {name: target[name] for name in ("chain_id", "contract")}
    return {**place, "successor": successor, "reason": ""}


def carried(world: World, body: dict[str, object]) -> World:
    world.write("office", "anchor-successor-named", body)
    world.carry("bus", "ev")
    return world


def targets(world: World) -> list[dict[str, object]]:
    return [target.model_dump() for target in current_targets(world.state)]


def anchored(world: World, target: dict[str, object], size: int):
    body = {
        "size": size,
        "root": world.root(size).hex(),
        "chain_id": target["chain_id"],
        "contract": target["contract"],
        "transaction": "33" * 32,
        "block_number": 7,
        "block_hash": "44" * 32,
        "evidence": blob_ref(b"evidence"),
    }
    return body, b"evidence"


def test_anchors_go_to_the_successor_once_the_members_have_agreed():
    world = stage("all kinds")
    body = successor_body()
    world.write("office", "anchor-successor-named", body)
    assert targets(world) == [FIRST]
    assert not world.state.successors
    index = world.state.size + 1
    world.carry("bus", "ev")
    assert targets(world) == [body["successor"]]
    assert [(at, one.contract) for at, one in known_targets(world.state)] == [
        (0, FIRST["contract"]),
        (index, body["successor"]["contract"]),
    ]


def test_the_words_name_contract_chain_and_code():
    world = stage("all kinds")
    world.write("office", "anchor-successor-named", successor_body())
    (proposal,) = world.state.proposals.values()
    assert proposal.subject == (
        "Anchor at 0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa on chain 1 with code "
        + "33" * 32
        + " instead of 0x1111111111111111111111111111111111111111 on chain 31337"
    )


def test_before_the_decision_and_without_a_successor_the_state_hash_is_as_it_was():
    world = stage("all kinds")
    assert "successors" not in state_document(world.state)
    before = state_hash(world.state)
    carried(world, successor_body())
    assert "successors" in state_document(world.state)
    assert state_hash(world.state) != before


def test_a_successor_has_a_successor_and_each_line_its_own():
    second = contract(5, chain_id=8)
    world = World(charter=charter(authority=authority(), anchors=[FIRST, second]))
    world.prepare()
    carried(world, after(second, contract(6)))
    assert targets(world) == [FIRST, contract(6)]
    carried(world, after(contract(6), contract(7)))
    assert targets(world) == [FIRST, contract(7)]
    assert len(known_targets(world.state)) == 4


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (after(contract(9), contract(10)), NotFound),
        (after({**FIRST, "chain_id": 1}, contract(10)), NotFound),
        (after(FIRST, FIRST), DuplicateId),
        (after(FIRST, {**FIRST, "code_hash": "99" * 32}), DuplicateId),
    ],
    ids=["of no anchor", "of another chain", "itself", "itself with other code"],
)
def test_what_cannot_follow(body, error):
    refuse(stage("all kinds"), "office", "anchor-successor-named", body, error=error)


def test_what_was_followed_neither_is_followed_again_nor_comes_back():
    world = carried(stage("all kinds"), after(FIRST, contract(5)))
    kind = "anchor-successor-named"
    refuse(world, "office", kind, after(FIRST, contract(6)), error=NotFound)
    refuse(world, "office", kind, after(contract(5), FIRST), error=DuplicateId)


def test_the_second_of_two_proposals_cannot_be_carried():
    world = stage("all kinds")
    for number in (5, 6):
        world.write("office", "anchor-successor-named", after(FIRST, contract(number)))
    first, second = world.state.proposals
    for subject_hash, error in ((first, None), (second, NotFound)):
        subject = world.state.proposals[subject_hash].subject
        words = {"action": "approve", "subject": subject, "subject_hash": subject_hash}
        world.write("bus", "decision", {**words, "comment": ""})
        if error is None:
            world.write("ev", "decision", {**words, "comment": ""})
        else:
            refuse(world, "ev", "decision", {**words, "comment": ""}, error=error)
    assert targets(world) == [contract(5)]


def test_a_co_op_names_only_so_many_contracts():
    world, last = stage("all kinds"), FIRST
    for number in range(CONTRACTS_MAX - 1):
        last = carried(world, after(last, contract(100 + number))) and contract(100 + number)
    assert len(known_targets(world.state)) == CONTRACTS_MAX
    body = after(last, contract(1))
    refuse(world, "office", "anchor-successor-named", body, error=OutOfRange)


def test_anchors_are_recorded_on_either_contract_and_on_no_other():
    world = carried(stage("all kinds"), after(FIRST, contract(5)))
    for target, size in ((FIRST, 5), (contract(5), 6), (FIRST, 7)):
        world.write("office", "anchor-recorded", *anchored(world, target, size))
    assert len(world.state.anchors) == 2
    body, blob = anchored(world, contract(6), 8)
    refuse(world, "office", "anchor-recorded", body, blob, error=UnknownField)


def test_a_charter_that_does_not_name_the_kind_lets_nobody_use_it():
    world = world_with(authority=authority(later=False))
    refuse(world, "office", "anchor-successor-named", successor_body(), error=NotPermitted)
    assert targets(world) == [FIRST]


def test_a_co_op_without_contracts_has_none_to_follow():
    world = world_with(anchors=[], authority=authority())
    assert current_targets(world.state) == ()
    refuse(world, "office", "anchor-successor-named", successor_body(), error=NotFound)


def test_a_made_up_state_that_goes_in_a_circle_ends():
    state = stage("all kinds").state
    place = f"{FIRST['chain_id']}/{FIRST['contract']}"
    circle = replace(state, successors={place: Successor(**FIRST, index=3)})
    assert len(known_targets(circle)) == CONTRACTS_MAX
    assert len(current_targets(circle)) == 1


@pytest.mark.parametrize("wrong", [{"contract": "0x12"}, {"code_hash": ""}, {"chain_id": 0}])
def test_a_snapshot_with_an_impossible_successor_is_no_state(wrong):
    state = carried(stage("all kinds"), successor_body()).state
    document = state_document(state)
    assert parse_state(canonical.encode(document)) == state
    (found,) = document["successors"].values()
    found.update(wrong)
    with pytest.raises(MalformedDocument):
        parse_state(canonical.encode(document))


def test_an_empty_log_names_no_contract():
    assert current_targets(State()) == known_targets(State()) == ()
