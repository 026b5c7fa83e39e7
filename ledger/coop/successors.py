"""Which contracts witness the log: those of the charter, and those that the co-op put after them.

A contract cannot be changed. Where one has to be replaced (signers lost, another chain, a fault in
it), the operator names its successor in the log and the members decide, on words that say contract,
chain and code. From that entry on anchors go to the successor, whose first head rests on its
signers alone. What stands on the earlier contract keeps its worth: an anchor of it that is final
only later is still recorded.

So there is a line from each contract of the charter, and the last one of each is in force. A
verifier whose trust file names a contract anywhere in a line follows it to the end of the line,
since each step was decided by the quorum that it verifies; it follows nobody else's word. No
contract stands in two lines, and none twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger.coop import bodies, subjects
from ledger.coop.charter import AnchorTarget
from ledger.coop.proposals import put_to_vote
from ledger.coop.state import Proposal, State, Successor
from ledger.coop.step import Change, Step
from ledger.errors import DuplicateId, NotFound, OutOfRange

CONTRACTS_MAX = 64
"""How many contracts a co-op may name in the life of its log."""

Line = tuple[tuple[int, AnchorTarget], ...]
"""A contract of the charter and those that followed it, each with the entry that put it there."""


def current_targets(state: State) -> tuple[AnchorTarget, ...]:
    """The contracts that anchors go to now, in the charter's order. Empty for an empty log."""
    return tuple(line[-1][1] for line in lines(state))


def known_targets(state: State) -> tuple[tuple[int, AnchorTarget], ...]:
    """Every contract that is or was in force, with the entry that put it there (0: charter)."""
    return tuple(found for line in lines(state) for found in line)


def lines(state: State) -> tuple[Line, ...]:
    """The line of each contract of the charter, from the first to the one in force."""
    if state.charter is None:
        return ()
    return tuple(tuple(_line(state, target)) for target in state.charter.anchors)


def place_of(chain_id: int, contract: str) -> str:
    """How a state names a contract: ``<chain id>/<address in lower case>``."""
    return f"{chain_id}/{contract}"


def name_successor(step: Step, body: bodies.AnchorSuccessorNamed) -> Change:
    """Put a contract's successor before the electorate."""
    _check(step.state, body)
    return Change(put_to_vote(step, subjects.of_anchor_successor(body), body))


def enact_successor(step: Step, state: State, proposal: Proposal) -> State:
    """Anchors go to the successor from now on."""
    body = bodies.parse_body(bodies.AnchorSuccessorNamed, dict(proposal.body))
    _check(state, body)
    named = body.successor
    successor = Successor(named.chain_id, named.contract, named.code_hash, step.index)
    place = place_of(body.chain_id, body.contract)
    return replace(state, successors={**state.successors, place: successor})


def _check(state: State, body: bodies.AnchorSuccessorNamed) -> None:
    place = place_of(body.chain_id, body.contract)
    if place not in {place_of(one.chain_id, one.contract) for one in current_targets(state)}:
        raise NotFound(
            f"anchors do not go to {body.contract} on chain {body.chain_id} now, so nothing can "
            "follow it"
        )
    known = {place_of(one.chain_id, one.contract) for _, one in known_targets(state)}
    if place_of(body.successor.chain_id, body.successor.contract) in known:
        raise DuplicateId(
            f"{body.successor.contract} on chain {body.successor.chain_id} is or was an anchor of "
            "this co-op; a successor is a new contract"
        )
    if len(known) >= CONTRACTS_MAX:
        raise OutOfRange(f"a co-op names at most {CONTRACTS_MAX} anchor contracts in all")


def _line(state: State, first: AnchorTarget) -> Iterator[tuple[int, AnchorTarget]]:
    yield 0, first
    place = place_of(first.chain_id, first.contract)
    # Each step leads to a contract that was in no line before; but the state that a slice of the
    # log starts from may be made up, and go in a circle.
    for _ in range(CONTRACTS_MAX - 1):
        found = state.successors.get(place)
        if found is None:
            return
        place = place_of(found.chain_id, found.contract)
        yield (
            found.index,
            AnchorTarget(
                chain_id=found.chain_id, contract=found.contract, code_hash=found.code_hash
            ),
        )
