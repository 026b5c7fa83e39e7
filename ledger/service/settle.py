"""Settle: compute a closed month, propose it, and put the approved one into effect."""

from __future__ import annotations

import hmac
from hashlib import sha256

from ledger import canonical
from ledger.coop.settlements import Computed, compute
from ledger.coop.state import State
from ledger.errors import Conflict
from ledger.service.coop import Coop
from ledger.service.office import blob_reference, office_of, write
from ledger.store.reading import LogReader
from ledger.store.sequencer import Receipt


def draft_settlement(coop: Coop, month: str) -> Computed:
    """Compute a closed month's settlement without writing anything: what a dry run shows."""
    with coop.reading() as (state, reader):
        return _compute(coop, state, reader, month)


def propose_settlement(coop: Coop, month: str) -> Receipt | None:
    """Propose the settlement of a closed month; None if one is proposed, approved or settled."""
    if coop.state().period(month).status in ("proposed", "disputed", "approved", "settled"):
        return None
    computed = draft_settlement(coop, month)
    lines, seed = computed.settlement.lines_blob, _seed(coop, coop.state(), month)
    blobs = (computed.inputs_blob, lines, seed)
    body = {
        "settlement": dict(computed.settlement.document),
        "inputs": blob_reference(computed.inputs_blob),
        "lines": blob_reference(lines),
        "seed": blob_reference(seed),
    }
    named = {sha256(blob).hexdigest(): blob for blob in blobs}
    return write(coop, kind="settlement-proposed", body=body, blobs=named)


def settle(coop: Coop, month: str) -> Receipt | None:
    """Put an approved settlement into effect; None if that was done."""
    period = coop.state().period(month)
    if period.status == "settled":
        return None
    if period.settlement is None:
        raise Conflict(f"{month} is {period.status}; propose its settlement first")
    body = {"period": month, "settlement_id": period.settlement}
    return write(coop, kind="settlement-settled", body=body)


def _compute(coop: Coop, state: State, reader: LogReader, month: str) -> Computed:
    return compute(state, month, reader, _seed(coop, state, month))


def _seed(coop: Coop, state: State, month: str) -> bytes:
    """The seed of a month's sum trees: made from the office's secret, so a second run agrees."""
    purpose = canonical.encode(["kyojo settlement seed", state.genesis, month])
    return hmac.digest(office_of(coop).settlement_secret, purpose, "sha256")
