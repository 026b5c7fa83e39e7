"""Found: create a co-op's log and write its charter as entry 0."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.coop.charter import Charter
from ledger.coop.signing import sign_charter
from ledger.coop.submission import Submission
from ledger.identity.signature import SigningKey
from ledger.service.coop import Coop
from ledger.service.submit import submit
from ledger.store.sequencer import Receipt


def found(coop: Coop, charter: Charter, keys: Sequence[SigningKey]) -> Receipt:
    """Write the charter, signed by every founding key; the first key submits it."""
    return submit(coop, Submission(sign_charter(charter, keys)))
