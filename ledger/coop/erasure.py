"""Erasure: records whose lines and salts are gone, while all that was proved from them stands.

A member erases records of its own batches at once. Whoever else may write the kind (the operator,
who holds the data, or another member) only proposes it, and the members decide, as for a key of
another. The state keeps, for each batch that has any, the ranges of its erased records, so that
nothing is erased twice and an auditor knows which lines may be missing.

Money does not change: a batch counts by the totals that were signed with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from ledger.coop import bodies, subjects
from ledger.coop.envelope import parse_envelope
from ledger.coop.proposals import put_to_vote
from ledger.coop.state import Proposal, Ranges, State
from ledger.coop.step import Change, Step
from ledger.errors import Conflict, MalformedEntry, NotFound, OutOfRange

USAGE_BATCH = "usage-batch"
RECORDS_ERASED = "records-erased"


def erase(step: Step, body: bodies.RecordsErased) -> Change:
    """Erase records of the signer's own batch at once; of another's only by quorum."""
    owner = _check_records(step, body)
    again = erased_records(step.state, body.batch) & set(body.records)
    if again:
        raise Conflict(
            f"record {min(again)} of batch {body.batch} is erased already; leave it out",
            records=sorted(again),
        )
    if owner == step.member.id:
        return Change(_with_erased(step.state, body.batch, body.records), member=owner)
    state = put_to_vote(step, subjects.of_erasure(body, owner), body)
    return Change(state, member=owner)


def enact_erasure(step: Step, state: State, proposal: Proposal) -> State:
    """The records are erased, but for those that their owner has erased meanwhile."""
    del step
    body = bodies.parse_body(bodies.RecordsErased, dict(proposal.body))
    return _with_erased(state, body.batch, body.records)


def erased_records(state: State, batch: int) -> frozenset[int]:
    """The erased records (0-based) of the batch at an entry index; empty for most."""
    return frozenset(_numbers(state.erased.get(str(batch), ())))


def all_erased(state: State) -> dict[int, frozenset[int]]:
    """The erased records of every batch that has any, by entry index."""
    return {int(batch): frozenset(_numbers(ranges)) for batch, ranges in state.erased.items()}


def newly_erased(before: State, after: State) -> dict[int, frozenset[int]]:
    """What is erased in the state after an entry and was not in the one before it."""
    if after.erased is before.erased:
        return {}
    return {
        int(batch): frozenset(_numbers(ranges)) - erased_records(before, int(batch))
        for batch, ranges in after.erased.items()
        if ranges != before.erased.get(batch)
    }


def proposed_erasures(state: State) -> dict[int, frozenset[int]]:
    """The records that open proposals would erase, by the entry index of their batch."""
    found: dict[int, frozenset[int]] = {}
    for proposal in state.proposals.values():
        if proposal.kind == RECORDS_ERASED:
            batch = int(proposal.body["batch"])
            found[batch] = found.get(batch, frozenset()) | set(proposal.body["records"])
    return found


def _check_records(step: Step, body: bodies.RecordsErased) -> str:
    """Whose batch it is; raises unless there is one and it has these records."""
    if body.batch >= step.index:
        raise NotFound(f"the log has no entry {body.batch} yet")
    draft = parse_envelope(step.evidence.entry(body.batch)).draft
    if draft.kind != USAGE_BATCH:
        raise NotFound(f"entry {body.batch} is a {draft.kind}, not a usage-batch")
    if any(a >= b for a, b in pairwise(body.records)):
        raise MalformedEntry("records are numbers in ascending order, each once")
    count = int(draft.body["count"])
    if body.records[-1] >= count:
        raise OutOfRange(
            f"batch {body.batch} has {count} records, numbered from 0; "
            f"there is no record {body.records[-1]}"
        )
    return step.state.keys[draft.actor].member


def _with_erased(state: State, batch: int, records: Iterable[int]) -> State:
    numbers = erased_records(state, batch).union(records)
    erased: Mapping[str, Ranges] = {**state.erased, str(batch): _ranges(sorted(numbers))}
    return replace(state, erased=erased)


def _ranges(numbers: Sequence[int]) -> Ranges:
    """Ascending numbers as (first, last) of each run: most erasures are short or whole."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def _numbers(ranges: Ranges) -> Iterable[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
