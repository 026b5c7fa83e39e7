"""Shown: how far the log is signed, witnessed, anchored and final, and by that each entry of it.

Four claims that rest on four different things (docs/anchoring.md); none stands for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.errors import NotFound
from ledger.service.anchor_access import TargetSettings
from ledger.service.anchor_status import TargetStatus, status_document, statuses
from ledger.service.coop import Coop
from ledger.service.published import standing


@dataclass(frozen=True, slots=True)
class Shown:
    """How many entries are signed and witnessed (None: no quorum is asked or reached); targets."""

    size: int
    witnessed_size: int | None
    targets: tuple[TargetStatus, ...]


def shown(coop: Coop, settings: Sequence[TargetSettings] = ()) -> Shown:
    """How far the log is shown now, without asking a chain or a witness."""
    found = standing(coop)
    return Shown(found.size, found.witnessed_size, tuple(statuses(coop, settings)))


def shown_document(found: Shown, index: int | None = None) -> dict[str, Any]:
    """The same as JSON; with ``index``, also how far that entry is shown. Raises NotFound."""
    document: dict[str, Any] = {
        "size": found.size,
        "witnessed_size": found.witnessed_size,
        "targets": [status_document(target) for target in found.targets],
    }
    if index is None:
        return {**document, "entry": None}
    if index >= found.size:
        raise NotFound(f"the log has no entry {index}")
    return {**document, "entry": _entry(found, index)}


def _entry(found: Shown, index: int) -> dict[str, Any]:
    return {
        "index": index,
        "signed": True,
        "witnessed": found.witnessed_size is not None and index < found.witnessed_size,
        "targets": [
            {
                "chain_id": target.chain_id,
                "contract": target.contract,
                "state": covering_state(target, index),
            }
            for target in found.targets
        ],
    }


def covering_state(target: TargetStatus, index: int) -> str:
    """How far an anchor that covers an entry has come on a target; ``none`` if there is none."""
    if index < target.final_size:
        return "final"
    newest = target.newest
    return newest.state if newest is not None and index < newest.size else "none"
