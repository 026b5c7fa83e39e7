"""Decide: the office votes with its own key, whose counter is the log's.

Members vote through their client, which keeps their counter; a vote of the office by such a client
would leave the two counters apart.
"""

from __future__ import annotations

from ledger.coop.signing import Seen, sign_decision
from ledger.coop.submission import Submission
from ledger.errors import DuplicateId, NotFound
from ledger.service.coop import Coop
from ledger.service.office import TRIES, next_sequence, office_of
from ledger.service.submit import submit
from ledger.store.sequencer import Receipt


def decide(coop: Coop, subject_hash: str, *, action: str = "approve", comment: str = "") -> Receipt:
    """Vote on what the first digits of its hash name; raises NotFound if nothing open fits."""
    office = office_of(coop)
    attempt = 0
    while True:
        attempt += 1
        with coop.reading() as (state, reader):
            head = reader.head()
        found = [hash_ for hash_ in state.proposals if hash_.startswith(subject_hash)]
        if len(found) != 1:
            raise NotFound(f"{len(found)} open proposals begin with {subject_hash!r}")
        seen = Seen(state.terms().origin, bytes.fromhex(state.genesis), head.size, head.root)
        draft = sign_decision(
            office.key,
            seen,
            sequence=next_sequence(state, office),
            action=action,
            subject=state.proposals[found[0]].subject,
            subject_hash=found[0],
            comment=comment,
        )
        try:
            return submit(coop, Submission(draft))
        except DuplicateId as error:
            if "expected" not in error.details or attempt == TRIES:
                raise
