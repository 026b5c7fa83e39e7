"""The office writes: entries signed with the office's key, one after the other.

The office's counter is the log's own: its key is used by one installation only. If another
process of the same office was faster, the entry is signed again with the next number.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ledger.coop.bodies import Body
from ledger.coop.signing import Seen, sign_entry
from ledger.coop.state import State
from ledger.coop.submission import Submission
from ledger.errors import DuplicateId, NotPermitted
from ledger.service.coop import Coop, Office
from ledger.service.submit import submit
from ledger.store.sequencer import Receipt

TRIES = 5


def write(
    coop: Coop,
    *,
    kind: str,
    body: Body | Mapping[str, Any],
    blobs: Mapping[str, bytes] | None = None,
) -> Receipt:
    """Sign an entry with the office's key and submit it."""
    office = office_of(coop)
    attempt = 0
    while True:
        attempt += 1
        with coop.reading() as (state, reader):
            head = reader.head()
        seen = Seen(state.terms().origin, bytes.fromhex(state.genesis), head.size, head.root)
        sequence = next_sequence(state, office)
        draft = sign_entry(office.key, seen, kind=kind, sequence=sequence, body=body)
        try:
            return submit(coop, Submission(draft, blobs or {}))
        except DuplicateId as error:
            if "expected" not in error.details or attempt == TRIES:
                raise


def office_of(coop: Coop) -> Office:
    """The office's keys; raises NotPermitted where they are not configured."""
    if coop.office is None:
        raise NotPermitted("this needs the office's key; name it as office_key in kyojo.toml")
    return coop.office


def blob_reference(data: bytes) -> dict[str, Any]:
    """How a body names a blob."""
    return {"sha256": sha256(data).hexdigest(), "bytes": len(data)}


def next_sequence(state: State, office: Office) -> int:
    """The next number of the office's key; raises NotPermitted if it is no key of this co-op."""
    key = state.keys.get(office.key.address)
    if key is None:
        raise NotPermitted(f"the office's key {office.key.address} is not a key of this co-op")
    return key.sequence
