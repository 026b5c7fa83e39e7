"""The charter: what it says now, by which votes it came to say so, and changes of it proposed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.coop.bodies import parse_body
from ledger.coop.charter import Charter
from ledger.coop.charter_changes import KIND
from ledger.coop.charter_draft import Drafted
from ledger.coop.charter_terms import CharterChanged, changed
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import State
from ledger.service.coop import Coop
from ledger.service.office import write
from ledger.service.read import require_entries, search_all
from ledger.service.sign_in import Reader
from ledger.store.reading import Filter, LogReader
from ledger.store.sequencer import Receipt


@dataclass(frozen=True, slots=True)
class Enacted:
    """A change that took effect: the vote that carried it, when, and the words of that vote."""

    entry: int
    received_at: str
    subject: str


@dataclass(frozen=True, slots=True)
class InForce:
    """The charter in force, and the changes that led to it, oldest first."""

    charter: Charter
    changes: tuple[Enacted, ...]


def charter_in_force(coop: Coop) -> InForce:
    """The charter in force, for the office."""
    with coop.reading() as (state, log):
        return _in_force(state, log)


def read_charter(coop: Coop, reader: Reader) -> InForce:
    """The charter in force, for those who read entries; raises NotPermitted."""
    with coop.reading() as (state, log):
        require_entries(state, reader)
        return _in_force(state, log)


def propose_change(coop: Coop, drafted: Drafted) -> Receipt:
    """Put a drafted change before those who decide, signed by the office."""
    return write(coop, kind=KIND, body=drafted.body)


def charter_at(state: State, log: LogReader, index: int) -> Charter:
    """The charter by which the entry with this index was judged."""
    found = state.terms() if state.charter is None else state.charter
    carried = {
        str(parse_envelope(log.entry(vote)).draft.body["subject_hash"])
        for vote in state.charter_changes
        if vote < index
    }
    for row in search_all(log, Filter(kind=KIND)) if carried else ():
        envelope = parse_envelope(log.entry(row.index))
        if envelope.leaf.hex() in carried:
            found = changed(found, parse_body(CharterChanged, envelope.draft.body).changes)
    return found


def _in_force(state: State, log: LogReader) -> InForce:
    return InForce(state.terms(), tuple(_enacted(log, state)))


def _enacted(log: LogReader, state: State) -> Iterator[Enacted]:
    for index in state.charter_changes:
        envelope = parse_envelope(log.entry(index))
        yield Enacted(index, envelope.received_at, str(envelope.draft.body["subject"]))
