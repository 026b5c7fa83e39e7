"""Reports that take the place of confirmed ones, before the cut-off (revenue, cost, KPI, figures).

Nothing in a log is edited: a wrong report is replaced by another one that names its entry, and that
is confirmed by the same quorum, in words that say so. From then on the new figure counts; both
entries stay. The entry that is named must be a report of the very figure that counts now; and with
a replacement the others that wait fall, because they are about a figure that counts no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ledger.coop import bodies
from ledger.coop.envelope import parse_envelope
from ledger.coop.state import Proposal, State
from ledger.coop.step import Step
from ledger.errors import Conflict, DuplicateId, NotFound

IDENTITY: Final = ("period", "asset", "section", "id", "member")
"""What makes two reports of a kind reports of one figure; a body has some of these."""


def identity_of(body: Mapping[str, Any]) -> tuple[Any, ...]:
    """The period or asset, the section, the id, and whose it is, as far as a body has them."""
    return tuple(body.get(name) for name in IDENTITY)


def check_report(
    step: Step, body: bodies.Replacing, current: Mapping[str, Any] | None, what: str
) -> None:
    """Refuse a report of a figure that counts already, unless it rightly replaces that one.

    ``current`` are the fields that count now, as their report has them, or None; ``what`` names the
    figure. Raises as ``check_free``, and Conflict where the entry named is not the report that
    counts, or the figure is what is reported already.
    """
    check_free(body, what, confirmed=current is not None)
    if current is None:
        return
    stated = body.model_dump(mode="json")
    found = _reported(step, body.replaces) if body.replaces < step.index else None
    if found is None or identity_of(found) != identity_of(stated):
        raise Conflict(f"entry {body.replaces} is no report of {what}")
    if any(found.get(name) != value for name, value in current.items()):
        raise Conflict(f"entry {body.replaces} is not the report of {what} that counts now")
    if all(stated.get(name) == value for name, value in current.items()):
        raise Conflict(f"{what} is that already")


def check_free(body: bodies.Replacing, what: str, *, confirmed: bool) -> None:
    """Raise DuplicateId for a second figure that replaces nothing, Conflict for nothing replaced.

    This alone is asked again when a report is enacted: the entry it names was checked before.
    """
    if confirmed and body.replaces == bodies.NOTHING:
        text = f"{what} is confirmed already; to replace it, name its entry as 'replaces'"
        raise DuplicateId(text)
    if not confirmed and body.replaces != bodies.NOTHING:
        raise Conflict(f"{what} is not confirmed; there is nothing to replace")


def drop_outdated(state: State, done: Proposal) -> State:
    """The state without the other replacements of a figure that has been replaced just now."""
    wanted = (done.kind, identity_of(done.body))
    kept = {
        hash_: one
        for hash_, one in state.proposals.items()
        if "replaces" not in one.body or (one.kind, identity_of(one.body)) != wanted
    }
    return replace(state, proposals=kept)


def _reported(step: Step, index: int) -> Mapping[str, Any] | None:
    """The body of the entry that is named, if it is of the same kind."""
    try:
        draft = parse_envelope(step.evidence.entry(index)).draft
    except NotFound:
        return None
    return draft.body if draft.kind == step.envelope.draft.kind else None
